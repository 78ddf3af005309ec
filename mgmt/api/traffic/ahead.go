package traffic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Ahead keeps the flows that were created ahead of their first frame: in the settings, and in each data plane that starts.
type Ahead struct {
	settings *settings.Store
	live     Segment
	log      *slog.Logger

	mu       sync.Mutex
	revision uint64         // guarded by mu: of the settings that wanted is from
	known    bool           // guarded by mu
	wanted   []flowindex.ID // guarded by mu; not changed, but replaced
}

// NewAhead makes one. It offers nothing until Run runs.
func NewAhead(s *settings.Store, live Segment, log *slog.Logger) *Ahead {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Ahead{settings: s, live: live, log: log}
}

// kindFlow is that of a flow created ahead; the name is its id.
const kindFlow = "flow"

// aheadRecord is one in the settings.
type aheadRecord struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
}

// Wanted lists them. The list must not be changed.
func (h *Ahead) Wanted() []flowindex.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	if revision := h.settings.Revision(); !h.known || revision != h.revision {
		wanted := []flowindex.ID{}
		for _, r := range h.settings.List(kindFlow) {
			if id, err := flowindex.Parse(r.Name); err == nil {
				wanted = append(wanted, id)
			}
		}
		h.wanted, h.revision, h.known = wanted, revision, true
	}
	return h.wanted
}

// Run offers what is wanted to each data plane that starts, until ctx ends.
func (h *Ahead) Run(ctx context.Context) {
	tick := time.NewTicker(offerEvery)
	defer tick.Stop()
	o := offered{flows: map[flowindex.ID]bool{}}
	for {
		if err := h.offer(ctx, &o); err != nil && ctx.Err() == nil {
			h.log.Debug("flows created ahead are offered again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-h.settings.Changed():
		case <-tick.C:
		}
	}
}

// offered is what a data plane was told.
type offered struct {
	boot  [16]byte
	flows map[flowindex.ID]bool
}

// offer tells the data plane of what it does not know yet, and what is not wanted any more.
func (h *Ahead) offer(ctx context.Context, o *offered) error {
	boot, err := look(h.live, func(s *attach.Segment) ([16]byte, error) { return s.State.Header().BootID, nil })
	if err != nil {
		return err
	}
	if boot != o.boot {
		o.boot, o.flows = boot, map[flowindex.ID]bool{}
	}
	wanted := h.Wanted()
	there := make(map[flowindex.ID]bool, len(wanted))
	for _, id := range wanted {
		there[id] = true
		if o.flows[id] {
			continue
		}
		switch err := h.command(ctx, id, (*command.Client).CreateFlow); {
		case problem.Is(err, problem.DataplaneRefused):
			h.log.Warn("the data plane refuses a flow that was created ahead", "flow", id.String(), "error", err)
		case err != nil:
			return err
		}
		o.flows[id] = true
	}
	for id := range o.flows {
		if there[id] {
			continue
		}
		if err := h.command(ctx, id, (*command.Client).DeleteFlow); err != nil && !problem.Is(err, problem.DataplaneRefused) {
			return err
		}
		delete(o.flows, id)
	}
	return nil
}

// command tells the data plane something about a flow.
func (h *Ahead) command(ctx context.Context, id flowindex.ID, do func(*command.Client, context.Context, command.Flow) error) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	err := h.live.Use(func(s *attach.Segment) error {
		return do(command.New(s.State, s.Ctl), ctx, command.Flow{Fabric: id.Fabric, VSAN: id.VSAN, Initiator: uint64(id.Initiator), Target: uint64(id.Target)})
	})
	var refused *command.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refused):
		if ctx.Err() != nil {
			return problem.Wrap(problem.DataplaneUnavailable, err, "The data plane does not answer in time.")
		}
		return err
	case refused.Code == command.Full:
		return problem.Wrap(problem.LimitReached, err, "The data plane has no room for another flow.")
	case refused.Code == command.Refused, refused.Code == command.Malformed, refused.Code == command.Unknown:
		return problem.Wrap(problem.DataplaneRefused, err, "The data plane does not take the flow.")
	}
	return problem.Wrap(problem.DataplaneUnavailable, err, "The data plane cannot take it now.")
}

// FlowDraft is a flow to be created ahead.
type FlowDraft struct {
	Fabric    uint8  `json:"fabric,omitempty" maximum:"15"`
	VSAN      uint16 `json:"vsan,omitempty" maximum:"4094" doc:"VSAN or VLAN; 0 is untagged."`
	Initiator string `json:"initiator" minLength:"1" maxLength:"64" doc:"A WWPN in any spelling, or an alias of the active configuration."`
	Target    string `json:"target" minLength:"1" maxLength:"64" doc:"Likewise."`
}

type createFlowInput struct {
	rest.DryRun
	Body FlowDraft
}

type deleteFlowInput struct {
	FlowID
	rest.DryRun
}

// AheadFlow is a flow that was created ahead.
type AheadFlow struct {
	ID        string    `json:"id"`
	Fabric    uint8     `json:"fabric"`
	VSAN      uint16    `json:"vsan"`
	Initiator string    `json:"initiator"`
	Target    string    `json:"target"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
}

type aheadInput struct{ rest.Page }

func (n *noun) ahead(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-flows-ahead", Method: http.MethodGet, Path: "/api/v1/flows/ahead", Tag: "flow", Permission: auth.FlowRead,
		Summary: "The flows that were created ahead", Description: "Whether their ends are logged in or not.", Errors: []problem.Code{problem.BadCursor},
	}, n.listAhead)
	rest.Register(a, rest.Operation{
		ID: "create-flow", Method: http.MethodPost, Path: "/api/v1/flows", Tag: "flow", Permission: auth.FlowWrite, Audit: "flow.create", Status: http.StatusCreated,
		Summary: "Create a flow ahead of its first frame",
		Description: "It stands in the data plane's table, with its verdict, as soon as both ends are logged in, and does not end when it is idle. It is kept over restarts. " +
			"A flow that is there already is kept from now on.",
		Errors: []problem.Code{problem.AlreadyExists, problem.LimitReached, problem.DataplaneRefused},
	}, n.createFlow)
	rest.Register(a, rest.Operation{
		ID: "delete-flow", Method: http.MethodDelete, Path: "/api/v1/flows/{id}", Tag: "flow", Permission: auth.FlowWrite, Audit: "flow.delete",
		Summary:     "End a flow",
		Description: "One that was created ahead is not wanted any more. Its next frame makes any flow anew: what must not flow is for a policy to drop.",
		Errors:      append(away, problem.DataplaneRefused),
	}, n.deleteFlow)
}

func (n *noun) listAhead(_ context.Context, in *aheadInput) (*rest.List[AheadFlow], error) {
	_, down, err := in.By("id")
	if err != nil {
		return nil, err
	}
	var all []AheadFlow
	for _, r := range n.Settings.List(kindFlow) {
		var kept aheadRecord
		id, err := flowindex.Parse(r.Name)
		if err == nil {
			err = r.Decode(&kept)
		}
		if err != nil {
			return nil, fmt.Errorf("flow created ahead: %w", err)
		}
		all = append(all, AheadFlow{id.String(), id.Fabric, id.VSAN, id.Initiator.String(), id.Target.String(), kept.At, kept.By})
	}
	key := func(f *AheadFlow) string { return f.ID }
	sortBy(all, down, key)
	return rest.Cut(n.api.Cursor, in.Page, fmt.Sprint("ahead", down), all, down, key)
}

// idOf is the id of a draft. Without a data plane only WWPNs can be understood.
func (n *noun) idOf(d *FlowDraft) (flowindex.ID, error) {
	var names namer
	if err := n.Live.Use(func(s *attach.Segment) error {
		names = n.names(s.State)
		return nil
	}); err != nil && !problem.Is(err, problem.DataplaneUnavailable) {
		return flowindex.ID{}, err
	}
	id := flowindex.ID{Fabric: d.Fabric, VSAN: d.VSAN}
	wrong := problem.New(problem.Invalid, "")
	for _, end := range []struct {
		place, text string
		wwpn        *frame.WWN
	}{{"body/initiator", d.Initiator, &id.Initiator}, {"body/target", d.Target, &id.Target}} {
		var ok bool
		if *end.wwpn, ok = names.wwpn(end.text); !ok || uint64(*end.wwpn)>>60 == 0 {
			wrong.At(end.place, "names no alias of the active configuration, and is no WWPN")
		}
	}
	if len(wrong.Fields) == 0 && id.Initiator == id.Target {
		wrong.At("body/target", "is the initiator")
	}
	if len(wrong.Fields) > 0 {
		return id, wrong
	}
	return id, nil
}

func (n *noun) createFlow(ctx context.Context, in *createFlowInput) (*rest.Item[flowindex.Flow], error) {
	id, err := n.idOf(&in.Body)
	if err != nil {
		return nil, err
	}
	audit.Object(ctx, "flow/"+id.String())
	put := func(tx *settings.Tx) error {
		if _, there := tx.Get(kindFlow, id.String()); there {
			return problem.New(problem.AlreadyExists, "The flow was created ahead before.")
		}
		if len(tx.List(kindFlow)) >= maxAhead {
			return problem.New(problem.LimitReached, "There are %d flows that were created ahead, which is as many as there may be.", maxAhead)
		}
		kept := aheadRecord{At: time.Now().UTC()}
		if a := auth.From(ctx); a != nil {
			kept.By = a.Name
		}
		tx.Put(kindFlow, id.String(), kept)
		return nil
	}
	if in.DryRun.DryRun {
		if err := n.Settings.UpdateLocal(ctx, func(tx *settings.Tx) error { return errors.Join(put(tx), errDryRun) }); !onlyDry(err) {
			return nil, dataError(err)
		}
		i := rest.One(*n.waiting(id), 0)
		i.Status = http.StatusOK
		return i, nil
	}
	if err := n.Settings.Update(ctx, put); err != nil {
		return nil, dataError(err)
	}
	if err := n.Ahead.command(ctx, id, (*command.Client).CreateFlow); err != nil && !problem.Is(err, problem.DataplaneUnavailable) {
		// Refused for good: it is not wanted. While there is no data plane it waits for one.
		return nil, errors.Join(err, n.Settings.UpdateLocal(context.WithoutCancel(ctx), func(tx *settings.Tx) error {
			tx.Delete(kindFlow, id.String())
			return nil
		}))
	}
	f, err := n.flow(ctx, id)
	if problem.Is(err, problem.DataplaneUnavailable) {
		f, err = n.waiting(id), nil
	}
	if err != nil {
		return nil, err
	}
	audit.After(ctx, f)
	return rest.One(*f, 0).Created("/api/v1/flows/" + id.String()), nil
}

var errDryRun = errors.New("nothing is changed")

// onlyDry says whether a dry run found nothing wrong.
func onlyDry(err error) bool {
	var p *problem.Problem
	return errors.Is(err, errDryRun) && !errors.As(err, &p)
}

// dataError is what an error of the settings means.
func dataError(err error) error {
	if errors.Is(err, settings.ErrNoDatabase) {
		return problem.Wrap(problem.DatabaseUnavailable, err, "")
	}
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	return err
}

func (n *noun) deleteFlow(ctx context.Context, in *deleteFlowInput) (*rest.Nothing, error) {
	id, err := in.parse()
	if err != nil {
		return nil, err
	}
	audit.Object(ctx, "flow/"+id.String())
	_, ahead := n.Settings.Get(kindFlow, id.String())
	f, err := n.flow(ctx, id)
	switch {
	case err == nil:
		audit.Before(ctx, f)
	case problem.Is(err, problem.NotFound):
		return &rest.Nothing{}, nil
	case !ahead || !problem.Is(err, problem.DataplaneUnavailable):
		return nil, err
	}
	if uint64(id.Initiator)>>60 == 0 || uint64(id.Target)>>60 == 0 {
		return nil, problem.New(problem.DataplaneRefused, "A flow can be ended when both its WWPNs are known.")
	}
	if in.DryRun.DryRun {
		return &rest.Nothing{}, nil
	}
	if ahead {
		if err := n.Settings.Update(ctx, func(tx *settings.Tx) error {
			tx.Delete(kindFlow, id.String())
			return nil
		}); err != nil {
			return nil, dataError(err)
		}
	}
	if err := n.Ahead.command(ctx, id, (*command.Client).DeleteFlow); err != nil && (!ahead || !problem.Is(err, problem.DataplaneUnavailable)) {
		return nil, err
	}
	return &rest.Nothing{}, nil
}

// flow is a flow as it is now, or one that was created ahead and is not there yet.
func (n *noun) flow(ctx context.Context, id flowindex.ID) (*flowindex.Flow, error) {
	f, err := n.Index.Get(ctx, id)
	if problem.Is(err, problem.NotFound) {
		if _, ahead := n.Settings.Get(kindFlow, id.String()); ahead {
			return n.waiting(id), nil
		}
	}
	return f, err
}

// waiting is a flow that is not in the data plane's table, with the verdict that it would get.
func (n *noun) waiting(id flowindex.ID) *flowindex.Flow {
	f := &flowindex.Flow{
		ID: id.String(), Fabric: id.Fabric, VSAN: id.VSAN, Initiator: id.Initiator.String(), Target: id.Target.String(), State: flowindex.Waiting, Static: true,
		Verdict: policy.Forward.String(),
	}
	_ = n.Live.Use(func(s *attach.Segment) error { // without a data plane there are no names
		names := n.names(s.State)
		f.InitiatorAlias, f.TargetAlias = names.alias(id.Initiator), names.alias(id.Target)
		if names.Snapshot == nil {
			return nil
		}
		v := names.Evaluate(id.Initiator, id.Target, id.VSAN)
		if f.Verdict = v.Action.String(); v.Rule >= 0 {
			f.Policy = names.Rule(int(v.Rule)).Name
		}
		if v.Service >= 0 {
			f.Service = names.Service(int(v.Service)).Name
		}
		return nil
	})
	return f
}
