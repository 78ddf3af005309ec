package account_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fcredirect/mgmt/api/account"
	"fcredirect/mgmt/auth"
)

func TestFromNothingToTheFirstAdministrator(t *testing.T) {
	n := newNode(t)
	n.ask(nobody(), "GET", "/api/v1/setup", "").want(200, "")
	n.ask(nobody(), "GET", "/api/v1/me", "").want(409, "not_installed")
	n.ask(nobody(), "POST", "/api/v1/sessions", `{"name":"root","password":"`+good+`"}`).want(409, "not_installed")
	n.ask(nobody(), "POST", "/api/v1/setup", `{"code":"aaaaaaaaaaaaaaaa","name":"root","password":"`+good+`"}`).want(401, "bad_credentials")
	n.ask(local(), "GET", "/api/v1/me", "").want(200, "")
	n.installed()
	n.ask(local(), "POST", "/api/v1/setup", `{"name":"root","password":"`+good+`"}`).want(409, "conflict")
	if got := n.ask(nobody(), "GET", "/api/v1/setup", "").want(200, "").text(); !strings.Contains(got, `"installed":true`) {
		t.Errorf("%s", got)
	}
	n.ask(nobody(), "GET", "/api/v1/me", "").want(401, "unauthenticated")
	if log := n.events.text(); !strings.Contains(log, "audit.set_up") || !strings.Contains(log, `"who":"root@local"`) || !strings.Contains(log, "audit.sign_in_failed") {
		t.Errorf("%s", log)
	}
}

func TestSigningInAndOut(t *testing.T) {
	n := newNode(t).installed()
	n.ask(nobody(), "POST", "/api/v1/sessions", `{"name":"root","password":"`+other+`"}`).want(401, "bad_credentials")
	a := n.ask(nobody(), "POST", "/api/v1/sessions", `{"name":"root","password":"`+good+`"}`).want(201, "")
	set := a.Header().Get("Set-Cookie")
	for _, part := range []string{"__Host-fcr=", "Path=/", "HttpOnly", "Secure", "SameSite=Strict"} {
		if !strings.Contains(set, part) {
			t.Errorf("%s", set)
		}
	}
	c := a.Result().Cookies()[0]
	if strings.Contains(a.Body.String(), c.Value) || strings.Contains(set, "Domain") {
		t.Errorf("%s, %s", a.Body, set)
	}
	var me account.Me
	n.ask(cookie(c), "GET", "/api/v1/me", "").want(200, "").into(&me)
	if me.Name != "root" || me.Door != "web" || me.SessionID == "" || len(me.Permissions) != len(auth.Permissions())-1 {
		t.Errorf("%+v", me)
	}
	second := n.signIn("root", good)
	var list struct{ Items []account.Session }
	n.ask(cookie(c), "GET", "/api/v1/sessions", "").want(200, "").into(&list)
	if len(list.Items) != 2 || list.Items[0].Current == list.Items[1].Current || list.Items[0].CreatedAt.Before(list.Items[1].CreatedAt) {
		t.Errorf("%+v", list)
	}
	n.ask(cookie(c), "DELETE", "/api/v1/sessions", "").want(204, "")
	n.ask(cookie(second), "GET", "/api/v1/me", "").want(401, "session_expired")
	gone := n.ask(cookie(c), "DELETE", "/api/v1/sessions/current", "").want(204, "")
	if set := gone.Header().Get("Set-Cookie"); !strings.Contains(set, "__Host-fcr=;") || !strings.Contains(set, "Max-Age=0") {
		t.Errorf("%s", set)
	}
	n.ask(cookie(c), "GET", "/api/v1/me", "").want(401, "session_expired")
	n.ask(cookie(c), "POST", "/api/v1/sessions", `{"name":"root","password":"`+good+`"}`).want(201, "") // over the old cookie
	if log := n.events.text(); !strings.Contains(log, "audit.sign_out") || strings.Count(log, "audit.sign_in {") != 3 {
		t.Errorf("%s", log)
	}
}

func TestUsersAreMadeReplacedAndDeleted(t *testing.T) {
	n := newNode(t).installed()
	alice := "/api/v1/users/alice"
	body := `{"role":"operator","description":"Alice","password":"` + good + `"}`
	n.ask(local(), "PUT", alice, body).want(428, "precondition_required")
	n.ask(local().and("If-Match", "*"), "PUT", alice, body).want(412, "precondition_failed")
	n.ask(local().and("If-None-Match", "*"), "PUT", alice+"?dry_run=true", body)
	n.ask(local(), "GET", alice, "").want(404, "not_found")
	made := n.ask(local().and("If-None-Match", "*"), "PUT", alice, body).want(201, "")
	tag := made.Header().Get("ETag")
	if got := n.ask(local(), "GET", alice, "").want(200, ""); got.Header().Get("ETag") != tag || strings.Contains(got.Body.String(), "argon2") {
		t.Errorf("%s, %s: %s", tag, got.Header().Get("ETag"), got.Body)
	}
	n.ask(local().and("If-None-Match", "*"), "PUT", alice, body).want(412, "precondition_failed")
	c := n.signIn("alice", good)
	replaced := n.ask(local().and("If-Match", tag), "PUT", alice, `{"name":"alice","role":"viewer"}`).want(200, "")
	if next := replaced.Header().Get("ETag"); next == tag || next == "" {
		t.Errorf("%s after %s", next, tag)
	}
	n.ask(local().and("If-Match", tag), "PUT", alice, `{"role":"viewer"}`).want(412, "precondition_failed")
	n.ask(local().and("If-Match", "*"), "PUT", alice, `{"name":"bob","role":"viewer"}`).want(422, "invalid")
	n.ask(local().and("If-Match", "*"), "PUT", alice, `{"role":"king"}`).want(422, "invalid")
	n.ask(local().and("If-Match", "*"), "PUT", alice, `{"role":"viewer","admin":true}`).want(422, "invalid")
	n.ask(cookie(c), "GET", "/api/v1/users", "").want(403, "forbidden")
	n.ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/root", `{"role":"viewer"}`).want(409, "last_admin")
	n.ask(local().and("If-Match", "*"), "DELETE", "/api/v1/users/root", "").want(409, "last_admin")
	n.ask(local(), "DELETE", alice, "").want(428, "precondition_required")
	n.ask(local().and("If-Match", "*"), "DELETE", alice, "").want(204, "")
	n.ask(local(), "DELETE", alice, "").want(204, "") // the absent
	n.ask(cookie(c), "GET", "/api/v1/me", "").want(401, "session_expired")
	for _, name := range []string{"..%2Froot", "Alice", "a%20b", "%00", "al%0d%0aice", strings.Repeat("a", 65)} {
		if a := n.ask(local().and("If-None-Match", "*"), "PUT", "/api/v1/users/"+name, body); a.Code < 400 || a.Code >= 500 {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
}

func TestListsHavePagesInBothDirections(t *testing.T) {
	n := newNode(t).installed()
	for i := range 5 {
		n.user(fmt.Sprint("u", i), "viewer")
	}
	for _, sort := range []string{"name", "-name"} {
		var names []string
		for cursor := ""; ; {
			var page struct {
				Items      []account.User
				NextCursor string `json:"next_cursor"`
				Total      int
			}
			n.ask(local(), "GET", "/api/v1/users?limit=2&sort="+sort+"&cursor="+cursor, "").want(200, "").into(&page)
			for _, u := range page.Items {
				names = append(names, u.Name)
			}
			if page.Total != 6 {
				t.Errorf("%+v", page)
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		want := "[root u0 u1 u2 u3 u4]"
		if sort == "-name" {
			want = "[u4 u3 u2 u1 u0 root]"
		}
		if fmt.Sprint(names) != want {
			t.Errorf("%s: %v", sort, names)
		}
	}
	n.ask(local(), "GET", "/api/v1/users?sort=password", "").want(422, "invalid")
	n.ask(local(), "GET", "/api/v1/users?cursor=abc", "").want(400, "bad_cursor")
	var all struct{ Items []account.Permission }
	n.ask(local(), "GET", "/api/v1/permissions?limit=1000", "").want(200, "").into(&all)
	if len(all.Items) != len(auth.Permissions())-1 {
		t.Errorf("%d permissions", len(all.Items))
	}
}

func TestTokensAreShownOnceAndBelongToTheirOwner(t *testing.T) {
	n := newNode(t).installed().user("alice", "operator").user("bob", "viewer")
	alice, bob := n.signIn("alice", good), n.signIn("bob", good)
	var made struct {
		account.Token
		Text string `json:"token"`
	}
	n.ask(cookie(alice), "POST", "/api/v1/tokens", `{"name":"ansible","addresses":["192.0.2.0/24","2001:db8::1"]}`).want(201, "").into(&made)
	if made.Role != "operator" || made.Owner != "alice" || made.ExpiresAt == nil || fmt.Sprint(made.Addresses) != "[192.0.2.0/24 2001:db8::1/128]" || !strings.HasPrefix(made.Text, "fcr_"+made.ID) {
		t.Errorf("%+v", made)
	}
	me := n.ask(bearer(made.Text), "GET", "/api/v1/me", "").want(200, "").text()
	if !strings.Contains(me, `"door":"token"`) || !strings.Contains(me, made.ID) {
		t.Errorf("%s", me)
	}
	secret := strings.Split(made.Text, "_")[2]
	for _, path := range []string{"/api/v1/tokens", "/api/v1/tokens/" + made.ID} {
		if got := n.ask(cookie(alice), "GET", path, "").want(200, "").text(); strings.Contains(got, secret) || !strings.Contains(got, `"used_from":"192.0.2.1"`) {
			t.Errorf("%s", got)
		}
	}
	n.ask(cookie(bob), "GET", "/api/v1/tokens/"+made.ID, "").want(404, "not_found")
	n.ask(cookie(bob), "GET", "/api/v1/tokens?owner=alice", "").want(403, "forbidden")
	n.ask(cookie(bob), "DELETE", "/api/v1/tokens/"+made.ID, "").want(204, "") // as if it were not there
	n.ask(bearer(made.Text), "GET", "/api/v1/me", "").want(200, "")
	n.ask(cookie(bob), "POST", "/api/v1/tokens", `{"name":"x","role":"admin"}`).want(403, "forbidden")
	n.ask(cookie(bob), "POST", "/api/v1/tokens", `{"name":"x","never_expires":true}`).want(403, "forbidden")
	n.ask(cookie(alice), "POST", "/api/v1/tokens", `{"name":"ansible"}`).want(409, "already_exists")
	n.ask(cookie(alice), "POST", "/api/v1/tokens", `{"name":"x","addresses":["here"]}`).want(422, "invalid")
	n.ask(cookie(alice), "POST", "/api/v1/tokens", `{"name":"x","expires_at":"2001-01-01T00:00:00Z"}`).want(422, "invalid")
	n.ask(cookie(alice), "POST", "/api/v1/tokens?dry_run=true", `{"name":"y"}`)
	var list struct{ Items []account.Token }
	n.ask(local(), "GET", "/api/v1/tokens?owner=*", "").want(200, "").into(&list)
	if len(list.Items) != 1 {
		t.Errorf("%+v", list)
	}
	stolen := func(r *http.Request) { bearer(made.Text)(r); r.RemoteAddr = "198.51.100.1:1" }
	n.ask(stolen, "GET", "/api/v1/me", "").want(401, "unauthenticated")
	if log := n.events.text(); !strings.Contains(log, `audit.token_misused {"who":"alice"`) {
		t.Errorf("%s", log)
	}
	n.ask(local(), "DELETE", "/api/v1/tokens/"+made.ID, "").want(204, "")
	n.ask(bearer(made.Text), "GET", "/api/v1/me", "").want(401, "unauthenticated")
}

func TestOwnPasswordAndSessionsOfOthers(t *testing.T) {
	n := newNode(t).installed().user("alice", "viewer").user("bob", "viewer")
	alice, again, bob, root := n.signIn("alice", good), n.signIn("alice", good), n.signIn("bob", good), n.signIn("root", good)
	n.ask(cookie(alice), "PUT", "/api/v1/me/password", `{"current":"`+other+`","password":"`+other+`!"}`).want(401, "bad_credentials")
	n.ask(cookie(alice), "PUT", "/api/v1/me/password", `{"current":"`+good+`","password":"password1234"}`).want(422, "invalid")
	n.ask(cookie(alice), "PUT", "/api/v1/me/password", `{"current":"`+good+`","password":"`+other+`"}`).want(204, "")
	n.ask(cookie(alice), "GET", "/api/v1/me", "").want(200, "")
	n.ask(cookie(again), "GET", "/api/v1/me", "").want(401, "session_expired")
	n.ask(local(), "PUT", "/api/v1/me/password", `{"current":"`+good+`","password":"`+other+`"}`).want(404, "not_found")

	var list struct{ Items []account.Session }
	n.ask(cookie(root), "GET", "/api/v1/sessions?user=bob", "").want(200, "").into(&list)
	if len(list.Items) != 1 || list.Items[0].User != "bob" {
		t.Fatalf("%+v", list)
	}
	his := "/api/v1/sessions/" + list.Items[0].ID
	n.ask(cookie(alice), "DELETE", his, "").want(204, "") // as if it were not there
	n.ask(cookie(bob), "GET", "/api/v1/me", "").want(200, "")
	n.ask(cookie(alice), "GET", "/api/v1/sessions?user=*", "").want(403, "forbidden")
	n.ask(cookie(alice), "DELETE", "/api/v1/sessions?user=bob", "").want(403, "forbidden")
	n.ask(cookie(root), "DELETE", "/api/v1/sessions?user=*", "").want(422, "invalid")
	n.ask(cookie(root), "DELETE", his+"?dry_run=true", "").want(204, "")
	n.ask(cookie(bob), "GET", "/api/v1/me", "").want(200, "")
	n.ask(cookie(root), "DELETE", his, "").want(204, "")
	n.ask(cookie(bob), "GET", "/api/v1/me", "").want(401, "session_expired")
}

func TestWhoGuessesIsToldHowLongToWait(t *testing.T) {
	n := newNode(t).installed()
	for range 6 {
		n.ask(nobody(), "POST", "/api/v1/sessions", `{"name":"root","password":"wrong wrong wrong"}`).want(401, "bad_credentials")
	}
	a := n.ask(nobody(), "POST", "/api/v1/sessions", `{"name":"root","password":"`+good+`"}`).want(429, "locked_out")
	if a.Header().Get("Retry-After") != "1" {
		t.Errorf("%v", a.Header())
	}
	n.ask(local(), "GET", "/api/v1/me", "").want(200, "")
	if log := n.events.text(); !strings.Contains(log, "audit.locked_out") {
		t.Errorf("%s", log)
	}
}
