package metrics

var (
	peerItems = counter("fcr_peer_items_total", "States of flows and logins for the peers, by the lane in which they go.", "lane", "kind")
	peerBytes = counter("fcr_peer_item_bytes_total", "The same as they lie in the rings.", "lane")

	peerConnected = gauge("fcr_peer_connected", "1 when the peer is connected.", "peer")
	peerSynced    = gauge("fcr_peer_synced", "1 when everything that the peer had when it connected is here.", "peer")
	peerReady     = gauge("fcr_peer_ready", "1 when the node says of itself that it could take over for its partner.", "peer")
	peerPolicy    = gauge("fcr_peer_same_policy", "1 when the node's active policy is that of this node.", "peer")
	peerLag       = gauge("fcr_peer_lag_updates", "Changes of this node that the peer does not have.", "peer")
	peerLagTime   = gauge("fcr_peer_lag_seconds", "Since the oldest of them.", "peer")
	peerRTT       = gauge("fcr_peer_rtt_seconds", "To the peer and back.", "peer")
	peerSkew      = gauge("fcr_peer_clock_skew_seconds", "By so much the peer's clock of the day is ahead.", "peer")
	peerRecords   = gauge("fcr_peer_records", "Records that are known of a node.", "peer", "stream")
	peerSent      = counter("fcr_peer_sent_bytes_total", "Bytes that went to the peer, before TLS.", "peer")
	peerFrames    = counter("fcr_peer_sent_frames_total", "Frames that went to the peer.", "peer")
	peerUpdates   = counter("fcr_peer_sent_records_total", "Records that went to the peer.", "peer")
	peerGot       = counter("fcr_peer_received_bytes_total", "Bytes that came from the peer, before TLS.", "peer")
	peerGotFrames = counter("fcr_peer_received_frames_total", "Frames that came from the peer.", "peer")
	peerGotUpdate = counter("fcr_peer_received_records_total", "Records that came from the peer.", "peer")
	peerStage     = counter("fcr_peer_encoded_bytes_total", "What went to the peer, as large as it would be after each stage of encoding.", "peer", "stage")
	peerWait      = gauge("fcr_peer_wait_p99_seconds", "From a change to its frame, of 99 of 100 at most, since the connection began.", "peer", "lane")

	syncChanges   = counter("fcr_peer_changes_total", "Changes of this node.", "lane")
	syncBursts    = counter("fcr_peer_bursts_total", "Times that changes were not gathered because many came.")
	syncExhausted = counter("fcr_peer_buffers_exhausted_total", "Times that a connection had no buffer left, and changes were merged.")
	syncExpress   = counter("fcr_peer_express_total", "Immediate changes that went ahead of others.")
	syncHeld      = counter("fcr_peer_held_units_total", "Units that waited for what they depend on.")
	syncDiverged  = counter("fcr_peer_diverged_total", "Digests that differed.")
	syncRepaired  = counter("fcr_peer_repaired_records_total", "Records that were put right.")
	syncResets    = counter("fcr_peer_resets_total", "Streams that were replaced as a whole.")
	syncProtocol  = counter("fcr_peer_protocol_errors_total", "Connections that were ended because of what came over them.")
	syncMemory    = gauge("fcr_peer_memory_bytes", "What all records take.")
	syncFull      = counter("fcr_peer_refused_records_total", "Changes of this node that found no room.")

	programmedItems = counter("fcr_peer_programmed_total", "Logins and directions of the partner that were put into the data plane, by what came of it.", "outcome")
	programmedNow   = gauge("fcr_peer_programmed", "Logins and directions of the partner that are in the data plane.", "kind")

	pairForwards = gauge("fcr_pair_active", "1 when this node has the work of its inline pair.")
	pairEpoch    = gauge("fcr_pair_epoch", "Goes up with each takeover.")
	pairHeard    = gauge("fcr_pair_partner_heard", "1 when the partner's data plane gives signs of life.")
)

// peerAnswer is of peer.stats what is told.
type peerAnswer struct {
	Lanes map[string]struct {
		Flows  uint64 `json:"flows"`
		Logins uint64 `json:"logins"`
		Bytes  uint64 `json:"bytes"`
	} `json:"lanes"`
	Cluster *struct {
		Sync struct {
			Changes   map[string]uint64 `json:"changes"`
			Bursts    uint64            `json:"bursts"`
			Exhausted uint64            `json:"exhausted"`
			Express   uint64            `json:"express"`
			Held      uint64            `json:"held"`
			Diverged  uint64            `json:"diverged"`
			Repaired  uint64            `json:"repaired"`
			Resets    uint64            `json:"resets"`
			Protocol  uint64            `json:"protocol"`
			Memory    uint64            `json:"memory"`
		} `json:"sync"`
		Peers      []peerOne         `json:"peers"`
		Programmed map[string]uint64 `json:"programmed"`
		Full       uint64            `json:"full"`
	} `json:"cluster"`
}

// peerOne is a node.
type peerOne struct {
	Name    string  `json:"name"`
	State   string  `json:"state"`
	Ready   bool    `json:"ready"`
	Policy  bool    `json:"same_policy"`
	Lag     uint64  `json:"lag_updates"`
	LagMS   float64 `json:"lag_ms"`
	RTT     float64 `json:"rtt_ms"`
	Skew    float64 `json:"skew_ms"`
	Logins  uint64  `json:"programmed_logins"`
	Flows   uint64  `json:"programmed_flows"`
	Streams []struct {
		Name    string `json:"name"`
		Records uint64 `json:"records"`
	} `json:"streams"`
	Sent     peerTraffic `json:"sent"`
	Received peerTraffic `json:"received"`
	Savings  []struct {
		Name  string `json:"name"`
		Bytes uint64 `json:"bytes"`
	} `json:"savings"`
	Waits []struct {
		Lane string  `json:"lane"`
		P99  float64 `json:"p99_ms"`
	} `json:"waits"`
	Pair *struct {
		State string `json:"state"`
		Epoch uint64 `json:"epoch"`
		Heard bool   `json:"partner_heard"`
	} `json:"pair"`
}

type peerTraffic struct {
	Frames  uint64 `json:"frames"`
	Bytes   uint64 `json:"bytes"`
	Records uint64 `json:"records"`
}

func tellPeer(out sink, _ string, a *peerAnswer) {
	for lane, l := range a.Lanes {
		out.count(peerItems, l.Flows, lane, "flow")
		out.count(peerItems, l.Logins, lane, "login")
		out.count(peerBytes, l.Bytes, lane)
	}
	c := a.Cluster
	if c == nil {
		return
	}
	for lane, n := range c.Sync.Changes {
		out.count(syncChanges, n, lane)
	}
	for m, n := range map[*Metric]uint64{
		syncBursts: c.Sync.Bursts, syncExhausted: c.Sync.Exhausted, syncExpress: c.Sync.Express, syncHeld: c.Sync.Held, syncDiverged: c.Sync.Diverged,
		syncRepaired: c.Sync.Repaired, syncResets: c.Sync.Resets, syncProtocol: c.Sync.Protocol, syncMemory: c.Sync.Memory, syncFull: c.Full,
	} {
		out.count(m, n)
	}
	for outcome, n := range c.Programmed {
		out.count(programmedItems, n, outcome)
	}
	for i := range c.Peers {
		c.Peers[i].tell(out)
	}
}

func (p *peerOne) tell(out sink) {
	out.is(peerReady, p.Ready, p.Name)
	out.is(peerPolicy, p.Policy, p.Name)
	for _, s := range p.Streams {
		out.count(peerRecords, s.Records, p.Name, s.Name)
	}
	switch p.State {
	case "away", "connected", "synced":
		p.tellOther(out)
		return
	}
	out.count(programmedNow, p.Logins, "login")
	out.count(programmedNow, p.Flows, "flow")
	if p.Pair != nil {
		out.is(pairForwards, p.Pair.State == "active" || p.Pair.State == "draining")
		out.count(pairEpoch, p.Pair.Epoch)
		out.is(pairHeard, p.Pair.Heard)
	}
}

// tellOther tells of a connection.
func (p *peerOne) tellOther(out sink) {
	out.is(peerConnected, p.State != "away", p.Name)
	out.is(peerSynced, p.State == "synced", p.Name)
	out.count(peerLag, p.Lag, p.Name)
	for m, ms := range map[*Metric]float64{peerLagTime: p.LagMS, peerRTT: p.RTT, peerSkew: p.Skew} {
		out.put(m, ms/1000, p.Name)
	}
	for m, n := range map[*Metric]uint64{
		peerSent: p.Sent.Bytes, peerFrames: p.Sent.Frames, peerUpdates: p.Sent.Records,
		peerGot: p.Received.Bytes, peerGotFrames: p.Received.Frames, peerGotUpdate: p.Received.Records,
	} {
		out.count(m, n, p.Name)
	}
	for _, s := range p.Savings {
		out.count(peerStage, s.Bytes, p.Name, s.Name)
	}
	for _, w := range p.Waits {
		out.put(peerWait, w.P99/1000, p.Name, w.Lane)
	}
}
