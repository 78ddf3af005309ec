// Package docs is the page that describes the REST interface to people: static files, which fetch /api/v1/openapi.json from
// the appliance and show it. Nothing of it comes from elsewhere, and the browser is told so.
//
// Who may import it: mgmt/api. It imports nothing of ours.
//
// Ownership: it has no state.
package docs
