package registry

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// segment makes what a data plane makes, as far as roles need it.
func segment(t *testing.T, dir string, fresh bool) *shm.Segment {
	t.Helper()
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "fcr-t", TSCHz: 1e9, TSCNow: 1, Fresh: fresh,
		State: []shm.RegionSpec{{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 1}},
		Ctl: []shm.RegionSpec{
			{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
			{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func open(t *testing.T, dir string) *Registry {
	t.Helper()
	r, err := Open(Options{Place: attach.Place{Dir: dir}, Name: "test", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestASecondLivingProcessIsRefusedAndToldWhoHasTheRole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "seg")
	segment(t, dir, false)
	a, b := open(t, dir), open(t, dir)
	c, err := a.Claim(Instance{Role: "store"})
	if err != nil {
		t.Fatal(err)
	}
	c.Beat(Running, "")
	_, err = b.Claim(Instance{Role: "store"})
	var taken *TakenError
	if !errors.Is(err, ErrTaken) || !errors.As(err, &taken) || taken.PID == 0 || time.Since(taken.Since) > time.Minute {
		t.Fatalf("second claim: %v", err)
	}
	if in, ok := b.Find("store", 0); !ok || in.Version != "1.2.3" || in.State != Running || !in.Active {
		t.Fatalf("found %+v, %v", in, ok)
	}
	c.Release()
	if c, err = b.Claim(Instance{Role: "store"}); err != nil {
		t.Fatal(err)
	}
	c.Release()
}
