package traffic

import (
	"context"
	"net/http"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/hub"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Segment is the one that there is now: an *attach.Live.
type Segment interface {
	Use(func(*attach.Segment) error) error
}

// Caller asks a role: a *bus.Bus.
type Caller interface {
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
	CallShard(ctx context.Context, role string, shard int, method string, request []byte) ([]byte, error)
}

// Deps is what the operations need.
type Deps struct {
	Live     Segment
	Settings *settings.Store
	Index    *flowindex.Index
	Ahead    *Ahead
	Hub      *hub.Hub
	Bus      Caller // nil: no role can be asked
}

// noun is the handlers.
type noun struct {
	Deps
	api     *rest.API
	exports chan struct{}
	table   loginTable
}

// look reads the segment for an answer.
func look[T any](live Segment, read func(*attach.Segment) (T, error)) (answer T, err error) {
	err = live.Use(func(s *attach.Segment) (err error) {
		answer, err = read(s)
		return err
	})
	return answer, err
}

var away = []problem.Code{problem.DataplaneUnavailable}

// Register adds the operations.
func Register(a *rest.API, d Deps) {
	n := &noun{Deps: d, api: a, exports: make(chan struct{}, maxExports)}
	n.ports(a)
	n.cores(a)
	n.flows(a)
	n.ahead(a)
	n.statistics(a)
	n.stream(a)
}

// stream adds the WebSocket.
func (n *noun) stream(a *rest.API) {
	text := "A WebSocket (subprotocol `fcr.v1`) of JSON texts. The client sends `{\"op\": \"subscribe\", \"id\": \"a\", \"topic\": \"flows\", \"params\": {}}` and " +
		"`{\"op\": \"unsubscribe\", \"id\": \"a\"}`. Each message of a subscription has `id`, `n` (from 1), `kind`, `at` and `data`. The first is a `snapshot`, " +
		"then each `update`; whoever is too slow gets a `resync`, which is a snapshot. `unavailable` and `refused` have a problem as data. Topics:\n"
	for _, t := range n.Hub.Topics() {
		text += "\n- **" + t.Name + "** (needs " + string(t.Permission) + "): " + t.Text
	}
	rest.Serve(a, rest.Operation{
		ID: "open-stream", Method: http.MethodGet, Path: "/api/v1/stream", Tag: "stream", Permission: auth.StreamRead, Status: http.StatusSwitchingProtocols,
		Timeout: -1, Summary: "The live stream", Description: text,
	}, "", func(w http.ResponseWriter, r *http.Request, _ *struct{}) error { return n.Hub.Serve(w, r) })
}

// names gives aliases.
func (n *noun) names(f *shm.File) namer { return namer{n.Index.Policy(f)} }
