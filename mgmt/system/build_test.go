package system

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/postgres/pgtest"
)

// nothing is a table without flows.
type nothing struct{}

func (nothing) Fill(uint32, *feed.Item) bool { return false }
func (nothing) Slots() int                   { return 0 }

// makeRings makes a segment whose data plane has one lcore and tells that a port came up.
func makeRings(t *testing.T, dir string, shards int) *shm.Segment {
	t.Helper()
	spec := feed.Spec{Producers: 2, State: 64, Events: 64, Shards: shards}
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "n", TSCHz: 1e9, TSCNow: 1, State: append(spec.StateRegions(),
			shm.RegionSpec{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
			shm.RegionSpec{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
			shm.RegionSpec{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 2},
			shm.RegionSpec{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 1},
			shm.RegionSpec{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1}),
		Ctl: append(spec.CtlRegions(),
			shm.RegionSpec{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
			shm.RegionSpec{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
			shm.RegionSpec{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers, Keep: true}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for producer := range spec.Producers {
		c := feed.Config{Spec: spec, Producer: producer, Report: 1, Source: nothing{}}
		_, err1 := feed.NewOutlets(s.State, s.Ctl, c)
		events, err2 := feed.NewEvents(s.State, s.Ctl, c)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if producer == spec.Producers-1 {
			copy(events.Put(2, feed.PortUp, feed.Normal).Name().Name[:], "edge0")
			events.Commit()
		}
	}
	return s
}

// TestTheRolesOfTheProductRunTogether holds Build to the roles as they are: what each is given is enough for it to become
// ready, they find each other over the bus, and what they do and what the data plane told is in the log to the end.
func TestTheRolesOfTheProductRunTogether(t *testing.T) {
	dsn := pgtest.DB(t)
	dir := t.TempDir()
	atomic.StoreUint32(&makeRings(t, filepath.Join(dir, "segment"), 1).State.Header().State, shm.Running)
	o := options(t, string(config.DefaultText), dir)
	o.Config.Database.DSN, o.Config.API.Listen = dsn, []string{"127.0.0.1:0"}
	n := &ear{}
	o.notify = n
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	l := &lab{t: t, dir: dir}
	l.until("it is ready", func() bool { return n.count("READY=1") == 1 })
	if n.status() != "7 of 7 roles run" {
		t.Fatalf("it is ready without all of them: %s", n.status())
	}

	b, err := bus.Dial(t.Context(), s.place)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(role, method string, into any) {
		t.Helper()
		answer, err := b.Call(t.Context(), role, method, nil)
		if err == nil {
			err = json.Unmarshal(answer, into)
		}
		if err != nil {
			t.Errorf("%s: %v: %s", method, err, answer)
		}
	}
	var store StoreStats
	if ask("store", "store.stats", &store); len(store.Workers) == 0 {
		t.Errorf("store.stats: %+v", store)
	}
	var events EventStats
	if ask("event", "event.stats", &events); events.Spool.Files == 0 {
		t.Errorf("event.stats: %+v", events)
	}
	var counts peer.Stats
	if ask("peer", peer.Method, &counts); counts.Segments != 1 {
		t.Errorf("peer.stats: %+v", counts)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), "SELECT type, coalesce(fields->>'role', fields->>'name', '') FROM event ORDER BY number")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var typ event.Type
		var about string
		if err := rows.Scan(&typ, &about); err != nil {
			t.Fatal(err)
		}
		got = append(got, typ.String()+" "+about)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"port.up edge0", "process.started ", "role.started database", "role.started store", "role.started event", "role.started monitor",
		"role.started peer", "role.started telemetry", "process.stopped ", "role.stopped monitor", "role.stopped store", "role.stopped peer", "role.stopped telemetry",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no event %q in %q", want, got)
		}
	}
}

func TestWithoutSegmentAndDatabaseEverythingIsMadeAllTheSame(t *testing.T) {
	o := options(t, "roles: [{name: store}, {name: event}, {name: monitor}, {name: peer}]\ndatabase: {dsn: \"host=/nowhere\"}", t.TempDir())
	o.notify = &ear{}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	begun := time.Now()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it ended after %v", took)
	}
}

func TestADSNThatMakesNoSenseIsRefusedAtOnceAndNotShown(t *testing.T) {
	o := options(t, "roles: [{name: store}]\ndatabase: {dsn: \"postgres://u:s3cret@h:port/d\"}", t.TempDir())
	o.notify = &ear{}
	if s, err := New(o); err == nil {
		t.Errorf("accepted: %v", s.close())
	} else if text := err.Error(); strings.Contains(text, "s3cret") {
		t.Error(text)
	}
}

func TestARoleThatIsNotInTheProgramIsAnError(t *testing.T) {
	o := options(t, "roles: [{name: store}]", t.TempDir())
	o.notify = &ear{}
	o.Build = func(*Parts) (Makers, error) { return Makers{}, nil }
	if _, err := New(o); err == nil || err.Error() != "role store is not in this program" {
		t.Errorf("got %v", err)
	}
}

func TestShardsThatNobodyReadsAreSaid(t *testing.T) {
	dir := t.TempDir()
	seg := makeRings(t, filepath.Join(dir, "segment"), 4)
	const unread = "the data plane has rings for 4 shards of role store, of which 2 are read: set shards: 4"
	for _, tt := range []struct {
		name, shards, want string
		state              uint32
	}{
		{"too few", "2", unread, shm.Running},
		{"enough", "4", "", shm.Running},
		{"rings that are being made", "2", "", shm.Starting},
		{"after the data plane's end", "2", unread, shm.Drained},
	} {
		t.Run(tt.name, func(t *testing.T) {
			atomic.StoreUint32(&seg.State.Header().State, tt.state)
			o := options(t, "roles: [{name: store, shards: "+tt.shards+"}]", dir)
			s := &System{o: o, place: placeOf(dir), bound: true}
			s.inspect()
			if s.lonely != tt.want || s.inspected != (tt.state != shm.Starting) {
				t.Errorf("says %q, inspected %v", s.lonely, s.inspected)
			}
			if status, _, _ := s.survey(time.Now()); !strings.HasSuffix(status, tt.want) {
				t.Errorf("status %q", status)
			}
		})
	}
}
