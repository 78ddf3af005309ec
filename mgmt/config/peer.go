package config

import (
	"fmt"
	"net"
	"slices"
	"time"

	"fcredirect/dataplane/yamlconf"
)

// Peer says which nodes keep each other in step, and how. Without nodes this one stands alone. The same section may stand
// in the files of all of them.
type Peer struct {
	Listen   string // host:port; without a host, all addresses of the machine
	Nodes    []PeerNode
	Partner  string           // the node that takes over for this one, and for which this one takes over; empty: none
	Settings map[string]int64 // thresholds that the file names, by their key: ns, bytes or a number
}

// Alone says that there are no other nodes.
func (p *Peer) Alone() bool { return len(p.Nodes) == 0 }

// PeerNode is a node, and where it can be reached.
type PeerNode struct {
	Name    string
	Address string // host:port
}

// PeerSetting describes a threshold.
type PeerSetting struct {
	Key               string
	Unit              PeerUnit
	Min, Max, Default int64 // ns, bytes or a number
}

// PeerUnit is what a threshold is measured in.
type PeerUnit uint8

// The units.
const (
	PeerTime PeerUnit = iota
	PeerSize
	PeerNumber
)

var peerSchema = yamlconf.Schema{What: "peer", Keys: []string{"listen", "nodes", "partner", "settings"}}

func (p *parser) peer(n *yamlconf.Node) {
	r := p.report
	f, ok := r.Fields(n, &peerSchema)
	if !ok {
		return
	}
	c := &p.c.Peer
	c.Listen = DefaultPeerListen
	if n := f.Get("listen"); n != nil {
		s, ok := r.Text(n, "peer: listen")
		if ok && !goodListen(s) {
			r.Errorf(n.Span, "Write host:port, as :8444 or 10.0.0.1:8444.", "peer: listen cannot be %s", yamlconf.Quote(s))
		}
		c.Listen = s
	}
	nodes := f.Get("nodes")
	if nodes == nil {
		r.Errorf(n.Span, "List all nodes, this one too: nodes: [{name: fcr-a, address: \"10.0.0.1:8444\"}, {name: fcr-b, address: \"10.0.0.2:8444\"}].", "peer: the key nodes is missing")
		return
	}
	p.peerNodes(nodes)
	if n := f.Get("partner"); n != nil {
		c.Partner = p.name(n, "peer: partner", MaxNodeName)
		if c.Partner != "" && !slices.ContainsFunc(c.Nodes, func(n PeerNode) bool { return n.Name == c.Partner }) {
			r.Errorf(n.Span, "Name one of peer: nodes.", "peer: the partner %s is not among the nodes", yamlconf.Quote(c.Partner))
		}
	}
	if n := f.Get("settings"); n != nil {
		p.peerSettings(n)
	}
	if p.c.Role("peer") == nil {
		p.warn(n.Span, "Add it to roles, or remove the section.", "role peer is not among the roles: nobody keeps nodes in step")
	}
}

var peerNodeSchema = yamlconf.Schema{What: "a node of peer", Keys: []string{"name", "address"}}

func (p *parser) peerNodes(n *yamlconf.Node) {
	r, c := p.report, &p.c.Peer
	items, ok := r.List(n, "peer: nodes")
	if !ok {
		return
	}
	if len(items) < MinPeerNodes || len(items) > MaxPeerNodes {
		r.Errorf(n.Span, "List all nodes, this one too; remove the section where there is only one.", "peer: %d nodes: want %d to %d", len(items), MinPeerNodes, MaxPeerNodes)
		return
	}
	for i := range items {
		f, ok := r.Fields(&items[i], &peerNodeSchema)
		if !ok {
			continue
		}
		name, address := f.Get("name"), f.Get("address")
		if name == nil || address == nil {
			r.Errorf(items[i].Span, "Write {name: fcr-a, address: \"10.0.0.1:8444\"}.", "a node of peer needs a name and an address")
			continue
		}
		node := PeerNode{Name: p.name(name, "the name of a node of peer", MaxNodeName)}
		node.Address, _ = r.Text(address, "the address of a node of peer")
		same := func(is func(PeerNode) bool) bool { return slices.ContainsFunc(c.Nodes, is) }
		switch {
		case !goodPeerAddress(node.Address):
			r.Errorf(address.Span, "Write host:port, as 10.0.0.1:8444.", "the address of a node of peer cannot be %s", yamlconf.Quote(node.Address))
		case node.Name != "" && same(func(n PeerNode) bool { return n.Name == node.Name }):
			r.Errorf(name.Span, "Name each once.", "peer: node %s is listed twice", node.Name)
		case same(func(n PeerNode) bool { return n.Address == node.Address }):
			r.Errorf(address.Span, "Each node has its own.", "peer: two nodes have the address %s", node.Address)
		}
		c.Nodes = append(c.Nodes, node)
	}
}

// goodPeerAddress says whether one can dial it.
func goodPeerAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != "0" && goodListen(s)
}

func peerSettingKeys() []string {
	keys := make([]string, len(PeerSettings))
	for i := range PeerSettings {
		keys[i] = PeerSettings[i].Key
	}
	return keys
}

func (p *parser) peerSettings(n *yamlconf.Node) {
	schema := yamlconf.Schema{What: "peer: settings", Keys: peerSettingKeys()}
	f, ok := p.report.Fields(n, &schema)
	if !ok {
		return
	}
	set := map[string]int64{}
	for i := range PeerSettings {
		k := &PeerSettings[i]
		n := f.Get(k.Key)
		if n == nil {
			continue
		}
		what := "peer: settings: " + k.Key
		switch k.Unit {
		case PeerTime:
			d, _ := p.report.Duration(n, what, time.Duration(k.Min), time.Duration(k.Max))
			set[k.Key] = int64(d)
		case PeerSize:
			set[k.Key], _ = p.report.Size(n, what, k.Min, k.Max)
		case PeerNumber:
			set[k.Key], _ = p.report.Int(n, what, k.Min, k.Max)
		}
	}
	p.c.Peer.Settings = set
}

// check says whether the section fits the node, whose name may come from elsewhere than the file.
func (p *Peer) check(node string) error {
	if p.Alone() {
		return nil
	}
	if !slices.ContainsFunc(p.Nodes, func(n PeerNode) bool { return n.Name == node }) {
		return fmt.Errorf("peer: this node is %s, and not among the nodes: list all of them, this one too", node)
	}
	if p.Partner == node {
		return fmt.Errorf("peer: the partner of %s cannot be itself: name the other node", node)
	}
	return nil
}

// PeerSettings are the thresholds that there are. Nodes need not agree on them.
var PeerSettings = []PeerSetting{
	{"immediate-max", PeerTime, 0, 10 * ms, 0},
	{"high-max", PeerTime, 0, 10 * ms, 10 * ms},
	{"normal-max", PeerTime, 0, 100 * ms, 50 * ms},
	{"lane-margin", PeerTime, 0, 5 * ms, 3 * ms},
	{"busy-window", PeerTime, 0, 100 * ms, 25 * ms},
	{"idle-window", PeerTime, 0, 100 * ms, 100 * ms},
	{"busy-updates", PeerNumber, 1, 100_000_000, 5000},
	{"burst-updates", PeerNumber, 1, 100_000_000, 256},
	{"burst-span", PeerTime, ms, second, 5 * ms},
	{"burst-for", PeerTime, 0, second, 20 * ms},
	{"burst-gap", PeerTime, 0, second, ms},
	{"frame-records", PeerNumber, 1, 8192, 8192},
	{"unit-bytes", PeerSize, 1 << 10, 1 << 30, 256 << 10},
	{"bulk-records", PeerNumber, 1, 1 << 30, 32768},
	{"buffers-per-connection", PeerNumber, 2, 1024, 32},
	{"buffer-bytes", PeerSize, 4 << 10, 1 << 20, 256 << 10},
	{"records-max", PeerNumber, 1, 1 << 28, 4 << 20},
	{"messages-max", PeerNumber, 1, 1 << 16, 64},
	{"ack-delay", PeerTime, 0, second, 5 * ms},
	{"heartbeat-every", PeerTime, ms, 60 * second, 250 * ms},
	{"silent-after", PeerTime, 2 * ms, 3600 * second, 2 * second},
	{"digest-every", PeerTime, ms, 3600 * second, second},
	{"want-after", PeerTime, ms, 60 * second, 50 * ms},
	{"want-for", PeerTime, ms, 60 * second, 2 * second},
	{"tombstone-keep", PeerTime, second, 24 * 3600 * second, 600 * second},
	{"tombstones-max", PeerNumber, 1, 1 << 28, 1 << 20},
}

const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)
)
