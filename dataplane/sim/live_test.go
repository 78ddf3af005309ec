package sim

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/sim/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cabled joins the two interfaces of a fabric with a cable in memory.
func cabled(depth int) OpenWire {
	a, b := wire.Cable(depth)
	ends := []wire.Wire{a, b}
	return func(iface, netns string) (wire.Wire, error) {
		if len(ends) == 0 {
			return nil, fmt.Errorf("the cable has two ends")
		}
		w := ends[0]
		ends = ends[1:]
		return w, nil
	}
}

// runLive runs the fabric as it runs on real interfaces, a goroutine for each port.
func runLive(t *testing.T, ctx context.Context, cfg *Config, open OpenWire) *Report {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	f, err := New(cfg, open)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return f.Report()
}

func TestALiveFabricEndsWithItsCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := runLive(t, t.Context(), smallFabric(100), cabled(4096))
		if !r.OK || r.Sessions != 4 || r.Logins != 12 {
			t.Errorf("ok %v (%s), %d pairs, %d logins", r.OK, r.Why, r.Sessions, r.Logins)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v of invented time", took)
		}
	})
}

func TestALiveFabricEndsWithItsDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallFabric(0)
		cfg.Duration = 20 * time.Second
		for i := range 2 {
			cfg.Nodes[i].IO.Rate = 20
		}
		r := runLive(t, t.Context(), cfg, cabled(4096))
		if !r.OK || r.Seconds < 20 || r.Seconds > 25 {
			t.Errorf("ok %v (%s) after %.1f s", r.OK, r.Why, r.Seconds)
		}
		for _, p := range r.Pairs {
			if p.Commands < 300 || p.Commands > 700 {
				t.Errorf("%d commands at 20 a second in 20 s, with the read back", p.Commands)
			}
		}
	})
}

func TestALiveFabricEndsWhenItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(10*time.Second, cancel)
		cfg := smallFabric(0)
		for i := range 2 {
			cfg.Nodes[i].IO.Rate = 20
		}
		r := runLive(t, ctx, cfg, cabled(4096))
		if !r.OK || r.Reads == 0 {
			t.Errorf("ok %v (%s)", r.OK, r.Why)
		}
		for _, n := range r.Nodes {
			if n.Logouts != 3 {
				t.Errorf("%s has logged out %d times, want 3", n.Name, n.Logouts)
			}
		}
	})
}

// A cable that holds eight frames loses most of a burst, as a switch without flow control
// would.
func TestALiveFabricSurvivesACableThatOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallFabric(40)
		cfg.TimeScale = 0.1
		for i := range cfg.Nodes {
			cfg.Nodes[i].Faults = Faults{Loss: 0.01, BadCRC: 0.01}
		}
		r := runLive(t, t.Context(), cfg, cabled(24))
		if !r.OK || r.Sessions != 4 {
			t.Errorf("ok %v (%s), %d pairs: %v", r.OK, r.Why, r.Sessions, r.Details)
		}
		if r.Retries == 0 {
			t.Error("nothing was retried")
		}
	})
}

func TestTimeScaleShortensTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := smallFabric(5)
		cfg.TimeScale = 0.01
		if r := runLive(t, t.Context(), cfg, cabled(4096)); !r.OK || r.Seconds > 0.1 {
			t.Errorf("ok %v (%s) after %.3f s", r.OK, r.Why, r.Seconds)
		}
	})
}

func TestAnInterfaceThatCannotBeOpenedIsAnError(t *testing.T) {
	cfg := smallFabric(5)
	cfg.Nodes = append(cfg.Nodes, NodeConfig{Kind: KindTarget, Iface: "x0", WWPN: 0x200002fc0c00000c})
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg, cabled(16)); err == nil {
		t.Error("a third interface was opened on a cable with two ends")
	}
}
