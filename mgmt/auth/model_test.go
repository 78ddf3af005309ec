package auth

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/mgmt/problem"
)

// model says in the simplest way who may come in.
type model struct {
	accounts map[string]*modelAccount
	sessions map[string]*modelSession // by cookie
	tokens   map[string]*modelToken   // by text
	lives    int                      // of accounts
	now      time.Duration
}

type modelAccount struct {
	life      int
	role      Role
	disabled  bool
	password  string
	passwords int
}

type modelSession struct {
	user            string
	life, passwords int
	began, used     time.Duration
	kept            time.Duration // the use that the disk knows
	ended           bool
}

type modelToken struct {
	owner   string
	life    int
	role    Role
	expires time.Duration
	only    netip.Prefix // zero: from anywhere
	id      string
	revoked bool
}

func (m *model) session(cookie string) (Role, bool) {
	s := m.sessions[cookie]
	a := m.accounts[s.user]
	if s.ended || m.now-s.used >= sessionIdle || m.now-s.began >= sessionLife || a == nil || a.disabled || a.life != s.life || a.passwords != s.passwords {
		return "", false
	}
	return a.role, true
}

func (m *model) token(text string, from netip.Addr) (Role, bool) {
	k := m.tokens[text]
	a := m.accounts[k.owner]
	if k.revoked || m.now >= k.expires || a == nil || a.disabled || a.life != k.life || k.only.IsValid() && !k.only.Contains(from) {
		return "", false
	}
	return k.role.Meet(a.role), true
}

func (m *model) admins(but string) (n int) {
	for name, a := range m.accounts {
		if name != but && a.role == Admin && !a.disabled {
			n++
		}
	}
	return n
}

// history plays random operations on a Service and on the model.
type history struct {
	*rapid.T
	w *world
	m *model
}

func (h *history) name() string {
	return rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(h.T, "name")
}
func (h *history) role() Role { return rapid.SampledFrom(Roles()).Draw(h.T, "role") }
func (h *history) password() string {
	return rapid.SampledFrom([]string{good, other}).Draw(h.T, "password")
}

func (h *history) cookie() string { return pick(h.T, h.m.sessions) }
func (h *history) text() string   { return pick(h.T, h.m.tokens) }

func pick[V any](t *rapid.T, from map[string]V) string {
	if len(from) == 0 {
		t.Skip("there is none")
	}
	names := slices.Sorted(maps.Keys(from))
	return names[rapid.IntRange(0, len(names)-1).Draw(t, "which")]
}

func (h *history) put() {
	name, d := h.name(), Draft{Role: h.role(), Disabled: rapid.IntRange(0, 3).Draw(h.T, "disabled") == 0}
	a := h.m.accounts[name]
	if a == nil || rapid.Bool().Draw(h.T, "with a password") {
		d.Password = h.password()
	}
	_, _, err := h.w.PutAccount(context.Background(), name, d, whatever, false)
	if h.m.admins(name) == 0 && (d.Role != Admin || d.Disabled) {
		want(h, err, problem.LastAdmin)
		return
	}
	want(h, err, "")
	if a == nil {
		h.m.lives++
		a = &modelAccount{life: h.m.lives}
		h.m.accounts[name] = a
	}
	if a.role, a.disabled = d.Role, d.Disabled; d.Password != "" {
		a.password = d.Password
		a.passwords++
	}
}

func (h *history) remove() {
	name := h.name()
	_, err := h.w.DeleteAccount(context.Background(), name, whatever, false)
	if h.m.accounts[name] != nil && h.m.admins(name) == 0 {
		want(h, err, problem.LastAdmin)
		return
	}
	want(h, err, "")
	delete(h.m.accounts, name)
}

func (h *history) signInOnce() {
	name, password := h.name(), h.password()
	a := h.m.accounts[name]
	_, c, err := h.w.SignIn(context.Background(), name, password, here)
	switch {
	case problem.Is(err, problem.LockedOut):
	case a != nil && !a.disabled && a.password == password:
		want(h, err, "")
		h.m.sessions[c.Value] = &modelSession{user: name, life: a.life, passwords: a.passwords, began: h.m.now, used: h.m.now, kept: h.m.now}
	default:
		want(h, err, problem.BadCredentials)
	}
}

func (h *history) useCookie() {
	cookie := h.cookie()
	role, ok := h.m.session(cookie)
	a, err := h.w.byCookie(cookie)
	if (err == nil) != ok || ok && (a.Role != role || a.Name != h.m.sessions[cookie].user) {
		h.Fatalf("session: %+v, %v; the model says %v as %q", a, err, ok, role)
	}
	if ok {
		h.m.sessions[cookie].used = h.m.now
		if now, err := h.w.Recheck(a); err != nil || *now != *a {
			h.Fatalf("recheck: %+v, %v, want %+v", now, err, a)
		}
	}
}

func (h *history) endCookie() {
	cookie := h.cookie()
	c, _ := parseCredential(cookie)
	if _, err := h.w.EndSession(context.Background(), c.id, ""); err != nil {
		h.Fatal(err)
	}
	h.m.sessions[cookie].ended = true
}

func (h *history) changePassword() {
	cookie, old, next := h.cookie(), h.password(), h.password()
	if _, ok := h.m.session(cookie); !ok {
		return
	}
	a, err := h.w.byCookie(cookie)
	want(h, err, "")
	mine := h.m.sessions[cookie]
	mine.used = h.m.now
	account := h.m.accounts[mine.user]
	err = h.w.ChangePassword(context.Background(), a, here, old, next)
	switch {
	case problem.Is(err, problem.LockedOut):
	case old == next:
		want(h, err, problem.Invalid)
	case old != account.password:
		want(h, err, problem.BadCredentials)
	default:
		want(h, err, "")
		account.password = next
		account.passwords++
		mine.passwords = account.passwords
	}
}

func (h *history) makeToken() {
	name, d := h.name(), TokenDraft{Name: fmt.Sprint("t", len(h.m.tokens)), Role: h.role()}
	a := h.m.accounts[name]
	if a == nil || a.disabled {
		return
	}
	if rapid.Bool().Draw(h.T, "bound") {
		d.Addresses = prefixes("192.0.2.0/24")
	}
	made, text, err := h.w.CreateToken(context.Background(), &Actor{Name: name, Role: a.role, Door: DoorWeb}, d, false)
	if !a.role.Includes(d.Role) {
		want(h, err, problem.Forbidden)
		return
	}
	want(h, err, "")
	k := &modelToken{owner: name, life: a.life, role: d.Role, expires: h.m.now + TokenLife, id: made.ID}
	if d.Addresses != nil {
		k.only = d.Addresses[0]
	}
	h.m.tokens[text] = k
}

func (h *history) useToken() {
	text, address := h.text(), rapid.SampledFrom([]string{"192.0.2.7", "198.51.100.1"}).Draw(h.T, "address")
	role, ok := h.m.token(text, netip.MustParseAddr(address))
	a, err := h.w.byTokenFrom(text, address)
	if (err == nil) != ok || ok && (a.Role != role || a.Name != h.m.tokens[text].owner) {
		h.Fatalf("token: %+v, %v; the model says %v as %q", a, err, ok, role)
	}
}

func (h *history) revoke() {
	text := h.text()
	if _, err := h.w.RevokeToken(context.Background(), h.m.tokens[text].id, "", false); err != nil {
		h.Fatal(err)
	}
	h.m.tokens[text].revoked = true
}

func (h *history) wait() {
	d := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Minute, 29 * time.Minute, 31 * time.Minute, 13 * time.Hour, 91 * 24 * time.Hour}).Draw(h.T, "time")
	h.w.hands.pass(d)
	h.m.now += d
}

func (h *history) flushNow() {
	want(h, h.w.flush(context.Background()), "")
	for _, s := range h.m.sessions {
		s.kept = s.used
	}
}

func (h *history) restart() {
	if rapid.Bool().Draw(h.T, "in good order") {
		h.flushNow()
	}
	h.w.restart(false)
	for _, s := range h.m.sessions {
		s.used = s.kept
	}
}

// However accounts, sessions and tokens come and go: who comes in is who may, in the role that he has.
func TestNobodyComesInWhoMayNot(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		w := worldIn(rt, dir)
		defer func() { w.store.Close() }()
		h := &history{rt, w, &model{accounts: map[string]*modelAccount{}, sessions: map[string]*modelSession{}, tokens: map[string]*modelToken{}}}
		w.with("alice", Admin)
		h.m.lives, h.m.accounts["alice"] = 1, &modelAccount{life: 1, role: Admin, password: good, passwords: 1}
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) { h.T = t; h.put() }, "delete": func(t *rapid.T) { h.T = t; h.remove() },
			"sign in": func(t *rapid.T) { h.T = t; h.signInOnce() }, "sign in again": func(t *rapid.T) { h.T = t; h.signInOnce() },
			"use a cookie": func(t *rapid.T) { h.T = t; h.useCookie() }, "use another cookie": func(t *rapid.T) { h.T = t; h.useCookie() },
			"end a session": func(t *rapid.T) { h.T = t; h.endCookie() }, "change the password": func(t *rapid.T) { h.T = t; h.changePassword() },
			"make a token": func(t *rapid.T) { h.T = t; h.makeToken() }, "use a token": func(t *rapid.T) { h.T = t; h.useToken() },
			"use another token": func(t *rapid.T) { h.T = t; h.useToken() }, "revoke a token": func(t *rapid.T) { h.T = t; h.revoke() },
			"wait": func(t *rapid.T) { h.T = t; h.wait() }, "flush": func(t *rapid.T) { h.T = t; h.flushNow() }, "restart": func(t *rapid.T) { h.T = t; h.restart() },
		})
	})
}
