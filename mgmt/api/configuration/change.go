package configuration

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/cluster"
	"fcredirect/mgmt/problem"
)

func sortBy[T any](list []T, key func(T) string) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

func onChange(id, verb, summary string, p auth.Permission, errors ...problem.Code) rest.Operation {
	return rest.Operation{
		ID: id, Method: http.MethodPost, Path: "/api/v1/change/" + verb, Tag: "change", Summary: summary, Permission: p, Audit: "change." + verb, Errors: errors,
	}
}

// Change is the state of change control.
type Change struct{ change.State }

// registerChange adds the state, the lock, and what looks at the pending configuration.
func registerChange(a *rest.API, c *change.Service) {
	rest.Register(a, rest.Operation{
		ID: "get-change", Method: http.MethodGet, Path: "/api/v1/change", Tag: "change", Summary: "Where the change of configuration stands", Permission: auth.ChangeRead,
		Description: "What decides, what is pending, who edits, and how long a revision still waits to be confirmed. It is there without a database too.",
	}, func(context.Context, *struct{}) (*rest.Item[Change], error) {
		return rest.One(Change{c.State()}, 0), nil
	})

	rest.Register(a, onChange("validate-change", "validate", "What is wrong with the pending configuration, or hardly meant", auth.ChangeRead),
		func(context.Context, *struct{}) (*rest.Item[change.Validation], error) {
			return rest.One(c.Validate(c.Draft(change.PendingOne)), 0), nil
		})
	rest.Register(a, onChange("diff-change", "diff", "What the pending configuration changes", auth.ChangeRead),
		func(context.Context, *struct{}) (*rest.Item[change.Difference], error) {
			return rest.One(c.Diff(), 0), nil
		})
	dry := onChange("dry-run-change", "dry-run", "Of the flows of the last minutes, whose verdict would change", auth.ChangeRead, problem.BadCursor, problem.Gone,
		problem.DataplaneUnavailable)
	dry.Description = "Every flow is asked about with the evaluator of the data plane, under the active and the pending configuration. The first page comes " +
		"with counts; send its cursor as a parameter for the next one."
	rest.Register(a, dry, func(ctx context.Context, in *dryRunInput) (*rest.Item[DryRun], error) { return dryRun(ctx, a, c, in) })

	step(a, c, change.StepLock, "Become the one who edits", auth.ChangeWrite, func(ctx context.Context, who string) error { return c.Lock(ctx, who, false) }, problem.Locked)
	step(a, c, change.StepTakeOver, "Take the lock from whoever has it", auth.ChangeTakeover, func(ctx context.Context, who string) error {
		audit.Before(ctx, c.State().Lock)
		return c.Lock(ctx, who, true)
	})
	step(a, c, change.StepUnlock, "Give the lock back; what is pending stays", auth.ChangeWrite, c.Unlock, problem.Locked, problem.NotLocked)
	step(a, c, change.StepDiscard, "Forget what is pending", auth.ChangeWrite, func(ctx context.Context, who string) error {
		audit.Before(ctx, c.State().Pending)
		return c.Discard(ctx, who)
	}, problem.Locked, problem.ConfirmWindowOpen)
	step(a, c, change.StepRebase, "Make the edits again on what decides now", auth.ChangeWrite, c.Rebase, problem.Locked, problem.ConfirmWindowOpen, problem.NothingPending)
}

// step adds what is done with the state and needs no body.
func step(a *rest.API, c *change.Service, s change.Step, summary string, p auth.Permission, do func(ctx context.Context, who string) error, errors ...problem.Code) {
	rest.Register(a, onChange(string(s)+"-change", string(s), summary, p, errors...), func(ctx context.Context, in *struct{ rest.DryRun }) (*rest.Item[Change], error) {
		if in.DryRun.DryRun {
			return then(c, c.Check(ctx, s, who(ctx), 0))
		}
		return then(c, do(ctx, who(ctx)))
	})
}

// then answers with the state that something led to.
func then(c *change.Service, err error) (*rest.Item[Change], error) {
	if err != nil {
		return nil, err
	}
	return rest.One(Change{c.State()}, 0), nil
}

type dryRunInput struct {
	rest.Page
	Body *struct {
		Minutes int `json:"minutes,omitempty" minimum:"1" maximum:"1440" default:"10" doc:"How far to look back."`
	}
}

// DryRun is a page of a dry run.
type DryRun struct {
	change.DryRun
	Items      []change.VerdictChange `json:"changes" doc:"Flows whose verdict changes, those with the most frames first."`
	NextCursor string                 `json:"next_cursor,omitempty"`
}

// dryRunAt is the place in a dry run that a cursor names.
type dryRunAt struct {
	Run uint64 `json:"r"`
	At  int    `json:"a"`
}

func dryRun(ctx context.Context, a *rest.API, c *change.Service, in *dryRunInput) (*rest.Item[DryRun], error) {
	at, minutes := dryRunAt{}, 10
	if in.Body != nil && in.Body.Minutes != 0 {
		minutes = in.Body.Minutes
	}
	var run *change.DryRun
	var err error
	if in.Cursor != "" {
		if err = a.Cursor.Decode(in.Cursor, "dry-run", &at); err == nil {
			run, err = c.LastDryRun(at.Run)
		}
	} else {
		run, err = c.DryRun(ctx, minutes)
	}
	if err != nil {
		return nil, err
	}
	from := min(max(at.At, 0), len(run.Changes))
	end := min(from+max(in.Limit, 1), len(run.Changes))
	out := DryRun{DryRun: *run, Items: slices.Clone(run.Changes[from:end])}
	if out.Items == nil {
		out.Items = []change.VerdictChange{}
	}
	if end < len(run.Changes) {
		out.NextCursor = a.Cursor.Encode(dryRunAt{run.ID, end}, "dry-run")
	}
	return rest.One(out, 0), nil
}

// ApplyOrder says how to apply.
type ApplyOrder struct {
	WindowS   float64 `json:"window_s,omitempty" minimum:"10" maximum:"3600" doc:"Within how many seconds it must be confirmed; 60 unless said."`
	Immediate bool    `json:"immediate,omitempty" doc:"Without a window: it is confirmed at once, and nothing takes it back. Admins only."`
	Note      string  `json:"note,omitempty" maxLength:"4096"`
	Ticket    string  `json:"ticket,omitempty" maxLength:"128"`

	Without []string `json:"without,omitempty" maxItems:"15" doc:"Other nodes of the cluster that are left out because they are away. Admins only. They follow when they are back."`
}

type applyInput struct {
	rest.DryRun
	Body *ApplyOrder
}

func (in *applyInput) order(ctx context.Context) (change.Order, error) {
	o := change.Order{By: who(ctx), Window: change.DefaultWindow, Dry: in.DryRun.DryRun}
	b := in.Body
	if b == nil {
		return o, nil
	}
	o.Note, o.Ticket = b.Note, b.Ticket
	if b.WindowS != 0 {
		o.Window = time.Duration(b.WindowS * float64(time.Second))
	}
	if b.Immediate {
		if actor := auth.From(ctx); actor == nil || actor.Role != auth.Admin {
			return o, problem.New(problem.Forbidden, "Only an admin applies without a window.")
		}
		if b.WindowS != 0 {
			return o, problem.New(problem.Invalid, "").At("body/window_s", "must be left out with immediate")
		}
		o.Window = 0
	}
	return o, nil
}

type revisionInput struct {
	rest.DryRun
	Body *struct {
		Revision uint64 `json:"revision,omitempty" doc:"The revision that is meant; whichever waits unless said."`
	}
}

func (in *revisionInput) revision() uint64 {
	if in.Body == nil {
		return 0
	}
	return in.Body.Revision
}

// registerWay adds the way to the data plane and back.
func registerWay(a *rest.API, c *change.Service, all *cluster.Service) {
	down := []problem.Code{problem.ConfirmWindowOpen, problem.DataplaneUnavailable, problem.DataplaneRefused}
	apply := onChange("apply-change", "apply", "Make the pending configuration decide", auth.ChangeApply,
		append(down[:len(down):len(down)], problem.Locked, problem.NothingPending)...)
	apply.Description = "When it answers, every lcore decides by it. Unless somebody confirms it within the window, the data plane takes it back by itself, " +
		"whatever has crashed meanwhile; what was pending is pending again then."
	rest.Register(a, apply, func(ctx context.Context, in *applyInput) (*rest.Item[change.Applied], error) {
		return do(ctx, in, all, c.Apply)
	})
	again := onChange("reapply-change", "reapply", "Make what was confirmed decide again", auth.ChangeApply, down...)
	again.Description = "For a data plane that came back with something else: see drift in the state."
	rest.Register(a, again, func(ctx context.Context, in *applyInput) (*rest.Item[change.Applied], error) {
		return do(ctx, in, all, c.Reapply)
	})

	for _, decide := range []struct {
		step    change.Step
		summary string
		do      func(context.Context, string, uint64) error
	}{{change.StepConfirm, "Keep the revision that waits", c.Confirm}, {change.StepRevert, "Take the revision that waits back", c.Revert}} {
		op := onChange(string(decide.step)+"-change", string(decide.step), decide.summary, auth.ChangeApply, problem.NothingToConfirm, problem.DataplaneUnavailable)
		rest.Register(a, op, func(ctx context.Context, in *revisionInput) (*rest.Item[Change], error) {
			if in.DryRun.DryRun {
				return then(c, c.Check(ctx, decide.step, who(ctx), in.revision()))
			}
			return then(c, decide.do(ctx, who(ctx), in.revision()))
		})
	}
	step(a, c, change.StepAccept, "Keep what decides though it was not confirmed here", auth.ChangeApply, c.Accept, problem.DataplaneUnavailable, problem.ConfirmWindowOpen)
}

func do(ctx context.Context, in *applyInput, all *cluster.Service, apply func(context.Context, change.Order) (change.Applied, error)) (*rest.Item[change.Applied], error) {
	o, err := in.order(ctx)
	if err != nil {
		return nil, err
	}
	var without []string
	if in.Body != nil {
		without = in.Body.Without
	}
	if ctx, err = among(ctx, all, o.By, without); err != nil {
		return nil, err
	}
	done, err := apply(ctx, o)
	if err != nil {
		return nil, err
	}
	audit.After(ctx, done)
	return rest.One(done, 0), nil
}
