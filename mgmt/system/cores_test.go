package system

import (
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/shm"
)

// withLcores makes a state file whose lcores poll on these CPUs.
func withLcores(t *testing.T, cpus ...int) *shm.File {
	t.Helper()
	s, err := shm.Create(shm.Config{
		Dir: filepath.Join(t.TempDir(), "segment"), Node: "n", TSCHz: 1e9,
		State: []shm.RegionSpec{{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: len(cpus)}},
		Ctl:   []shm.RegionSpec{{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	lcores := shm.Items[shm.Lcore](s.State, shm.RegionLcores)
	for n, cpu := range cpus {
		lcores[n].CPU = uint32(cpu)
	}
	return s.State
}

func affinity(t *testing.T, id int) unix.CPUSet {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(id, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestTheProcessKeepsOffTheCoresThatPoll(t *testing.T) {
	all := affinity(t, 0)
	mine := coresOf(all)
	if len(mine) < 2 {
		t.Skip("this machine has one core")
	}
	defer func() {
		if err := eachThread(func(id int) error { return unix.SchedSetaffinity(id, &all) }); err != nil {
			t.Error(err)
		}
	}()
	// A worker that has pinned itself to the lcore's core, because it was told to.
	pinned, done := make(chan int), make(chan struct{})
	go func() {
		runtime.LockOSThread() // and its thread dies with it
		set := cpuSet(mine[:1])
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			t.Error(err)
		}
		pinned <- unix.Gettid()
		<-done
	}()
	worker := <-pinned
	defer close(done)

	now, err := aside(withLcores(t, mine[0], 1023), all, all)
	if err != nil || now.IsSet(mine[0]) || now.Count() != len(mine)-1 {
		t.Fatalf("%v, cores %v", err, coresOf(now))
	}
	err = eachThread(func(id int) error {
		set, want := affinity(t, id), now
		if id == worker {
			want = cpuSet(mine[:1])
		}
		if set != want {
			t.Errorf("thread %d is on %v, want %v", id, coresOf(set), coresOf(want))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if back, err := aside(withLcores(t, 1023), all, now); err != nil || back != all || affinity(t, 0) != all {
		t.Errorf("another data plane polls elsewhere: %v, cores %v", err, coresOf(back))
	}
	if same, err := aside(withLcores(t, mine...), all, all); err != nil || same != all {
		t.Errorf("no core would be left: %v, cores %v", err, coresOf(same))
	}
}
