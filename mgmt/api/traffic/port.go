package traffic

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Port is a port of the appliance.
type Port struct {
	Name        string    `json:"name" example:"edge0"`
	Index       int       `json:"index" doc:"Its place in the boot file."`
	Role        string    `json:"role" enum:"edge,fabric,service"`
	Device      string    `json:"device,omitempty" doc:"What it is for the system: a PCI address, or a virtual device."`
	Driver      string    `json:"driver,omitempty"`
	MAC         string    `json:"mac,omitempty"`
	Fabric      uint8     `json:"fabric"`
	Pair        string    `json:"pair,omitempty" doc:"The port to which unmatched frames cross."`
	Lcore       int       `json:"lcore" doc:"The lcore that owns it, by index."`
	Up          bool      `json:"up"`
	SpeedMbps   uint32    `json:"speed_mbps" doc:"0: not known."`
	MTU         uint32    `json:"mtu"`
	Counters    Counters  `json:"counters" doc:"Since counting began."`
	CountsSince time.Time `json:"counts_since" doc:"When counting began: the start of the data plane, or when somebody cleared the counters after it."`
	ClearedBy   string    `json:"cleared_by,omitempty"`
}

// Counters are those of a port.
type Counters struct {
	FramesIn    uint64            `json:"frames_in"`
	BytesIn     uint64            `json:"bytes_in"`
	FramesOut   uint64            `json:"frames_out"`
	BytesOut    uint64            `json:"bytes_out"`
	Mirrored    uint64            `json:"mirrored_out"`
	MirrorLost  uint64            `json:"mirror_lost"`
	TxHeld      uint64            `json:"tx_held" doc:"Bursts of which a remainder had to wait: back-pressure at work."`
	TxStalled   uint64            `json:"tx_stalled" doc:"Frames given up after waiting for too long."`
	Missed      uint64            `json:"missed" doc:"Frames that the device dropped for want of room."`
	RxErrors    uint64            `json:"rx_errors"`
	TxErrors    uint64            `json:"tx_errors"`
	NoBuffer    uint64            `json:"no_buffer"`
	PausesIn    uint64            `json:"pauses_in" doc:"Pause frames received: the neighbour stopped us."`
	PausesOut   uint64            `json:"pauses_out" doc:"And sent: we stopped the neighbour."`
	LinkChanges uint64            `json:"link_changes"`
	Fates       map[string]uint64 `json:"fates" doc:"What became of the frames received: each has one fate."`
	Drops       map[string]uint64 `json:"drops" doc:"Those of the fates that are drops: errors by reason."`
	Dropped     uint64            `json:"dropped"`
}

// baseline is what a port's counters were when somebody cleared them.
type baseline struct {
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Boot     string    `json:"boot"` // of the data plane: another one has counted from zero
	Counters Counters  `json:"counters"`
}

const kindBaseline = "port-baseline"

// PortName names a port.
type PortName struct {
	Name string `path:"name" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._:-]*$" doc:"The port's name." example:"edge0"`
}

type clearInput struct {
	PortName
	rest.DryRun
}

type portsInput struct {
	rest.Page
	Role   string          `query:"role" enum:"edge,fabric,service" doc:"Only ports of this role."`
	Up     Optional[bool]  `query:"up" doc:"Only ports whose link is up, or is not."`
	Fabric Optional[uint8] `query:"fabric" maximum:"15" doc:"Only ports of this fabric, 0 to 15."`
}

func (n *noun) ports(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-ports", Method: http.MethodGet, Path: "/api/v1/ports", Tag: "port", Permission: auth.PortRead, Summary: "All ports, with their counters",
		Description: "Sorted by `index`, `name`, `frames_in` or `dropped`.", Errors: append(away, problem.BadCursor),
	}, n.listPorts)
	rest.Register(a, rest.Operation{
		ID: "get-port", Method: http.MethodGet, Path: "/api/v1/ports/{name}", Tag: "port", Permission: auth.PortRead, Summary: "One port",
		Errors: append(away, problem.NotFound),
	}, n.getPort)
	rest.Register(a, rest.Operation{
		ID: "clear-port", Method: http.MethodPost, Path: "/api/v1/ports/{name}/clear", Tag: "port", Permission: auth.PortWrite, Audit: "port.clear",
		Status: http.StatusOK, Summary: "Count from now on", Errors: append(away, problem.NotFound),
		Description: "The counters themselves are never reset: metrics, samples and statistics go on. What this port shows is counted from now on, until the data plane starts anew.",
	}, n.clearPort)
}

// readPorts lists the ports as they count since the data plane started.
func readPorts(s *attach.Segment) ([]Port, string, error) {
	h := s.State.Header()
	id := h.BootID
	boot, started := hex.EncodeToString(id[:]), time.Unix(0, h.StartNS).UTC()
	infos := shm.Items[shm.PortInfo](s.State, shm.RegionPorts)
	var ports []Port
	for i, p := range report.Ports(s.State) {
		in := infos[i]
		ports = append(ports, Port{
			Name: p.Name, Index: i, Role: p.Role, Device: p.Device, Driver: p.Driver, MAC: p.MAC, Fabric: p.Fabric, Pair: p.Pair, Lcore: p.Lcore, Up: p.Up,
			SpeedMbps: p.SpeedMbps, MTU: p.MTU, CountsSince: started,
			Counters: Counters{
				FramesIn: p.FramesIn, BytesIn: p.BytesIn, FramesOut: p.FramesOut, BytesOut: p.BytesOut, Mirrored: p.Mirrored, MirrorLost: p.MirrorLost,
				TxHeld: p.TxHeld, TxStalled: p.TxStalled, Missed: in.Missed, RxErrors: in.RxErrors, TxErrors: in.TxErrors, NoBuffer: in.NoMbuf,
				PausesIn: p.PausesIn, PausesOut: p.PausesOut, LinkChanges: in.LinkChanges, Fates: p.Fates, Drops: p.Drops, Dropped: p.Dropped,
			},
		})
	}
	return ports, boot, nil
}

// since takes away what was counted before a baseline.
func (p *Port) since(b *baseline) {
	c, o := &p.Counters, &b.Counters
	for _, pair := range []struct{ now, then *uint64 }{
		{&c.FramesIn, &o.FramesIn}, {&c.BytesIn, &o.BytesIn}, {&c.FramesOut, &o.FramesOut}, {&c.BytesOut, &o.BytesOut}, {&c.Mirrored, &o.Mirrored},
		{&c.MirrorLost, &o.MirrorLost}, {&c.TxHeld, &o.TxHeld}, {&c.TxStalled, &o.TxStalled}, {&c.Missed, &o.Missed}, {&c.RxErrors, &o.RxErrors},
		{&c.TxErrors, &o.TxErrors}, {&c.NoBuffer, &o.NoBuffer}, {&c.PausesIn, &o.PausesIn}, {&c.PausesOut, &o.PausesOut}, {&c.LinkChanges, &o.LinkChanges},
		{&c.Dropped, &o.Dropped},
	} {
		*pair.now -= min(*pair.now, *pair.then)
	}
	c.Fates, c.Drops = less(c.Fates, o.Fates), less(c.Drops, o.Drops)
	p.CountsSince, p.ClearedBy = b.At, b.By
}

func less(now, then map[string]uint64) map[string]uint64 {
	left := maps.Clone(now)
	for name, count := range then {
		if left[name] -= min(left[name], count); left[name] == 0 {
			delete(left, name)
		}
	}
	return left
}

// portsNow lists the ports, counting from their baselines, and says of which run of the data plane they are.
func (n *noun) portsNow() (ports []Port, boot string, err error) {
	err = n.Live.Use(func(s *attach.Segment) (err error) {
		ports, boot, err = readPorts(s)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	for i := range ports {
		r, ok := n.Settings.Get(kindBaseline, ports[i].Name)
		if !ok {
			continue
		}
		var b baseline
		if err := r.Decode(&b); err != nil {
			return nil, "", err
		}
		if b.Boot == boot {
			ports[i].since(&b)
		}
	}
	return ports, boot, nil
}

func (n *noun) listPorts(_ context.Context, in *portsInput) (*rest.List[Port], error) {
	field, down, err := in.By("index", "name", "frames_in", "dropped")
	if err != nil {
		return nil, err
	}
	ports, _, err := n.portsNow()
	if err != nil {
		return nil, err
	}
	var all []Port
	for _, p := range ports {
		if (in.Role == "" || p.Role == in.Role) && (!in.Up.Set || p.Up == in.Up.Value) && (!in.Fabric.Set || p.Fabric == in.Fabric.Value) {
			all = append(all, p)
		}
	}
	key := func(p *Port) string {
		switch field {
		case "name":
			return p.Name
		case "frames_in":
			return number(p.Counters.FramesIn) + p.Name
		case "dropped":
			return number(p.Counters.Dropped) + p.Name
		}
		return number(uint64(p.Index))
	}
	sortBy(all, down, key)
	return rest.Cut(n.api.Cursor, in.Page, fmt.Sprint(field, down, in.Role, in.Up, in.Fabric), all, down, key)
}

func (n *noun) getPort(_ context.Context, in *PortName) (*rest.Item[Port], error) {
	p, _, err := n.port(in.Name)
	if err != nil {
		return nil, err
	}
	return rest.One(*p, 0), nil
}

func (n *noun) port(name string) (*Port, string, error) {
	ports, boot, err := n.portsNow()
	if err != nil {
		return nil, "", err
	}
	for i := range ports {
		if ports[i].Name == name {
			return &ports[i], boot, nil
		}
	}
	return nil, "", problem.New(problem.NotFound, "There is no port of that name.")
}

func (n *noun) clearPort(ctx context.Context, in *clearInput) (*rest.Item[Port], error) {
	audit.Object(ctx, "port/"+in.Name)
	shown, _, err := n.port(in.Name)
	if err != nil {
		return nil, err
	}
	audit.Before(ctx, shown.Counters)
	var boot string
	raw, err := look(n.Live, func(s *attach.Segment) (p Port, err error) {
		ports, of, err := readPorts(s)
		for i := range ports {
			if boot = of; ports[i].Name == in.Name {
				return ports[i], err
			}
		}
		return p, problem.New(problem.NotFound, "There is no port of that name.")
	})
	if err != nil {
		return nil, err
	}
	b := baseline{At: time.Now().UTC(), Boot: boot, Counters: raw.Counters}
	if a := auth.From(ctx); a != nil {
		b.By = a.Name
	}
	if !in.DryRun.DryRun {
		// It needs no database: a baseline that is lost shows more, not less.
		if err := n.Settings.UpdateLocal(ctx, func(tx *settings.Tx) error {
			tx.Put(kindBaseline, in.Name, b)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	raw.since(&b)
	audit.After(ctx, raw.Counters)
	return rest.One(raw, 0), nil
}

// number is a number as text that sorts as numbers do.
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	return "00000000000000000000"[len(s):] + s
}
