package account_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/api/account"
	"fcredirect/mgmt/event"
)

// page asks for entries, the newest first.
func (n *node) page(query string) (items []account.Entry, next string) {
	n.t.Helper()
	var a struct {
		Items      []account.Entry
		NextCursor string `json:"next_cursor"`
	}
	n.ask(local(), "GET", "/api/v1/audit?"+query, "").want(200, "").into(&a)
	return a.Items, a.NextCursor
}

func TestWhoDidWhatIsFound(t *testing.T) {
	n := newNode(t).installed().user("alice", "viewer")
	c := n.signIn("alice", good)
	n.ask(cookie(c), "GET", "/api/v1/users", "").want(403, "forbidden")
	denied := n.ask(cookie(c), "PUT", "/api/v1/users/mallory", `{"role":"admin","password":"`+good+`"}`).want(403, "forbidden")
	n.ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/alice", `{"role":"operator","password":"`+other+`"}`).want(200, "")
	for query, want := range map[string]string{
		"":                             "[user.put user.put list-users session.create user.put setup.create]",
		"who=alice":                    "[user.put list-users session.create]",
		"who=alice&result=refused":     "[user.put list-users]",
		"who=root@local&action=user.*": "[user.put user.put]",
		"object=user/alice":            "[user.put user.put]",
		"code=forbidden":               "[user.put list-users]",
		"door=web":                     "[user.put list-users session.create]",
		"address=192.0.*":              "[user.put list-users session.create]",
		"type=audit.sign_in":           "[session.create]",
		"result=failed":                "[]",
		"request_id=" + denied.Header().Get("X-Request-Id"): "[user.put]",
		"until=2001-01-01T00:00:00Z":                        "[]",
		"since=" + time.Now().Add(-time.Hour).Format("2006-01-02T15:04:05Z") + "&who=alice&action=list*": "[list-users]",
	} {
		items, _ := n.page(query)
		var actions []string
		for _, e := range items {
			actions = append(actions, e.Action)
		}
		if fmt.Sprint(actions) != want {
			t.Errorf("%s: %v, want %s", query, actions, want)
		}
	}
	items, _ := n.page("object=user/alice&result=ok")
	last := items[0]
	if string(last.Before) == "" || !strings.Contains(string(last.Before), `"role":"viewer"`) || !strings.Contains(string(last.After), `"role":"operator"`) ||
		!strings.Contains(string(last.After), `"password_set":true`) || last.Who != "root@local" || last.Door != "socket" || last.RequestID == "" {
		t.Errorf("%+v: %s → %s", last, last.Before, last.After)
	}
	for _, query := range []string{"type=audit.nothing", "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"} {
		n.ask(local(), "GET", "/api/v1/audit?"+query, "").want(400, "bad_filter")
	}
	for _, query := range []string{"type=flow.created", "limit=0", "limit=1001", "action=A%20B", "result=maybe", "colour=red", "since=yesterday"} {
		n.ask(local(), "GET", "/api/v1/audit?"+query, "").want(422, "invalid")
	}
}

func TestTheAuditLogHasPages(t *testing.T) {
	n := newNode(t).installed()
	for i := range 7 {
		n.user(fmt.Sprint("u", i), "viewer")
	}
	var numbers []uint64
	cursor := ""
	for {
		items, next := n.page("limit=3&action=user.put&cursor=" + url.QueryEscape(cursor))
		for _, e := range items {
			numbers = append(numbers, e.Number)
		}
		if cursor = next; next == "" {
			break
		}
		n.ask(local(), "GET", "/api/v1/audit?limit=3&cursor="+next, "").want(400, "bad_cursor") // of another filter
		n.user(fmt.Sprint("later", len(numbers)), "viewer")                                     // what comes meanwhile moves nothing
	}
	if fmt.Sprint(numbers) != "[8 7 6 5 4 3 2]" {
		t.Errorf("%v", numbers)
	}
}

func TestTheAuditLogIsExported(t *testing.T) {
	n := newNode(t).installed().user("alice", "viewer")
	n.ask(nobody().and("Authorization", "Bearer x"), "GET", "/api/v1/me", "").want(401, "")
	if err := n.events.Append(t.Context(), event.AuditWrite, event.Fields{"who": "=cmd|' /C calc'!A0", "action": "+1", "object": "a,\"b\"\n", "result": "ok"}); err != nil {
		t.Fatal(err)
	}
	for i := range 1200 { // more than a page
		if err := n.events.Append(t.Context(), event.AuditWrite, event.Fields{"who": "alice", "action": "x", "object": fmt.Sprint("o/", i), "result": "ok"}); err != nil {
			t.Fatal(err)
		}
	}
	a := n.ask(local(), "GET", "/api/v1/audit/export", "").want(200, "")
	rows := strings.Split(strings.TrimSpace(a.Body.String()), "\n")
	var first account.Entry
	if err := json.Unmarshal([]byte(rows[0]), &first); err != nil || len(rows) != 1204 || first.Object != "o/1199" {
		t.Errorf("%d rows, %+v, %v", len(rows), first, err)
	}
	if got := a.Header().Get("Content-Disposition"); got != `attachment; filename="audit.jsonl"` {
		t.Errorf("%s", got)
	}
	a = n.ask(local(), "GET", "/api/v1/audit/export?format=csv", "").want(200, "")
	table, err := csv.NewReader(a.Body).ReadAll()
	if err != nil || len(table) != 1205 || len(table[0]) != len(table[1]) {
		t.Fatalf("%d rows, %v", len(table), err)
	}
	row := table[1201]
	if row[4] != "'=cmd|' /C calc'!A0" || row[8] != "'+1" || row[9] != "a,\"b\"\n" {
		t.Errorf("%q", row)
	}
	n.ask(local(), "GET", "/api/v1/audit/export?format=xls", "").want(422, "invalid")
	n.events.setAway(true)
	n.ask(local(), "GET", "/api/v1/audit/export", "").want(503, "role_unavailable")
	n.ask(local(), "GET", "/api/v1/audit", "").want(503, "role_unavailable")
}

func TestWritesWaitUntilTheyCanBeWrittenDown(t *testing.T) {
	n := newNode(t).installed().user("alice", "viewer")
	c := n.signIn("alice", good)
	n.events.setAway(true)
	n.ask(local().and("If-None-Match", "*"), "PUT", "/api/v1/users/bob", `{"role":"viewer","password":"`+good+`"}`).want(503, "audit_unavailable")
	n.ask(local(), "GET", "/api/v1/users/bob", "").want(404, "not_found")
	n.ask(cookie(c), "GET", "/api/v1/me", "").want(200, "")
	second := n.signIn("alice", good)
	n.ask(cookie(second), "DELETE", "/api/v1/sessions/current", "").want(204, "")
	if !strings.Contains(n.own.String(), "this goes on all the same") {
		t.Errorf("%s", n.own)
	}
	n.events.setAway(false)
	n.user("bob", "viewer")
}

// The audit log is read, and nothing else, by whoever asks.
func TestTheAuditLogCannotBeEdited(t *testing.T) {
	n := newNode(t).installed()
	found := 0
	for _, op := range n.api.Operations() {
		if !strings.Contains(op.Path, "audit") {
			continue
		}
		if found++; op.Method != "GET" {
			t.Errorf("%s %s", op.Method, op.Path)
		}
	}
	if found != 2 {
		t.Errorf("%d operations", found)
	}
	for _, method := range []string{"PUT", "POST", "PATCH", "DELETE"} {
		for _, path := range []string{"/api/v1/audit", "/api/v1/audit/1", "/api/v1/audit/export"} {
			if a := n.ask(local().and("If-Match", "*"), method, path, "{}"); a.Code != 404 && a.Code != 405 {
				t.Errorf("%s %s: %d", method, path, a.Code)
			}
		}
	}
	items, _ := n.page("")
	if len(items) != 1 {
		t.Errorf("%+v", items)
	}
}

// What is secret goes in, and comes out nowhere: not in an answer, not in an event, not in the log, also when the request
// is wrong.
func TestSecretsComeBackNowhere(t *testing.T) {
	n := newNode(t).installed().user("alice", "operator")
	const planted, second = "planted hydrangea 77", "planted rhododendron 88"
	var answers strings.Builder
	ask := func(w who, method, path, body string) {
		a := n.ask(w, method, path, body)
		fmt.Fprintln(&answers, method, path, a.Code, a.Header(), a.Body)
	}
	c := n.signIn("alice", good)
	ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/alice", `{"role":"operator","password":"`+planted+`"}`)
	ask(local().and("If-Match", `"1"`), "PUT", "/api/v1/users/alice", `{"role":"king","password":"`+planted+`"}`)
	ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/alice", `{"role":"operator","password":["`+planted+`"]}`)
	ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/alice", `{"role":"operator","passwort":"`+planted+`"}`)
	ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/alice", `{"role":"operator","password":"`+planted)
	ask(local().and("If-Match", "*"), "PUT", "/api/v1/users/alice", `"`+planted+`"`)
	ask(nobody(), "POST", "/api/v1/sessions", `{"name":"`+planted+`","password":"`+planted+`"}`)
	ask(nobody(), "POST", "/api/v1/sessions", `{"name":"alice","password":"`+planted+`","x":1}`)
	for range 8 {
		ask(nobody(), "POST", "/api/v1/sessions", `{"name":"`+planted+`","password":"`+second+`"}`)
	}
	ask(nobody(), "POST", "/api/v1/setup", `{"code":"`+planted+`","name":"x","password":"`+second+`"}`)
	ask(cookie(c), "PUT", "/api/v1/me/password", `{"current":"`+planted+`","password":"`+second+`"}`)
	in := n.signIn("alice", planted)
	text := n.token(cookie(in), `{"name":"t"}`)
	ask(bearer(text), "GET", "/api/v1/me", "")
	ask(bearer(text[:len(text)-1]), "GET", "/api/v1/me", "")
	ask(bearer(planted), "GET", "/api/v1/me", "")
	ask(cookie(in), "PUT", "/api/v1/me/password", `{"current":"`+planted+`","password":"`+second+`"}`)
	ask(local(), "GET", "/api/v1/audit", "")
	ask(local(), "GET", "/api/v1/tokens?owner=*", "")
	ask(local(), "GET", "/api/v1/sessions?user=*", "")
	ask(local(), "GET", "/api/v1/users", "")
	for name, s := range map[string]string{
		"a password": "hydrangea", "another": "rhododendron", "a cookie": strings.Split(in.Value, "_")[1], "a token": strings.Split(text, "_")[2][:40], "a hash": "argon2",
	} {
		for where, out := range map[string]string{"an answer": answers.String(), "an event": n.events.text(), "the log": n.own.String()} {
			if i := strings.Index(out, s); i >= 0 {
				t.Errorf("%s stands in %s: …%s…", name, where, out[max(0, i-200):min(len(out), i+80)])
			}
		}
	}
	if !strings.Contains(n.events.text(), "an unknown account") || len(n.own.String()) == 0 {
		t.Error("this test looks at nothing")
	}
}
