// Package bus carries requests between the roles of a node: to a handler in the same process by a plain call, to another
// process over rings in the segment.
//
// Who may import it: anything under mgmt, and cmd.
package bus
