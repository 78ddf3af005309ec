package hub

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Topic is something that can be followed.
type Topic struct {
	Name       string
	Permission auth.Permission
	Text       string // what comes on it, and its parameters
	// Open reads the parameters of a subscription. Its errors are problems.
	Open func(a *auth.Actor, params json.RawMessage) (*Offer, error)
}

// Offer is what a subscription gets. Those with the same key share a room.
type Offer struct {
	Key string
	Run func(context.Context, *Room) // publishes until ctx ends; must not return before
	// Replay, if it is not nil, sends what came behind a mark and is not kept by the room, and says where in the room the
	// subscription goes on. After an error it is called again. After is where it begins, nil where the client did not say.
	Replay func(ctx context.Context, r *Room, after uint64, send func(mark uint64, data []byte) error) (place, error)
	After  *uint64
}

// Options of a Hub.
type Options struct {
	Topics []Topic
	// Recheck is the actor as of now; an error: no more. Changed is closed when it may say something else. Both may be nil.
	Recheck func(*auth.Actor) (*auth.Actor, error)
	Changed func() <-chan struct{}
	Log     *slog.Logger
}

// Hub serves clients.
type Hub struct {
	// constant
	o      Options
	topics map[string]*Topic
	began  chan struct{}
	patience

	mu      sync.Mutex
	ctx     context.Context // guarded by mu: of Run; nil: it does not run
	clients map[*client]struct{}
	actors  map[string]int   // guarded by mu: clients by name
	rooms   map[string]*Room // guarded by mu
	making  sync.WaitGroup   // rooms' goroutines
	serving sync.WaitGroup   // clients
	stats   Stats
}

// patience is how long clients may take; tests have less.
type patience struct {
	write, ping, pong, close, idle, recheck time.Duration
}

var usual = patience{writeTimeout, pingEvery, pongTimeout, closeTimeout, idleAfter, recheckEvery}

// Stats counts what the hub does.
type Stats struct {
	Clients       int    `json:"clients"`
	Rooms         int    `json:"rooms"`
	Subscriptions int    `json:"subscriptions"`
	Refused       uint64 `json:"refused"` // connections above a bound
	Expired       uint64 `json:"expired"` // connections closed because somebody may not follow any more
	Slow          uint64 `json:"slow"`    // connections closed because a message was not accepted in time
	Resyncs       uint64 `json:"resyncs"`
	Messages      uint64 `json:"messages"`
}

// New makes a hub. It serves while Run runs.
func New(o Options) *Hub {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{o: o, began: make(chan struct{}), patience: usual, topics: map[string]*Topic{}, clients: map[*client]struct{}{}, actors: map[string]int{}, rooms: map[string]*Room{}}
	for i := range o.Topics {
		h.topics[o.Topics[i].Name] = &o.Topics[i]
	}
	return h
}

// Began is closed when clients are served.
func (h *Hub) Began() <-chan struct{} { return h.began }

// Run serves until ctx ends; then it closes all connections. It runs once.
func (h *Hub) Run(ctx context.Context) {
	h.mu.Lock()
	h.ctx = ctx
	h.mu.Unlock()
	close(h.began)
	for h.sleep(ctx) {
		h.recheck()
	}
	h.mu.Lock()
	h.ctx = nil
	for c := range h.clients {
		c.end(goingAway)
	}
	h.mu.Unlock()
	h.serving.Wait()
	h.making.Wait()
}

// sleep waits until it is time to look at who may follow; false when ctx has ended.
func (h *Hub) sleep(ctx context.Context) bool {
	var changed <-chan struct{}
	if h.o.Changed != nil {
		changed = h.o.Changed()
	}
	timer := time.NewTimer(h.patience.recheck)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-changed:
	}
	timer.Reset(recheckSoon) // changes come in groups
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// recheck puts out who may not follow any more, or is somebody else.
func (h *Hub) recheck() {
	if h.o.Recheck == nil {
		return
	}
	h.mu.Lock()
	clients := make([]*client, 0, len(h.clients))
	for c := range h.clients {
		clients = append(clients, c)
	}
	h.mu.Unlock()
	for _, c := range clients {
		now, err := h.o.Recheck(c.actor)
		var why *ending
		switch {
		case err != nil:
			why = &ending{StatusSignedOut, string(problem.Of(err).Code)}
		case now.Role != c.actor.Role:
			why = &ending{StatusRoleChanged, "role_changed"}
		default:
			continue
		}
		h.count(func(s *Stats) { s.Expired++ })
		c.end(why)
	}
}

// Codes with which a connection is closed, beside those of RFC 6455.
const (
	StatusSignedOut   websocket.StatusCode = 4401 // the session or token has ended
	StatusRoleChanged websocket.StatusCode = 4403 // the account has another role: connect again
	StatusIdle        websocket.StatusCode = 4408 // nothing was followed for a while
)

// Serve follows a client until one of both ends. The request has been authenticated; who it is stands in its context.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request) error {
	actor := auth.From(r.Context())
	if actor == nil {
		return problem.New(problem.Unauthenticated, "")
	}
	if !upgrades(r) {
		return problem.New(problem.BadRequest, "The stream is a WebSocket.").At("header/Upgrade", "must be websocket")
	}
	if !sameOrigin(r) {
		return problem.New(problem.ForeignOrigin, "")
	}
	c, err := h.admit(actor)
	if err != nil {
		return err
	}
	defer h.dismiss(c)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		h.o.Log.Debug("stream: handshake", "error", err)
		return nil // it has been answered
	}
	c.serve(conn)
	return nil
}

// upgrades says whether the request is a handshake as far as its headers go; the rest is checked and answered by Accept.
func upgrades(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// sameOrigin says whether a page that opens the stream is ours. A handshake is a GET, which checks of requests that change
// something let pass, and browsers send it for any page. What is no browser says nothing and may come.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && u.Host != "" && strings.EqualFold(u.Host, r.Host) && (r.TLS == nil || u.Scheme == "https")
}

// admit takes a client in, if there is room.
func (h *Hub) admit(actor *auth.Actor) (*client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ctx == nil:
		return nil, problem.New(problem.Busy, "The stream does not run.")
	case len(h.clients) >= MaxClients:
		h.stats.Refused++
		return nil, problem.New(problem.Busy, "There are %d streams, which is as many as there may be.", MaxClients)
	case h.actors[actor.Name] >= MaxPerActor:
		h.stats.Refused++
		return nil, problem.New(problem.TooManyRequests, "One account may have %d streams.", MaxPerActor)
	}
	c := newClient(h, actor)
	h.clients[c] = struct{}{}
	h.actors[actor.Name]++
	h.serving.Add(1)
	return c, nil
}

func (h *Hub) dismiss(c *client) {
	c.leaveAll()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
	if h.actors[c.actor.Name]--; h.actors[c.actor.Name] == 0 {
		delete(h.actors, c.actor.Name)
	}
	h.serving.Done()
}

// enter takes a client into the room of an offer, which is opened if it is not there.
func (h *Hub) enter(c *client, o *Offer) (*Room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[o.Key]
	if r == nil {
		if h.ctx == nil || len(h.rooms) >= MaxRooms {
			return nil, problem.New(problem.Busy, "Too many different things are followed.")
		}
		ctx, stop := context.WithCancel(h.ctx)
		r = newRoom(o.Key, stop)
		h.rooms[o.Key] = r
		h.making.Go(func() { o.Run(ctx, r) })
	}
	r.enter(c)
	h.stats.Subscriptions++
	return r, nil
}

// leave takes a client out of a room, and closes it behind the last one.
func (h *Hub) leave(c *client, r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Subscriptions--
	if r.leave(c) {
		delete(h.rooms, r.key)
		r.stop()
	}
}

// Stats may be asked for at any time.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Clients, s.Rooms = len(h.clients), len(h.rooms)
	return s
}

func (h *Hub) count(add func(*Stats)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	add(&h.stats)
}

// offered lists the topics that somebody may follow.
func (h *Hub) offered(a *auth.Actor) []string {
	names := []string{}
	for name, t := range h.topics {
		if a.May(t.Permission) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// open finds the offer for a request.
func (h *Hub) open(a *auth.Actor, r *Request) (*Offer, error) {
	t := h.topics[r.Topic]
	if t == nil {
		return nil, problem.New(problem.NotFound, "").At("topic", "must be one of %s", strings.Join(h.offered(a), ", "))
	}
	if !a.May(t.Permission) {
		return nil, problem.New(problem.Forbidden, "It needs the permission %s.", t.Permission)
	}
	return t.Open(a, r.Params)
}

// Topics are those that there are.
func (h *Hub) Topics() []Topic { return h.o.Topics }

// ending says why a connection is closed.
type ending struct {
	code   websocket.StatusCode
	reason string
}

var (
	goingAway = &ending{websocket.StatusGoingAway, "the daemon stops"}
	idle      = &ending{StatusIdle, "nothing is followed"}
	tooMuch   = &ending{websocket.StatusPolicyViolation, "too many messages"}
	notText   = &ending{websocket.StatusUnsupportedData, "messages are texts"}
	dead      = &ending{websocket.StatusPolicyViolation, "no answer to a ping"}
)
