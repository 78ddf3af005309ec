package boot

// A boot file is read in these steps, in this order: YAML to a tree (yamlconf), the tree to
// a draft (this file), the ports to pairs (pairs.go), pairs and service ports to lcores
// (owners.go). Each step goes on after an error as far as it can, so that one run shows
// many; the later ones only when every port is usable.

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// Load reads and checks the boot file at path. Warnings are worth showing, and no reason
// not to start.
func Load(path string) (c *Config, warnings []*yamlconf.Diagnostic, err error) {
	text, err := yamlconf.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read boot file: %w; name the right one with --boot", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read boot file: %w", err)
	}
	return Parse(path, text)
}

// Parse checks a boot file. name is how the user knows the file; it stands in every
// message. The error is a *yamlconf.Errors.
func Parse(name string, text []byte) (c *Config, warnings []*yamlconf.Diagnostic, err error) {
	root, report := yamlconf.Read(name, text)
	if report.Failed() {
		return nil, nil, report.Err()
	}
	p := &parser{report: report, c: &Config{
		Poll:        DefaultPoll,
		Segment:     Segment{HugePages: DefaultHugePages, Flows: DefaultFlows, Logins: DefaultLogins},
		DropTimeout: DefaultDropTimeout,
		Report:      DefaultReport,
		Mempool:     Mempool{Mbufs: DefaultMbufs, Size: DefaultMbufSize},
		Rings:       Rings{State: DefaultStateItems, Events: DefaultEventItems, Shards: DefaultShards},
		Capture:     Capture{Ring: DefaultCaptureRing},
	}}
	p.file(&root)
	if !report.Failed() {
		p.pair()
		p.own()
		p.devices()
	}
	if report.Failed() {
		return nil, nil, report.Err()
	}
	return p.c, p.warnings, nil
}

// parser holds the Config in the making, and what later steps need for their messages.
type parser struct {
	report   *yamlconf.Report
	warnings []*yamlconf.Diagnostic
	c        *Config
	drafts   []portDraft // beside c.Ports
	lcoresAt yamlconf.Span
}

// portDraft is what a port's mapping said, before defaults.
type portDraft struct {
	name, device, pair, fabric, mtu, lcore *yamlconf.Node
	at                                     yamlconf.Span
}

var fileSchema = yamlconf.Schema{
	What: "the boot file",
	Keys: []string{"node", "lcores", "poll", "ports", "segment", "drop-timeout", "report", "eal", "mempool", "rings", "capture", "state-dir", "pair"},
}

func (p *parser) file(root *yamlconf.Node) {
	r, c := p.report, p.c
	f, ok := r.Fields(root, &fileSchema)
	if !ok {
		return
	}
	if n := p.required(f, "node", "Give this machine a name: node: fcr-a."); n != nil {
		c.Node = p.name(n, "node", MaxNodeName)
	}
	if n := p.required(f, "lcores", "Name the cores that poll: lcores: [1]."); n != nil {
		p.lcores(n)
	}
	if n := f.Get("poll"); n != nil {
		i, _ := r.Choice(n, "poll", pollNames...)
		c.Poll = Poll(i)
	}
	if n := f.Get("drop-timeout"); n != nil {
		c.DropTimeout, _ = r.Duration(n, "drop-timeout", MinDropTimeout, MaxDropTimeout)
	}
	if n := f.Get("report"); n != nil {
		c.Report, _ = r.Duration(n, "report", MinReport, MaxReport)
	}
	if n := f.Get("segment"); n != nil {
		p.segment(n)
	}
	if n := f.Get("mempool"); n != nil {
		p.mempool(n)
	}
	if n := f.Get("eal"); n != nil {
		p.eal(n)
	}
	if n := f.Get("rings"); n != nil {
		p.rings(n)
	}
	if n := f.Get("state-dir"); n != nil {
		c.StateDir = p.folder(n, "state-dir")
	} else {
		c.StateDir = filepath.Join(DefaultStateRoot, c.Node, "dataplane")
	}
	if n := f.Get("capture"); n != nil {
		p.capture(n)
	}
	if n := f.Get("pair"); n != nil {
		p.partner(n)
	}
	if n := p.required(f, "ports", "List the ports, each with name, device and role."); n != nil {
		p.ports(n)
	}
}

// required returns the value of a key that must be there.
func (p *parser) required(f yamlconf.Fields, key, cure string) *yamlconf.Node {
	n := f.Get(key)
	if n == nil {
		p.report.Errorf(yamlconf.Span{}, cure, "the key %s is missing", key)
	}
	return n
}

// folder reads the path of a folder or file.
func (p *parser) folder(n *yamlconf.Node, key string) string {
	dir, ok := p.report.Text(n, key)
	if ok && !strings.HasPrefix(dir, "/") {
		p.report.Errorf(n.Span, "Write the whole path, from /.", "%s %s is not an absolute path", key, yamlconf.Quote(dir))
	}
	return dir
}

// name reads a name that may become a file name, an EAL prefix or a label.
func (p *parser) name(n *yamlconf.Node, what string, longest int) string {
	s, ok := p.report.Text(n, what)
	if !ok {
		return ""
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.') {
			p.report.Errorf(n.Span, "Use letters, digits, -, _ and .; begin with a letter or digit.", "%s cannot be %s", what, yamlconf.Quote(s))
			return ""
		}
	}
	if len(s) > longest {
		p.report.Errorf(n.Span, "Choose a shorter one.", "%s has %d characters, more than %d", what, len(s), longest)
		return ""
	}
	return s
}

func (p *parser) lcores(n *yamlconf.Node) {
	p.lcoresAt = n.Span
	items, ok := p.report.List(n, "lcores")
	if !ok {
		return
	}
	if len(items) == 0 {
		p.report.Errorf(n.Span, "Name at least one core: lcores: [1].", "lcores is empty")
	}
	for i := range items {
		from, to, ok := p.lcoreRange(&items[i])
		if !ok {
			continue
		}
		for id := from; id <= to; id++ {
			if p.isLcore(id) {
				p.report.Errorf(items[i].Span, "Name each core once.", "lcore %d is named twice", id)
				break
			}
			p.c.Lcores = append(p.c.Lcores, id)
		}
	}
	if len(p.c.Lcores) > MaxLcores {
		p.report.Errorf(n.Span, "Each port pair keeps one lcore busy; name no more than there are pairs.", "%d lcores, more than %d", len(p.c.Lcores), MaxLcores)
	}
}

// lcoreRange reads one entry of lcores: 3, or 3-6.
func (p *parser) lcoreRange(n *yamlconf.Node) (from, to int, ok bool) {
	s, ok := p.report.Word(n, "an lcore")
	if !ok {
		return 0, 0, false
	}
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from > to || from < 0 || to > MaxLcoreID {
		p.report.Errorf(n.Span, fmt.Sprintf("Write a CPU number from 0 to %d, or a range as 2-5.", MaxLcoreID), "an lcore cannot be %s", yamlconf.Quote(s))
		return 0, 0, false
	}
	return from, to, true
}

func (p *parser) isLcore(id int) bool {
	for _, l := range p.c.Lcores {
		if l == id {
			return true
		}
	}
	return false
}

var segmentSchema = yamlconf.Schema{What: "segment", Keys: []string{"dir", "hugepages", "flows", "logins"}}

func (p *parser) segment(n *yamlconf.Node) {
	r, s := p.report, &p.c.Segment
	f, _ := r.Fields(n, &segmentSchema)
	if n := f.Get("dir"); n != nil {
		s.Dir = p.folder(n, "dir")
	}
	if n := f.Get("hugepages"); n != nil {
		i, _ := r.Choice(n, "hugepages", hugePagesNames...)
		s.HugePages = HugePages(i)
	}
	if n := f.Get("flows"); n != nil {
		v, _ := r.Int(n, "flows", MinFlows, MaxFlows)
		s.Flows = int(v)
	}
	if n := f.Get("logins"); n != nil {
		v, _ := r.Int(n, "logins", MinLogins, MaxLogins)
		s.Logins = int(v)
	}
}

var mempoolSchema = yamlconf.Schema{What: "mempool", Keys: []string{"mbufs", "size"}}

func (p *parser) mempool(n *yamlconf.Node) {
	f, _ := p.report.Fields(n, &mempoolSchema)
	if n := f.Get("mbufs"); n != nil {
		v, _ := p.report.Int(n, "mbufs", MinMbufs, MaxMbufs)
		p.c.Mempool.Mbufs = int(v)
	}
	if n := f.Get("size"); n != nil {
		v, _ := p.report.Size(n, "size", MinMbufSize, MaxMbufSize)
		p.c.Mempool.Size = int(v)
	}
}

var ringsSchema = yamlconf.Schema{What: "rings", Keys: []string{"state", "events", "shards"}}

func (p *parser) rings(n *yamlconf.Node) {
	c := &p.c.Rings
	f, _ := p.report.Fields(n, &ringsSchema)
	for _, k := range []struct {
		key       string
		to        *int
		low, high int64
	}{{"state", &c.State, MinRing, MaxRing}, {"events", &c.Events, MinRing, MaxRing}, {"shards", &c.Shards, 1, MaxShards}} {
		n := f.Get(k.key)
		if n == nil {
			continue
		}
		v, ok := p.report.Int(n, k.key, k.low, k.high)
		if ok && v&(v-1) != 0 {
			p.report.Errorf(n.Span, "Write 64, 128, 256 and so on (shards: 1, 2, 4, 8).", "%s %d is not a power of two", k.key, v)
		}
		*k.to = int(v)
	}
}

var captureSchema = yamlconf.Schema{What: "capture", Keys: []string{"ring"}}

func (p *parser) capture(n *yamlconf.Node) {
	f, _ := p.report.Fields(n, &captureSchema)
	if n := f.Get("ring"); n != nil {
		v, ok := p.report.Size(n, "ring", 0, MaxCapture)
		if ok && v != 0 && v < MinCapture {
			p.report.Errorf(n.Span, "Write 64KiB or more, or 0 for no captures.", "a ring of %d bytes holds too few frames", v)
		}
		p.c.Capture.Ring = int(v)
	}
}

// ownEAL are the arguments that the dataplane gives EAL itself, out of other keys.
var ownEAL = map[string]string{
	"-l": "lcores", "-c": "lcores", "--lcores": "lcores",
	"-a": "ports", "--allow": "ports", "--vdev": "ports",
}

func (p *parser) eal(n *yamlconf.Node) {
	items, _ := p.report.List(n, "eal")
	if len(items) > MaxEALArgs {
		p.report.Errorf(n.Span, "", "eal has %d arguments, more than %d", len(items), MaxEALArgs)
		return
	}
	for i := range items {
		s, ok := p.report.Word(&items[i], "an EAL argument")
		if !ok {
			continue
		}
		flag, _, _ := strings.Cut(s, "=")
		key, own := ownEAL[flag]
		switch {
		case own:
			p.report.Errorf(items[i].Span, "Use the key "+key+" for it.", "eal cannot hold %s: the dataplane sets it", flag)
		case len(s) > MaxEALArg:
			p.report.Errorf(items[i].Span, "", "an EAL argument has %d characters, more than %d", len(s), MaxEALArg)
		}
		p.c.EAL = append(p.c.EAL, s)
	}
}

var portSchema = yamlconf.Schema{
	What: "a port",
	Keys: []string{"name", "device", "role", "pair", "fabric", "mtu", "pfc", "lcore"},
}

func (p *parser) ports(n *yamlconf.Node) {
	items, ok := p.report.List(n, "ports")
	if !ok {
		return
	}
	if len(items) > MaxPorts {
		p.report.Errorf(n.Span, "Run a second dataplane for the others.", "%d ports, more than %d", len(items), MaxPorts)
		return
	}
	for i := range items {
		p.port(&items[i])
	}
}

func (p *parser) port(n *yamlconf.Node) {
	r := p.report
	f, ok := r.Fields(n, &portSchema)
	if !ok {
		return
	}
	port := Port{Peer: -1, Fabric: DefaultFabric, MTU: DefaultMTU, Lcore: -1}
	draft := portDraft{name: f.Get("name"), device: f.Get("device"), pair: f.Get("pair"), fabric: f.Get("fabric"), mtu: f.Get("mtu"), lcore: f.Get("lcore"), at: n.Span}
	what := "the port"
	if draft.name == nil {
		r.Errorf(n.Span, "Add name: edge0, or what you like to call it.", "the port has no name")
	} else if port.Name = p.name(draft.name, "a port's name", MaxPortName); port.Name != "" {
		what = "port " + port.Name
		if p.c.PortIndex(port.Name) >= 0 {
			r.Errorf(draft.name.Span, "Give each port a name of its own.", "two ports are called %s", port.Name)
		}
	}
	switch role := f.Get("role"); {
	case role == nil:
		r.Errorf(n.Span, "Add role: edge (towards hosts), fabric (towards targets) or service.", "%s has no role", what)
	default:
		i, _ := r.Choice(role, what+": role", roleNames...)
		port.Role = Role(i)
	}
	if draft.device == nil {
		r.Errorf(n.Span, "Add device: a PCI address, or a virtual device as net_af_packet0,iface=eth1.", "%s has no device", what)
	} else {
		port.Device = p.device(draft.device, what)
	}
	if n := draft.fabric; n != nil {
		v, _ := r.Int(n, what+": fabric", 0, MaxFabric)
		port.Fabric = uint8(v)
	}
	if n := draft.mtu; n != nil {
		v, _ := r.Int(n, what+": mtu", MinMTU, MaxMTU)
		port.MTU = int(v)
	}
	if n := draft.lcore; n != nil {
		if v, ok := r.Int(n, what+": lcore", 0, MaxLcoreID); ok {
			port.Lcore = int(v)
		}
	}
	if n := f.Get("pfc"); n != nil {
		port.PFC = p.pfc(n, what)
	}
	p.c.Ports = append(p.c.Ports, port)
	p.drafts = append(p.drafts, draft)
}

// pfc reads the priorities with flow control: none, or a list of 0 to 7.
func (p *parser) pfc(n *yamlconf.Node, what string) []uint8 {
	if n.Kind == yamlconf.Scalar && n.Text == "none" {
		return nil
	}
	items, ok := p.report.List(n, what+": pfc, when it is not none,")
	if !ok {
		return nil
	}
	var out []uint8
	seen := [8]bool{}
	for i := range items {
		v, ok := p.report.Int(&items[i], what+": a priority in pfc", 0, 7)
		if ok && seen[v] {
			p.report.Errorf(items[i].Span, "Name each once.", "%s: pfc has priority %d twice", what, v)
		} else if ok {
			seen[v] = true
			out = append(out, uint8(v))
		}
	}
	return out
}
