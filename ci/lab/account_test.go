package lab

import "testing"

func TestTheAppliancesAccountMustAgreeWithTheHosts(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(a *account)
		want  string
	}{
		{"it does", func(*account) {}, ""},
		{"order is not judged", func(a *account) { a.logins[0], a.logins[1] = a.logins[1], a.logins[0] }, ""},
		{"a frame that did not come in", func(a *account) { a.ports[0].FramesIn-- }, "port edge0: 9 frames in and 20 out, but oracle-1 sent 10"},
		{"a frame that did not go out", func(a *account) { a.ports[1].FramesOut-- }, "port fabric0: 20 frames in and 9 out"},
		{"a dropped frame, on any port", func(a *account) { a.ports[2].Dropped = 1 }, "port svc0: 1 frames dropped"},
		{"a host that was not learnt", func(a *account) { a.logins = a.logins[1:] }, "logins are\n  20:00:02:fc:0a"},
		{"a stranger", func(a *account) { a.logins = append(a.logins, loginAccount{WWPN: "20:00:02:fc:0b:00:00:0b"}) }, "20:00:02:fc:0b"},
		{"a host in the wrong role", func(a *account) { a.logins[1].Role = "both" }, "20:00:02:fc:0a:00:00:0a both fabric0"},
		{"a host at the wrong port", func(a *account) { a.logins[0].Port = "fabric0" }, "initiator fabric0"},
		{"another VSAN", func(a *account) { a.flows[0].VSAN = 0 }, "redirect vsan 0"},
		{"another verdict", func(a *account) { a.flows[0].Verdict = "forward" }, "forward vsan 100"},
		{"a flow the wrong way round", func(a *account) { f := &a.flows[0]; f.Initiator, f.Target = f.Target, f.Initiator }, "0a:00:00:0a -> 20"},
		{"a flow too many", func(a *account) { a.flows = append(a.flows, a.flows[0]) }, "flows are"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc, err := Parse("good", []byte(good))
			if err != nil {
				t.Fatal(err)
			}
			tr := &traffic{ofHost: map[string]hostTraffic{"oracle-1": {10, 20}, "array-a": {20, 10}}}
			a := &account{
				ports: []portAccount{{Name: "edge0", FramesIn: 10, FramesOut: 20}, {Name: "fabric0", FramesIn: 20, FramesOut: 10}, {Name: "svc0", FramesIn: 30, FramesOut: 30}},
				logins: []loginAccount{
					{100, "20:00:02:fc:01:00:00:01", "edge0", "initiator"},
					{100, "20:00:02:fc:0a:00:00:0a", "fabric0", "target"},
				},
				flows: []flowAccount{{100, "20:00:02:fc:01:00:00:01", "20:00:02:fc:0a:00:00:0a", "redirect"}},
			}
			c.spoil(a)
			expect(t, a.judge(sc, tr), c.want)
		})
	}
}
