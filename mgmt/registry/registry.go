package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

// Options say whose segment is meant and who this process is.
type Options struct {
	Place   attach.Place
	Name    string // of the program
	Version string
	Log     *slog.Logger // nil: nothing is logged
}

// Registry is this process's part in the registry of a node. It takes a place among the processes, and takes that place
// and its claims along when a cold start of the data plane replaces the segment.
type Registry struct {
	o    Options
	self process
	stop context.CancelFunc
	done chan struct{}

	mu  sync.RWMutex // held for reading by whoever touches the segment: it is not unmapped meanwhile
	at  *Attachment  // nil: none
	err error        // why there is none

	claims struct {
		sync.Mutex
		all map[*Claim]struct{}
	}
	changed chan struct{} // closed and renewed, under mu, when at changes
}

// Attachment is a mapped segment with this process's place in it. It stays mapped until all who hold it let go.
type Attachment struct {
	Ctl    *shm.File
	Table  *Table
	Member int    // index of this process
	Claim  uint16 // how often that place has been taken
	Gone   <-chan struct{}

	seg   *attach.Segment
	gone  chan struct{} // closed when the segment was replaced, or the Registry ends
	owner token
	refs  atomic.Int32
}

// Open takes part. A segment that is not there yet is no error: the Registry takes part as soon as there is one. Another
// ABI is an error, as are too many processes.
func Open(o Options) (*Registry, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p, err := self()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &Registry{o: o, self: p, stop: stop, done: make(chan struct{}), changed: make(chan struct{})}
	r.claims.all = map[*Claim]struct{}{}
	r.attach()
	if r.at == nil && (errors.Is(r.err, shm.ErrABI) || errors.Is(r.err, ErrFull)) {
		stop()
		return nil, r.err
	}
	go r.watch(ctx)
	return r, nil
}

// Close gives up all claims and the place among the processes.
func (r *Registry) Close() error {
	r.stop()
	<-r.done
	for _, c := range r.all() {
		c.Release()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.detach()
}

func (r *Registry) watch(ctx context.Context) {
	defer close(r.done)
	tick := time.NewTicker(Period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look()
		}
	}
}

// look is one round of the watch.
func (r *Registry) look() {
	r.mu.RLock()
	replaced := r.at == nil || r.at.seg.Replaced()
	if !replaced {
		r.at.beat()
		for _, c := range r.all() {
			c.mu.Lock()
			c.check()
			c.mu.Unlock()
		}
		// A place that is lost was taken from us by force or overwritten: come anew.
		replaced = token(atomic.LoadUint64(&r.at.Table.members[r.at.Member].Owner)) != r.at.owner
	}
	r.mu.RUnlock()
	if replaced {
		r.attach()
	}
}

// attach maps the segment that is there now, if it is another one, and takes the claims along.
func (r *Registry) attach() {
	at, err := r.join()
	if err != nil {
		r.mu.Lock()
		if r.err == nil || r.err.Error() != err.Error() {
			r.o.Log.Warn("registry: no part in a segment", "error", err)
		}
		r.err = err
		r.mu.Unlock()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	same := r.at != nil && !r.at.seg.Replaced() // our place in it was lost
	for _, c := range r.all() {
		c.mu.Lock()
		if same && !c.over {
			c.leave()
		}
		// Not so in a segment that was replaced: a standby that does not know that yet would begin to work on it.
		c.table = nil
		c.mu.Unlock()
	}
	if err := r.detach(); err != nil {
		r.o.Log.Warn("registry: the old segment stays mapped", "error", err)
	}
	r.at, r.err = at, nil
	for _, c := range r.all() {
		c.mu.Lock()
		if !c.over {
			if err := c.hold(at.Table, r.self, at.Member); err != nil {
				r.o.Log.Warn("registry: a role is lost with the old segment", "role", c.asked.Role, "shard", c.asked.Shard, "error", err)
				c.lose()
			} else if c.word != 0 {
				c.promote()
			}
		}
		c.mu.Unlock()
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Registry) join() (*Attachment, error) {
	seg, err := attach.Open(r.o.Place)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSegment, err)
	}
	at := &Attachment{Ctl: seg.Ctl, seg: seg, gone: make(chan struct{})}
	at.Gone = at.gone
	at.refs.Store(1)
	if at.Table, err = NewTable(seg.Ctl); err == nil {
		at.Member, at.owner, err = at.Table.join(r.self, r.o.Name, r.o.Version)
		at.Claim = at.owner.claim()
	}
	if err != nil {
		return nil, errors.Join(err, seg.Close())
	}
	return at, nil
}

// detach gives up the place and lets go of the segment. r.mu is held.
func (r *Registry) detach() error {
	at := r.at
	if at == nil {
		return nil
	}
	r.at = nil
	close(at.gone)
	at.Table.leave(at.Member, at.owner)
	return at.Release()
}

// Hold gives the segment in use, mapped until its Release; false while there is none.
func (r *Registry) Hold() (*Attachment, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.at == nil {
		return nil, false
	}
	r.at.refs.Add(1)
	return r.at, true
}

// Release lets go of the segment; the last one unmaps it.
func (a *Attachment) Release() error {
	if a.refs.Add(-1) > 0 {
		return nil
	}
	return a.seg.Close()
}

func (a *Attachment) beat() {
	atomic.StoreInt64(&a.Table.members[a.Member].Beat, monotonic())
}

// Wait waits until this process takes part in a segment.
func (r *Registry) Wait(ctx context.Context) error {
	for {
		r.mu.RLock()
		at, changed, err := r.at, r.changed, r.err
		r.mu.RUnlock()
		if at != nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// Changed is closed when the process takes part in another segment than before.
func (r *Registry) Changed() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.changed
}

// member is the index of this process, -1. r.mu is held.
func (r *Registry) member() int {
	if r.at == nil {
		return -1
	}
	return r.at.Member
}

// Claim takes a role instance and makes it the active one of its (role, shard), of which there is one: ErrTaken when a
// living process has either.
func (r *Registry) Claim(i Instance) (*Claim, error) { return r.claim(i, false) }

// Standby takes a role instance that becomes active as soon as no other one is: Claim.Promoted says when, which may be
// at once.
func (r *Registry) Standby(i Instance) (*Claim, error) { return r.claim(i, true) }

func (r *Registry) claim(i Instance, standby bool) (*Claim, error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	if i.Version == "" {
		i.Version = r.o.Version
	}
	c := &Claim{registry: r, asked: i, promoted: make(chan struct{}), lost: make(chan struct{}), standby: standby, since: monotonic()}
	if standby {
		c.state = Standby
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.at == nil {
		return nil, errors.Join(ErrNoSegment, r.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.hold(r.at.Table, r.self, r.at.Member); err != nil {
		return nil, err
	}
	if c.word != 0 {
		c.promote()
	}
	r.claims.Lock()
	defer r.claims.Unlock()
	r.claims.all[c] = struct{}{}
	return c, nil
}

func (r *Registry) all() []*Claim {
	r.claims.Lock()
	defer r.claims.Unlock()
	list := make([]*Claim, 0, len(r.claims.all))
	for c := range r.claims.all {
		list = append(list, c)
	}
	return list
}

func (r *Registry) forget(c *Claim) {
	r.claims.Lock()
	defer r.claims.Unlock()
	delete(r.claims.all, c)
}

// with runs do on the table in use.
func (r *Registry) with(do func(*Table)) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.at == nil {
		return errors.Join(ErrNoSegment, r.err)
	}
	do(r.at.Table)
	return nil
}

// List gives every instance; none while there is no segment.
func (r *Registry) List() (list []Instance) {
	_ = r.with(func(t *Table) { list = t.List() })
	return list
}

// Members gives every process that takes part.
func (r *Registry) Members() (list []Process) {
	_ = r.with(func(t *Table) { list = t.Members() })
	return list
}

// Find gives the instance that acts for (role, shard), if its process lives and it runs.
func (r *Registry) Find(role string, shard int) (in Instance, ok bool) {
	_ = r.with(func(t *Table) { in, ok = t.Find(role, shard) })
	return in, ok
}

// Depose ends the activity of an instance whose last heartbeat is older than limit: see Table.
func (r *Registry) Depose(role string, shard int, limit time.Duration) (err error) {
	if missing := r.with(func(t *Table) { err = t.Depose(role, shard, limit) }); missing != nil {
		return missing
	}
	return err
}

// Command leaves a command for (role, shard): see Table.
func (r *Registry) Command(role string, shard int, c Command) (orders []Order, err error) {
	if missing := r.with(func(t *Table) { orders, err = t.Command(role, shard, c) }); missing != nil {
		return nil, missing
	}
	return orders, err
}

// Fulfilled says whether what was ordered has happened.
func (r *Registry) Fulfilled(o Order) (done bool, in Instance) {
	_ = r.with(func(t *Table) { done, in = t.Fulfilled(o) })
	return done, in
}
