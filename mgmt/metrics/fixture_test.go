package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

// plane is a segment as a data plane writes it, by hand: two lcores, three ports, rings.
type plane struct {
	seg *shm.Segment
	dir string
}

const hz = 1e9 // its TSC counts nanoseconds

func newPlane(t testing.TB, directions int) *plane {
	t.Helper()
	spec := feed.Spec{Producers: 3, State: 64, Events: 64, Shards: 2}
	specs := append(append(spec.StateRegions(), command.StateRegions()...), []shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionLearner, Stride: 8, Count: int(login.NumCounters)},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 3},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 2},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 2 * 3},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 4},
	}...)
	for i := range 2 {
		specs = append(specs,
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionFlows, i), Stride: flow.EntryBytes, Count: flow.Slots(directions)},
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionInfos, i), Stride: flow.InfoBytes, Count: directions})
	}
	p := &plane{dir: t.TempDir()}
	var err error
	p.seg, err = shm.Create(shm.Config{Dir: p.dir, Node: "fcr-t", TSCHz: hz, State: specs, Ctl: spec.CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.seg.Close() })
	p.fill()
	return p
}

// fill writes something of everything.
func (p *plane) fill() {
	p.seg.State.Header().State = shm.Running
	*p.control() = shm.Control{Generation: 7, PolicySlot: 0, PolicySinceNS: 1e18, Heartbeat: 1, HeapBytes: 1 << 20, Frames: 9, LoginsLive: 5, Conflicts: 2}
	shm.Items[uint64](p.seg.State, shm.RegionLearner)[login.CountConflict] = 2
	for i, name := range []string{"edge0", "fab0", "svc0"} {
		in := &shm.Items[shm.PortInfo](p.seg.State, shm.RegionPorts)[i]
		copy(in.Name[:], name)
		in.Role, in.Up, in.SpeedMb, in.Pair, in.Missed, in.RxPauses = uint8(i), 1, 10_000, -1, 3, 4
	}
	first, second := p.counters(0, 0), p.counters(1, 0)
	first.RxFrames, first.RxBytes, first.Mirrored, first.MirrorLost, first.TxDropped = 100, 6000, 8, 3, 6
	first.Fates[shm.FateForwarded], first.Fates[shm.FateDropSOF] = 90, 10
	second.RxFrames, second.Fates[shm.FateSteered] = 11, 11
	for i := range 2 {
		l := p.lcore(i)
		l.CPU, l.Frames, l.BusyTSC, l.IdleTSC, l.Heartbeat, l.FlowsLive = uint32(2+i), 111, 3*hz, 1*hz, 1, 24
	}
	services := shm.Items[shm.ServiceInfo](p.seg.State, shm.RegionServices)
	for i, name := range []string{"inspect", "spare", "older"} {
		copy(services[i].Name[:], name)
		services[i].Port, services[i].Use = 2, []uint8{shm.Used, shm.Unused, shm.UseUnknown}[i]
	}
	services[0].Up, services[0].Flips = 1, 5
	command.PageOf(p.seg.State).Put(&command.Record{
		Revision: 12, Confirmed: 11, Deadline: command.Now() + int64(time.Minute), Window: int64(time.Minute), Last: command.Reverted, LastRevision: 10,
	})
	rings, at := shm.Items[feed.Info](p.seg.State, shm.RegionRings), 0
	for _, of := range []struct{ consumer, shards uint8 }{{uint8(feed.Peer), 1}, {uint8(feed.Store), 2}, {uint8(feed.Event), 1}} {
		for shard := range of.shards {
			for producer := range uint8(3) {
				rings[at].Consumer, rings[at].Shard, rings[at].Producer, rings[at].Items = of.consumer, shard, producer, 64
				rings[at].Offered = 1000
				shm.Items[feed.Cursor](p.seg.Ctl, shm.RegionCursors)[at].Tail = 990
				at++
			}
		}
	}
}

func (p *plane) control() *shm.Control {
	return &shm.Items[shm.Control](p.seg.State, shm.RegionControl)[0]
}

func (p *plane) lcore(i int) *shm.Lcore {
	return &shm.Items[shm.Lcore](p.seg.State, shm.RegionLcores)[i]
}

// counters of a port on an lcore.
func (p *plane) counters(lcore, port int) *shm.Counters {
	return &shm.Items[shm.Counters](p.seg.State, shm.RegionCounters)[3*lcore+port]
}

// Use is as that of an attach.Live.
func (p *plane) Use(do func(*attach.Segment) error) error {
	return do(&attach.Segment{Dir: p.dir, State: p.seg.State, Ctl: p.seg.Ctl})
}

// nothing is a node whose data plane has never run.
type nothing struct{}

func (nothing) Use(func(*attach.Segment) error) error { return errors.New("no segment") }

// roster is a registry.
type roster []registry.Instance

func (r roster) List() []registry.Instance { return r }

func (r roster) Members() []registry.Process {
	return []registry.Process{
		{Name: "fcr-mgmtd", Version: "1", PID: os.Getpid(), Alive: true},
		{Name: "fcr-mgmtd store", Version: "1", PID: 1 << 30},
		{Name: "fcrctl", Version: "1", PID: os.Getpid(), Alive: true},
	}
}

// everyRole runs.
func everyRole() roster {
	var list roster
	for _, role := range []string{"database", "event", "monitor", "peer", "store", "telemetry"} {
		list = append(list, registry.Instance{Role: role, State: registry.Running, Active: true, Alive: true, PID: 1, Heartbeat: time.Second})
	}
	return list
}

// line is a bus on which roles answer what stands here by method. "hang" hangs, whatever the context says.
type line map[string]any

func (l line) CallShard(_ context.Context, role string, _ int, method string, _ []byte) ([]byte, error) {
	a, ok := l[method]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: %s", bus.ErrNoRole, role)
	case a == "hang":
		select {}
	}
	return json.Marshal(a)
}

func (l line) Stats() bus.Stats { return bus.Stats{Calls: 1} }

// server is a database.
type server struct{ err error }

func (s server) Identity(context.Context) (postgres.Identity, error) {
	return postgres.Identity{}, s.err
}

// kept is settings.
type kept struct{}

func (kept) Revision() uint64 { return 42 }
func (kept) Mirrored() bool   { return true }

// whole is a node of which everything is there.
func whole(t testing.TB) Options {
	return Options{
		Segment: newPlane(t, 64), Registry: everyRole(), Bus: answering(), Database: server{}, Settings: kept{}, Version: "1.2",
		Certificate: func() time.Time { return time.Unix(2e9, 0) }, Sessions: func() int { return 3 }, Streams: func() Streams { return Streams{Clients: 2, Resyncs: 1} },
	}
}

// scrape gives the lines of a scrape, and all of its text.
func scrape(t testing.TB, m *Metrics) (lines map[string]string, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	if err := m.Serve(w, httptest.NewRequest("GET", "/metrics", nil)); err != nil || w.Code != 200 {
		t.Fatalf("%v: %d %s", err, w.Code, w.Body)
	}
	lines, text = map[string]string{}, w.Body.String()
	for line := range strings.SplitSeq(text, "\n") {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			lines[line[:at]] = line[at+1:]
		}
	}
	return lines, text
}

// expect compares lines of a scrape; "" is for one that must not be there.
func expect(t *testing.T, lines map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if lines[name] != value {
			t.Errorf("%s is %q, want %q", name, lines[name], value)
		}
	}
}
