package operation

import (
	"slices"
	"testing"

	"fcredirect/mgmt/peer"
)

func TestPeersAreListedSyncedAndTakeOver(t *testing.T) {
	r := newRig(t)
	var list items[peer.Peer]
	if r.ask(200, &list, "GET", "/api/v1/peers", "viewer", ""); len(list.Items) != 3 || list.Items[0].Name != "fcr-b" {
		t.Errorf("%+v", list)
	}
	if r.ask(200, &list, "GET", "/api/v1/peers?state=away", "viewer", ""); len(list.Items) != 1 || list.Items[0].Lag != 9 {
		t.Errorf("%+v", list)
	}
	if r.ask(200, &list, "GET", "/api/v1/peers?sort=-lag_updates&limit=1", "viewer", ""); len(list.Items) != 1 || list.Items[0].Name != "fcr-c" {
		t.Errorf("%+v", list)
	}
	var p peer.Peer
	if r.ask(200, &p, "GET", "/api/v1/peers/fcr-b", "viewer", ""); !p.Partner {
		t.Errorf("%+v", p)
	}
	r.ask(404, nil, "GET", "/api/v1/peers/fcr-x", "viewer", "")
	r.ask(422, nil, "GET", "/api/v1/peers/fcr%20b", "viewer", "")

	r.ask(403, nil, "POST", "/api/v1/peers/fcr-b/sync", "operator", "")
	r.ask(200, &p, "POST", "/api/v1/peers/fcr-b/sync?dry_run=true", "admin", "")
	r.ask(409, nil, "POST", "/api/v1/peers/fcr-t/sync?dry_run=true", "admin", "")
	r.ask(200, &p, "POST", "/api/v1/peers/fcr-b/sync", "admin", "")
	r.ask(409, nil, "POST", "/api/v1/peers/fcr-c/sync", "admin", "")
	r.ask(404, nil, "POST", "/api/v1/peers/fcr-x/sync", "admin", "")

	var h HandOver
	if r.ask(200, &h, "POST", "/api/v1/peers/fcr-b/handover?dry_run=true", "admin", ""); h.Done || len(h.Obstacles) != 1 {
		t.Errorf("%+v", h)
	}
	r.ask(403, nil, "POST", "/api/v1/peers/fcr-b/handover", "operator", "")
	r.ask(422, nil, "POST", "/api/v1/peers/fcr-b/handover", "admin", "")
	r.ask(409, nil, "POST", "/api/v1/peers/fcr-c/handover", "admin", "")
	if r.ask(200, &h, "POST", "/api/v1/peers/fcr-b/handover?force=true", "admin", ""); !h.Done || h.TookMS != 2 {
		t.Errorf("%+v", h)
	}
	if want := []string{"a-admin sync", "a-admin handover"}; !slices.Equal(r.node.ordered, want) {
		t.Errorf("done %v, want %v", r.node.ordered, want)
	}
	r.node.set(func() { r.node.away = true })
	r.ask(503, nil, "GET", "/api/v1/peers", "viewer", "")
	r.ask(503, nil, "POST", "/api/v1/peers/fcr-b/handover", "admin", "")
}
