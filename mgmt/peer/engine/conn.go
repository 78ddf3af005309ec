package engine

// Conn is one connection to a peer.
type Conn struct{}

// Connect takes over a connection that stands, to a peer who has proved its name. One of the same peer and group that was
// there before is replaced.
func (e *Engine) Connect(now int64, peer string, g Group) (*Conn, error) { return nil, ErrUnknownPeer }

// Peer is who is at the other end.
func (c *Conn) Peer() string { return "" }

// Group is what the connection is for.
func (c *Conn) Group() Group { return Urgent }

// Receive takes a whole frame that came in. After an error the connection must be closed; a last frame from Next may
// tell the peer why.
func (c *Conn) Receive(now int64, frame []byte) error { return nil }

// Next gives the next frame to send, in buf's memory if it fits; none if there is nothing to send before wake, or before
// the engine calls Wake, whatever comes first.
func (c *Conn) Next(now int64, buf []byte) (frame []byte, wake int64) { return nil, now }

// Err says why the connection should be closed: set when the engine gives it up. Wake is called then.
func (c *Conn) Err() error { return nil }

// Close ends the connection: nothing comes and goes over it any more. Calling it again is harmless.
func (c *Conn) Close(now int64) {}

// Send queues an opaque message for a peer. Messages of one connection come at most once and in order; what is under way when a
// connection ends may be lost.
func (e *Engine) Send(peer string, payload []byte) error { return nil }
