package auth

import (
	"context"
	"net"
	"path/filepath"
	"testing"
)

func TestTheKernelSaysWhoIsAtTheOtherEndOfTheSocket(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", path)
	want(t, err, "")
	defer l.Close()
	client, err := net.Dial("unix", path)
	want(t, err, "")
	defer client.Close()
	server, err := l.Accept()
	want(t, err, "")
	ctx := PeerContext(context.Background(), server)
	if p, ok := peerOf(ctx); !ok || p.UID != w.uid || !w.IsLocal(ctx) {
		t.Errorf("%+v, %v", p, ok)
	}
	server.Close()
	if ctx := PeerContext(context.Background(), server); w.IsLocal(ctx) {
		t.Error("a socket of which nothing is known is root's")
	}
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if _, ok := peerOf(PeerContext(context.Background(), one)); ok {
		t.Error("what is no unix socket has a peer")
	}
}
