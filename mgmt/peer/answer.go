package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// RoleName is how the bus finds the role.
const RoleName = "peer"

// What it answers.
const (
	Method         = "peer.stats"    // nothing → Stats
	MethodList     = "peer.list"     // nothing → ListAnswer
	MethodSync     = "peer.sync"     // NameRequest → Peer
	MethodHandOver = "peer.handover" // HandOverRequest → HandOverAnswer
	MethodAsk      = "peer.ask"      // Question to a node → its answer
)

// Codes of what was not done.
const (
	CodeAlone   = "peer.alone"    // there are no other nodes in the configuration
	CodeUnknown = "peer.unknown"  // no node is called so, or it is this one
	CodeAway    = "peer.away"     // it is not connected
	CodeNoPair  = "peer.no_pair"  // it is not the partner of this node
	CodeRefused = "peer.refused"  // the hand-over cannot be; Text says why
	CodeNoPlane = "peer.no_plane" // the data plane of this node does not run
)

// NameRequest names a peer.
type NameRequest struct {
	Name string `json:"name"`
	By   string `json:"by"` // who asked
}

// HandOverRequest asks for this node's work to go to its partner.
type HandOverRequest struct {
	NameRequest
	Force bool `json:"force"`
	Check bool `json:"check"` // only say what stands in the way
}

// HandOverAnswer says what came of it.
type HandOverAnswer struct {
	Done      bool     `json:"done"`
	Obstacles []string `json:"obstacles"` // what stands, or stood, in the way
	TookMS    float64  `json:"took_ms"`   // until the partner had it
}

// ListAnswer is all nodes, by name; this one alone where it has no peers.
type ListAnswer struct {
	Peers []Peer `json:"peers"`
}

// Peer is what this node knows of a node, itself among them.
type Peer struct {
	Name        string        `json:"name"`
	Address     string        `json:"address,omitempty" doc:"where it is reached"`
	State       string        `json:"state" enum:"alone,self,no_certificate,away,connected,synced" doc:"alone: this node, which has no peers; self: this node; no_certificate: this node, which has not joined; away: not connected; connected: not everything is here yet; synced: what it says of itself is here."`
	Partner     bool          `json:"partner" doc:"It and this node take over for each other."`
	Since       time.Time     `json:"since,omitzero" doc:"connected since"`
	Incarnation uint64        `json:"incarnation" doc:"goes up with each start of role peer there"`
	Ready       bool          `json:"ready" doc:"It says of itself that it could take over for its partner."`
	Why         string        `json:"not_ready_because,omitempty" doc:"Of this node alone."`
	Dataplane   bool          `json:"dataplane_alive"`
	SamePolicy  bool          `json:"same_policy" doc:"Its active policy is the one of this node."`
	Revision    uint64        `json:"revision" doc:"of its active policy"`
	Lag         uint64        `json:"lag_updates" doc:"Changes of this node that it does not have."`
	LagMS       float64       `json:"lag_ms" doc:"since the oldest of them"`
	RTT         float64       `json:"rtt_ms"`
	SkewMS      float64       `json:"skew_ms" doc:"by so much its clock of the day is ahead; nothing depends on it"`
	Logins      int           `json:"programmed_logins" doc:"Of this node: logins of its partner that are in its data plane."`
	Flows       int           `json:"programmed_flows" doc:"the same for directions of flows"`
	Error       string        `json:"last_error,omitempty" doc:"of the connection"`
	Identity    *PeerIdentity `json:"identity,omitempty" doc:"Of this node: its certificate."`
	Pair        *PeerPair     `json:"pair,omitempty" doc:"Of this node: what its data plane says of the inline pair. Absent: it is in none."`
	Streams     []PeerStream  `json:"streams"`
	Sent        PeerTraffic   `json:"sent"`
	Received    PeerTraffic   `json:"received"`
	Savings     []PeerStage   `json:"savings" doc:"What was sent, as large as it would be after each stage."`
	Waits       []PeerWait    `json:"waits" doc:"From a change to its frame, by lane."`
}

// PeerIdentity is this node's certificate.
type PeerIdentity struct {
	Cluster     string    `json:"cluster"`
	Fingerprint string    `json:"fingerprint" doc:"SHA-256"`
	Authority   string    `json:"authority_fingerprint" doc:"SHA-256"`
	NotAfter    time.Time `json:"valid_until"`
	Revoked     bool      `json:"revoked"`
}

// PeerPair is what the data plane says of an inline pair.
type PeerPair struct {
	With         string    `json:"with"`
	State        string    `json:"state" enum:"single,standby,active,draining,stopped"`
	Why          string    `json:"because"`
	Epoch        uint64    `json:"epoch" doc:"goes up with each takeover"`
	Since        time.Time `json:"since" doc:"of the state"`
	Changes      uint64    `json:"changes" doc:"of the state"`
	Ready        bool      `json:"ready" doc:"It was told that it could take over."`
	Heard        bool      `json:"partner_heard" doc:"The partner's data plane gives signs of life."`
	LastHeard    time.Time `json:"partner_heard_at,omitzero"`
	PartnerState string    `json:"partner_state"`
	PartnerReady bool      `json:"partner_ready"`
	PartnerEpoch uint64    `json:"partner_epoch"`
}

// PeerStream is how far an origin's records are.
type PeerStream struct {
	Name    string `json:"name" enum:"state,counts"`
	Records int    `json:"records" doc:"that this node has of the other; of this node, its own"`
	Digest  string `json:"digest" doc:"of these records: equal where they are the same"`
	Version uint64 `json:"version" doc:"of the last change among them"`
	Known   uint64 `json:"known_version" doc:"of the last change that this node has heard of"`
	Held    int    `json:"held" doc:"Records that wait for what they depend on."`
	Head    uint64 `json:"our_version" doc:"of the last change of this node"`
	Sent    uint64 `json:"sent_version"`
	Acked   uint64 `json:"acked_version" doc:"of the last one that the other has"`
}

// PeerTraffic is what went over the connections, before TLS.
type PeerTraffic struct {
	Frames  uint64 `json:"frames"`
	Bytes   uint64 `json:"bytes"`
	Units   uint64 `json:"units"`
	Express uint64 `json:"express" doc:"of these, immediate changes that went ahead"`
	Records uint64 `json:"records"`
}

// PeerStage is what a stage of encoding leaves.
type PeerStage struct {
	Name  string `json:"name" enum:"each_alone,latest,columns,zstd"`
	Bytes uint64 `json:"bytes"`
}

// PeerWait is how long changes waited to be sent.
type PeerWait struct {
	Lane  string  `json:"lane" enum:"immediate,high,normal"`
	Count uint64  `json:"count"`
	P50   float64 `json:"p50_ms" doc:"to the next power of two of a microsecond"`
	P99   float64 `json:"p99_ms"`
}

// handlers puts the methods on the bus.
func (r *Role) handlers() (remove func()) {
	if r.o.Bus == nil {
		return func() {}
	}
	var removes []func()
	for _, m := range []struct {
		name string
		do   func(context.Context, []byte) (any, error)
	}{
		{Method, func(context.Context, []byte) (any, error) { return r.Stats(), nil }},
		{MethodList, func(context.Context, []byte) (any, error) { return ListAnswer{r.List()}, nil }},
		{MethodSync, r.answerSync},
		{MethodHandOver, r.answerHandOver},
		{MethodAsk, r.handleAsk},
	} {
		removes = append(removes, r.o.Bus.Handle(m.name, func(ctx context.Context, request []byte) ([]byte, error) {
			answer, err := m.do(ctx, request)
			if err != nil {
				return nil, err
			}
			b, err := json.Marshal(answer)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			return b, nil
		}))
	}
	return func() {
		for _, remove := range removes {
			remove()
		}
	}
}

func refuse(code, format string, args ...any) error {
	return &bus.Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// answerSync has everything go to a peer, and come from it, once more.
func (r *Role) answerSync(_ context.Context, request []byte) (any, error) {
	var q NameRequest
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, fmt.Errorf("%s: %w", MethodSync, err)
	}
	c := r.cluster.Load()
	if c == nil {
		return nil, refuse(CodeAlone, "this node has no peers: the configuration names none")
	}
	if err := c.isPeer(q.Name); err != nil {
		return nil, err
	}
	if err := c.engine.Resync(c.now(), q.Name); err != nil {
		return nil, refuse(CodeAway, "%s: %v", q.Name, err)
	}
	for _, p := range r.List() {
		if p.Name == q.Name {
			return p, nil
		}
	}
	return nil, refuse(CodeUnknown, "no peer is called %.64q", q.Name)
}

// isPeer says what is wrong with a name.
func (c *cluster) isPeer(name string) error {
	switch slot, ok := c.engine.Slot(name); {
	case !ok:
		return refuse(CodeUnknown, "no node is called %.64q", name)
	case slot == c.self:
		return refuse(CodeUnknown, "%s is this node itself", name)
	}
	return nil
}

// List is what is known of all nodes.
func (r *Role) List() []Peer {
	c := r.cluster.Load()
	if c == nil {
		return []Peer{{Name: r.o.Node, State: "alone", Streams: []PeerStream{}, Savings: []PeerStage{}, Waits: []PeerWait{}, Dataplane: r.alive.Load(), SamePolicy: true}}
	}
	return c.list(r)
}

// list is by the names of the nodes, which is how their slots are numbered.
func (c *cluster) list(r *Role) []Peer {
	status := map[string]engine.PeerStatus{}
	for _, s := range c.engine.Peers(c.now()) {
		status[s.Name] = s
	}
	positions, digests := c.engine.Vector(), c.engine.Digests()
	var all []Peer
	for slot, name := range c.names {
		p := Peer{Name: name, Address: c.addresses[name], Partner: name == c.partnerName, State: "self", Streams: []PeerStream{}, Savings: []PeerStage{}, Waits: []PeerWait{}}
		p.Incarnation = positions[slot].Incarnation
		s, other := status[name]
		for stream := range record.NumStreams {
			st := PeerStream{Name: stream.String(), Version: positions[slot].Versions[stream]}
			d := digests[slot][stream]
			st.Digest = fmt.Sprintf("%016x%016x", d.Hi, d.Lo)
			if other {
				e := &s.Streams[stream]
				st.Records, st.Known, st.Held, st.Head, st.Sent, st.Acked = s.Records[stream], e.Known, e.Held, e.Head, e.Sent, e.Acked
				if p.Lag += e.Lag; e.Lag > 0 {
					p.LagMS = max(p.LagMS, milli(e.LagTime))
				}
			}
			p.Streams = append(p.Streams, st)
		}
		c.facts(&p, uint8(slot))
		if other {
			c.other(&p, &s)
		} else {
			c.ourselves(&p, r)
		}
		all = append(all, p)
	}
	return all
}

// fact is what a node says of itself.
func (c *cluster) fact(slot uint8, number uint64) (uint64, bool) {
	r, ok := c.engine.Get(slot, record.Key{Kind: record.Node, ID: number})
	return r.Fields[record.NodeValue], ok && !r.Gone
}

func (c *cluster) facts(p *Peer, slot uint8) {
	ready, _ := c.fact(slot, FactReady)
	alive, _ := c.fact(slot, FactAlive)
	theirs, told := c.fact(slot, FactPolicy)
	ours, here := c.fact(c.self, FactPolicy)
	p.Ready, p.Dataplane, p.SamePolicy = ready == 1, alive == 1, told && here && theirs == ours
	p.Revision, _ = c.fact(slot, FactRevision)
}

// other fills in what there is of a connection.
func (c *cluster) other(p *Peer, s *engine.PeerStatus) {
	switch connected := s.Connected[engine.Urgent]; {
	case connected && s.Synced:
		p.State = "synced"
	case connected:
		p.State = "connected"
	default:
		p.State, p.Ready, p.Dataplane = "away", false, false // what it said of itself may be long over
	}
	if s.Connected[engine.Urgent] {
		p.Since = c.began.Add(time.Duration(s.Since)).UTC().Truncate(time.Millisecond)
	}
	p.Error = c.failure(p.Name)
	p.RTT, p.SkewMS = milli(s.RTT), milli(s.Skew)
	p.Sent, p.Received = trafficOf(&s.Sent), trafficOf(&s.Received)
	v := &s.Savings
	p.Savings = append(p.Savings, PeerStage{"each_alone", v.Raw}, PeerStage{"latest", v.Latest}, PeerStage{"columns", v.Columns}, PeerStage{"zstd", v.Zstd})
	for lane := range record.NumLanes {
		p.Waits = append(p.Waits, waitOf(lane.String(), &s.Waits[lane]))
	}
}

func milli(ns int64) float64 { return float64(time.Duration(ns).Round(time.Microsecond)) / 1e6 }

func trafficOf(t *engine.Traffic) PeerTraffic {
	return PeerTraffic{t.Frames, t.Bytes, t.Units, t.Express, t.Records}
}

func waitOf(lane string, h *engine.Histogram) PeerWait {
	w := PeerWait{Lane: lane}
	for _, n := range h {
		w.Count += n
	}
	quantile := func(q float64) float64 {
		left := uint64(q * float64(w.Count))
		for i, n := range h {
			if n > left {
				return float64(uint64(1)<<i) / 1000
			}
			left -= n
		}
		return 0
	}
	w.P50, w.P99 = quantile(0.5), quantile(0.99)
	return w
}

// ourselves fills in what there is of this node.
func (c *cluster) ourselves(p *Peer, r *Role) {
	p.SamePolicy = true
	for stream := range p.Streams {
		p.Streams[stream].Records = int(c.own.live[stream].Load())
	}
	if _, told := c.fact(c.self, FactReady); told { // by the programmer
		p.Streams[record.State].Records++
	}
	if fault := c.fault.Load(); fault != nil {
		p.State, p.Error = "no_certificate", *fault
	}
	if store := c.store.Load(); store != nil {
		id := store.Identity()
		p.Identity = &PeerIdentity{id.Cluster, id.Fingerprint, id.Authority, id.NotAfter.UTC(), id.Revoked}
	}
	if c.programmer != nil {
		is := c.programmer.readiness()
		p.Ready, p.Why, p.Logins, p.Flows = is.Ready, is.Why, is.Logins, is.Flows
	}
	p.Pair = c.pairNow()
}
