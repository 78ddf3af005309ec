package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/store"
)

// Where a list of flows comes from.
const (
	fromSegment = "segment" // as the data plane has them
	fromStore   = "store"   // as the database has them
	fromBoth    = "both"    // and whether they are the same
)

var flowSources = []string{fromSegment, fromStore, fromBoth}

// comparedFlow is a flow as both have it.
type comparedFlow struct {
	Segment *report.Flow `json:"segment"` // null: only the database has it
	Store   *report.Flow `json:"store"`   // null: only the data plane has it
	Equal   bool         `json:"equal"`
}

// storedFlows asks role store for its flows, page by page.
func (c *cli) storedFlows(ctx context.Context, f *shm.File, by *report.Filter) (flows []report.Flow, err error) {
	b, err := bus.Dial(ctx, attach.Place{Dir: c.segment, Node: c.node})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	request := store.FlowsRequest{Verdict: by.Verdict, VSAN: by.VSAN}
	if by.Initiator != 0 {
		request.Initiator = by.Initiator.String()
	}
	if by.Target != 0 {
		request.Target = by.Target.String()
	}
	names := report.Policy(f)
	flows = []report.Flow{}
	for {
		page, err := askStore(ctx, b, &request)
		if err != nil {
			return nil, err
		}
		for i := range page.Flows {
			named(&page.Flows[i], names)
		}
		flows = append(flows, page.Flows...)
		if request.After = page.Next; page.Next == nil {
			slices.SortFunc(flows, byAddress)
			return flows, nil
		}
	}
}

func askStore(ctx context.Context, b *bus.Bus, request *store.FlowsRequest) (*store.FlowsPage, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	question, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	answer, err := b.Call(ctx, "store", store.FlowsMethod, question)
	if errors.Is(err, bus.ErrNoRole) || errors.Is(err, bus.ErrNoMethod) {
		return nil, fmt.Errorf("nobody keeps flows in a database on this node: role store does not run, or waits for its database: start fcr-mgmtd, or look at fcrctl role list: %w", err)
	}
	page := &store.FlowsPage{}
	if err == nil {
		err = json.Unmarshal(answer, page)
	}
	if err != nil {
		return nil, fmt.Errorf("ask role store for flows: %w", err)
	}
	return page, nil
}

// named adds the aliases of the active policy.
func named(f *report.Flow, names *policy.Snapshot) {
	if names == nil {
		return
	}
	for _, end := range []struct {
		wwpn  string
		alias *string
	}{{f.Initiator, &f.InitiatorAlias}, {f.Target, &f.TargetAlias}} {
		if wwn, err := frame.ParseWWN(end.wwpn); err == nil && wwn != 0 {
			*end.alias = names.AliasOf(wwn)
		}
	}
}

// byAddress is the order of report.Flows.
func byAddress(a, b report.Flow) int {
	return cmp.Or(cmp.Compare(a.Fabric, b.Fabric), cmp.Compare(a.VSAN, b.VSAN), cmp.Compare(a.InitiatorID, b.InitiatorID),
		cmp.Compare(a.TargetID, b.TargetID))
}

// compare joins two lists in the order of byAddress.
func compare(segment, stored []report.Flow) []comparedFlow {
	all := []comparedFlow{}
	for len(segment)+len(stored) > 0 {
		switch order := sideOf(segment, stored); {
		case order < 0:
			all = append(all, comparedFlow{Segment: &segment[0]})
			segment = segment[1:]
		case order > 0:
			all = append(all, comparedFlow{Store: &stored[0]})
			stored = stored[1:]
		default:
			all = append(all, comparedFlow{&segment[0], &stored[0], same(&segment[0], &stored[0])})
			segment, stored = segment[1:], stored[1:]
		}
	}
	return all
}

// sideOf says which list has the next flow: below 0 the first, above 0 the second, 0 both.
func sideOf(a, b []report.Flow) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	}
	return byAddress(a[0], b[0])
}

// same compares what must be equal when nothing moves. Times are left out: the database has microseconds, and a restarted
// data plane reads the wall clock anew.
func same(a, b *report.Flow) bool {
	x, y := *a, *b
	x.Created, x.LastSeen, y.Created, y.LastSeen = "", "", "", ""
	return x == y
}

// printCompared prints both sides beside each other.
func (c *cli) printCompared(all []comparedFlow) error {
	return c.print(all, "FABRIC VSAN INITIATOR TARGET VERDICT STORED TO_TARGET STORED TO_INITIATOR STORED ERRORS STORED EQUAL", func(w io.Writer) {
		for i := range all {
			l := &all[i]
			f := cmp.Or(l.Segment, l.Store)
			pair := func(get func(*report.Flow) string) string { return side(l.Segment, get) + "\t" + side(l.Store, get) }
			fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Fabric, f.VSAN, end(f.Initiator, f.InitiatorAlias, f.InitiatorID),
				end(f.Target, f.TargetAlias, f.TargetID), pair(func(f *report.Flow) string { return f.Verdict }),
				pair(func(f *report.Flow) string { return fmt.Sprint(f.FramesOut) }), pair(func(f *report.Flow) string { return fmt.Sprint(f.FramesIn) }),
				pair(func(f *report.Flow) string { return fmt.Sprint(f.Errors) }), yesNo(l.Equal))
		}
	})
}

// side is a cell of one side, a dash when that side does not know the flow.
func side(f *report.Flow, get func(*report.Flow) string) string {
	if f == nil {
		return "-"
	}
	return get(f)
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
