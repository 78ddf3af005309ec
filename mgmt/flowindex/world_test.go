package flowindex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a segment as a data plane writes it, by hand. Its TSC is nanoseconds since 1970.
type world struct {
	t      testing.TB
	seg    *shm.Segment
	shards []*flow.Shard

	mu   sync.Mutex
	gone error // what Use says instead
}

const epoch = 1_767_225_600_000_000_000 // 2026-01-01 00:00 UTC

// newWorld makes a segment of two lcores with three ports.
func newWorld(t testing.TB, directions int) *world {
	t.Helper()
	specs := []shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 3},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 2},
		{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: 1 << 20, Count: 1},
		{Name: fmt.Sprintf(shm.RegionPolicy, 1), Stride: 1 << 20, Count: 1},
	}
	for i := range 2 {
		specs = append(specs,
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionFlows, i), Stride: flow.EntryBytes, Count: flow.Slots(directions)},
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionInfos, i), Stride: flow.InfoBytes, Count: directions})
	}
	dir, err := os.MkdirTemp("/dev/shm", "flowindex-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "fcr-t", TSCHz: 1e9, State: specs, Ctl: []shm.RegionSpec{{Name: "cursors", Stride: 64, Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	w := &world{t: t, seg: seg}
	h := seg.State.Header()
	h.StartNS, h.TSCStart = epoch, epoch
	for i := range 2 {
		entries, infos := tables(seg.State, i)
		s, _, err := flow.NewShard(entries, infos, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		w.shards = append(w.shards, s)
	}
	for i, name := range []string{"edge0", "fabric0", "svc0"} {
		copy(shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)[i].Name[:], name)
	}
	w.control().PolicySlot = shm.NoPolicy
	return w
}

func (w *world) control() *shm.Control {
	return &shm.Items[shm.Control](w.seg.State, shm.RegionControl)[0]
}

// Use makes a world a Segment.
func (w *world) Use(do func(*attach.Segment) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone != nil {
		return w.gone
	}
	return do(&attach.Segment{State: w.seg.State, Ctl: w.seg.Ctl, Epoch: w.seg.State.Header().Epoch})
}

func (w *world) lose(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = err
}

const policyText = `
aliases: {host-1: 20:00:02:fc:01:00:00:01, host-2: 20:00:02:fc:01:00:00:02, array-a: 20:00:02:fc:0a:00:00:0a}
sets: {hosts: [host-1, host-2], others: ["20:00:02:fc:0b:*"]}
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]
policies:
  - {name: watch, match: {initiator: host-1, target: array-a}, action: redirect, service: inspect}
  - {name: rest, match: {initiator: any}, action: forward}
`

const (
	host1, host2, host3 = frame.WWN(0x200002fc01000001), frame.WWN(0x200002fc01000002), frame.WWN(0x200002fc01000003)
	arrayA, arrayB      = frame.WWN(0x200002fc0a00000a), frame.WWN(0x200002fc0b00000b)
)

// setPolicy makes a text the active policy.
func (w *world) setPolicy(slot uint32, text string) {
	w.t.Helper()
	doc, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	if shm.PutPolicy(w.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, slot)), flat) == nil {
		w.t.Fatal("no room for the policy")
	}
	w.control().Generation++
	w.control().PolicySlot, w.control().PolicyHash = slot, uint64(slot)+1
}

// document is the policy as it was written.
func document(*shm.File) (*policy.Document, error) {
	return policy.Parse("policy.yaml", []byte(policyText))
}

// flow makes both directions of one. Ends of 0 are not known.
func (w *world) flow(lcore int, vsan uint16, sid, did uint32, initiator, target frame.WWN) (to, back *flow.Entry) {
	w.t.Helper()
	s, key := w.shards[lcore], flow.MakeKey(0, vsan, sid, did)
	for i, k := range []flow.Key{key, key.Reverse()} {
		e := s.Insert(k, uint8(i), epoch+uint64(sid))
		if e == nil {
			w.t.Fatalf("no room for direction %x", k)
		}
		in := s.Info(e)
		in.Initiator, in.Target, in.Orient = uint64(initiator), uint64(target), flow.FromInitiator
		e.Frames, e.Bytes, e.Stamp, e.Verdict = 10, 1000, 1<<8, flow.MakeVerdict(flow.Forward, 0, 1, 0, 0)
		if i == 1 {
			in.Orient = flow.FromTarget
			back = e
		} else {
			to = e
		}
	}
	return to, back
}

// index runs one over a world until the test ends.
func (w *world) index(t testing.TB) *Index {
	t.Helper()
	x := New(Options{Segment: w, Document: document, heap: true})
	run(t, x)
	return x
}

func run(t testing.TB, x *Index) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { x.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	for !x.isRunning() {
		time.Sleep(time.Millisecond)
	}
}

func (x *Index) isRunning() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.running
}

var errGone = errors.New("no segment")
