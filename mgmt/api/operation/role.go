package operation

import (
	"context"
	"errors"
	"net/http"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/registry"
)

// RoleInstance is an instance of a role.
type RoleInstance struct {
	Role         string    `json:"role" enum:"database,store,event,telemetry,monitor,peer,api"`
	Shard        int       `json:"shard"`
	Instance     int       `json:"instance"`
	State        string    `json:"state" doc:"new, starting, running, standby, stopping, stopped, failed; dead: its process is gone"`
	Active       bool      `json:"active" doc:"It acts for its role and shard; the others stand by."`
	Wanted       string    `json:"wanted" enum:"run,stop"`
	PID          int       `json:"pid,omitempty"`
	Version      string    `json:"version,omitempty"`
	ABI          int       `json:"abi,omitempty"`
	Endpoint     string    `json:"endpoint,omitempty"`
	Since        time.Time `json:"since,omitzero" doc:"It is in this state since then."`
	HeartbeatAge int64     `json:"heartbeat_age_ms"`
	Restarts     int       `json:"restarts"`
	Health       string    `json:"health,omitempty" doc:"Why it is not well."`
	LastError    string    `json:"last_error,omitempty"`
}

func instanceOf(in registry.Instance) RoleInstance {
	r := RoleInstance{
		Role: in.Role, Shard: in.Shard, Instance: in.Number, State: in.State.String(), Active: in.Active, Wanted: "run", PID: in.PID, Version: in.Version,
		ABI: in.ABI, Endpoint: in.Endpoint, Since: in.Since.UTC(), HeartbeatAge: in.Heartbeat.Milliseconds(), Restarts: in.Restarts, Health: in.Health,
		LastError: in.Error,
	}
	if in.PID != 0 && !in.Alive {
		r.State = "dead"
	}
	if in.Stop {
		r.Wanted = "stop"
	}
	return r
}

// RoleOrder is what came of an order.
type RoleOrder struct {
	Done      bool           `json:"done" doc:"It has happened. If not, it is noted and still wanted."`
	Instances []RoleInstance `json:"instances"`
}

type listRoles struct {
	rest.Page
	Role  string `query:"role" maxLength:"39" doc:"Only instances of this role."`
	State string `query:"state" maxLength:"16" doc:"Only instances in this state."`
}

type orderRole struct {
	rest.DryRun
	Role  string `path:"role" maxLength:"39" pattern:"^[a-z][a-z0-9-]*$"`
	Shard int    `query:"shard" minimum:"-1" maximum:"63" default:"-1" doc:"Only this shard; -1 is all."`
}

func (n *noun) roles(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-roles", Method: http.MethodGet, Path: root + "roles", Tag: "role", Permission: auth.RoleRead, Summary: "Who runs which role, and how it fares",
		Errors: []problem.Code{problem.BadCursor, problem.RoleUnavailable},
	}, n.listRoles)
	for _, o := range []struct {
		c       registry.Command
		summary string
	}{
		{registry.Start, "Let a role run that was stopped"},
		{registry.Stop, "Stop a role until it is started, also over a restart of its process"},
		{registry.Restart, "Stop a role and start it anew"},
	} {
		rest.Register(a, rest.Operation{
			ID: o.c.String() + "-role", Method: http.MethodPost, Path: root + "roles/{role}/" + o.c.String(), Tag: "role", Permission: auth.RoleControl,
			Audit: "role." + o.c.String(), Status: http.StatusOK, Summary: o.summary, Timeout: orderTime + askTime,
			Errors:      []problem.Code{problem.NotFound, problem.RoleUnavailable},
			Description: "Answers when it has happened, or after 20 s with `done: false`: then it is noted and happens as soon as it can.",
		}, func(ctx context.Context, in *orderRole) (*rest.Item[RoleOrder], error) { return n.order(ctx, in, o.c) })
	}
}

func (n *noun) listRoles(_ context.Context, in *listRoles) (*rest.List[RoleInstance], error) {
	if n.Registry == nil {
		return nil, problem.New(problem.RoleUnavailable, "Nobody knows of roles.")
	}
	var all []RoleInstance
	for _, i := range n.Registry.List() {
		if r := instanceOf(i); (in.Role == "" || r.Role == in.Role) && (in.State == "" || r.State == in.State) {
			all = append(all, r)
		}
	}
	return page(n.api, in.Page, in.Role+"/"+in.State, all, "role", map[string]func(*RoleInstance) string{
		"role":     func(r *RoleInstance) string { return r.Role },
		"state":    func(r *RoleInstance) string { return r.State },
		"since":    func(r *RoleInstance) string { return moment(r.Since) },
		"restarts": func(r *RoleInstance) string { return number(int64(r.Restarts)) },
	}, func(r *RoleInstance) string { return r.Role + number(int64(r.Shard)) + number(int64(r.Instance)) })
}

// apiRole is the role that answers: it is not told to stop by whom it answers.
const apiRole = "api"

func (n *noun) order(ctx context.Context, in *orderRole, c registry.Command) (*rest.Item[RoleOrder], error) {
	audit.Object(ctx, "role/"+in.Role)
	switch {
	case n.Registry == nil:
		return nil, problem.New(problem.RoleUnavailable, "Nobody knows of roles.")
	case in.Role == apiRole && c == registry.Stop:
		return nil, problem.New(problem.Conflict, "It would end what answers you. On the machine: fcrctl role stop api.")
	}
	if in.DryRun.DryRun {
		o := RoleOrder{Instances: []RoleInstance{}}
		for _, i := range n.Registry.List() {
			if i.Role == in.Role && (in.Shard < 0 || i.Shard == in.Shard) {
				o.Instances = append(o.Instances, instanceOf(i))
			}
		}
		if len(o.Instances) == 0 {
			return nil, noRole()
		}
		return rest.One(o, 0), nil
	}
	orders, err := n.Registry.Command(in.Role, in.Shard, c)
	switch {
	case errors.Is(err, registry.ErrNoRole):
		return nil, noRole()
	case err != nil:
		return nil, problem.Wrap(problem.DataplaneUnavailable, err, "There is no segment, and so nobody to tell.")
	}
	return rest.One(n.follow(ctx, orders, in.Role == apiRole), 0), nil
}

func noRole() error { return problem.New(problem.NotFound, "There is no such role or shard.") }

// follow waits until all orders are fulfilled. One to ourselves is not waited for: we would be gone.
func (n *noun) follow(ctx context.Context, orders []registry.Order, self bool) RoleOrder {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	for tick := time.NewTicker(lookTime); ; {
		o := RoleOrder{Done: true, Instances: []RoleInstance{}}
		for _, order := range orders {
			done, in := n.Registry.Fulfilled(order)
			o.Done = o.Done && done
			o.Instances = append(o.Instances, instanceOf(in))
		}
		if o.Done || self {
			tick.Stop()
			return o
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return o
		case <-tick.C:
		}
	}
}
