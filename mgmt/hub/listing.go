package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Item is one of a list that is followed. Its key names it for ever.
type Item struct {
	Key  string
	Body any
}

// listing is a list as it was published last.
type listing struct {
	order []string
	items map[string]json.RawMessage
}

// change is what makes one listing of another.
type change struct {
	Total   *int              `json:"total,omitempty"`
	Added   []json.RawMessage `json:"added,omitempty"`
	Changed []json.RawMessage `json:"changed,omitempty"`
	Removed []string          `json:"removed,omitempty"`
}

// whole is a listing as a snapshot has it.
type whole struct {
	Total *int              `json:"total,omitempty"`
	Items []json.RawMessage `json:"items"`
}

func newListing(items []Item) *listing {
	l := &listing{items: make(map[string]json.RawMessage, len(items))}
	for _, i := range items {
		if _, twice := l.items[i.Key]; !twice {
			l.order = append(l.order, i.Key)
		}
		l.items[i.Key] = marshal(i.Body)
	}
	return l
}

func (l *listing) whole(total *int) whole {
	w := whole{Total: total, Items: make([]json.RawMessage, 0, len(l.order))}
	for _, key := range l.order {
		w.Items = append(w.Items, l.items[key])
	}
	return w
}

// since says what has changed; nil when nothing has. The order is the client's to make: items have what they are sorted by.
func (l *listing) since(before *listing) *change {
	var c change
	for _, key := range l.order {
		switch old, there := before.items[key]; {
		case !there:
			c.Added = append(c.Added, l.items[key])
		case !bytes.Equal(old, l.items[key]):
			c.Changed = append(c.Changed, l.items[key])
		}
	}
	for _, key := range before.order {
		if _, there := l.items[key]; !there {
			c.Removed = append(c.Removed, key)
		}
	}
	if c.Added == nil && c.Changed == nil && c.Removed == nil {
		return nil
	}
	return &c
}

// lister publishes a list that is looked at again and again.
type lister struct {
	room   *Room
	before *listing
	total  int
}

// take publishes what was found. total is shown where it is not negative.
func (l *lister) take(at time.Time, items []Item, total int) {
	now := newListing(items)
	var shown *int
	if total >= 0 {
		shown = &total
	}
	snapshot := func() any { return now.whole(shown) }
	switch {
	case l.before == nil:
		l.room.Publish(at, snapshot, nil)
	default:
		c := now.since(l.before)
		if c == nil && l.total == total {
			return
		}
		if c == nil {
			c = &change{}
		}
		c.Total = shown
		l.room.Publish(at, snapshot, marshal(c))
	}
	l.before, l.total = now, total
}

// fail publishes that there is no list now.
func (l *lister) fail(err error) {
	l.before = nil
	l.room.Fail(err)
}

// List is a topic whose state is a list that get gives, looked at every so often.
func List(name string, permission auth.Permission, text string, every time.Duration, get func(context.Context) ([]Item, error)) Topic {
	return polled(name, permission, text, func(ctx context.Context, r *Room) {
		l := &lister{room: r}
		again(ctx, every, func(ctx context.Context) {
			items, err := get(ctx)
			if err != nil {
				l.fail(err)
				return
			}
			l.take(time.Now(), items, -1)
		})
	})
}

// State is a topic whose state is one document that get gives, looked at every so often. An update is the whole document.
// same, if it is not nil, says whether now follows from what was published by itself, in the time since: there is no update
// then, but whoever comes gets it as it is now.
func State[T any](name string, permission auth.Permission, text string, every time.Duration, get func(context.Context) (T, error),
	same func(published, now *T, since time.Duration) bool) Topic {
	return polled(name, permission, text, func(ctx context.Context, r *Room) {
		var before []byte // nil: nothing that holds was published
		var published T
		var when time.Time
		again(ctx, every, func(ctx context.Context) {
			state, err := get(ctx)
			if err != nil {
				before = nil
				r.Fail(err)
				return
			}
			at, now := time.Now(), marshal(state)
			snapshot := func() any { return json.RawMessage(now) }
			switch {
			case before != nil && bytes.Equal(before, now):
			case before != nil && same != nil && same(&published, &state, at.Sub(when)):
				r.refresh(at, snapshot)
			default:
				before, published, when = now, state, at
				r.Publish(at, snapshot, slices.Clone(now))
			}
		})
	})
}

// polled is a topic without parameters.
func polled(name string, permission auth.Permission, text string, run func(context.Context, *Room)) Topic {
	return Topic{Name: name, Permission: permission, Text: text, Open: func(_ *auth.Actor, text json.RawMessage) (*Offer, error) {
		if err := params(text, &struct{}{}); err != nil {
			return nil, err
		}
		return &Offer{Key: name, Run: run}, nil
	}}
}

// again looks every so often, for a bounded time each, until ctx ends.
func again(ctx context.Context, every time.Duration, look func(context.Context)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, pollTimeout)
		look(bounded)
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sleep waits; false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// unavailable is what a role that does not answer means to who follows a topic.
func unavailable(err error) error {
	if problem.Of(err).Code != problem.Internal {
		return err
	}
	return problem.Wrap(problem.RoleUnavailable, err, "")
}
