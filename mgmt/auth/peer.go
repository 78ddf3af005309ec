package auth

import (
	"context"
	"net"

	"golang.org/x/sys/unix"
)

// Peer is who is at the other end of the unix socket, as the kernel says.
type Peer struct{ UID uint32 }

type peerKey struct{}

// PeerContext remembers who is at the other end of a unix socket. It is made for http.Server.ConnContext; other connections
// leave the context as it is.
func PeerContext(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return WithPeer(ctx, Peer{UID: nobody})
	}
	peer := Peer{UID: nobody}
	_ = raw.Control(func(fd uintptr) { // without an answer it is nobody's
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			peer.UID = cred.Uid
		}
	})
	return WithPeer(ctx, peer)
}

// WithPeer is a context of a request that came over the unix socket.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// peerOf says whether a request came over the unix socket, and from whom.
func peerOf(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// nobody is a user id that no user has.
const nobody = ^uint32(0)
