package link

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/peer/pki"
)

// Reasons beside those of certificates.
const (
	NotTLS         pki.Reason = "not_tls"         // plain, or garbage
	OldTLS         pki.Reason = "old_tls"         // no TLS 1.3
	BadHandshake   pki.Reason = "bad_handshake"   // it began as one and went wrong
	SlowHandshake  pki.Reason = "slow_handshake"  // it did not come to an end in time
	BadKnock       pki.Reason = "bad_join"        // a request to join that was not granted
	TooMany        pki.Reason = "too_many"        // of its address, or of strangers
	WrongDirection pki.Reason = "wrong_direction" // a peer that this node dials has dialled
	RefusedThere   pki.Reason = "refused_there"   // the other end did not accept this node's certificate
)

// reasonOf puts into a word why a handshake failed; none where it is nothing to tell: the other end went away.
func reasonOf(err error, hello *tls.ClientHelloInfo) (pki.Reason, *pki.Refusal) {
	var refusal *pki.Refusal
	var header tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &refusal):
		return refusal.Reason, refusal
	case errors.As(err, &header):
		return NotTLS, nil
	case hello != nil && !slices.Contains(hello.SupportedVersions, tls.VersionTLS13):
		return OldTLS, nil
	case hello != nil && !slices.ContainsFunc(hello.SupportedProtos, isOurs):
		return pki.WrongProtocol, nil
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return SlowHandshake, nil
	case errors.As(err, &remote) && remote.Op == "remote error": // an alert
		return RefusedThere, nil
	case errors.As(err, &remote) && remote.Op == "local error": // an alert of ours
		return BadHandshake, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &remote):
		return "", nil
	case strings.Contains(err.Error(), "client didn't provide a certificate"):
		return pki.NoCertificate, nil
	}
	return BadHandshake, nil
}

func isOurs(protocol string) bool {
	return protocol == pki.PeerProtocol || protocol == pki.CareProtocol || protocol == pki.JoinProtocol
}

// book remembers which refusals were told, so that an attacker fills neither the log nor the events.
type book struct {
	every time.Duration

	mu   sync.Mutex
	seen map[entry]*told
}

type entry struct {
	address string // without its port; empty: all that there is no room for
	reason  pki.Reason
}

type told struct {
	at    time.Time
	count uint64 // since then
}

func newBook(every time.Duration) *book { return &book{every: every, seen: map[entry]*told{}} }

// note says whether a refusal is to be told now, and how many it stands for.
func (b *book) note(address string, reason pki.Reason, now time.Time) (count uint64, tell bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := entry{address, reason}
	t := b.seen[e]
	if t == nil && len(b.seen) >= maxRefusals {
		b.sweep(now)
		if len(b.seen) >= maxRefusals {
			e.address = ""
			t = b.seen[e]
		}
	}
	if t == nil {
		t = &told{at: now.Add(-b.every)}
		b.seen[e] = t
	}
	t.count++
	if now.Sub(t.at) < b.every {
		return 0, false
	}
	count = t.count
	t.at, t.count = now, 0
	return count, true
}

// sweep forgets what was told long ago. What it had counted since is lost: it was told in kind.
func (b *book) sweep(now time.Time) {
	for e, t := range b.seen {
		if now.Sub(t.at) >= b.every && e.address != "" {
			delete(b.seen, e)
		}
	}
}

// refuse tells a refusal, if it was not told just now.
func (l *Link) refuse(address net.Addr, reason pki.Reason, r *pki.Refusal, err error) {
	host := address.String()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	count, tell := l.book.note(host, reason, time.Now())
	if !tell {
		return
	}
	n := Notice{Kind: Refused, Address: address.String(), Reason: reason, Text: shorten(err.Error()), Count: count}
	if r != nil {
		n.Peer, n.Fingerprint = r.Node, r.Fingerprint
	}
	l.log.Warn("a connection was refused", "address", n.Address, "reason", string(reason), "node", n.Peer, "fingerprint", n.Fingerprint, "why", n.Text, "count", count)
	l.notify(n)
}

// shorten keeps what others had a hand in from filling a log.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 300)]
}
