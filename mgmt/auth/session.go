package auth

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// CookieName is that of the session's cookie. The prefix makes browsers hold it to Secure, to this host and to Path=/.
const CookieName = "__Host-fcr"

// Source is where a request comes from.
type Source struct {
	Address netip.Addr
	Agent   string // the browser's name for itself
}

// Session is somebody signed in.
type Session struct {
	ID      string
	User    string
	Created time.Time
	Used    time.Time
	Expires time.Time // at the latest; it ends earlier when it is not used
	Address netip.Addr
	Agent   string
}

// session is one in memory. The Service's lock guards it.
type session struct {
	id     string
	record sessionRecord
	began  time.Duration // on the even clock, as used
	used   time.Duration
	dirty  bool
}

// sessionRecord is a session as it is kept.
type sessionRecord struct {
	User      string     `json:"user"`
	UserID    string     `json:"user_id"`
	Passwords uint64     `json:"passwords"`
	Digest    string     `json:"digest" secret:"true"`
	Created   time.Time  `json:"created"`
	Used      time.Time  `json:"used"`
	Address   netip.Addr `json:"address"`
	Agent     string     `json:"agent,omitempty"`
}

// resume is the session after a restart at the beginning of the even clock; nil if it has ended. Of a time in which we did
// not run only the wall clock tells; if that went back, nobody knows how long it was, and the session has ended.
func (r *sessionRecord) resume(id string, now time.Time) *session {
	life, idle := now.Sub(r.Created), now.Sub(r.Used)
	if life < -futureSlack || idle < -futureSlack || life >= sessionLife || idle >= sessionIdle {
		return nil
	}
	return &session{id: id, record: *r, began: -max(life, 0), used: -max(idle, 0)}
}

func (one *session) ended(at time.Duration) bool {
	return at-one.used >= sessionIdle || at-one.began >= sessionLife
}

// SignIn begins a session. The credential is for the cookie; it is not kept.
func (s *Service) SignIn(ctx context.Context, name, password string, from Source) (Session, *http.Cookie, error) {
	if !s.Installed() {
		return Session{}, nil, notInstalled()
	}
	u, err := s.prove(ctx, name, password, from)
	if err != nil {
		return Session{}, nil, err
	}
	better := ""
	if s.hasher.outdated(u.Hash) {
		if better, err = s.hasher.hash(ctx, password); err != nil {
			better = "" // another time
		}
	}
	c, now := newCredential(), s.clock.now()
	one := &session{id: c.id, began: s.clock.Elapsed(), used: s.clock.Elapsed(), record: sessionRecord{
		User: name, UserID: u.ID, Passwords: u.Passwords, Digest: c.digest(), Created: now, Used: now, Address: from.Address.Unmap(), Agent: agentOf(from.Agent),
	}}
	s.makeRoom(ctx, name)
	err = s.updateLocal(ctx, func(t *settings.Tx) error {
		is, _, err := user(t, name)
		if err != nil {
			return err
		}
		if is == nil || is.ID != u.ID || is.Passwords != u.Passwords || is.Disabled { // it was changed while we hashed
			return badCredentials()
		}
		if len(t.List(kindSession)) >= MaxSessions {
			return problem.New(problem.Busy, "There are %d sessions.", MaxSessions).In(time.Minute)
		}
		t.Put(kindSession, c.id, one.record)
		if better != "" && is.Hash == u.Hash {
			is.Hash = better
			t.Put(kindUser, name, is)
		}
		s.mu.Lock() // known as soon as it is kept: nothing else can see it in between
		defer s.mu.Unlock()
		s.sessions[c.id] = one
		return nil
	})
	if err != nil {
		s.mu.Lock()
		delete(s.sessions, c.id)
		s.mu.Unlock()
		return Session{}, nil, err
	}
	return s.view(one), cookie(c.String(), int(sessionLife.Seconds())), nil
}

// cookie is the session's; no age takes it away.
func cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: CookieName, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// NoCookie takes the cookie away.
func NoCookie() *http.Cookie { return cookie("", -1) }

func badCredentials() error { return problem.New(problem.BadCredentials, "") }

func notInstalled() error {
	return problem.New(problem.NotInstalled, "Make the first administrator with the set-up code, or over the unix socket.")
}

// prove finds the account whose password somebody knows. Failures are counted, and cost as much time whatever is wrong.
func (s *Service) prove(ctx context.Context, name, password string, from Source) (*userRecord, error) {
	name = strings.Clone(name[:min(len(name), MaxName+1)])
	at, err := s.lock.begin(name, from.Address)
	if err != nil {
		return nil, err
	}
	u, _, err := user(s.settings, name)
	if err != nil {
		at.end()
		return nil, err
	}
	stored := ""
	if u != nil {
		stored = u.Hash
	}
	ok, err := s.hasher.verify(ctx, stored, password[:min(len(password), MaxPassword+1)])
	if err != nil {
		at.end()
		return nil, err
	}
	if ok && !u.Disabled {
		at.succeeded()
		return u, nil
	}
	if wait, failures := at.failed(); wait > 0 {
		s.tellLocked(ctx, name, u != nil, from, wait, failures)
	}
	return nil, badCredentials()
}

// tellLocked writes an event. Names that are no account's are left out: some people type their password there.
func (s *Service) tellLocked(ctx context.Context, name string, known bool, from Source, wait time.Duration, failures int) {
	if !s.locked.AllowN(s.clock.now(), 1) {
		return
	}
	if !known {
		name = unknownAccount
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
	defer cancel()
	fields := event.Fields{"who": name, "address": addressText(from.Address), "wait_s": int(wait.Seconds()), "failures": failures}
	if err := s.events.Append(ctx, event.LockedOut, fields); err != nil {
		s.log.Warn("auth: a lock-out is not in the log of events", "error", err)
	}
}

// unknownAccount stands in events for a name that is no account's.
const unknownAccount = "an unknown account"

// Claimed is what events call somebody who claims to be name.
func (s *Service) Claimed(name string) string {
	if _, known := s.settings.Get(kindUser, name); known {
		return name
	}
	return unknownAccount
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return "local"
	}
	return a.Unmap().String()
}

func agentOf(agent string) string {
	agent = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, agent)
	return agent[:min(len(agent), maxAgent)]
}

// makeRoom ends the session of a user that was used longest ago, if there are too many.
func (s *Service) makeRoom(ctx context.Context, name string) {
	s.mu.Lock()
	var his []*session
	for _, one := range s.sessions {
		if one.record.User == name {
			his = append(his, one)
		}
	}
	s.mu.Unlock()
	if len(his) < maxOfOwner {
		return
	}
	s.mu.Lock()
	oldest := slices.MinFunc(his, func(a, b *session) int { return cmp.Compare(a.used, b.used) })
	s.mu.Unlock()
	s.dropSessions(ctx, func(one *session) bool { return one == oldest })
}

// Sessions gives those of a user, or all, the newest first.
func (s *Service) Sessions(name string) []Session {
	at := s.clock.Elapsed()
	s.mu.Lock()
	list := make([]Session, 0, len(s.sessions))
	for _, one := range s.sessions {
		if (name == "" || one.record.User == name) && !one.ended(at) && s.current(one) {
			list = append(list, s.view(one))
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Session) int {
		return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID))
	})
	return list
}

func (s *Service) view(one *session) Session {
	r := &one.record
	return Session{one.id, r.User, r.Created, r.Used, r.Created.Add(sessionLife), r.Address, r.Agent}
}

// current says whether the account is still the one that signed in.
func (s *Service) current(one *session) bool {
	u, _, err := user(s.settings, one.record.User)
	return err == nil && one.of(u)
}

func (one *session) of(u *userRecord) bool {
	return u != nil && !u.Disabled && u.ID == one.record.UserID && u.Passwords == one.record.Passwords
}

// EndSession ends a session: one of a user, or anybody's if name is empty. It gives what was; nil if there was none.
func (s *Service) EndSession(ctx context.Context, id, name string) (*Session, error) {
	s.mu.Lock()
	one := s.sessions[id]
	if one == nil || name != "" && one.record.User != name {
		s.mu.Unlock()
		return nil, nil
	}
	was := s.view(one)
	delete(s.sessions, id) // from now on, whatever the disk says
	s.mu.Unlock()
	return &was, s.updateLocal(ctx, func(t *settings.Tx) error { t.Delete(kindSession, id); return nil })
}

// EndOthers ends all sessions of a user but one.
func (s *Service) EndOthers(ctx context.Context, name, but string) int {
	return s.dropSessions(ctx, func(one *session) bool { return one.record.User == name && one.id != but })
}

// dropSessions ends sessions. They are ended even if that cannot be written: after a restart they are so by their account.
func (s *Service) dropSessions(ctx context.Context, which func(*session) bool) int {
	var ids []string
	s.mu.Lock()
	for id, one := range s.sessions {
		if which(one) {
			ids = append(ids, id)
			delete(s.sessions, id)
		}
	}
	s.mu.Unlock()
	if len(ids) == 0 {
		return 0
	}
	err := s.settings.UpdateLocal(context.WithoutCancel(ctx), func(t *settings.Tx) error {
		for _, id := range ids {
			t.Delete(kindSession, id)
		}
		return nil
	})
	if err != nil {
		s.log.Warn("auth: ended sessions are not written", "sessions", len(ids), "error", err)
	}
	return len(ids)
}

// carryOver lets a session live on after its account has another password.
func (s *Service) carryOver(t *settings.Tx, id string, passwords uint64) error {
	r, ok := t.Get(kindSession, id)
	if !ok {
		return nil
	}
	var kept sessionRecord
	if err := r.Decode(&kept); err != nil {
		return err
	}
	kept.Passwords = passwords
	t.Put(kindSession, id, kept)
	return nil
}

func (s *Service) carried(id string, passwords uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.sessions[id]; one != nil {
		one.record.Passwords = passwords
	}
}

// changedSessions are those to be written and those that have ended. The lock is held.
func (s *Service) changedSessions() (write map[string]sessionRecord, ended []string) {
	at := s.clock.Elapsed()
	write = map[string]sessionRecord{}
	for id, one := range s.sessions {
		switch {
		case one.ended(at) || !s.current(one):
			ended = append(ended, id)
			delete(s.sessions, id)
		case one.dirty:
			one.dirty = false
			write[id] = one.record
		}
	}
	for _, r := range s.settings.List(kindSession) { // of former processes, that ended while nobody looked
		if s.sessions[r.Name] == nil && !slices.Contains(ended, r.Name) {
			ended = append(ended, r.Name)
		}
	}
	return write, ended
}
