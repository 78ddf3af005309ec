package auth

import (
	"path/filepath"
	"testing"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Without a database people come in and go out, tokens are made and revoked, and accounts stay as they are.
func TestWithoutADatabaseAccountsAreNotEditedAndSignInWorks(t *testing.T) {
	w := newWorld(t).with("alice", Admin).with("bob", Viewer)
	w.store.Close()
	db, err := postgres.Open(postgres.Config{DSN: "host=" + filepath.Join(t.TempDir(), "nothing") + " dbname=fcr", Node: "a"})
	want(t, err, "")
	t.Cleanup(db.Close)
	w.store, err = settings.Open(settings.Options{Dir: filepath.Join(w.dir, "settings"), DB: db})
	want(t, err, "")
	w.Service, err = New(Options{Settings: w.store, Events: w.told, Dir: w.dir, Clock: w.hands.clock(), Cost: Cost{Memory: 16, Time: 1}})
	want(t, err, "")
	ctx := t.Context()

	c := w.signIn("alice", good, here) // and its hash is made anew
	a, err := w.byCookie(c)
	want(t, err, "")
	made, text, err := w.CreateToken(ctx, a, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	_, err = w.byToken(text)
	want(t, err, "")
	_, err = w.RevokeToken(ctx, made.ID, "", false)
	want(t, err, "")
	_, err = w.byToken(text)
	want(t, err, problem.Unauthenticated)

	_, _, err = w.PutAccount(ctx, "bob", Draft{Role: Admin}, whatever, false)
	want(t, err, problem.DatabaseUnavailable)
	_, err = w.DeleteAccount(ctx, "bob", whatever, false)
	want(t, err, problem.DatabaseUnavailable)
	want(t, w.ChangePassword(ctx, a, here, good, other), problem.DatabaseUnavailable)
	w.signIn("alice", good, here)
	if bob, err := w.Account("bob"); err != nil || bob.Role != Viewer {
		t.Errorf("%+v, %v", bob, err)
	}
	_, err = w.EndSession(ctx, a.Session, "alice")
	want(t, err, "")
	_, err = w.byCookie(c)
	want(t, err, problem.SessionExpired)
	want(t, w.flush(ctx), "")
}
