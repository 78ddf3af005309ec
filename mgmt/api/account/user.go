package account

import (
	"context"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// User is an account.
type User struct {
	Name              string    `json:"name" doc:"Lower case letters, digits, dots, dashes and underscores." example:"alice"`
	Role              string    `json:"role" enum:"viewer,operator,policy-admin,admin" doc:"What the account may do."`
	Disabled          bool      `json:"disabled" doc:"Whether it is kept out: its sessions and tokens too."`
	Description       string    `json:"description" doc:"Who it is."`
	CreatedAt         time.Time `json:"created_at"`
	PasswordChangedAt time.Time `json:"password_changed_at"`
}

// UserDraft is what an account is to be.
type UserDraft struct {
	Name        string `json:"name,omitempty" maxLength:"64" doc:"The same as in the path, if it is there."`
	Role        string `json:"role" enum:"viewer,operator,policy-admin,admin" doc:"What the account may do."`
	Disabled    bool   `json:"disabled,omitempty" doc:"Whether it is kept out: its sessions and tokens too."`
	Description string `json:"description,omitempty" maxLength:"256" doc:"Who it is; one line."`
	Password    string `json:"password,omitempty" secret:"true" writeOnly:"true" format:"password" maxLength:"1024" doc:"A new password, of 12 characters at least; it ends the account's sessions. Without it the password stays as it is."`
}

// UserName is embedded in inputs about one account.
type UserName struct {
	Name string `path:"name" maxLength:"64" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"The account's name." example:"alice"`
}

type putUser struct {
	UserName
	rest.Precondition
	rest.DryRun
	Body UserDraft
}

type deleteUser struct {
	UserName
	rest.Precondition
	rest.DryRun
}

func userOf(a *auth.Account) User {
	return User{a.Name, string(a.Role), a.Disabled, a.Description, a.Created, a.PasswordChanged}
}

func registerUsers(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "list-users", Method: "GET", Path: "/api/v1/users", Tag: "user", Permission: auth.UserRead, Summary: "All accounts",
		Errors: []problem.Code{problem.BadCursor},
	}, func(_ context.Context, in *struct{ rest.Page }) (*rest.List[User], error) {
		field, down, err := in.By("name")
		if err != nil {
			return nil, err
		}
		accounts, err := d.Auth.Accounts()
		if err != nil {
			return nil, err
		}
		all := make([]User, 0, len(accounts))
		for i := range accounts {
			all = append(all, userOf(&accounts[i]))
		}
		return rest.Cut(a.Cursor, in.Page, "users "+field, turned(all, down), down, func(u *User) string { return u.Name })
	})
	rest.Register(a, rest.Operation{
		ID: "get-user", Method: "GET", Path: "/api/v1/users/{name}", Tag: "user", Permission: auth.UserRead, Summary: "One account",
		Errors: []problem.Code{problem.NotFound},
	}, func(_ context.Context, in *UserName) (*rest.Item[User], error) {
		u, err := d.Auth.Account(in.Name)
		if err != nil {
			return nil, err
		}
		return rest.One(userOf(&u), u.Version), nil
	})
	rest.Register(a, rest.Operation{
		ID: "put-user", Method: "PUT", Path: "/api/v1/users/{name}", Tag: "user", Permission: auth.UserWrite, Audit: "user.put",
		Summary: "Create or replace an account", Errors: []problem.Code{problem.LastAdmin, problem.LimitReached, problem.PreconditionFailed, problem.PreconditionRequired},
		Description: "Another role, or being disabled, counts from the next request of the account on. A new password ends its sessions; its tokens stay.",
	}, func(ctx context.Context, in *putUser) (*rest.Item[User], error) { return d.putUser(ctx, in) })
	rest.Register(a, rest.Operation{
		ID: "delete-user", Method: "DELETE", Path: "/api/v1/users/{name}", Tag: "user", Permission: auth.UserWrite, Audit: "user.delete",
		Summary: "Delete an account, its sessions and its tokens", Errors: []problem.Code{problem.LastAdmin, problem.PreconditionFailed, problem.PreconditionRequired},
	}, func(ctx context.Context, in *deleteUser) (*rest.Nothing, error) {
		object(ctx, "user", in.Name)
		was, err := d.Auth.DeleteAccount(ctx, in.Name, in.Check, in.DryRun.DryRun)
		if was != nil {
			audit.Before(ctx, userOf(was))
		}
		return &rest.Nothing{}, err
	})
}

func (d Deps) putUser(ctx context.Context, in *putUser) (*rest.Item[User], error) {
	object(ctx, "user", in.Name)
	if in.Body.Name != "" && in.Body.Name != in.Name {
		return nil, problem.New(problem.Invalid, "An account cannot be renamed.").At("body/name", "is not the name in the path")
	}
	draft := auth.Draft{Role: auth.Role(in.Body.Role), Disabled: in.Body.Disabled, Description: in.Body.Description, Password: in.Body.Password}
	was, is, err := d.Auth.PutAccount(ctx, in.Name, draft, in.Check, in.DryRun.DryRun)
	if was != nil {
		audit.Before(ctx, userOf(was))
	}
	if err != nil {
		return nil, err
	}
	audit.After(ctx, struct {
		User
		PasswordSet bool `json:"password_set"`
	}{userOf(&is), in.Body.Password != ""})
	item := rest.One(userOf(&is), is.Version)
	if was == nil {
		item.Created("/api/v1/users/" + in.Name)
	}
	return item, nil
}

// turned is a list in the other order, if that is wanted.
func turned[T any](all []T, down bool) []T {
	if down {
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
	}
	return all
}
