package auth

import (
	"context"
	"net/netip"
)

// The doors through which requests come.
const (
	DoorWeb    = "web"    // a session, by cookie
	DoorToken  = "token"  // a bearer token
	DoorSocket = "socket" // the unix socket, by the kernel's word on who is at its other end
)

// LocalName is the actor of the unix socket.
const LocalName = "root@local"

// Actor is who a request comes from. It is not changed after it was made.
type Actor struct {
	Name    string
	Role    Role
	Door    string
	Address netip.Addr // the zero one on the unix socket
	Session string     // id of the session, no secret
	Token   string     // id of the token, no secret
}

// May says whether the actor may do it. Nobody (nil) may do what is Open.
func (a *Actor) May(p Permission) bool {
	if a == nil {
		return p == Open
	}
	return a.Role.May(p)
}

type actorKey struct{}

// With gives a context that knows who acts.
func With(ctx context.Context, a *Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// From is who acts; nil for nobody.
func From(ctx context.Context) *Actor {
	a, _ := ctx.Value(actorKey{}).(*Actor)
	return a
}
