package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/peer/engine"
)

// planeOf is the data plane of a segment.
func planeOf(ctx context.Context, seg *attach.Segment) *client {
	return &client{over: ctx, tables: command.New(seg.State, seg.Ctl), alive: seg.State.Alive, pair: func() *PeerPair { return pairOf(seg.State) }}
}

// pairNow is what the data plane says of the inline pair, nil when it is in none or does not run.
func (c *cluster) pairNow() (is *PeerPair) {
	c.use(func(to *client) { is = to.pair() })
	return is
}

// obstacles are what stands in the way of a planned hand-over, as far as this side knows. The data plane judges for itself.
func (c *cluster) obstacles() (all []string) {
	all = []string{}
	add := func(is bool, format string, args ...any) {
		if is {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	fact := func(slot uint8, number uint64) uint64 { v, _ := c.fact(slot, number); return v }
	if inline := c.pairNow(); inline == nil {
		add(true, "the data plane of this node is in no inline pair: its boot file says nothing of one")
	} else {
		add(inline.With != c.partnerName, "the data plane's partner is %s", inline.With)
		add(!inline.forwards(), "this node has not the work of the pair: it is %s", inline.State)
		add(!inline.Heard, "no signs of life come from the data plane of %s", c.partnerName)
	}
	add(!c.isConnected(c.partnerName), "%s is not connected", c.partnerName)
	add(fact(c.partner, FactAlive) != 1, "the data plane of %s does not run", c.partnerName)
	add(fact(c.partner, FactReady) != 1, "%s is not ready", c.partnerName)
	add(fact(c.partner, FactABI) != fact(c.self, FactABI), "the data planes are of different versions")
	add(fact(c.partner, FactPolicy) != fact(c.self, FactPolicy), "the active policies differ")
	add(fact(c.partner, FactPorts) != fact(c.self, FactPorts), "the ports are not laid out alike")
	add(fact(c.self, FactWindow) == 1 || fact(c.partner, FactWindow) == 1, "a change of the policy waits to be confirmed")
	return all
}

// isConnected says whether records go to a peer, and come from it.
func (c *cluster) isConnected(name string) bool {
	for _, s := range c.engine.Peers(c.now()) {
		if s.Name == name {
			return s.Connected[engine.Urgent]
		}
	}
	return false
}

// answerHandOver has this node's data plane give its work to the partner.
func (r *Role) answerHandOver(ctx context.Context, request []byte) (any, error) {
	var q HandOverRequest
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, fmt.Errorf("%s: %w", MethodHandOver, err)
	}
	c := r.cluster.Load()
	if c == nil {
		return nil, refuse(CodeAlone, "this node has no peers: the configuration names none")
	}
	if err := c.isPeer(q.Name); err != nil {
		return nil, err
	}
	if q.Name != c.partnerName {
		return nil, refuse(CodeNoPair, "%s is not the partner of this node", q.Name)
	}
	if !c.use(func(*client) {}) {
		return nil, errNoPlane
	}
	answer := HandOverAnswer{Obstacles: c.obstacles()}
	if q.Check {
		return answer, nil
	}
	if len(answer.Obstacles) > 0 && !q.Force {
		return nil, refuse(CodeRefused, "nothing was done: %s", answer.Obstacles[0])
	}
	ctx, cancel := context.WithTimeout(ctx, handOverTimeout)
	defer cancel()
	began := time.Now()
	if err := c.handOver(ctx, q); err != nil {
		return nil, err
	}
	answer.Done, answer.TookMS = true, float64(time.Since(began).Microseconds())/1000
	fields := event.Fields{"peer": q.Name, "who": q.By}
	if p := c.pairNow(); p != nil {
		fields["epoch"] = p.Epoch
	}
	c.tell(ctx, event.PairHandover, fields)
	return answer, nil
}

var errNoPlane = refuse(CodeNoPlane, "the data plane of this node does not run")

// handOver tells the data plane.
func (c *cluster) handOver(ctx context.Context, q HandOverRequest) error {
	err := errNoPlane
	c.use(func(to *client) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(to.over, cancel)()
		err = to.HandOver(ctx, q.Force)
	})
	var said *command.Error
	switch {
	case err == nil, errors.Is(err, errNoPlane):
		return err
	case errors.As(err, &said) && said.Code != command.Gone:
		return refuse(CodeRefused, "nothing was done: %s", said.Error())
	}
	return refuse(CodeRefused, "it is not known whether %s has it: %v", q.Name, err)
}
