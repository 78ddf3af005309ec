package peer

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

func TestALoginComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		word := func(name string) uint64 { return rapid.Uint64().Draw(r, name) }
		small := func(name string) uint8 { return rapid.Uint8().Draw(r, name) }
		want := login.Login{
			Addr: login.Addr(word("addr")), WWPN: frame.WWN(word("wwpn")), WWNN: frame.WWN(word("wwnn")), MAC: unpackMAC(word("mac")), ENode: unpackMAC(word("enode")),
			FCF: unpackMAC(word("fcf")), Port: small("port"), State: login.State(small("state")), Claimed: login.Functions(small("claimed")),
			Observed: login.Functions(small("observed")), How: login.How(small("how")), Flags: login.Flags(small("flags")),
			KeepAlive: time.Duration(rapid.Uint32().Draw(r, "keep alive")) * time.Millisecond, FirstSeen: int64(word("first")), LastSeen: int64(word("last")),
		}
		item := feed.LoginItem{
			WWPN: uint64(want.WWPN), WWNN: uint64(want.WWNN), MAC: want.MAC, Port: want.Port, Status: uint8(want.State), Claimed: uint8(want.Claimed),
			Observed: uint8(want.Observed), How: uint8(want.How), Flags2: uint8(want.Flags), FirstSeen: want.FirstSeen, LastSeen: want.LastSeen,
		}
		rec := record.Record{Key: record.Key{Kind: record.Login, ID: uint64(want.Addr)}}
		packLogin(rec.Fields[:], &item, &want)
		if got := loginOf(&rec); got != want {
			r.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestAVerdictComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		i := feed.FlowItem{
			Rule: rapid.Int32().Draw(r, "rule"), Service: rapid.Int16Range(-1, 254).Draw(r, "service"), InPort: rapid.Uint8().Draw(r, "port"),
			Orient: rapid.Uint8Range(0, 2).Draw(r, "orient"), State: feed.State(rapid.Uint8Range(0, 3).Draw(r, "state")), Action: rapid.Uint8Range(0, 3).Draw(r, "action"),
		}
		v := packVerdict(&i)
		if v.rule() != i.Rule || v.service() != int(i.Service) || v.port() != i.InPort || v.orient() != flow.Orient(i.Orient) || v.state() != i.State || v.action() != i.Action {
			r.Fatalf("%+v became %x", i, v)
		}
	})
}

func TestAServiceIsKnownByItsName(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name, usable := rapid.StringMatching(`[a-z][a-z0-9-]{0,63}`).Draw(r, "name"), rapid.Bool().Draw(r, "usable")
		rec := record.Record{Key: serviceKey(name)}
		packService(rec.Fields[:], name, usable, 9)
		if got := serviceName(&rec); got != name || (rec.Fields[record.ServiceUsable] == 1) != usable {
			r.Fatalf("%q became %q", name, got)
		}
	})
}

func TestEachSettingOfTheConfigurationHasItsPlaceInTheEngine(t *testing.T) {
	s := engine.Defaults()
	fields := settingFields(&s)
	if n := reflect.TypeOf(s).NumField(); n != len(fields) || n != len(config.PeerSettings) {
		t.Errorf("the engine has %d settings, %d have a key, the configuration has %d", n, len(fields), len(config.PeerSettings))
	}
	for _, k := range config.PeerSettings {
		var is int64
		switch f := fields[k.Key].(type) {
		case *time.Duration:
			is = int64(*f)
		case *int:
			is = int64(*f)
		default:
			t.Errorf("%s has no place", k.Key)
			continue
		}
		if is != k.Default {
			t.Errorf("%s is %d where nothing is said, and the configuration says %d", k.Key, is, k.Default)
		}
		for _, v := range []int64{k.Min, k.Max} {
			set := map[string]int64{k.Key: v, "silent-after": int64(time.Hour)}
			if k.Key == "silent-after" {
				set = map[string]int64{k.Key: v, "heartbeat-every": int64(time.Millisecond)}
			}
			got, err := settingsOf(set)
			if err != nil {
				t.Errorf("%s of %d: %v", k.Key, v, err)
			}
			if f, ok := settingFields(&got)[k.Key].(*int); ok && int64(*f) != v {
				t.Errorf("%s of %d became %d", k.Key, v, *f)
			}
		}
	}
	if _, err := settingsOf(map[string]int64{"silent-after": int64(time.Millisecond), "heartbeat-every": int64(time.Second)}); err == nil {
		t.Error("a connection that is given up between two signs of life was accepted")
	}
}

func TestEachStartIsAnIncarnationOfItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "peer")
	for want := uint64(1); want < 4; want++ {
		if n, err := nextIncarnation(dir, slog.New(slog.DiscardHandler)); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
	if err := keepIncarnation(dir, 90); err != nil {
		t.Fatal(err)
	}
	if n, err := nextIncarnation(dir, slog.New(slog.DiscardHandler)); n != 91 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.new*")); len(left) > 0 || err != nil {
		t.Errorf("left %v, %v", left, err)
	}
	for _, absurd := range []string{"many", "", fmt.Sprint(uint64(1) << 62), "99999999999999999999999"} {
		if err := os.WriteFile(filepath.Join(dir, incarnationFile), []byte(absurd), 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if n, err := nextIncarnation(dir, slog.New(slog.NewTextHandler(&said, nil))); n != 1 || err != nil || !strings.Contains(said.String(), "begins anew") {
			t.Errorf("%q: got %d, %v, and it says %q", absurd, n, err, said.String())
		}
	}
	if err := keepIncarnation(dir, 1<<62); err == nil {
		t.Error("what cannot be read is written")
	}
}

func TestAPeersFaultsAreToldOnceAMinute(t *testing.T) {
	var q quiet
	now := time.Unix(1000, 0)
	for i, c := range []struct {
		n     engine.Notice
		after time.Duration
		want  bool
	}{
		{engine.Notice{Kind: engine.Refused, Peer: "b"}, 0, true},
		{engine.Notice{Kind: engine.Refused, Peer: "b", Text: "another"}, time.Second, false},
		{engine.Notice{Kind: engine.Refused, Peer: "c"}, time.Second, true},
		{engine.Notice{Kind: engine.Diverged, Peer: "b"}, time.Second, true},
		{engine.Notice{Kind: engine.Refused, Peer: "b"}, quietFor, true},
		{engine.Notice{Kind: engine.Connected, Peer: "b"}, quietFor, true},
		{engine.Notice{Kind: engine.Connected, Peer: "b"}, quietFor, true},
	} {
		if got := q.passes(c.n, now.Add(c.after)); got != c.want {
			t.Errorf("%d: told: %v", i, got)
		}
	}
}
