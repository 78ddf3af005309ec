package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/feed"
)

// recent is a flow that ended, as it was written last. The data plane does not know it any more: when the database has
// lost the commit, nobody else can tell of it.
type recent struct {
	epoch int64
	kept  time.Duration // since the start
	item  feed.FlowItem
	row   row
}

// recents are those of the last minutes, in a ring that grows up to its bound.
type recents struct {
	list []recent
	next int
}

func (r *recents) add(e *recent) {
	if len(r.list) < recentRows {
		r.list = append(r.list, *e)
		return
	}
	r.list[r.next] = *e
	r.next = (r.next + 1) % recentRows
}

// each visits those that are not too old, oldest first.
func (r *recents) each(now time.Duration, visit func(*recent)) {
	for i := range r.list {
		if e := &r.list[(r.next+i)%len(r.list)]; now-e.kept <= recentAge {
			visit(e)
		}
	}
}

// rewrite writes the ended flows of the last minutes once more. What the database still has stays as it is.
func (f *flusher) rewrite(ctx context.Context) error {
	epochs := map[int64]*full{}
	seen := map[[2]uint64]bool{} // one that was lost and written again stands here twice
	f.recent.each(f.age(), func(e *recent) {
		name := [2]uint64{uint64(e.epoch), e.item.Serial}
		if seen[name] {
			return
		}
		seen[name] = true
		c := epochs[e.epoch]
		if c == nil {
			c = &full{}
			epochs[e.epoch] = c
		}
		e.row.item = &e.item
		c.add(&e.row, 0)
	})
	for epoch, c := range epochs {
		if err := f.fenced(ctx, func(tx pgx.Tx) error {
			_, err := f.upsert(ctx, tx, epoch, c)
			return err
		}); err != nil {
			return fmt.Errorf("store: write ended flows again: %w", err)
		}
	}
	f.count(func(s *Stats) { s.Lost++ })
	f.log.Warn("store: the database had lost commits: all flows are written again", "shard", f.shard, "server", f.cursor.identity.String())
	return nil
}
