package account

import (
	"context"
	"slices"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Me is who asks.
type Me struct {
	Name              string     `json:"name" example:"alice"`
	Role              string     `json:"role" enum:"viewer,operator,policy-admin,admin"`
	Door              string     `json:"door" enum:"web,token,socket" doc:"How the request came: by a session, by a token, or over the unix socket."`
	SessionID         string     `json:"session_id,omitempty" doc:"The session, if it came by one."`
	TokenID           string     `json:"token_id,omitempty" doc:"The token, if it came by one."`
	Permissions       []string   `json:"permissions" doc:"What one may do."`
	PasswordChangedAt *time.Time `json:"password_changed_at,omitempty" doc:"Absent over the unix socket, which needs none."`
}

// Permission is something that one may be allowed to do.
type Permission struct {
	Name  string   `json:"name" example:"policy.write"`
	Text  string   `json:"text" doc:"What it allows."`
	Roles []string `json:"roles" doc:"Who has it."`
}

type passwords struct {
	Client
	Body struct {
		Current  string `json:"current" secret:"true" writeOnly:"true" format:"password" maxLength:"1024" doc:"The password as it is."`
		Password string `json:"password" secret:"true" writeOnly:"true" format:"password" maxLength:"1024" doc:"The new one, of 12 characters at least."`
	}
}

func registerMe(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "get-me", Method: "GET", Path: "/api/v1/me", Tag: "me", Permission: auth.SelfRead, Summary: "Who one is, and may do what",
	}, func(ctx context.Context, _ *struct{}) (*rest.Item[Me], error) {
		me, err := d.me(auth.From(ctx))
		if err != nil {
			return nil, err
		}
		return rest.One(me, 0), nil
	})
	rest.Register(a, rest.Operation{
		ID: "change-password", Method: "PUT", Path: "/api/v1/me/password", Tag: "me", Permission: auth.SelfWrite, Audit: "user.password",
		Summary: "Change one's own password", Errors: []problem.Code{problem.BadCredentials, problem.LockedOut, problem.NotFound},
		Description: "All other sessions of the account end. Wrong passwords are counted as those of sign-in are.",
	}, func(ctx context.Context, in *passwords) (*rest.Nothing, error) {
		actor := auth.From(ctx)
		object(ctx, "user", actor.Name)
		return &rest.Nothing{}, d.Auth.ChangePassword(ctx, actor, in.source(), in.Body.Current, in.Body.Password)
	})
	rest.Register(a, rest.Operation{
		ID: "list-permissions", Method: "GET", Path: "/api/v1/permissions", Tag: "permission", Permission: auth.SelfRead, Summary: "All permissions, and which roles have them",
		Errors: []problem.Code{problem.BadCursor},
	}, func(_ context.Context, in *struct{ rest.Page }) (*rest.List[Permission], error) {
		field, down, err := in.By("name")
		if err != nil {
			return nil, err
		}
		return rest.Cut(a.Cursor, in.Page, "permissions "+field, turned(permissions(), down), down, func(p *Permission) string { return p.Name })
	})
}

func (d Deps) me(actor *auth.Actor) (Me, error) {
	me := Me{Name: actor.Name, Role: string(actor.Role), Door: actor.Door, SessionID: actor.Session, TokenID: actor.Token, Permissions: []string{}}
	for _, g := range auth.Permissions() {
		if g.Permission != auth.Open && actor.May(g.Permission) {
			me.Permissions = append(me.Permissions, string(g.Permission))
		}
	}
	slices.Sort(me.Permissions)
	if actor.Name == auth.LocalName {
		return me, nil
	}
	u, err := d.Auth.Account(actor.Name)
	if err != nil {
		return me, err
	}
	me.PasswordChangedAt = optional(u.PasswordChanged)
	return me, nil
}

func permissions() []Permission {
	var all []Permission
	for _, g := range auth.Permissions() {
		if g.Permission == auth.Open {
			continue
		}
		p := Permission{Name: string(g.Permission), Text: g.Text}
		for _, r := range g.Roles {
			p.Roles = append(p.Roles, string(r))
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(x, y Permission) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return all
}
