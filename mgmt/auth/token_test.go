package auth

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/problem"
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, s := range texts {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

func TestATokenIsNotMoreThanItsMaker(t *testing.T) {
	w := newWorld(t)
	for _, r := range []Role{Admin, Viewer, Operator, PolicyAdmin} {
		w.with(string(r), r)
	}
	for _, tt := range []struct {
		name  string
		maker Role
		draft TokenDraft
		want  problem.Code
	}{
		{"as one is", Viewer, TokenDraft{}, ""},
		{"above", Viewer, TokenDraft{Role: Operator}, problem.Forbidden},
		{"beside", Operator, TokenDraft{Role: PolicyAdmin}, problem.Forbidden},
		{"below", PolicyAdmin, TokenDraft{Role: Viewer}, ""},
		{"an admin's may be any", Admin, TokenDraft{Role: PolicyAdmin}, ""},
		{"no such role", Admin, TokenDraft{Role: "god"}, problem.Invalid},
		{"for ever", Operator, TokenDraft{Never: true}, problem.Forbidden},
		{"for ever, by an admin", Admin, TokenDraft{Never: true}, ""},
		{"for another", Viewer, TokenDraft{Owner: "admin"}, problem.Forbidden},
		{"for another, by an admin", Admin, TokenDraft{Owner: "viewer", Role: Viewer}, ""},
		{"above its owner", Admin, TokenDraft{Owner: "viewer", Role: Operator}, problem.Invalid},
		{"for nobody", Admin, TokenDraft{Owner: "ghost", Role: Viewer}, problem.Invalid},
		{"too long", Admin, TokenDraft{Expires: newHands().wall.Add(MaxTokenLife + time.Hour)}, problem.Invalid},
		{"past", Admin, TokenDraft{Expires: newHands().wall}, problem.Invalid},
		{"both", Admin, TokenDraft{Never: true, Expires: newHands().wall.Add(time.Hour)}, problem.Invalid},
		{"bits behind the length", Admin, TokenDraft{Addresses: prefixes("10.0.0.1/8")}, problem.Invalid},
		{"mapped", Admin, TokenDraft{Addresses: prefixes("::ffff:10.0.0.0/104")}, problem.Invalid},
		{"too many networks", Admin, TokenDraft{Addresses: make([]netip.Prefix, MaxAddresses+1)}, problem.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.draft.Name = tt.name
			a := &Actor{Name: string(tt.maker), Role: tt.maker, Door: DoorWeb}
			_, tried, err := w.CreateToken(t.Context(), a, tt.draft, true)
			want(t, err, tt.want)
			made, text, err := w.CreateToken(t.Context(), a, tt.draft, false)
			want(t, err, tt.want)
			if tt.want != "" {
				return
			}
			if tried != "" || !strings.HasPrefix(text, "fcr_"+made.ID+"_") {
				t.Errorf("tried %q, made %q", tried, text)
			}
			if _, _, err := w.CreateToken(t.Context(), a, tt.draft, false); !problem.Is(err, problem.AlreadyExists) {
				t.Errorf("twice: %v", err)
			}
			got, err := w.byToken(text)
			want(t, err, "")
			if got.Name != made.Owner || got.Role != made.Role || got.Door != DoorToken || got.Token != made.ID {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestATokenExpiresAlsoWhenTheClockIsSetBack(t *testing.T) {
	w := newWorld(t).with("root", Admin)
	a := &Actor{Name: "root", Role: Admin}
	made, text, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	if !made.Expires.Equal(w.hands.wall.Add(TokenLife)) {
		t.Errorf("%v", made.Expires)
	}
	w.hands.set(-TokenLife)
	w.hands.pass(TokenLife - time.Second)
	_, err = w.byToken(text)
	want(t, err, "")
	w.hands.pass(time.Second)
	_, err = w.byToken(text)
	want(t, err, problem.SessionExpired)
}

func TestAStolenTokenIsRefusedAndTold(t *testing.T) {
	w := newWorld(t).with("root", Admin)
	a := &Actor{Name: "root", Role: Admin}
	_, text, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "t", Addresses: prefixes("10.1.0.0/16", "2001:db8::/32", "127.0.0.0/8")}, false)
	want(t, err, "")
	for address, code := range map[string]problem.Code{
		"10.1.2.3": "", "10.2.0.1": problem.Unauthenticated, "::ffff:10.1.9.9": "", "2001:db8::1": "", "2001:db9::1": problem.Unauthenticated, "127.0.0.1": "",
	} {
		_, err := w.byTokenFrom(text, address)
		want(t, err, code)
		if code == "" {
			continue
		}
		unknown := newCredential()
		_, none := w.byTokenFrom(tokenPrefix+unknown.String(), address)
		if err.Error() != none.Error() {
			t.Errorf("the thief learns that the token is one: %v, %v", err, none)
		}
	}
	r := request("10.2.0.1", "", "Bearer "+text)
	ctx, entry := audit.Begin(r.Context(), audit.Request{Action: "get-me"})
	_, err = w.Authenticate(r.WithContext(ctx))
	want(t, err, problem.Unauthenticated)
	log := &told{}
	audit.New(audit.Options{Events: flushing{log}}).Finish(ctx, entry, problem.Unauthenticated)
	if got := log.all(); !strings.HasPrefix(got, "audit.token_misused") || !strings.Contains(got, `"who":"root"`) || strings.Contains(got, strings.Split(text, "_")[2]) {
		t.Errorf("%s", got)
	}
	if all, err := w.Tokens(""); err != nil || all[0].UsedFrom == netip.MustParseAddr("10.2.0.1") {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestARevokedTokenIsNothing(t *testing.T) {
	w := newWorld(t).with("root", Admin).with("bob", Viewer)
	made, text, err := w.CreateToken(t.Context(), &Actor{Name: "root", Role: Admin}, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	a, err := w.byToken(text)
	want(t, err, "")
	if was, err := w.RevokeToken(t.Context(), made.ID, "bob", false); was != nil || err != nil {
		t.Errorf("not his: %v, %v", was, err)
	}
	if was, err := w.RevokeToken(t.Context(), made.ID, "root", true); was == nil || err != nil {
		t.Errorf("tried: %v, %v", was, err)
	}
	_, err = w.byToken(text)
	want(t, err, "")
	if was, err := w.RevokeToken(t.Context(), made.ID, "", false); was == nil || was.Name != "t" || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			w.restart(true)
		}
		_, err = w.byToken(text)
		want(t, err, problem.Unauthenticated)
	}
	_, err = w.Recheck(a)
	want(t, err, problem.Unauthenticated)
	w.used(made.ID, here.Address) // by a request that was under way
	want(t, w.flush(t.Context()), "")
	if kept := w.store.List(kindUse); len(kept) != 0 {
		t.Errorf("%v", kept)
	}
}

func TestATokenThatMakesTokensGivesNoMoreThanItIs(t *testing.T) {
	w := newWorld(t).with("root", Admin).with("op", Operator)
	expires := w.hands.wall.Add(24 * time.Hour)
	_, text, err := w.CreateToken(t.Context(), &Actor{Name: "op", Role: Operator}, TokenDraft{Name: "a", Expires: expires, Addresses: prefixes("192.0.2.0/24")}, false)
	want(t, err, "")
	a, err := w.byToken(text)
	want(t, err, "")
	child, _, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "b"}, false)
	want(t, err, "")
	if !child.Expires.Equal(expires) || len(child.Addresses) != 1 || child.Addresses[0] != prefixes("192.0.2.0/24")[0] {
		t.Errorf("%+v", child)
	}
	_, _, err = w.CreateToken(t.Context(), a, TokenDraft{Name: "c", Addresses: prefixes("192.0.2.128/25")}, false)
	want(t, err, "")
	for _, p := range []string{"192.0.0.0/16", "192.0.2.0/23", "198.51.100.0/24", "::/0"} {
		_, _, err = w.CreateToken(t.Context(), a, TokenDraft{Name: "d", Addresses: prefixes(p)}, false)
		want(t, err, problem.Forbidden)
	}
	if _, err := w.RevokeToken(t.Context(), a.Token, "", false); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.CreateToken(t.Context(), a, TokenDraft{Name: "e"}, false)
	want(t, err, problem.Unauthenticated)
}

func TestCredentialsThatAreNoneAreRefused(t *testing.T) {
	w := newWorld(t).with("root", Admin)
	cookie := w.signIn("root", good, here)
	_, text, err := w.CreateToken(t.Context(), &Actor{Name: "root", Role: Admin}, TokenDraft{Name: "t"}, false)
	want(t, err, "")
	swap := func(s string, i int) string { // another letter there
		b := []byte(s)
		b[i] = map[bool]byte{true: 'b', false: 'a'}[b[i] == 'a']
		return string(b)
	}
	for name, header := range map[string]string{
		"empty": "", "basic": "Basic cm9vdDpyb290", "no prefix": "Bearer " + strings.TrimPrefix(text, "fcr_"), "a cookie": "Bearer fcr_" + cookie,
		"another secret": "Bearer " + swap(text, len(text)-5), "another id": "Bearer " + swap(text, 5), "cut": "Bearer " + text[:len(text)-1], "more": "Bearer " + text + "a",
		"upper case": "Bearer " + strings.ToUpper(text), "huge": "Bearer fcr_" + strings.Repeat("a", 1<<16), "two words": "Bearer " + text + " " + text,
		"NUL": "Bearer " + text + "\x00",
	} {
		r := request("192.0.2.7", "", "x")
		r.Header["Authorization"] = []string{header}
		a, err := w.Authenticate(r)
		if a != nil || !problem.Is(err, problem.Unauthenticated) && !problem.Is(err, problem.SessionExpired) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	r := request("192.0.2.7", "", "Bearer "+text)
	r.Header.Add("Authorization", "Bearer "+text)
	_, err = w.Authenticate(r)
	want(t, err, problem.Unauthenticated)
	r = request("192.0.2.7", cookie, "")
	r.Header.Add("Cookie", CookieName+"="+cookie)
	_, err = w.Authenticate(r)
	want(t, err, problem.Unauthenticated) // one of two is planted
	for _, value := range []string{"x", text, swap(cookie, len(cookie)-4), cookie + "a", cookie[:20], "_", "a_b"} {
		if a, err := w.byCookie(value); a != nil || err == nil {
			t.Errorf("cookie %q: %+v", value, a)
		}
	}
	bad := request("192.0.2.7", cookie, "Bearer fcr_x")
	if _, err := w.Authenticate(bad); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("a bad token falls back on the cookie: %v", err)
	}
	if a, err := w.Authenticate(request("192.0.2.7", "", "")); a != nil || err != nil {
		t.Errorf("nobody: %+v, %v", a, err)
	}
}

// Whatever is sent is no way in, and what is made is read as it was made.
func FuzzCredentials(f *testing.F) {
	f.Add(newCredential().String(), "Bearer fcr_"+newCredential().String())
	f.Add("a_b", "bearer  fcr__")
	f.Add(strings.Repeat("a", 16)+"_"+strings.Repeat("b", 52), "Bearer fcr_\xff")
	w := worldIn(f, f.TempDir())
	f.Cleanup(func() { w.store.Close() })
	w.with("root", Admin)
	w.signIn("root", good, here)
	f.Fuzz(func(t *testing.T, cookie, header string) {
		if c, ok := parseCredential(cookie); ok && c.String() != cookie {
			t.Errorf("%q is read as %q", cookie, c)
		}
		if a, err := w.byCookie(cookie); a != nil {
			t.Errorf("cookie %q is %+v, %v", cookie, a, err)
		}
		r := request("192.0.2.7", "", "x")
		r.Header["Authorization"] = []string{header}
		if a, err := w.Authenticate(r); a != nil || err == nil {
			t.Errorf("header %q is %+v, %v", header, a, err)
		}
		r = request("192.0.2.7", "", "")
		r.Header["Cookie"] = []string{header, CookieName + "=" + cookie}
		if a, _ := w.Authenticate(r); a != nil {
			t.Errorf("cookies %q, %q are %+v", header, cookie, a)
		}
	})
}

func TestAStoredHashDoesNotAskForMoreThanThereIs(t *testing.T) {
	for cost, good := range map[Cost]bool{
		{Memory: maxHashMemory, Time: maxHashTime}: true, {Memory: maxHashMemory + 1, Time: 1}: false, {Memory: 8, Time: maxHashTime + 1}: false,
		{Memory: 7, Time: 1}: false, {Memory: 8, Time: 0}: false,
	} {
		if _, err := parseSum(sum{cost: cost, salt: make([]byte, saltBytes), hash: make([]byte, sumBytes)}.String()); (err == nil) != good {
			t.Errorf("%+v: %v", cost, err)
		}
	}
}

// A hash that comes from a file that was tampered with must not take all memory.
func FuzzStoredHashes(f *testing.F) {
	h := newHasher(cheap)
	f.Add(h.dummy)
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSum(text)
		if err == nil && (s.String() != text || s.cost.Memory > maxHashMemory || s.cost.Time > maxHashTime || len(s.hash) != sumBytes) {
			t.Errorf("%q is read as %+v", text, s)
		}
	})
}
