package account

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Token is a way in for programs, without its secret.
type Token struct {
	ID        string     `json:"id"`
	Name      string     `json:"name" doc:"What it is for." example:"ansible"`
	Owner     string     `json:"owner" doc:"The account that it belongs to: what the account may not, the token may not either."`
	Role      string     `json:"role" enum:"viewer,operator,policy-admin,admin"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: never."`
	Addresses []string   `json:"addresses" doc:"The networks that it may be used from; none: any." example:"[\"10.0.0.0/8\"]"`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"When it was used last. Absent: never."`
	UsedFrom  string     `json:"used_from,omitempty" doc:"From where it was used last."`
}

// NewToken is a token with its secret.
type NewToken struct {
	Token
	Secret string `json:"token,omitempty" secret:"true" readOnly:"true" doc:"What to send as Authorization: Bearer. It is shown this once." example:"fcr_..."`
}

// TokenDraft is what a new token is to be.
type TokenDraft struct {
	Name         string     `json:"name" minLength:"1" maxLength:"64" doc:"What it is for; one line. An owner has one of a name." example:"ansible"`
	Owner        string     `json:"owner,omitempty" maxLength:"64" doc:"Whose it is; without it one's own. Another's needs token.write."`
	Role         string     `json:"role,omitempty" enum:"viewer,operator,policy-admin,admin" doc:"Not above one's own, which it is without this."`
	ExpiresAt    *time.Time `json:"expires_at,omitempty" doc:"Not more than a year away; 90 days without this."`
	NeverExpires bool       `json:"never_expires,omitempty" doc:"Needs token.write."`
	Addresses    []string   `json:"addresses,omitempty" maxItems:"32" doc:"Networks or addresses that it may be used from; without them any."`
}

type createToken struct {
	rest.DryRun
	Body TokenDraft
}

type listTokens struct {
	rest.Page
	Owner string `query:"owner" maxLength:"64" doc:"Only this account's; * is everybody's. Without it one's own."`
}

// TokenID is embedded in inputs about one token.
type TokenID struct {
	ID string `path:"id" maxLength:"64" pattern:"^[a-z0-9]+$" doc:"The token's id."`
}

type deleteToken struct {
	TokenID
	rest.DryRun
}

func registerTokens(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "list-tokens", Method: "GET", Path: "/api/v1/tokens", Tag: "token", Permission: auth.SelfRead, Summary: "Tokens, without their secrets",
		Errors: []problem.Code{problem.BadCursor}, Description: "One's own; those of others need token.read.",
	}, func(ctx context.Context, in *listTokens) (*rest.List[Token], error) {
		field, down, err := in.By("name")
		if err != nil {
			return nil, err
		}
		owner, err := whose(auth.From(ctx), in.Owner, auth.TokenRead)
		if err != nil {
			return nil, err
		}
		tokens, err := d.Auth.Tokens(owner)
		if err != nil {
			return nil, err
		}
		all := []Token{}
		for i := range tokens {
			all = append(all, tokenOf(&tokens[i]))
		}
		return rest.Cut(a.Cursor, in.Page, "tokens "+owner+" "+field, turned(all, down), down, func(t *Token) string { return t.Owner + "\x00" + t.Name + "\x00" + t.ID })
	})
	rest.Register(a, rest.Operation{
		ID: "get-token", Method: "GET", Path: "/api/v1/tokens/{id}", Tag: "token", Permission: auth.SelfRead, Summary: "One token, without its secret",
		Errors: []problem.Code{problem.NotFound}, Description: "One's own; those of others need token.read.",
	}, func(ctx context.Context, in *TokenID) (*rest.Item[Token], error) {
		t, err := d.Auth.Token(in.ID)
		if err != nil {
			return nil, err
		}
		if actor := auth.From(ctx); t.Owner != actor.Name && !actor.May(auth.TokenRead) {
			return nil, problem.New(problem.NotFound, "There is no such token.")
		}
		return rest.One(tokenOf(&t), t.Version), nil
	})
	rest.Register(a, rest.Operation{
		ID: "create-token", Method: "POST", Path: "/api/v1/tokens", Tag: "token", Permission: auth.SelfToken, Audit: "token.create", Status: 201, Secret: true,
		Summary: "Make a token", Errors: []problem.Code{problem.AlreadyExists, problem.LimitReached},
		Description: lines("The answer has the token's text; it is not shown again.", "A token that makes another one gives it no longer life and no other networks than its own, unless it is an administrator's."),
	}, d.createToken)
	rest.Register(a, rest.Operation{
		ID: "delete-token", Method: "DELETE", Path: "/api/v1/tokens/{id}", Tag: "token", Permission: auth.SelfToken, Audit: "token.delete",
		Summary: "Revoke a token", Description: "One's own; those of others need token.write. It counts from the next request on, and needs no database.",
	}, func(ctx context.Context, in *deleteToken) (*rest.Nothing, error) {
		object(ctx, "token", in.ID)
		actor := auth.From(ctx)
		owner := actor.Name
		if actor.May(auth.TokenWrite) {
			owner = ""
		}
		was, err := d.Auth.RevokeToken(ctx, in.ID, owner, in.DryRun.DryRun)
		if was != nil {
			audit.Before(ctx, tokenOf(was))
		}
		return &rest.Nothing{}, err
	})
}

func tokenOf(t *auth.Token) Token {
	out := Token{
		ID: t.ID, Name: t.Name, Owner: t.Owner, Role: string(t.Role), CreatedAt: t.Created, ExpiresAt: optional(t.Expires), Addresses: []string{},
		UsedAt: optional(t.Used), UsedFrom: text(t.UsedFrom),
	}
	for _, p := range t.Addresses {
		out.Addresses = append(out.Addresses, p.String())
	}
	return out
}

func (d Deps) createToken(ctx context.Context, in *createToken) (*rest.Item[NewToken], error) {
	networks, err := networks(in.Body.Addresses)
	if err != nil {
		return nil, err
	}
	draft := auth.TokenDraft{Name: in.Body.Name, Owner: in.Body.Owner, Role: auth.Role(in.Body.Role), Never: in.Body.NeverExpires, Addresses: networks}
	if in.Body.ExpiresAt != nil {
		draft.Expires = *in.Body.ExpiresAt
	}
	t, secret, err := d.Auth.CreateToken(ctx, auth.From(ctx), draft, in.DryRun.DryRun)
	if err != nil {
		return nil, err
	}
	object(ctx, "token", t.ID)
	audit.After(ctx, tokenOf(&t))
	item := rest.One(NewToken{tokenOf(&t), secret}, t.Version)
	if t.ID == "" {
		return item, nil // only tried
	}
	return item.Created("/api/v1/tokens/" + t.ID), nil
}

// networks reads networks, and addresses as networks of one.
func networks(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for i, s := range texts {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, aErr := netip.ParseAddr(s)
			if aErr != nil || a.Zone() != "" {
				return nil, problem.New(problem.Invalid, "The token cannot be so.").At("body/addresses/"+strconv.Itoa(i), "is no network (10.0.0.0/8) and no address")
			}
			a = a.Unmap()
			p = netip.PrefixFrom(a, a.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}
