package link

import (
	"context"
	"math/rand/v2"
	"time"
)

// takeCare looks after certificates until ctx ends: it takes over files that commands have changed, ends connections
// whose certificate does not hold any more, brings lists of revocations to the others and has this node's certificate
// renewed in time.
func (l *Link) takeCare(ctx context.Context) {
	tick := time.NewTicker(l.o.Settings.Reload)
	defer tick.Stop()
	next, renewal := time.Now(), time.Now()
	list := string(l.o.Store.List())
	for {
		forced := false
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
			forced = true
		case <-tick.C:
		}
		if _, err := l.o.Store.Reload(); err != nil {
			l.trouble("certificates stay as they were", err)
		}
		if now := string(l.o.Store.List()); now != list { // a command has made it so, or a peer has sent it
			list, forced = now, true
			l.log.Info("a newer list of revocations is in force")
			l.notify(Notice{Kind: Revocations, Text: "a newer list of revocations is in force"})
		}
		l.judge()
		if l.o.Store.Due() && !time.Now().Before(renewal) {
			renewal = time.Now().Add(renewRetry/2 + rand.N(renewRetry))
			l.renew(ctx)
		}
		if forced || !time.Now().Before(next) {
			next = time.Now().Add(l.o.Settings.CareEvery/2 + rand.N(l.o.Settings.CareEvery))
			l.round(ctx)
		}
	}
}

// heard has takeCare begin a round: a list came that others may not have.
func (l *Link) heard() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *Link) trouble(what string, err error) {
	l.log.Error(what, "error", err)
	l.notify(Notice{Kind: Trouble, Text: shorten(what + ": " + err.Error())})
}

// judge looks at the certificates of all connections again: one may have been revoked, or have run out.
func (l *Link) judge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if _, err := l.o.Store.Verify(c.tls.ConnectionState().PeerCertificates); err != nil {
			c.end(err)
		}
	}
}

// round exchanges lists with all peers. One that is away is none of our trouble: it gets the list when it calls.
func (l *Link) round(ctx context.Context) {
	for _, p := range l.o.Peers {
		if ctx.Err() != nil {
			return
		}
		newer, err := l.o.Store.Call(ctx, l.o.Dial, p.Name, p.Address, false)
		if err != nil {
			l.log.Debug("no exchange about certificates", "node", p.Name, "error", shorten(err.Error()))
		}
		if newer {
			l.heard()
		}
	}
}

// renew gets another certificate from the node that has the authority.
func (l *Link) renew(ctx context.Context) {
	address := ""
	if w, err := l.o.Store.Authority(); err == nil {
		if p, ok := l.peer(w.Node); ok {
			address = p.Address
		}
	}
	if err := l.o.Store.Rotate(ctx, l.o.Dial, address); err != nil {
		if ctx.Err() == nil {
			l.trouble("the certificate of this node is not renewed", err)
		}
		return
	}
	id := l.o.Store.Identity()
	l.log.Info("this node has another certificate", "fingerprint", id.Fingerprint, "until", id.NotAfter)
	l.notify(Notice{Kind: Renewed, Fingerprint: id.Fingerprint})
}
