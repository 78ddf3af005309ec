package auth

import (
	"net/http"
	"net/netip"
	"strings"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Authenticate says who makes a request; nil for nobody, who shows no credentials. A token goes before the unix socket,
// so that one can be tried there, and both before a cookie. It tells the request's audit entry, if there is one.
func (s *Service) Authenticate(r *http.Request) (*Actor, error) {
	entry := audit.From(r.Context())
	a, err := s.authenticate(r, entry)
	if err == nil && a != nil {
		entry.By(a.Name, string(a.Role), a.Door)
	}
	if err == nil && a == nil && !s.Installed() {
		return nil, notInstalled()
	}
	return a, err
}

func (s *Service) authenticate(r *http.Request, entry *audit.Entry) (*Actor, error) {
	if header := r.Header.Values("Authorization"); len(header) > 0 {
		entry.Claims("nobody", DoorToken)
		if len(header) > 1 {
			return nil, problem.New(problem.Unauthenticated, "There is more than one Authorization header.")
		}
		return s.byToken(header[0], AddressOf(r), entry)
	}
	if a := s.local(r); a != nil {
		return a, nil
	}
	value, ok := sessionCookie(r)
	if !ok {
		return nil, nil
	}
	entry.Claims("nobody", DoorWeb)
	return s.byCookie(value, AddressOf(r), entry)
}

// local is who comes by the unix socket; nil if the kernel does not say that it is root or ourselves.
func (s *Service) local(r *http.Request) *Actor {
	if !s.IsLocal(r.Context()) {
		return nil
	}
	return &Actor{Name: LocalName, Role: Admin, Door: DoorSocket}
}

// AddressOf is where a request comes from; the zero one on the unix socket. Headers say nothing about it: anybody sets
// them.
func AddressOf(r *http.Request) netip.Addr {
	if _, ok := peerOf(r.Context()); ok {
		return netip.Addr{}
	}
	return ParseAddress(r.RemoteAddr)
}

// ParseAddress reads the address of a connection as net/http writes it; the zero one if it has none.
func ParseAddress(remote string) netip.Addr {
	p, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr().Unmap().WithZone("")
}

// sessionCookie finds the session's cookie. Two of them are one too many: somebody has planted one.
func sessionCookie(r *http.Request) (string, bool) {
	found := r.CookiesNamed(CookieName)
	switch len(found) {
	case 0:
		return "", false
	case 1:
		return found[0].Value, true
	}
	return "", true
}

const (
	errNoToken  = "The token is not valid."
	errNoCookie = "The session's cookie is not valid."
)

func (s *Service) byToken(header string, from netip.Addr, entry *audit.Entry) (*Actor, error) {
	scheme, text, _ := strings.Cut(header, " ")
	text, ours := strings.CutPrefix(strings.TrimSpace(text), tokenPrefix)
	if !strings.EqualFold(scheme, "Bearer") || !ours {
		return nil, problem.New(problem.Unauthenticated, "The Authorization header has no token of ours.")
	}
	c, ok := parseCredential(text)
	if !ok {
		return nil, problem.New(problem.Unauthenticated, errNoToken)
	}
	kept, _, err := token(s.settings, c.id)
	if err != nil {
		return nil, err
	}
	if kept == nil || !c.is(kept.Digest) {
		return nil, problem.New(problem.Unauthenticated, errNoToken)
	}
	entry.Claims(kept.Owner, DoorToken)
	a, err := s.tokenActor(c.id, kept, from)
	if err != nil {
		if !kept.allows(from) {
			entry.As(0, event.TokenMisused)
		}
		return nil, err
	}
	s.used(c.id, from)
	return a, nil
}

// tokenActor is who comes with a token whose secret was right.
func (s *Service) tokenActor(id string, kept *tokenRecord, from netip.Addr) (*Actor, error) {
	if !kept.allows(from) { // who has it from elsewhere learns nothing about it
		return nil, problem.New(problem.Unauthenticated, errNoToken)
	}
	if kept.expired(s.clock.now()) {
		return nil, problem.New(problem.SessionExpired, "The token has expired.")
	}
	role, err := kept.owner(s.settings)
	if err != nil {
		return nil, err
	}
	if role = kept.Role.Meet(role); role == "" {
		return nil, problem.New(problem.Unauthenticated, errNoToken)
	}
	return &Actor{Name: kept.Owner, Role: role, Door: DoorToken, Address: from, Token: id}, nil
}

func (s *Service) used(id string, from netip.Addr) {
	now := s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uses[id]
	if u == nil {
		u = &use{}
		s.uses[id] = u
	}
	u.At, u.Address, u.dirty = now, from, true
}

func (s *Service) byCookie(value string, from netip.Addr, entry *audit.Entry) (*Actor, error) {
	c, ok := parseCredential(value)
	if !ok {
		return nil, problem.New(problem.Unauthenticated, errNoCookie)
	}
	at, now := s.clock.Elapsed(), s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[c.id]
	if one == nil || !c.is(one.record.Digest) {
		return nil, problem.New(problem.SessionExpired, "")
	}
	entry.Claims(one.record.User, DoorWeb)
	a, err := s.sessionActor(one, from)
	if err != nil {
		return nil, err
	}
	one.used, one.record.Used, one.record.Address, one.dirty = at, now, from, true
	return a, nil
}

// sessionActor is who has a session. The lock is held.
func (s *Service) sessionActor(one *session, from netip.Addr) (*Actor, error) {
	if one.ended(s.clock.Elapsed()) {
		return nil, problem.New(problem.SessionExpired, "")
	}
	u, _, err := user(s.settings, one.record.User)
	if err != nil {
		return nil, err
	}
	if !one.of(u) {
		return nil, problem.New(problem.SessionExpired, "")
	}
	return &Actor{Name: one.record.User, Role: u.Role, Door: DoorWeb, Address: from, Session: one.id}, nil
}

// Recheck is the actor as of now, for what lasts longer than a request: the role may be another one, and the session or
// the token may have ended. It does not count as use.
func (s *Service) Recheck(a *Actor) (*Actor, error) {
	switch {
	case a.Session != "":
		s.mu.Lock()
		defer s.mu.Unlock()
		if one := s.sessions[a.Session]; one != nil {
			return s.sessionActor(one, a.Address)
		}
		return nil, problem.New(problem.SessionExpired, "")
	case a.Token != "":
		kept, _, err := token(s.settings, a.Token)
		if err != nil {
			return nil, err
		}
		if kept == nil {
			return nil, problem.New(problem.Unauthenticated, "The token was revoked.")
		}
		return s.tokenActor(a.Token, kept, a.Address)
	}
	return a, nil
}

// Changed is closed at the next change that Recheck may see. Ends by time do not close it.
func (s *Service) Changed() <-chan struct{} { return s.settings.Changed() }
