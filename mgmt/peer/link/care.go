package link

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// takeCare looks after certificates until ctx ends: it takes over files that commands have changed, and ends connections
// whose certificate does not hold any more. It waits for nobody: what asks other nodes is spread's.
func (l *Link) takeCare(ctx context.Context) {
	tick := time.NewTicker(l.o.Settings.Reload)
	defer tick.Stop()
	list := string(l.o.Store.List())
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
		case <-tick.C:
		}
		if _, err := l.o.Store.Reload(); err != nil {
			l.trouble("certificates stay as they were", err)
		}
		l.judge()
		if now := string(l.o.Store.List()); now != list { // a command has made it so, or a peer has sent it
			list = now
			l.log.Info("a newer list of revocations is in force")
			l.notify(Notice{Kind: Revocations, Text: "a newer list of revocations is in force"})
			nudge(l.news)
		}
	}
}

// spread asks other nodes until ctx ends: for newer lists of revocations, which it brings them too, and for another
// certificate in time.
func (l *Link) spread(ctx context.Context) {
	tick := time.NewTicker(l.o.Settings.Reload)
	defer tick.Stop()
	next, renewal := time.Now(), time.Now()
	for {
		forced := false
		select {
		case <-ctx.Done():
			return
		case <-l.news:
			forced = true
		case <-tick.C:
		}
		if l.o.Store.Due() && !time.Now().Before(renewal) {
			renewal = time.Now().Add(renewRetry/2 + rand.N(renewRetry))
			l.renew(ctx)
		}
		if l.back.Swap(false) || forced || !time.Now().Before(next) {
			next = time.Now().Add(l.o.Settings.CareEvery/2 + rand.N(l.o.Settings.CareEvery))
			l.round(ctx)
		}
	}
}

// nudge wakes who waits for a channel, now or when he comes to it.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
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

// round exchanges lists with all peers at once. One that is away is none of our trouble: there is a round soon after it
// is back, and no more than one in a while, however often it comes and goes.
func (l *Link) round(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range l.o.Peers {
		all.Go(func() {
			newer, err := l.o.Store.Call(ctx, l.o.Dial, p.Name, p.Address, false)
			if err != nil {
				l.log.Debug("no exchange about certificates", "node", p.Name, "error", shorten(err.Error()))
			}
			if newer {
				nudge(l.changed)
			}
		})
	}
	all.Wait()
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
