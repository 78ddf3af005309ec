package pki

import "time"

const (
	// authorityValidity is how long the authority lasts. Nothing that it signs lasts longer.
	authorityValidity = 10 * 365 * 24 * time.Hour
	// leafValidity is how long a node's certificate lasts; after renewAfter of it a new one is asked for.
	leafValidity = 365 * 24 * time.Hour
	renewAfter   = 2. / 3
	// skew is how much earlier than now certificates begin: clocks of nodes differ.
	skew = 24 * time.Hour

	// InviteValidity is how long a code may be used.
	InviteValidity = 15 * time.Minute
	// maxInvites that stand at a time.
	maxInvites = 64
	// secretSize in bytes of a code: 128 bits are not guessed within 15 minutes, nor ever.
	secretSize = 16

	// maxIssued certificates are remembered; those that have run out are forgotten.
	maxIssued = 4096
	// maxIssuedPerNode keeps a node that asks without end from filling what is remembered.
	maxIssuedPerNode = 32
	// maxRevoked certificates on a list: about 40 bytes each.
	maxRevoked = 4096

	// maxCertificate and maxRequest bound what is parsed as such. Ours have about 600 and 300 bytes.
	maxCertificate = 4 << 10
	maxRequest     = 2 << 10
	// maxList bounds a list of revocations, in DER.
	maxList = 256 << 10
	// maxFile bounds each file of the folder.
	maxFile = 1 << 20

	// maxKnock is all that somebody may say who has no certificate yet.
	maxKnock = 8 << 10
	// maxMessage is what nodes may say to each other about certificates: a list in base64 and something beside it.
	maxMessage = 400 << 10
	// exchangeTime is how long a whole exchange may take, the handshake before it not counted.
	exchangeTime = 10 * time.Second
	// handshakeTime is how long a handshake of Join and Renew may take, with the connecting before it.
	handshakeTime = 10 * time.Second

	maxName    = 63  // of a node, as in the configuration; of a cluster
	maxAddress = 255 // in a code
	maxCode    = 800 // characters
)
