package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event/eventlog"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/store"
)

// slowTask is what the process of the slow path of ours needs to know.
type slowTask struct {
	Segment          string
	DSN              string
	State            string // folder for the spool
	Peer, Monitoring string
	Audit            string
}

// slowDid is what it did.
type slowDid struct {
	StoreUpdates, StoreRows, StoreCommits uint64

	RelayItems   uint64 // read from the peers' ring
	RelaySent    uint64 // of these, passed on: the latest of each flow in a batch
	PeerMessages uint64
	PeerBytes    uint64
	AuditSyncs   uint64

	Events     uint64 // in the log
	SpoolSyncs uint64 // groups of events made durable
}

// serveSlow runs the roles of the slow path in this process until ctx ends.
func serveSlow(ctx context.Context, t *slowTask, say *speaker) (result did, err error) {
	if t == nil {
		return did{}, errors.New("bench helper: no task for the slow path")
	}
	place := attach.Place{Dir: t.Segment}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := postgres.Open(postgres.Config{DSN: t.DSN, Node: node, App: "fcr-bench", Log: log})
	if err != nil {
		return did{}, err
	}
	defer db.Close()
	writer, err := store.New(store.Options{Place: place, DB: db, Log: log})
	if err != nil {
		return did{}, err
	}
	events, err := eventlog.New(eventlog.Options{Place: place, DB: db, Log: log, Dir: t.State})
	if err != nil {
		return did{}, err
	}
	r, err := newRelay(place, t)
	if err != nil {
		return did{}, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	now := func() did {
		s, e := writer.Stats(), events.Stats()
		d := r.did()
		d.StoreUpdates, d.StoreRows, d.StoreCommits = s.Updates, s.Rows, s.Commits
		d.Events, d.SpoolSyncs = e.Events, e.Spool.Commits
		return did{Slow: &d}
	}
	roles := []func(context.Context, func()) error{writer.Run, events.Run, r.run}
	running, ctx := errgroup.WithContext(ctx)
	var readied sync.WaitGroup
	readied.Add(len(roles))
	for _, run := range roles {
		var once sync.Once
		running.Go(func() error {
			err := run(ctx, func() { once.Do(readied.Done) })
			once.Do(readied.Done)
			return err
		})
	}
	readied.Wait()
	if ctx.Err() == nil {
		if err := say.begun("", now); err != nil {
			return now(), err
		}
	}
	err = running.Wait()
	return now(), err
}

// relay reads the ring of the peers, keeps the latest of each flow, and passes batches on: to the peer, to the monitoring
// process and to the audit file, at the same time. Items are released when all three have them. It is a role of its own
// goroutine.
type relay struct {
	seg              *attach.Segment
	readers          []*feed.Reader
	peer, monitoring *client
	audit            *audit

	latest map[uint64]int // serial: index in batch
	batch  []update
	until  []uint64 // per reader, the item read last

	items, sent, messages, bytes atomic.Uint64
}

func newRelay(place attach.Place, t *slowTask) (r *relay, err error) {
	r = &relay{latest: map[uint64]int{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.seg, err = attach.Open(place); err != nil {
		return r, err
	}
	if r.readers, err = feed.Open(r.seg.State, r.seg.Ctl, feed.Peer, 0); err != nil {
		return r, err
	}
	r.until = make([]uint64, len(r.readers))
	if r.peer, err = dial("tcp", t.Peer, true); err != nil {
		return r, err
	}
	if r.monitoring, err = dial("unix", t.Monitoring, true); err != nil {
		return r, err
	}
	r.audit, err = openAudit(t.Audit)
	return r, err
}

func (r *relay) close() (err error) {
	if r.seg != nil {
		err = r.seg.Close()
	}
	for _, c := range []*client{r.peer, r.monitoring} {
		if c != nil {
			err = errors.Join(err, c.close())
		}
	}
	if r.audit != nil {
		err = errors.Join(err, r.audit.close())
	}
	return err
}

func (r *relay) run(ctx context.Context, ready func()) error {
	ready()
	tick := time.NewTicker(linger)
	defer tick.Stop()
	for {
		for r.read() {
			if err := r.flush(); err != nil {
				return err
			}
		}
		if err := r.flush(); err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// read takes what waits into the batch, and says whether it is full.
func (r *relay) read() (full bool) {
	for i, reader := range r.readers {
		for item := reader.Next(); item != nil; item = reader.Next() {
			r.items.Add(1)
			r.until[i] = item.Header().Seq
			if item.Header().Kind == feed.KindFlow {
				u := fromItem(item.Flow())
				if at, there := r.latest[u.Serial]; there {
					r.batch[at] = u
				} else {
					r.latest[u.Serial] = len(r.batch)
					r.batch = append(r.batch, u)
				}
			}
			if reader.Read()-reader.Released() >= batchItems {
				return true
			}
		}
	}
	return false
}

// flush passes the batch on and releases what it was made of.
func (r *relay) flush() error {
	if len(r.batch) > 0 {
		var to errgroup.Group
		to.Go(func() error { return r.peer.send(r.batch) })
		to.Go(func() error { return r.monitoring.send(r.batch) })
		to.Go(func() error { return r.audit.write(r.batch) })
		if err := to.Wait(); err != nil {
			return err
		}
		r.sent.Add(uint64(len(r.batch)))
		r.messages.Store(r.peer.messages)
		r.bytes.Store(r.peer.bytes)
	}
	for i, reader := range r.readers {
		if err := reader.Err(); err != nil {
			return fmt.Errorf("bench: the peers' ring: %w", err)
		}
		if r.until[i] > reader.Released() {
			if err := reader.Release(r.until[i]); err != nil {
				return fmt.Errorf("bench: the peers' ring: %w", err)
			}
		}
	}
	r.batch = r.batch[:0]
	clear(r.latest)
	return nil
}

func (r *relay) did() slowDid {
	return slowDid{
		RelayItems: r.items.Load(), RelaySent: r.sent.Load(), PeerMessages: r.messages.Load(), PeerBytes: r.bytes.Load(), AuditSyncs: r.audit.syncs.Load(),
	}
}
