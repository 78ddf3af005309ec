package api

import "time"

const (
	// maxConnections bounds a listener: each costs up to 100 kB while it is served.
	maxConnections = 4096
	// maxPerAddress bounds what one address may take of it: browsers take 6, 200 clients of the stream fit.
	maxPerAddress = 1024
	// headerTimeout is how long the head of a request may take, and the handshake before it.
	headerTimeout = 5 * time.Second
	// idleTimeout is how long a connection may wait for its next request.
	idleTimeout = 2 * time.Minute
	// maxHeader bounds the head of a request.
	maxHeader = 32 << 10
	// maxStreams is how many requests one connection of HTTP/2 may have under way.
	maxStreams = 100
	// drain is how long requests that are under way may go on when the role ends.
	drain = 5 * time.Second
	// listenAgain is when it is tried again to listen on an address that was taken.
	listenAgain = 5 * time.Second
	// validity of a certificate that the role makes, renewed when renewal is left of it.
	validity = 2 * 365 * 24 * time.Hour
	renewal  = 30 * 24 * time.Hour
	// look is how often it is seen whether the files of the certificate have changed.
	look = 10 * time.Second
	// maxPEM bounds these files.
	maxPEM = 1 << 20
	// maxNames bounds the names and addresses in a certificate of ours.
	maxNames = 100
)
