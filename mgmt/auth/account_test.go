package auth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

func TestAPasswordIsLongAndNotWhatEverybodyTries(t *testing.T) {
	for _, tt := range []struct {
		password string
		good     bool
	}{
		{"a heron over the marsh", true},
		{"correcthorsebatteryst", true}, // a part of a famous one, and not it
		{"correct horse battery staple", false},
		{"Correct Horse Battery Staple 1", false},
		{"short", false},
		{"eleven char", false},
		{"zwölf Zeichen", true},
		{"ключ-от-квартиры", true},
		{"password1234", false},
		{"Passw0rd!2024", false},
		{"P@$$w0rd2026", false},
		{"administrator", false},
		{"Administrator123!", false},
		{"adminadminadmin", false},
		{"letmein-letmein", false},
		{"iloveyou12345678", false},
		{"aaaaaaaaaaaaaaaa", false},
		{"abababababababab", false},
		{"abcdefghijklmnop", false},
		{"098765432109", false},
		{"qwertyuiop[]", false},
		{"qwertyuiopasdf", false},
		{"1q2w3e4r5t6y", false},
		{"hunter2hunter2", false},
		{"fcredirect2026", false},
		{"alice alice 2026", false},
		{"alicealicealice", false},
		{"alice keeps bees at home", true},
		{"tab\tand new\nlines here", false},
		{"not \xff utf-8 at all", false},
		{strings.Repeat("ab cd ef gh ", 90), false},
		{strings.Repeat("ab cd ef gh ", 80), true},
	} {
		if what := weakness("alice", tt.password); (what == "") != tt.good {
			t.Errorf("%q: %q", tt.password, what)
		} else if strings.Contains(what, tt.password) {
			t.Errorf("%q comes back", tt.password)
		}
	}
}

func TestTheFirstAdministratorIsMadeOnceAndWithTheCode(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	path := filepath.Join(w.dir, setupFile)
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || len(strings.TrimSpace(string(code))) != codeLength {
		t.Errorf("%v, %q, %v", info.Mode(), code, err)
	}
	_, err = w.byToken("fcr_x")
	want(t, err, problem.Unauthenticated)
	_, err = w.Authenticate(request("192.0.2.7", "", ""))
	want(t, err, problem.NotInstalled)
	_, _, err = w.SignIn(ctx, "admin", good, here)
	want(t, err, problem.NotInstalled)

	_, err = w.SetUp(ctx, "", "admin", good, here, false)
	want(t, err, problem.BadCredentials)
	_, err = w.SetUp(ctx, string(code), "Admin", good, here, false)
	want(t, err, problem.Invalid)
	if p := problem.Of(err); p.Fields[0].Location != "body/name" {
		t.Errorf("%+v", p)
	}
	_, err = w.SetUp(ctx, string(code), "admin", "short", here, false)
	want(t, err, problem.Invalid)
	_, err = w.SetUp(ctx, string(code), "admin", "", here, true)
	want(t, err, problem.Invalid)
	w.restart(true) // the code stays the same
	a, err := w.SetUp(ctx, string(code), "admin", good, here, false)
	want(t, err, "")
	if a.Role != Admin || a.Disabled {
		t.Errorf("%+v", a)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the code is still there: %v", err)
	}
	for _, local := range []bool{false, true} {
		_, err = w.SetUp(ctx, string(code), "second", good, here, local)
		want(t, err, problem.Conflict)
	}
	w.restart(true)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the code came again: %v", err)
	}
	w.signIn("admin", good, here)
}

func TestWithoutACodeNoneIsTheRightOne(t *testing.T) {
	w := newWorld(t)
	s, err := New(Options{Settings: w.store, Clock: w.hands.clock(), Cost: cheap})
	want(t, err, "")
	_, err = s.SetUp(t.Context(), "", "admin", good, here, false)
	want(t, err, problem.BadCredentials)
	_, err = s.SetUp(t.Context(), "", "admin", good, here, true)
	want(t, err, "")
}

func TestOfTwoWhoSetUpAtOnceOneDoes(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	var done atomic.Int32
	for _, name := range []string{"one", "two"} {
		group.Go(func() {
			if _, err := w.SetUp(context.Background(), "", name, good, here, true); err == nil {
				done.Add(1)
			}
		})
	}
	group.Wait()
	if all, err := w.Accounts(); done.Load() != 1 || len(all) != 1 || err != nil {
		t.Errorf("%d did, %d accounts, %v", done.Load(), len(all), err)
	}
}

func TestWhoGuessesTheSetUpCodeWaits(t *testing.T) {
	w := newWorld(t)
	tried := 0
	for range 40 {
		if _, err := w.SetUp(t.Context(), "aaaaaaaaaaaaaaaa", "admin", good, here, false); problem.Is(err, problem.BadCredentials) {
			tried++
		} else {
			want(t, err, problem.LockedOut)
		}
	}
	if tried > freeAccount+1 {
		t.Errorf("%d guesses", tried)
	}
	if _, err := w.SetUp(t.Context(), "", "admin", good, here, true); err != nil {
		t.Errorf("the unix socket: %v", err)
	}
}

func TestASetUpFileThatOthersCanReadOrPlantedIsRefused(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"readable": func(path string) error { return os.WriteFile(path, []byte("aaaaaaaaaaaaaaaa\n"), 0o644) },
		"a link":   func(path string) error { return os.Symlink("/etc/hostname", path) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		dir := t.TempDir()
		if err := plant(filepath.Join(dir, setupFile)); err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, dir: t.TempDir(), hands: newHands(), told: &told{}, cost: cheap}
		w.start()
		if _, err := New(Options{Settings: w.store, Dir: dir, Cost: cheap}); err == nil {
			t.Errorf("%s was taken", name)
		}
		w.store.Close()
	}
	torn := t.TempDir()
	if err := os.WriteFile(filepath.Join(torn, setupFile), []byte("aaa"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := worldIn(t, torn)
	defer w.store.Close()
	if b, err := os.ReadFile(filepath.Join(torn, setupFile)); err != nil || len(b) != codeLength+1 {
		t.Errorf("%q, %v", b, err)
	}
}

func TestSomebodyCanAlwaysAdminister(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, _, err := w.PutAccount(ctx, "v", Draft{Role: Viewer, Password: good}, whatever, false)
	want(t, err, problem.LastAdmin)
	w.with("a", Admin)
	for _, d := range []Draft{{Role: Viewer}, {Role: Operator}, {Role: Admin, Disabled: true}} {
		_, _, err := w.PutAccount(ctx, "a", d, whatever, false)
		want(t, err, problem.LastAdmin)
	}
	_, err = w.DeleteAccount(ctx, "a", whatever, false)
	want(t, err, problem.LastAdmin)
	w.with("b", Admin)
	_, _, err = w.PutAccount(ctx, "b", Draft{Role: Admin, Disabled: true}, whatever, false)
	want(t, err, "")
	_, err = w.DeleteAccount(ctx, "a", whatever, false)
	want(t, err, problem.LastAdmin)
	_, err = w.DeleteAccount(ctx, "b", whatever, false)
	want(t, err, "")
}

func TestTwoWhoDemoteEachOtherLeaveOne(t *testing.T) {
	w := newWorld(t).with("a", Admin).with("b", Admin)
	var group sync.WaitGroup
	var done atomic.Int32
	for _, name := range []string{"a", "b"} {
		group.Go(func() {
			if _, _, err := w.PutAccount(context.Background(), name, Draft{Role: Viewer}, whatever, false); err == nil {
				done.Add(1)
			}
		})
	}
	group.Wait()
	if done.Load() != 1 {
		t.Errorf("%d were demoted", done.Load())
	}
}

func TestAnAccountIsWhatItWasMadeAndTriedIsNotDone(t *testing.T) {
	w := newWorld(t).with("root", Admin)
	ctx := t.Context()
	was, is, err := w.PutAccount(ctx, "alice", Draft{Role: Operator, Description: "Alice", Password: good}, whatever, true)
	want(t, err, "")
	if was != nil || is.Role != Operator || is.Version != 0 {
		t.Errorf("%+v, %+v", was, is)
	}
	_, err = w.Account("alice")
	want(t, err, problem.NotFound)
	_, _, err = w.PutAccount(ctx, "alice", Draft{Role: Operator}, whatever, false)
	want(t, err, problem.Invalid) // without a password
	_, is, err = w.PutAccount(ctx, "alice", Draft{Role: Operator, Password: good}, whatever, false)
	want(t, err, "")
	was, next, err := w.PutAccount(ctx, "alice", Draft{Role: Viewer, Description: "x"}, func(v uint64) error {
		if v != is.Version {
			t.Errorf("version %d, want %d", v, is.Version)
		}
		return nil
	}, false)
	want(t, err, "")
	if was.Role != Operator || next.Role != Viewer || next.Version <= is.Version || !next.Created.Equal(is.Created) {
		t.Errorf("%+v, then %+v", was, next)
	}
	_, _, err = w.PutAccount(ctx, "alice", Draft{Role: Viewer}, func(uint64) error { return problem.New(problem.PreconditionFailed, "") }, false)
	want(t, err, problem.PreconditionFailed)
	w.signIn("alice", good, here) // the password stayed
	for _, d := range []Draft{{Role: "king"}, {Role: Viewer, Description: "two\nlines"}, {Role: Viewer, Description: "\u202ereversed"}, {Role: Viewer, Password: "alicealicealice"}} {
		_, _, err := w.PutAccount(ctx, "alice", d, whatever, false)
		want(t, err, problem.Invalid)
	}
	for _, name := range []string{"", "Alice", "../alice", "a b", "alice@local", ".x", strings.Repeat("a", 65), "al\x00ice", "root@local"} {
		_, _, err := w.PutAccount(ctx, name, Draft{Role: Viewer, Password: good}, whatever, false)
		want(t, err, problem.Invalid)
	}
	if gone, err := w.DeleteAccount(ctx, "nobody", func(uint64) error { return problem.New(problem.PreconditionRequired, "") }, false); gone != nil || err != nil {
		t.Errorf("the absent: %v, %v", gone, err)
	}
	all, err := w.Accounts()
	want(t, err, "")
	if len(all) != 2 || all[0].Name != "alice" {
		t.Errorf("%+v", all)
	}
}

func TestAPasswordChangeEndsOtherSessionsAndNotItsOwn(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	ctx := t.Context()
	mine, theirs := w.signIn("alice", good, here), w.signIn("alice", good, here)
	a, err := w.byCookie(mine)
	want(t, err, "")
	want(t, w.ChangePassword(ctx, a, here, other, other+"!"), problem.BadCredentials)
	want(t, w.ChangePassword(ctx, a, here, good, good), problem.Invalid)
	want(t, w.ChangePassword(ctx, a, here, good, "alicealicealice"), problem.Invalid)
	want(t, w.ChangePassword(ctx, a, here, good, other), "")
	for _, restarted := range []bool{false, true} {
		if restarted {
			w.restart(true)
		}
		_, err = w.byCookie(mine)
		want(t, err, "")
		_, err = w.byCookie(theirs)
		want(t, err, problem.SessionExpired)
	}
	_, _, err = w.SignIn(ctx, "alice", good, here)
	want(t, err, problem.BadCredentials)
	w.signIn("alice", other, here)
	want(t, w.ChangePassword(ctx, &Actor{Name: LocalName, Role: Admin, Door: DoorSocket}, here, good, other), problem.NotFound)
}

func TestAnAdministratorsNewPasswordEndsAllSessions(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	c := w.signIn("alice", good, here)
	_, _, err := w.PutAccount(t.Context(), "alice", Draft{Role: Admin, Password: other}, whatever, false)
	want(t, err, "")
	_, err = w.byCookie(c)
	want(t, err, problem.SessionExpired)
	if left := w.Sessions("alice"); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestRoleAndDisablingCountAtOnce(t *testing.T) {
	w := newWorld(t).with("root", Admin).with("alice", Admin)
	ctx := t.Context()
	c := w.signIn("alice", good, here)
	a, err := w.byCookie(c)
	want(t, err, "")
	_, text, err := w.CreateToken(ctx, a, TokenDraft{Name: "t", Role: Operator}, false)
	want(t, err, "")
	put := func(d Draft) {
		t.Helper()
		_, _, err := w.PutAccount(ctx, "alice", d, whatever, false)
		want(t, err, "")
	}
	roles := func(session, token Role) {
		t.Helper()
		if a, err := w.byCookie(c); err != nil || a.Role != session {
			t.Errorf("session: %+v, %v", a, err)
		}
		if a, err := w.byToken(text); err != nil || a.Role != token {
			t.Errorf("token: %+v, %v", a, err)
		}
	}
	roles(Admin, Operator)
	put(Draft{Role: PolicyAdmin})
	roles(PolicyAdmin, Viewer) // beside each other: what both have
	put(Draft{Role: Viewer})
	roles(Viewer, Viewer)
	if now, err := w.Recheck(a); err != nil || now.Role != Viewer {
		t.Errorf("recheck: %+v, %v", now, err)
	}
	put(Draft{Role: Viewer, Disabled: true})
	_, err = w.byCookie(c)
	want(t, err, problem.SessionExpired)
	_, err = w.byToken(text)
	want(t, err, problem.Unauthenticated)
	_, err = w.Recheck(a)
	want(t, err, problem.SessionExpired)
	_, _, err = w.SignIn(ctx, "alice", good, here)
	want(t, err, problem.BadCredentials)
	put(Draft{Role: Admin})
	if a, err := w.byToken(text); err != nil || a.Role != Operator {
		t.Errorf("enabled again: %+v, %v", a, err)
	}
}

func TestANameThatIsGivenToSomebodyElseBringsNothingAlong(t *testing.T) {
	w := newWorld(t).with("root", Admin).with("alice", Admin)
	ctx := t.Context()
	c := w.signIn("alice", good, here)
	a, err := w.byCookie(c)
	want(t, err, "")
	made, text, err := w.CreateToken(ctx, a, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	_, err = w.DeleteAccount(ctx, "alice", whatever, false)
	want(t, err, "")
	w.with("alice", Admin)
	for _, restarted := range []bool{false, true} {
		if restarted {
			w.restart(false)
		}
		_, err = w.byCookie(c)
		want(t, err, problem.SessionExpired)
		_, err = w.byToken(text)
		want(t, err, problem.Unauthenticated)
		_, err = w.Token(made.ID)
		want(t, err, problem.NotFound)
	}
}

// The same when the process was killed before it had ended sessions and tokens: the account that they belong to is gone.
func TestSessionsAndTokensAreOfAnAccountAndNotOfAName(t *testing.T) {
	w := newWorld(t).with("root", Admin).with("alice", Admin)
	ctx := t.Context()
	c := w.signIn("alice", good, here)
	_, text, err := w.CreateToken(ctx, &Actor{Name: "alice", Role: Admin}, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	want(t, w.store.Update(ctx, func(t *settings.Tx) error { t.Delete(kindUser, "alice"); return nil }), "")
	_, err = w.byCookie(c)
	want(t, err, problem.SessionExpired)
	_, err = w.byToken(text)
	want(t, err, problem.Unauthenticated)
	w.with("alice", Admin)
	for _, restarted := range []bool{false, true} {
		if restarted {
			w.restart(false)
		}
		_, err = w.byCookie(c)
		want(t, err, problem.SessionExpired)
		_, err = w.byToken(text)
		want(t, err, problem.Unauthenticated)
	}
}

func TestOfTwoWhoChangeThePasswordAtOnceOneDoes(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	for round := range 5 {
		a, err := w.byCookie(w.signIn("alice", good, here))
		want(t, err, "")
		var group sync.WaitGroup
		var done atomic.Int32
		for i := range 2 {
			group.Go(func() {
				if w.ChangePassword(context.Background(), a, here, good, fmt.Sprint(other, i)) == nil {
					done.Add(1)
				}
			})
		}
		group.Wait()
		if done.Load() != 1 {
			t.Fatalf("round %d: %d of two", round, done.Load())
		}
		if _, _, err := w.PutAccount(t.Context(), "alice", Draft{Role: Admin, Password: good}, whatever, false); err != nil {
			t.Fatal(err)
		}
	}
}
