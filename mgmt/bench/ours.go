package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
)

// ours marks flows and offers them through rings; another process does the rest. The poller plays the lcore and the
// control goroutine.
type ours struct {
	l       *lab
	seg     *shm.Segment
	outlets *feed.Outlets
	logins  *feed.LoginOutlets
	events  *feed.Events
	slow    *helper
	since   uint64 // fresh
	fact    uint64 // frames until the next one
}

func (v *ours) begin(_ context.Context, l *lab) (_ *poller, err error) {
	v.l = l
	var shard *flow.Shard
	if v.seg, shard, err = l.newSegment(); err != nil {
		return nil, err
	}
	p, spec := newPoller(l.traffic, shard, burstFrames), ringSpec(l.o.Ring)
	h := v.seg.State.Header()
	h.StartNS, h.TSCStart = p.start.UnixNano(), 1
	c := feed.Config{Spec: spec, Report: uint64(reportPeriod), Now: p.now(), Source: source{shard}}
	if v.outlets, err = feed.NewOutlets(v.seg.State, v.seg.Ctl, c); err != nil {
		return nil, err
	}
	if v.events, err = feed.NewEvents(v.seg.State, v.seg.Ctl, c); err != nil {
		return nil, err
	}
	c.Producer, c.Source = spec.Producers-1, nil
	if v.logins, err = feed.NewLoginOutlets(v.seg.State, v.seg.Ctl, c, noLogins{}, 1); err != nil {
		return nil, err
	}
	if _, err = feed.NewEvents(v.seg.State, v.seg.Ctl, c); err != nil { // its rings are there, like those of a data plane
		return nil, err
	}
	h.State = shm.Running
	v.since, v.fact = v.outlets.Fresh(), factEvery
	v.outlets.Resync()
	v.slow, err = startHelper(l.o.Command, task{Kind: "slow", Slow: &slowTask{
		Segment: l.segment(), DSN: l.dsn, State: filepath.Join(l.dir, fmt.Sprintf("spool-%d", l.runs)), Peer: l.peer.address,
		Monitoring: l.monitoring.address, Audit: l.auditFile(),
	}}, l.log)
	if err != nil {
		return nil, err
	}
	// The first offer of all flows is not what is measured.
	return p, v.quiet(p)
}

// quiet waits until nothing is left to be offered and everything offered was made durable.
func (v *ours) quiet(p *poller) error {
	for deadline := time.Now().Add(stopTimeout); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for range 64 {
			v.offer(p.now())
		}
		if v.outlets.Idle() && v.depth() == 0 {
			return nil
		}
	}
	return fmt.Errorf("bench: %d items were not made durable within %v", v.depth(), stopTimeout)
}

// depth is how many items are not released.
func (v *ours) depth() (n uint64) {
	for _, r := range feed.Rings(v.seg.State, v.seg.Ctl) {
		n += r.Depth
	}
	return n
}

func (v *ours) offer(now uint64) {
	v.outlets.Offer(now, reportItems)
	v.logins.Offer(now, reportItems)
	v.events.Tick(now)
	v.since = v.outlets.Fresh()
}

func (v *ours) between(p *poller, now uint64) {
	if p.loops%reportEvery == 0 {
		v.offer(now)
	}
}

func (v *ours) fresh() uint64 { return v.since }

func (v *ours) touch(p *poller, e *flow.Entry) {
	v.outlets.Touch(p.shard.Slot(e), uint64(e.Key), e.LastSeen)
}

// owed makes one frame in factEvery an event: the verdict of its flow changed.
func (v *ours) owed(p *poller, n int, now uint64) error {
	if v.fact > uint64(n) {
		v.fact -= uint64(n)
		return nil
	}
	v.fact = factEvery
	v.outlets.Urgent(p.hit[0], uint64(p.shard.InSlot(p.hit[0]).Key))
	if item := v.events.Put(now, feed.FlowVerdict, feed.High); item != nil {
		source{p.shard}.Fill(p.hit[0], item)
		v.events.Commit()
	}
	return nil
}

func (v *ours) counts() (counts, error) {
	d, err := v.slow.ask()
	if err != nil {
		return counts{}, err
	}
	s := d.Slow
	c := counts{
		operations: s.StoreCommits, peerUpdates: s.RelayItems, peerMessages: s.PeerMessages, peerBytes: s.PeerBytes, syncs: s.AuditSyncs + s.SpoolSyncs,
		events:  s.Events,
		updates: s.StoreUpdates, commits: s.StoreCommits,
	}
	for _, r := range feed.Rings(v.seg.State, v.seg.Ctl) {
		c.conflated += r.Conflated
	}
	return c, nil
}

func (v *ours) pids() []int { return []int{v.slow.pid()} }

// end lets everything come to rest and compares: what the peer has, and what the database has, with the table.
func (v *ours) end(p *poller) (exact *bool, err error) {
	if p != nil {
		err = v.quiet(p)
	}
	if v.slow != nil {
		_, e := v.slow.stop()
		err = errors.Join(err, e)
	}
	if p != nil && err == nil {
		exact, err = v.compare(p)
	}
	if v.seg != nil {
		err = errors.Join(err, v.seg.Close())
	}
	return exact, err
}

func (v *ours) compare(p *poller) (*bool, error) {
	var flows int
	var frames uint64
	for slot := range p.shard.Slots() {
		if e := p.shard.InSlot(uint32(slot)); e != nil {
			flows++
			frames += e.Frames
		}
	}
	peer, err := v.l.peerKnows()
	if err != nil {
		return nil, err
	}
	var rows int
	var stored uint64
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	err = v.l.stats.QueryRow(ctx, `SELECT count(*), coalesce(sum(frames), 0)::bigint FROM flow JOIN node USING (node_id) WHERE name = $1 AND epoch = $2`,
		node, int64(v.seg.State.Header().Epoch)).Scan(&rows, &stored)
	if err != nil {
		return nil, fmt.Errorf("bench: compare with the database: %w", err)
	}
	same := peer.Flows == flows && peer.Frames == frames && rows == flows && stored == frames
	if !same {
		fmt.Fprintf(v.l.log, "bench: the table has %d directions and %d frames, the peer %d and %d, the database %d and %d\n",
			flows, frames, peer.Flows, peer.Frames, rows, stored)
	}
	return &same, nil
}
