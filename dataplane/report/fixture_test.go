package report

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, got, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); now it would be\n%s", path, got)
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// world is a segment as a data plane writes it, by hand. Its TSC is nanoseconds since 1970.
type world struct {
	t      testing.TB
	seg    *shm.Segment
	dir    string
	shards []*flow.Shard
	logins *login.Table
}

const epoch = 1_767_225_600_000_000_000 // 2026-01-01 00:00 UTC

// newWorld makes a segment of two lcores with three ports.
func newWorld(t testing.TB, directions int) *world {
	t.Helper()
	specs := []shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionLearner, Stride: 8, Count: 64},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 3},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 2},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 2 * 3},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 4},
		{Name: shm.RegionLogins, Stride: login.Bytes(64), Count: 1},
		{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: 1 << 20, Count: 1},
		{Name: fmt.Sprintf(shm.RegionPolicy, 1), Stride: 1 << 20, Count: 1},
	}
	for i := range 2 {
		specs = append(specs,
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionFlows, i), Stride: flow.EntryBytes, Count: flow.Slots(directions)},
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionInfos, i), Stride: flow.InfoBytes, Count: directions})
	}
	dir := t.TempDir()
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "fcr-t", TSCHz: 1e9, State: specs, Ctl: []shm.RegionSpec{{Name: "cursors", Stride: 64, Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	w := &world{t: t, seg: seg, dir: dir}
	h := seg.State.Header()
	h.StartNS, h.TSCStart = epoch, epoch
	for i := range 2 {
		entries, infos := shard(seg.State, i)
		s, _, err := flow.NewShard(entries, infos, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		w.shards = append(w.shards, s)
	}
	if w.logins, err = login.NewTable(seg.State.Bytes(shm.RegionLogins), 64, 1); err != nil {
		t.Fatal(err)
	}
	w.control().PolicySlot = shm.NoPolicy
	return w
}

func (w *world) control() *shm.Control {
	return &shm.Items[shm.Control](w.seg.State, shm.RegionControl)[0]
}

func (w *world) port(i int, name string, role uint8, pair int16) *shm.PortInfo {
	in := &shm.Items[shm.PortInfo](w.seg.State, shm.RegionPorts)[i]
	copy(in.Name[:], name)
	in.Role, in.Pair, in.Up = role, pair, 1
	return in
}

// counters of port i on an lcore.
func (w *world) counters(lcore, i int) *shm.Counters {
	return &shm.Items[shm.Counters](w.seg.State, shm.RegionCounters)[3*lcore+i]
}

const policyText = `
aliases: {host-1: 20:00:02:fc:01:00:00:01, array-a: 20:00:02:fc:0a:00:00:0a}
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]
policies: [{name: watch, match: {initiator: host-1, target: array-a}, action: redirect, service: inspect}]
`

func compiled(t testing.TB, text string) []byte {
	t.Helper()
	doc, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return flat
}

func (w *world) setPolicy(slot uint32, flat []byte) {
	w.t.Helper()
	if shm.PutPolicy(w.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, slot)), flat) == nil {
		w.t.Fatal("the policy does not fit")
	}
	w.control().PolicySlot = slot
	w.control().Generation++
}

const host1, array1 = frame.WWN(0x2000_02fc_0100_0001), frame.WWN(0x2000_02fc_0a00_000a)

// direction puts one direction into the table of an lcore.
func (w *world) direction(lcore int, k flow.Key, orient flow.Orient, frames uint64) *flow.Entry {
	w.t.Helper()
	e := w.shards[lcore].Insert(k, 0, epoch+uint64(len(w.shards)))
	if e == nil {
		w.t.Fatal("the flow table is full")
	}
	e.Frames, e.Bytes, e.LastSeen, e.Stamp = frames, 100*frames, epoch+1e9, 1
	w.shards[lcore].Info(e).Orient = orient
	return e
}

// flow puts both directions of a flow into the table of an lcore.
func (w *world) flow(lcore int, vsan uint16, host, target uint32, frames uint64) (to, back *flow.Entry) {
	w.t.Helper()
	k := flow.MakeKey(0, vsan, host, target)
	return w.direction(lcore, k, flow.FromInitiator, frames), w.direction(lcore, k.Reverse(), flow.FromTarget, frames/2)
}

// named gives both directions of a flow the names of its ends.
func (w *world) named(lcore int, initiator, target frame.WWN, directions ...*flow.Entry) {
	for _, e := range directions {
		in := w.shards[lcore].Info(e)
		in.Initiator, in.Target = uint64(initiator), uint64(target)
	}
}
