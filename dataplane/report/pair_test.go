package report

import (
	"testing"
	"time"

	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/shm"
)

func TestANodeAndItsPartner(t *testing.T) {
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "fcr-a", TSCHz: 1e9, Ctl: []shm.RegionSpec{{Name: "c", Stride: 8, Count: 1}}, State: []shm.RegionSpec{
		pair.Region(), {Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 3}, {Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	for i, p := range []struct {
		name string
		role uint8
	}{{"edge0", shm.RoleEdge}, {"fabric0", shm.RoleFabric}, {"svc0", shm.RoleService}} {
		info := &shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)[i]
		copy(info.Name[:], p.name)
		info.Role = p.role
	}
	if p, err := PairOf(seg.State); err != nil || p.State != "single" || p.Partner != nil || p.String() != "single" {
		t.Errorf("%+v %v", p, err)
	}
	now := time.Now().UnixNano()
	r := pair.Record{
		State: pair.Standby, Why: pair.WhyFenced, Epoch: 7, Beat: int64(100 * time.Millisecond), Misses: 3, Ready: 1, Layout: 5, PartnerLayout: 5,
		PartnerPolicy: 9, PartnerState: pair.Active, PartnerAlive: 1, PartnerHeard: now - int64(time.Second), PartnerFlags: pair.IsReady,
	}
	copy(r.Partner[:], "fcr-b")
	r.HeardOn[1] = r.PartnerHeard
	pair.PageOf(seg.State).Put(&r)
	p, err := PairOf(seg.State)
	if err != nil || p.String() != "standby with fcr-b" || p.Why != "fenced" || p.Epoch != 7 || p.DeadMs != 300 || !p.Ready {
		t.Errorf("%+v %v", p, err)
	}
	o := p.Partner
	if o.State != "active" || !o.Alive || !o.Ready || !o.SamePorts || o.SamePolicy || o.AgeMs < 1000 || o.AgeMs > 60_000 {
		t.Errorf("%+v", o)
	}
	if len(p.Paths) != 2 || p.Paths[0].Heard != "" || p.Paths[1].Port != "fabric0" || p.Paths[1].AgeMs < 1000 {
		t.Errorf("%+v", p.Paths)
	}
}
