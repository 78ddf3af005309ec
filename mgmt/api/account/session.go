package account

import (
	"context"
	"net/http"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Session is somebody signed in.
type Session struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	Current   bool      `json:"current" doc:"Whether it is the session of this request."`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
	ExpiresAt time.Time `json:"expires_at" doc:"At the latest; it ends earlier when it is not used for half an hour."`
	Address   string    `json:"address" doc:"From which it was used last."`
	Agent     string    `json:"agent" doc:"What the browser calls itself."`
}

type signIn struct {
	Client
	Body struct {
		Name     string `json:"name" maxLength:"64" example:"alice"`
		Password string `json:"password" secret:"true" writeOnly:"true" format:"password" maxLength:"1024"`
	}
}

// signedIn has the secret in its cookie, and nowhere else.
type signedIn struct {
	SetCookie http.Cookie `header:"Set-Cookie" doc:"The session: __Host-fcr, for browsers alone."`
	Location  string      `header:"Location" doc:"Where the session is."`
	Body      Session
}

type signedOut struct {
	SetCookie string `header:"Set-Cookie" doc:"Takes the session's cookie away, if the session was this one."`
}

type listSessions struct {
	rest.Page
	User string `query:"user" maxLength:"64" doc:"Only this account's; * is everybody's. Without it one's own."`
}

type endSession struct {
	ID string `path:"id" maxLength:"64" pattern:"^[a-z0-9]+$" doc:"The session's id; current is that of this request."`
	rest.DryRun
}

type endSessions struct {
	User string `query:"user" maxLength:"64" doc:"Whose; without it one's own."`
	rest.DryRun
}

func registerSessions(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "create-session", Method: "POST", Path: "/api/v1/sessions", Tag: "session", Permission: auth.Open, Audit: "session.create", Status: 201, Secret: true,
		Summary: "Sign in", Errors: []problem.Code{problem.BadCredentials, problem.LockedOut},
		Description: lines("For browsers: the session's secret comes as a cookie. Programs use tokens.",
			"After some failed attempts an account, or a network, waits; Retry-After says how long. The wait ends by itself, and whoever signs in from where the account was used before does not feel what strangers try."),
	}, d.signIn)
	rest.Register(a, rest.Operation{
		ID: "list-sessions", Method: "GET", Path: "/api/v1/sessions", Tag: "session", Permission: auth.SelfRead, Summary: "Who is signed in",
		Errors: []problem.Code{problem.BadCursor}, Description: "One's own sessions, the newest first; those of others need session.read.",
	}, func(ctx context.Context, in *listSessions) (*rest.List[Session], error) {
		field, down, err := in.By("-created_at")
		if err != nil {
			return nil, err
		}
		actor := auth.From(ctx)
		whose, err := whose(actor, in.User, auth.SessionRead)
		if err != nil {
			return nil, err
		}
		down = down || in.Sort == ""
		all := []Session{}
		for _, s := range d.Auth.Sessions(whose) {
			all = append(all, sessionOf(&s, actor))
		}
		return rest.Cut(a.Cursor, in.Page, "sessions "+whose+" "+field, turned(all, !down), down, func(s *Session) string { return key(s.CreatedAt, s.ID) })
	})
	rest.Register(a, rest.Operation{
		ID: "delete-session", Method: "DELETE", Path: "/api/v1/sessions/{id}", Tag: "session", Permission: auth.SelfWrite, Audit: "session.delete",
		Summary: "Sign out, or end another session", Description: "One's own; those of others need session.write.",
	}, d.endSession)
	rest.Register(a, rest.Operation{
		ID: "delete-sessions", Method: "DELETE", Path: "/api/v1/sessions", Tag: "session", Permission: auth.SelfWrite, Audit: "session.delete",
		Summary: "End all sessions but this one", Description: "One's own; those of others need session.write.",
	}, func(ctx context.Context, in *endSessions) (*rest.Nothing, error) {
		actor := auth.From(ctx)
		whose, err := whose(actor, in.User, auth.SessionWrite)
		if err != nil {
			return nil, err
		}
		if whose == "" {
			return nil, problem.New(problem.Invalid, "Sessions are ended by account.").At("query/user", "must be one account")
		}
		object(ctx, "session", whose+"/*")
		if !in.DryRun.DryRun {
			d.Auth.EndOthers(ctx, whose, actor.Session)
		}
		return &rest.Nothing{}, nil
	})
}

// whose is the account that a list is about: empty for all of them.
func whose(actor *auth.Actor, asked string, others auth.Permission) (string, error) {
	switch {
	case asked == "" || asked == actor.Name:
		return actor.Name, nil
	case !actor.May(others):
		return "", problem.New(problem.Forbidden, "Those of others need the permission %s.", others)
	case asked == "*":
		return "", nil
	}
	return asked, nil
}

func sessionOf(s *auth.Session, actor *auth.Actor) Session {
	return Session{s.ID, s.User, actor != nil && s.ID == actor.Session, s.Created, s.Used, s.Expires, text(s.Address), s.Agent}
}

func (d Deps) signIn(ctx context.Context, in *signIn) (*signedIn, error) {
	entry := audit.From(ctx)
	entry.As(event.SignIn, event.SignInFailed)
	entry.Claims(d.Auth.Claimed(in.Body.Name), auth.DoorWeb)
	s, cookie, err := d.Auth.SignIn(ctx, in.Body.Name, in.Body.Password, in.source())
	if err != nil {
		return nil, err
	}
	object(ctx, "session", s.ID)
	out := &signedIn{SetCookie: *cookie, Location: "/api/v1/sessions/" + s.ID, Body: sessionOf(&s, nil)}
	out.Body.Current = true
	return out, nil
}

func (d Deps) endSession(ctx context.Context, in *endSession) (*signedOut, error) {
	actor := auth.From(ctx)
	id := in.ID
	if id == "current" {
		id = actor.Session
	}
	object(ctx, "session", id)
	owner := actor.Name
	if actor.May(auth.SessionWrite) {
		owner = ""
	}
	out := &signedOut{}
	if in.DryRun.DryRun || id == "" {
		return out, nil
	}
	was, err := d.Auth.EndSession(ctx, id, owner)
	if was != nil {
		audit.Before(ctx, sessionOf(was, actor))
	}
	if was != nil && was.ID == actor.Session {
		audit.From(ctx).As(event.SignOut, 0)
		out.SetCookie = auth.NoCookie().String()
	}
	return out, err
}
