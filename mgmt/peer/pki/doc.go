// Package pki says who a node is to other nodes: a small certificate authority for each cluster, a certificate for each
// node, codes by which a node joins, and what was revoked.
//
//	<state-dir>/peer/ca.pem          the authority's certificate
//	<state-dir>/peer/ca-key.pem      its key; on the node that began the cluster, nowhere else
//	<state-dir>/peer/node.pem        this node's certificate and its key: one file, so that the two always belong together
//	<state-dir>/peer/revoked.pem     what was revoked, signed by the authority
//	<state-dir>/peer/authority.json  which node has the authority, and where it was reached
//	<state-dir>/peer/issued.json     what the authority has issued; beside its key
//	<state-dir>/peer/invites/        invitations that stand, by the hash of their secret; beside the authority's key
//
// Who may import it: mgmt/peer/link, the role, and cmd/fcrctl. It opens no listener: whoever has a connection that stands
// hands it to Serve.
//
// Which goroutine owns what: a Store may be used by all. What it knows is one immutable snapshot, replaced by Reload.
// Changes of the folder are made under a lock of its own file, since commands and the daemon change it side by side.
//
// Invariants: Verify is the only place that decides whether a certificate is accepted, for both ends of a connection and
// in both directions. A private key never leaves the machine that made it. Of a secret of an invitation only the hash is
// on disk. A list of revocations is only ever replaced by one that the same authority has signed later. Every file is
// there as a whole or not at all, for its owner alone; a file of keys that others may read is refused.
//
// Limits: limits.go.
package pki
