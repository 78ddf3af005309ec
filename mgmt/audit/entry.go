package audit

import (
	"context"
	"net/netip"
	"sync"

	"fcredirect/mgmt/event"
)

// Request is what is known of a request when it comes.
type Request struct {
	Action  string // what is asked for: alias.put
	Object  string // what it is about, as long as the handler does not say it better: the path
	Write   bool   // it would change something
	Address netip.Addr
	ID      string // of the request
}

// Entry is what will be written down about a request. Its methods do nothing on nil, so that handlers need not ask
// whether their request is recorded.
type Entry struct {
	request Request

	mu                sync.Mutex
	who, role, door   string
	presented, closed bool
	object            string
	before, after     state
	done, refused     event.Type // 0: the usual ones
}

// state is what an object was or is, already without secrets.
type state struct {
	text    []byte
	members map[string][]byte // of an object; to leave out what is equal before and after
	order   []string
}

type entryKey struct{}

// Begin makes the entry of a request and a context that carries it.
func Begin(ctx context.Context, r Request) (context.Context, *Entry) {
	e := &Entry{request: r, who: "nobody", object: r.Object}
	return context.WithValue(ctx, entryKey{}, e), e
}

// From is the entry of a request; nil if there is none.
func From(ctx context.Context) *Entry {
	e, _ := ctx.Value(entryKey{}).(*Entry)
	return e
}

// By says who makes the request, in which role, by which door.
func (e *Entry) By(name, role, door string) {
	e.set(func() { e.who, e.role, e.door = name, role, door })
}

// Claims says that the request presented credentials, and of whom, as far as that is known. Until By it is only a claim.
func (e *Entry) Claims(name, door string) {
	e.set(func() {
		if e.presented = true; e.role == "" {
			e.who, e.door = name, door
		}
	})
}

// Action changes what is asked for: one operation may stand for several.
func (e *Entry) Action(action string) { e.set(func() { e.request.Action = action }) }

// As gives the entry its own types of events, when it is done and when it is refused.
func (e *Entry) As(done, refused event.Type) { e.set(func() { e.done, e.refused = done, refused }) }

// set changes the entry until it is written: a handler may outlive its request.
func (e *Entry) set(change func()) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		change()
	}
}

// Object names what a request is about: alias/host-1.
func Object(ctx context.Context, object string) {
	e := From(ctx)
	e.set(func() { e.object = object })
}

// Before says what the object was.
func Before(ctx context.Context, v any) {
	if e := From(ctx); e != nil {
		s := encode(v)
		e.set(func() { e.before = s })
	}
}

// After says what the object is.
func After(ctx context.Context, v any) {
	if e := From(ctx); e != nil {
		s := encode(v)
		e.set(func() { e.after = s })
	}
}
