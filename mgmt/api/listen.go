package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fcredirect/mgmt/auth"
)

// SocketName is the name of the unix socket in the run folder.
const SocketName = "api.sock"

// serve listens on the socket and on all addresses until ctx ends.
func (r *Role) serve(ctx context.Context, a *assembly, own *certificates, ready func()) error {
	socket, err := listenUnix(filepath.Join(r.o.Config.RunDir, SocketName))
	if err != nil {
		return err
	}
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx)) // streams end when the others have had their time
	h := &counted{Handler: a.metrics.Count(a.rest)}
	defer h.wait(drain)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, address := range r.o.Config.API.Listen {
		all.Go(func() { r.serveTLS(ctx, requests, cancel, address, h, own) })
	}
	ready()
	return r.serveOn(ctx, cancel, newServer(requests, h, r.o.Log), newDoorman(socket, maxConnections, maxConnections), nil)
}

// counted knows how many requests are under way: the server forgets those whose connection a stream has taken over.
type counted struct {
	http.Handler
	busy sync.WaitGroup
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.busy.Add(1)
	defer c.busy.Done()
	c.Handler.ServeHTTP(w, r)
}

// wait waits until none is, for a bounded time.
func (c *counted) wait(most time.Duration) {
	none := make(chan struct{})
	go func() { c.busy.Wait(); close(none) }()
	select {
	case <-none:
	case <-time.After(most):
	}
}

// serveTLS serves an address, which may be taken for some time.
func (r *Role) serveTLS(ctx, requests context.Context, cancel func(), address string, h http.Handler, own *certificates) {
	for ctx.Err() == nil {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			r.o.Log.Info("serves HTTPS", "address", l.Addr().String(), "fingerprint", own.fingerprint())
			closed := r.opened(l.Addr().String())
			err = r.serveOn(ctx, cancel, newServer(requests, h, r.o.Log), newDoorman(l, maxConnections, maxPerAddress), own.config())
			closed()
		}
		if err == nil {
			return
		}
		r.o.Log.Error("cannot serve HTTPS; tries again", "address", address, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// newServer makes a server with bounds on everything that a client can draw out.
func newServer(requests context.Context, h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return requests },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if g, ok := c.(*guest); ok {
				c = g.Conn
			}
			return auth.PeerContext(ctx, c)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // handshakes that fail are everyday
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: idleTimeout, WriteByteTimeout: headerTimeout * 4},
	}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	return s
}

// serveOn serves one listener until ctx ends, then lets what is under way come to its end.
func (r *Role) serveOn(ctx context.Context, cancel func(), s *http.Server, d *doorman, config *tls.Config) error {
	s.ConnState = d.state
	s.TLSConfig = config
	var ended sync.WaitGroup
	defer ended.Wait()
	failed := make(chan struct{})
	ended.Go(func() {
		select {
		case <-failed:
			return
		case <-ctx.Done():
		}
		d.dismiss()
		bound, end := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer end()
		if s.Shutdown(bound) != nil {
			cancel()
			s.Close()
		}
	})
	var err error
	if config == nil {
		err = s.Serve(d)
	} else {
		err = s.ServeTLS(d, "", "")
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	close(failed)
	return errors.Join(fmt.Errorf("serve %s: %w", d.Addr(), err), s.Close())
}

// listenUnix makes the socket. One that a process left behind is removed: the role's claim says that none uses it.
func listenUnix(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("open socket to the group: %w", err), l.Close())
	}
	return l, nil
}
