package auth

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// tokenPrefix marks our tokens, so that scanners of secrets find them where they do not belong.
const tokenPrefix = "fcr_"

// Token is a way in for programs.
type Token struct {
	ID        string
	Name      string
	Owner     string
	Role      Role
	Created   time.Time
	Expires   time.Time // zero: never
	Addresses []netip.Prefix
	Used      time.Time // zero: never
	UsedFrom  netip.Addr
	Version   uint64
}

// TokenDraft is what a new token is to be.
type TokenDraft struct {
	Name      string
	Owner     string // empty: who makes it
	Role      Role   // empty: the maker's
	Expires   time.Time
	Never     bool // it does not expire
	Addresses []netip.Prefix
}

// tokenRecord is a token as it is kept.
type tokenRecord struct {
	Name      string         `json:"name"`
	Owner     string         `json:"owner"`
	OwnerID   string         `json:"owner_id"`
	Role      Role           `json:"role"`
	Digest    string         `json:"digest" secret:"true"`
	Created   time.Time      `json:"created"`
	Expires   time.Time      `json:"expires,omitzero"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

// use is when and from where a token was used last. The Service's lock guards it.
type use struct {
	At      time.Time  `json:"at"`
	Address netip.Addr `json:"address"`
	dirty   bool
}

// localID is the owner of tokens that were made over the unix socket.
const localID = LocalName

func (r *tokenRecord) expired(now time.Time) bool {
	return !r.Expires.IsZero() && !now.Before(r.Expires)
}

// allows says whether the token may be used from an address. The unix socket counts as the loopback.
func (r *tokenRecord) allows(a netip.Addr) bool {
	if len(r.Addresses) == 0 {
		return true
	}
	if !a.IsValid() {
		return r.allows(netip.AddrFrom4([4]byte{127, 0, 0, 1})) || r.allows(netip.IPv6Loopback())
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(r.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
}

// owner is the role that the token's owner has; none if the owner may not come in.
func (r *tokenRecord) owner(from reader) (Role, error) {
	if r.OwnerID == localID {
		return Admin, nil
	}
	u, _, err := user(from, r.Owner)
	if err != nil || u == nil || u.ID != r.OwnerID || u.Disabled {
		return "", err
	}
	return u.Role, nil
}

// CreateToken makes a token. The text is the only time that it is told. With try nothing is made.
func (s *Service) CreateToken(ctx context.Context, a *Actor, d TokenDraft, try bool) (Token, string, error) {
	now := s.clock.now()
	if d.Role == "" {
		d.Role = a.Role
	}
	if d.Owner == "" {
		d.Owner = a.Name
	}
	if err := d.check(a, now); err != nil {
		return Token{}, "", err
	}
	c := newCredential()
	kept := tokenRecord{
		Name: d.Name, Owner: d.Owner, Role: d.Role, Digest: c.digest(), Created: now, Expires: d.Expires.UTC(), Addresses: d.Addresses,
	}
	if d.Never {
		kept.Expires = time.Time{}
	}
	err := s.updateLocal(ctx, func(t *settings.Tx) error {
		if err := s.inherit(t, a, &kept); err != nil {
			return err
		}
		if err := kept.adopt(t); err != nil {
			return err
		}
		if try {
			return errTry
		}
		t.Put(kindToken, c.id, kept)
		return nil
	})
	if err == errTry {
		return kept.token("", 0, nil), "", nil
	}
	if err != nil {
		return Token{}, "", err
	}
	made, err := s.Token(c.id)
	return made, tokenPrefix + c.String(), err
}

// check says what is wrong with a draft, and completes it.
func (d *TokenDraft) check(a *Actor, now time.Time) error {
	p := problem.New(problem.Invalid, "The token cannot be so.")
	if d.Name == "" || !isLine(d.Name, MaxName) {
		p.At("body/name", "is one line of 1 to %d bytes", MaxName)
	}
	if !d.Role.Valid() {
		p.At("body/role", "is one of viewer, operator, policy-admin, admin")
	}
	switch {
	case d.Never && !d.Expires.IsZero():
		p.At("body/never_expires", "contradicts expires_at")
	case d.Never:
	case d.Expires.IsZero():
		d.Expires = now.Add(TokenLife)
	case !d.Expires.After(now):
		p.At("body/expires_at", "is past")
	case d.Expires.After(now.Add(MaxTokenLife)):
		p.At("body/expires_at", "is more than a year away")
	}
	if len(d.Addresses) > MaxAddresses {
		p.At("body/addresses", "has more than %d networks", MaxAddresses)
	}
	for i, prefix := range d.Addresses {
		if !prefix.IsValid() || prefix.Masked() != prefix || prefix.Addr().Is4In6() {
			p.At("body/addresses", "has a network that is none: want an address and a length, with no bits behind the length")
			break
		}
		d.Addresses[i] = prefix
	}
	if len(p.Fields) > 0 {
		return p
	}
	if !a.Role.Includes(d.Role) {
		return problem.New(problem.Forbidden, "Nobody gives away more than they have.").At("body/role", "is above your own")
	}
	if d.Never && !a.May(TokenWrite) {
		return problem.New(problem.Forbidden, "Only administrators make tokens that do not expire.").At("body/never_expires", "needs the permission %s", TokenWrite)
	}
	if d.Owner != a.Name && !a.May(TokenWrite) {
		return problem.New(problem.Forbidden, "Only administrators make tokens for others.").At("body/owner", "needs the permission %s", TokenWrite)
	}
	return nil
}

// inherit holds what a token makes to the token's own bounds: who stole one must not make it last, or leave its networks.
// An administrator's token could make an account instead, so it is not bound.
func (s *Service) inherit(t *settings.Tx, a *Actor, made *tokenRecord) error {
	if a.Token == "" || a.May(TokenWrite) {
		return nil
	}
	mine, _, err := token(t, a.Token)
	if err != nil {
		return err
	}
	if mine == nil {
		return problem.New(problem.Unauthenticated, "The token was revoked.")
	}
	if !mine.Expires.IsZero() && made.Expires.After(mine.Expires) {
		made.Expires = mine.Expires
	}
	if len(mine.Addresses) == 0 {
		return nil
	}
	if len(made.Addresses) == 0 {
		made.Addresses = mine.Addresses
		return nil
	}
	for _, p := range made.Addresses {
		within := func(of netip.Prefix) bool { return of.Bits() <= p.Bits() && of.Contains(p.Addr()) }
		if !slices.ContainsFunc(mine.Addresses, within) {
			return problem.New(problem.Forbidden, "A token makes no token for other networks than its own.").At("body/addresses", "has another network")
		}
	}
	return nil
}

// adopt finds the owner and counts his tokens.
func (r *tokenRecord) adopt(t *settings.Tx) error {
	if r.Owner == LocalName {
		r.OwnerID = localID
	} else {
		u, _, err := user(t, r.Owner)
		switch {
		case err != nil:
			return err
		case u == nil || u.Disabled:
			return problem.New(problem.Invalid, "The owner has no account that may sign in.").At("body/owner", "is no account, or is disabled")
		case !u.Role.Includes(r.Role):
			return problem.New(problem.Invalid, "A token is not above its owner.").At("body/role", "is above the owner's")
		}
		r.OwnerID = u.ID
	}
	all := t.List(kindToken)
	if len(all) >= MaxTokens {
		return problem.New(problem.LimitReached, "There are %d tokens.", MaxTokens)
	}
	his := 0
	for _, other := range all {
		var o tokenRecord
		if err := other.Decode(&o); err != nil {
			return err
		}
		if o.OwnerID != r.OwnerID {
			continue
		}
		if his++; o.Name == r.Name {
			return problem.New(problem.AlreadyExists, "The owner has a token of that name.").At("body/name", "is taken")
		}
	}
	if his >= maxOfOwner {
		return problem.New(problem.LimitReached, "The owner has %d tokens.", maxOfOwner)
	}
	return nil
}

// token finds one; nil if there is none.
func token(from reader, id string) (*tokenRecord, uint64, error) {
	r, ok := from.Get(kindToken, id)
	if !ok {
		return nil, 0, nil
	}
	kept := &tokenRecord{}
	if err := r.Decode(kept); err != nil {
		return nil, 0, err
	}
	return kept, r.Version, nil
}

func (r *tokenRecord) token(id string, version uint64, u *use) Token {
	t := Token{ID: id, Name: r.Name, Owner: r.Owner, Role: r.Role, Created: r.Created, Expires: r.Expires, Addresses: r.Addresses, Version: version}
	if u != nil {
		t.Used, t.UsedFrom = u.At, u.Address
	}
	return t
}

// Token finds one.
func (s *Service) Token(id string) (Token, error) {
	kept, version, err := token(s.settings, id)
	if err == nil && kept == nil {
		err = problem.New(problem.NotFound, "There is no such token.")
	}
	if err != nil {
		return Token{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return kept.token(id, version, s.uses[id]), nil
}

// Tokens gives those of an owner, or all, by owner and name.
func (s *Service) Tokens(owner string) ([]Token, error) {
	var list []Token
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.settings.List(kindToken) {
		var kept tokenRecord
		if err := r.Decode(&kept); err != nil {
			return nil, err
		}
		if owner == "" || kept.Owner == owner {
			list = append(list, kept.token(r.Name, r.Version, s.uses[r.Name]))
		}
	}
	slices.SortFunc(list, func(a, b Token) int {
		return cmp.Or(strings.Compare(a.Owner, b.Owner), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// RevokeToken ends a token: one of an owner, or anybody's if owner is empty. It gives what was; nil if there was none. It
// works without a database, for it may be urgent.
func (s *Service) RevokeToken(ctx context.Context, id, owner string, try bool) (was *Token, err error) {
	err = s.updateLocal(ctx, func(t *settings.Tx) error {
		was = nil
		kept, version, err := token(t, id)
		if err != nil || kept == nil || owner != "" && kept.Owner != owner {
			return err
		}
		s.mu.Lock()
		one := kept.token(id, version, s.uses[id])
		s.mu.Unlock()
		if was = &one; try {
			return errTry
		}
		t.Delete(kindToken, id)
		t.Delete(kindUse, id)
		return nil
	})
	if err == errTry {
		return was, nil
	}
	if err == nil && was != nil {
		s.mu.Lock()
		delete(s.uses, id)
		s.mu.Unlock()
	}
	return was, err
}

// deleteTokens revokes all of an owner.
func deleteTokens(t *settings.Tx, ownerID string) error {
	for _, r := range t.List(kindToken) {
		var kept tokenRecord
		if err := r.Decode(&kept); err != nil {
			return err
		}
		if kept.OwnerID == ownerID {
			t.Delete(kindToken, r.Name)
			t.Delete(kindUse, r.Name)
		}
	}
	return nil
}

// changedUses are last uses to be written. The lock is held.
func (s *Service) changedUses() map[string]use {
	write := map[string]use{}
	for id, u := range s.uses {
		if u.dirty {
			u.dirty = false
			write[id] = *u
		}
		if _, there := s.settings.Get(kindToken, id); !there {
			delete(s.uses, id)
		}
	}
	return write
}
