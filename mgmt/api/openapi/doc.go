// Package openapi is the description of the REST interface as programs read it: operations by noun and verb, their
// parameters, and the schemas of what they take and give. It comes from the golden copy of what the daemon serves
// (openapi.json, which a test of mgmt/api keeps equal), so that what is made of it knows every operation and no other.
//
// Who may import it: cmd/fcrctl and tests. It imports nothing of ours.
//
// Ownership: a Document does not change after Parse.
//
// Only what our own description uses is understood: JSON bodies, local references, no unions.
package openapi
