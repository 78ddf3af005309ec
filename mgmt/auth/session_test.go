package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fcredirect/mgmt/problem"
)

func TestASessionsCookieIsForThisHostAlone(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	s, c, err := w.SignIn(t.Context(), "alice", good, here)
	want(t, err, "")
	if c.Name != "__Host-fcr" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Valid() != nil {
		t.Errorf("%+v", c)
	}
	if n := NoCookie(); n.MaxAge >= 0 || n.Value != "" || n.Name != c.Name || !n.Secure || n.Path != "/" {
		t.Errorf("%+v", n)
	}
	a, err := w.byCookie(c.Value)
	want(t, err, "")
	if *a != (Actor{Name: "alice", Role: Admin, Door: DoorWeb, Address: here.Address, Session: s.ID}) {
		t.Errorf("%+v", a)
	}
	secret, _ := parseCredential(c.Value)
	if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), secret.secret) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestASessionEndsWhenItIsNotUsedAndAtLast(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	idle, busy := w.signIn("alice", good, here), w.signIn("alice", good, here)
	for range 23 { // 11.5 hours
		w.hands.pass(sessionIdle - time.Second)
		_, err := w.byCookie(busy)
		want(t, err, "")
	}
	_, err := w.byCookie(idle)
	want(t, err, problem.SessionExpired)
	w.hands.pass(sessionIdle - time.Second)
	_, err = w.byCookie(busy)
	want(t, err, "")
	w.hands.pass(25 * time.Second)
	_, err = w.byCookie(busy)
	want(t, err, problem.SessionExpired)
	if left := w.Sessions(""); len(left) != 0 {
		t.Errorf("%+v", left)
	}
	want(t, w.flush(t.Context()), "")
	if kept := w.store.List(kindSession); len(kept) != 0 {
		t.Errorf("%d are kept", len(kept))
	}
}

func TestAClockThatIsSetDoesNotChangeALife(t *testing.T) {
	for _, by := range []time.Duration{-100 * 24 * time.Hour, -time.Hour, time.Hour, 100 * 24 * time.Hour} {
		w := newWorld(t).with("alice", Admin)
		c := w.signIn("alice", good, here)
		w.hands.set(by)
		w.hands.pass(sessionIdle - time.Second)
		_, err := w.byCookie(c)
		want(t, err, "")
		w.hands.pass(sessionIdle)
		_, err = w.byCookie(c)
		want(t, err, problem.SessionExpired)
	}
}

func TestOverARestartASessionLivesOnOrEndsAndNeverLongerThanItShould(t *testing.T) {
	for _, tt := range []struct {
		name  string
		away  time.Duration // really
		set   time.Duration // by which the clock is wrong afterwards
		lives bool
	}{
		{"soon", time.Minute, 0, true},
		{"too late", sessionIdle, 0, false},
		{"the clock went a little back", time.Second, -30 * time.Second, true},
		{"the clock went back by hours: nobody knows", time.Hour, -3 * time.Hour, false},
		{"the clock went forth", time.Second, sessionIdle, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t).with("alice", Admin)
			c := w.signIn("alice", good, here)
			w.hands.pass(tt.away)
			w.hands.set(tt.set)
			w.restart(false)
			_, err := w.byCookie(c)
			want(t, err, map[bool]problem.Code{false: problem.SessionExpired}[tt.lives])
			if !tt.lives {
				return
			}
			w.hands.pass(sessionIdle + futureSlack)
			_, err = w.byCookie(c)
			want(t, err, problem.SessionExpired)
		})
	}
}

func TestLastUsesAreWrittenOnceAMinuteAndNotForEachRequest(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	c := w.signIn("alice", good, here)
	a, err := w.byCookie(c)
	want(t, err, "")
	_, text, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	want(t, w.flush(t.Context()), "")
	before := w.store.Revision()
	for range 1000 {
		w.hands.pass(time.Second / 20)
		_, err := w.byCookie(c)
		want(t, err, "")
		_, err = w.byToken(text)
		want(t, err, "")
	}
	if w.store.Revision() != before {
		t.Errorf("%d changes", w.store.Revision()-before)
	}
	want(t, w.flush(t.Context()), "")
	if n := w.store.Revision() - before; n != 1 {
		t.Errorf("%d changes", n)
	}
	used := w.Sessions("alice")[0].Used
	w.restart(false)
	if again := w.Sessions("alice"); len(again) != 1 || !again[0].Used.Equal(used) {
		t.Errorf("%+v, want %v", again, used)
	}
	if all, err := w.Tokens(""); err != nil || !all[0].Used.Equal(used) || all[0].UsedFrom != here.Address {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestASessionThatWasEndedStaysSo(t *testing.T) {
	w := newWorld(t).with("alice", Admin).with("bob", Viewer)
	ctx := t.Context()
	one, two, his := w.signIn("alice", good, here), w.signIn("alice", good, here), w.signIn("bob", good, here)
	id := func(cookie string) string { c, _ := parseCredential(cookie); return c.id }
	was, err := w.EndSession(ctx, id(one), "bob") // not his
	want(t, err, "")
	if was != nil {
		t.Errorf("%+v", was)
	}
	was, err = w.EndSession(ctx, id(one), "alice")
	want(t, err, "")
	if was == nil || was.User != "alice" {
		t.Errorf("%+v", was)
	}
	if was, err := w.EndSession(ctx, id(one), ""); was != nil || err != nil {
		t.Errorf("twice: %+v, %v", was, err)
	}
	want(t, w.flush(ctx), "")
	w.restart(false)
	_, err = w.byCookie(one) // a replay
	want(t, err, problem.SessionExpired)
	if n := w.EndOthers(ctx, "alice", id(two)); n != 0 {
		t.Errorf("%d others", n)
	}
	for _, c := range []string{two, his} {
		_, err = w.byCookie(c)
		want(t, err, "")
	}
}

func TestASignInThatRacesANewPasswordGivesNoSession(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	var group sync.WaitGroup
	cookies := make(chan string, 100)
	for i := range 10 {
		group.Go(func() {
			for range 5 {
				if _, c, err := w.SignIn(context.Background(), "alice", good, from(fmt.Sprint("10.0.0.", i))); err == nil {
					cookies <- c.Value
				}
			}
		})
	}
	if _, _, err := w.PutAccount(t.Context(), "alice", Draft{Role: Admin, Password: other}, whatever, false); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	close(cookies)
	for c := range cookies {
		_, err := w.byCookie(c)
		want(t, err, problem.SessionExpired)
	}
}

func TestTheOldestSessionMakesRoom(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	first := w.signIn("alice", good, here)
	for range maxOfOwner {
		w.hands.pass(time.Second)
		w.signIn("alice", good, here)
	}
	_, err := w.byCookie(first)
	want(t, err, problem.SessionExpired)
	if n := len(w.Sessions("alice")); n != maxOfOwner {
		t.Errorf("%d sessions", n)
	}
}

func TestAHashThatCostsLessThanTodayIsMadeAnewAtSignIn(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	c := w.signIn("alice", good, here)
	hash := func() string {
		u, _, err := user(w.store, "alice")
		want(t, err, "")
		return u.Hash
	}
	old := hash()
	w.cost = Cost{Memory: 16, Time: 2}
	w.restart(true)
	_, _, err := w.SignIn(t.Context(), "alice", other, here)
	want(t, err, problem.BadCredentials)
	if hash() != old {
		t.Error("a wrong password changed the hash")
	}
	w.signIn("alice", good, here)
	if now := hash(); now == old || !strings.Contains(now, "m=16,t=2") {
		t.Errorf("%s", now)
	}
	_, err = w.byCookie(c) // it is the same password
	want(t, err, "")
}

func TestNothingSecretIsOnTheDisk(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	cookie := w.signIn("alice", good, here)
	a, err := w.byCookie(cookie)
	want(t, err, "")
	_, text, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	want(t, w.flush(t.Context()), "")
	file, err := os.ReadFile(filepath.Join(w.dir, "settings", "settings.log"))
	want(t, err, "")
	for _, s := range []string{good, cookie, text, strings.Split(cookie, "_")[1], strings.Split(text, "_")[2]} {
		if strings.Contains(string(file), s) {
			t.Errorf("%q stands in the file", s)
		}
	}
	if !strings.Contains(string(file), "$argon2id$") {
		t.Error("the hash is not there: this test looks at the wrong file")
	}
}

func TestTheUnixSocketIsRootsAndOursAlone(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	a := &Actor{Name: "alice", Role: Admin}
	_, text, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "t", Role: Viewer}, false)
	want(t, err, "")
	for _, tt := range []struct {
		uid  uint32
		name string
		auth string
		role Role
	}{
		{0, "root", "", Admin},
		{w.uid, "ourselves", "", Admin},
		{w.uid + 1, "somebody", "", ""},
		{nobody, "nobody", "", ""},
		{w.uid + 1, "somebody with a token", "Bearer " + text, Viewer},
		{0, "root with a token", "Bearer " + text, Viewer},
	} {
		r := request("192.0.2.1", "", tt.auth)
		r.RemoteAddr = "@"
		a, err := w.Authenticate(r.WithContext(WithPeer(r.Context(), Peer{UID: tt.uid})))
		want(t, err, "")
		if (a == nil) != (tt.role == "") || a != nil && a.Role != tt.role {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
}
