package account

import (
	"context"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Setup says whether the appliance has its first administrator.
type Setup struct {
	Installed bool `json:"installed" doc:"Whether there is an account."`
}

type setupInput struct {
	Client
	Body struct {
		Code     string `json:"code,omitempty" secret:"true" writeOnly:"true" maxLength:"64" doc:"What the file has that the daemon's log names at its start. Root needs none over the unix socket."`
		Name     string `json:"name" maxLength:"64" doc:"Of the first administrator." example:"admin"`
		Password string `json:"password" secret:"true" writeOnly:"true" format:"password" maxLength:"1024" doc:"12 characters at least."`
	}
}

func registerSetup(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "get-setup", Method: "GET", Path: "/api/v1/setup", Tag: "setup", Permission: auth.Open, Summary: "Whether there is an administrator yet",
	}, func(context.Context, *struct{}) (*rest.Item[Setup], error) {
		return rest.One(Setup{Installed: d.Auth.Installed()}, 0), nil
	})
	rest.Register(a, rest.Operation{
		ID: "create-setup", Method: "POST", Path: "/api/v1/setup", Tag: "setup", Permission: auth.Open, Audit: "setup.create", Status: 201,
		Summary: "Make the first administrator", Errors: []problem.Code{problem.BadCredentials, problem.LockedOut},
		Description: "It works once, as long as there is no account.",
	}, func(ctx context.Context, in *setupInput) (*rest.Item[User], error) {
		entry := audit.From(ctx)
		entry.As(event.SetUp, event.SignInFailed)
		local := d.Auth.IsLocal(ctx)
		if local {
			entry.By(auth.LocalName, string(auth.Admin), auth.DoorSocket)
		} else {
			entry.Claims("whoever sets up", auth.DoorWeb)
		}
		u, err := d.Auth.SetUp(ctx, in.Body.Code, in.Body.Name, in.Body.Password, in.source(), local)
		if err != nil {
			return nil, err
		}
		object(ctx, "user", u.Name)
		audit.After(ctx, userOf(&u))
		return rest.One(userOf(&u), u.Version).Created("/api/v1/users/" + u.Name), nil
	})
}
