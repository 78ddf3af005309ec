package account

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
)

// Deps is what the nouns need.
type Deps struct {
	Auth   *auth.Service
	Events event.Caller // asks the log of events; nil: nobody is there to ask
}

// Register adds the operations.
func Register(a *rest.API, d Deps) {
	registerSetup(a, d)
	registerMe(a, d)
	registerUsers(a, d)
	registerSessions(a, d)
	registerTokens(a, d)
	registerAudit(a, d)
}

// Client is embedded in inputs that must know where a request comes from.
type Client struct {
	address netip.Addr
	agent   string
}

// Resolve is for huma.
func (c *Client) Resolve(ctx huma.Context) []error {
	c.address, c.agent = auth.ParseAddress(ctx.RemoteAddr()), ctx.Header("User-Agent")
	return nil
}

func (c *Client) source() auth.Source { return auth.Source{Address: c.address, Agent: c.agent} }

// object names what a request is about, for the audit log.
func object(ctx context.Context, kind, name string) { audit.Object(ctx, kind+"/"+name) }

// optional is a time that may be missing.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// text is an address; empty on the unix socket.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// key orders by a time, the newest last, and then by id.
func key(t time.Time, id string) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + id
}

// lines joins what a description says.
func lines(l ...string) string { return strings.Join(l, "\n\n") }
