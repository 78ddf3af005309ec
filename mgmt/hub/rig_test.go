package hub

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a hub behind a server, with a topic that the test publishes in.
type rig struct {
	t      testing.TB
	hub    *Hub
	server *httptest.Server
	stop   func()
	rooms  chan *Room // those that were opened, as they are

	mu   sync.Mutex
	gone error // what Recheck says
	role auth.Role
}

func newRig(t testing.TB, topics ...Topic) *rig {
	r := &rig{t: t, rooms: make(chan *Room, 1000), role: auth.Viewer}
	topics = append(topics, Topic{Name: "test", Permission: auth.FlowRead, Open: func(_ *auth.Actor, text json.RawMessage) (*Offer, error) {
		var p struct{ Room string }
		if err := params(text, &p); err != nil {
			return nil, err
		}
		return &Offer{Key: "test " + p.Room, Run: func(ctx context.Context, room *Room) {
			r.rooms <- room
			<-ctx.Done()
		}}, nil
	}}, State("secret", auth.UserRead, "", time.Second, func(context.Context) (int, error) { return 1, nil }, nil))
	r.hub = New(Options{Topics: topics, Recheck: r.recheck})
	r.hub.patience = patience{write: 20 * time.Second, ping: time.Second, pong: 20 * time.Second, close: 5 * time.Second, idle: time.Minute, recheck: 20 * time.Millisecond}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		a := &auth.Actor{Name: "alice", Role: auth.Viewer, Session: "s"}
		if q.URL.Path == "/nobody" {
			a = nil
		}
		if err := r.hub.Serve(w, q.WithContext(auth.With(q.Context(), a))); err != nil {
			http.Error(w, err.Error(), problem.Of(err).Status())
		}
	}))
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	var running sync.WaitGroup
	running.Go(func() { r.hub.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		r.server.Close()
	})
	<-r.hub.Began()
	return r
}

func (r *rig) recheck(a *auth.Actor) (*auth.Actor, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := *a
	b.Role = r.role
	return &b, r.gone
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited for: %s", what)
		}
	}
}

func (r *rig) room() *Room {
	r.t.Helper()
	select {
	case room := <-r.rooms:
		return room
	case <-time.After(30 * time.Second):
		r.t.Fatal("no room was opened")
		return nil
	}
}

// peer is a client of the rig.
type peer struct {
	t    testing.TB
	conn *websocket.Conn
	n    map[string]uint64
}

func (r *rig) dial() *peer {
	r.t.Helper()
	conn, _, err := websocket.Dial(r.t.Context(), strings.Replace(r.server.URL, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		r.t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	r.t.Cleanup(func() { conn.CloseNow() })
	p := &peer{r.t, conn, map[string]uint64{}}
	if m := p.next(); m.Kind != "hello" || m.V != Version || !strings.Contains(string(m.Data), `"test"`) || strings.Contains(string(m.Data), `"secret"`) {
		r.t.Fatalf("%+v", m)
	}
	return p
}

func (p *peer) say(text string) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// next is the next message. Messages of a subscription are numbered without gaps.
func (p *peer) next() Message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	_, text, err := p.conn.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	var m Message
	if err := strict(text, &m); err != nil {
		p.t.Fatalf("%s: %v", text, err)
	}
	if m.N > 0 {
		if p.n[m.ID]++; m.N != p.n[m.ID] {
			p.t.Fatalf("message %d of %s came where %d was due", m.N, m.ID, p.n[m.ID])
		}
	}
	return m
}

// expect is the next message, which is of a kind.
func (p *peer) expect(kind string) Message {
	p.t.Helper()
	m := p.next()
	if m.Kind != kind {
		p.t.Fatalf("%s %s, want %s", m.Kind, m.Data, kind)
	}
	return m
}

// closed reads to the end and gives its code.
func (p *peer) closed() websocket.StatusCode {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, _, err := p.conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// fakeBus answers as roles do.
type fakeBus struct {
	mu     sync.Mutex
	answer func(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

func (b *fakeBus) Call(ctx context.Context, role, method string, request []byte) ([]byte, error) {
	b.mu.Lock()
	answer := b.answer
	b.mu.Unlock()
	return answer(ctx, role, method, slices.Clone(request))
}

func (b *fakeBus) set(answer func(ctx context.Context, role, method string, request []byte) ([]byte, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

var errNoRole = errors.New("no role")
