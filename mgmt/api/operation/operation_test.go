package operation

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/backup"
	"fcredirect/mgmt/bundle"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/registry"
)

type items[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
	Partial    string `json:"partial"`
	Total      *int   `json:"total"`
}

func TestWhatCanBeDownloadedCanBeUploaded(t *testing.T) {
	if backup.MaxFile > rest.MaxBody {
		t.Errorf("a backup may have %d bytes, a body %d", backup.MaxFile, rest.MaxBody)
	}
}

func TestAlarmsAreListedAcknowledgedAndMuted(t *testing.T) {
	r := newRig(t)
	long := time.Now().Add(-time.Hour)
	r.node.set(func() {
		r.node.book.Set(long, alarm.StoreLag, "store/0", "late")
		r.node.book.Set(long, alarm.DataplaneGone, "", "gone")
		r.node.book.Set(long, alarm.DiskLow, "", "full")
		r.node.book.Tick(long.Add(time.Minute))
		r.node.book.Unset(time.Now(), alarm.DiskLow, "")
		r.node.book.Tick(time.Now().Add(time.Minute))
	})
	var list items[Alarm]
	r.ask(200, &list, "GET", "/api/v1/alarms?limit=1", "viewer", "")
	if len(list.Items) != 1 || list.Items[0].Code != "dataplane.gone" || list.NextCursor == "" || *list.Total != 3 {
		t.Errorf("the most urgent first: %+v", list)
	}
	r.ask(200, &list, "GET", "/api/v1/alarms?limit=1&cursor="+list.NextCursor, "viewer", "")
	if list.Items[0].ID != "store.lag~store~0" {
		t.Errorf("then: %+v", list)
	}
	r.ask(400, nil, "GET", "/api/v1/alarms?state=active&cursor="+list.NextCursor, "viewer", "")
	for query, want := range map[string]int{
		"state=active": 2, "state=cleared": 1, "severity=critical": 1, "code=store.lag": 1, "subject=store": 1, "subject=stor": 0, "handled=yes": 0, "sort=-last_seen": 3,
	} {
		r.ask(200, &list, "GET", "/api/v1/alarms?"+query, "viewer", "")
		if len(list.Items) != want {
			t.Errorf("%s: %d alarms, want %d", query, len(list.Items), want)
		}
	}
	const one = "/api/v1/alarms/store.lag~store~0"
	r.ask(403, nil, "POST", one+"/acknowledge", "viewer", `{"note":"mine"}`)
	var a Alarm
	r.ask(200, &a, "POST", one+"/acknowledge", "operator", `{"note":"mine"}`)
	if a.Acknowledged == nil || a.Acknowledged.By != "a-operator" || a.Acknowledged.Note != "mine" {
		t.Errorf("%+v", a)
	}
	r.ask(404, nil, "POST", "/api/v1/alarms/role.silent/acknowledge", "operator", `{}`)
	a = Alarm{}
	r.ask(200, &a, "POST", one+"/unacknowledge", "operator", "")
	if a.Acknowledged != nil {
		t.Errorf("%+v", a)
	}
	var m Mute
	at := r.ask(201, &m, "POST", "/api/v1/alarms/mutes", "operator", `{"subject":"store","reason":"works"}`).Header.Get("Location")
	if m.By != "a-operator" || time.Until(m.Until) < 50*time.Minute || !strings.HasSuffix(at, m.ID) {
		t.Errorf("%+v at %s", m, at)
	}
	r.ask(200, &a, "GET", one, "viewer", "")
	if a.Muted == nil || a.Muted.ID != m.ID {
		t.Errorf("%+v", a)
	}
	var mutes items[Mute]
	r.ask(200, &mutes, "GET", "/api/v1/alarms/mutes", "viewer", "")
	if len(mutes.Items) != 1 {
		t.Errorf("%+v", mutes)
	}
	for body, place := range map[string]string{
		`{"reason":"x"}`:                                              "body/code",
		`{"code":"hunter2","reason":"x"}`:                             "body/code",
		`{"subject":"a b","reason":"x"}`:                              "body/subject",
		`{"subject":"store"}`:                                         "reason",
		`{"subject":"s","reason":"x","x":1}`:                          "body/x",
		`{"subject":"s","reason":"x","until":"2001-01-01T00:00:00Z"}`: "body/until",
	} {
		var text string
		r.ask(422, &text, "POST", "/api/v1/alarms/mutes", "operator", body)
		if !strings.Contains(text, place) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s", body, text)
		}
	}
	r.ask(204, nil, "DELETE", at, "operator", "")
	r.ask(204, nil, "DELETE", at, "operator", "")
	var kinds items[AlarmKind]
	r.ask(200, &kinds, "GET", "/api/v1/alarms/catalogue", "viewer", "")
	if len(kinds.Items) != len(alarm.Catalogue) {
		t.Errorf("%d kinds", len(kinds.Items))
	}
}

func TestOtherRolesThatDoNotAnswerAreAProblemAndNeverAnEmptyList(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/api/v1/alarms", "/api/v1/alarms/x.y", "/api/v1/alarms/mutes", "/api/v1/events", "/api/v1/events/1", "/api/v1/events/export"} {
		r.node.set(func() { r.node.away, r.node.broken = true, false })
		var text string
		r.ask(503, &text, "GET", path, "admin", "")
		if !strings.Contains(text, `"role_unavailable"`) {
			t.Errorf("%s: %s", path, text)
		}
		r.node.set(func() { r.node.away, r.node.broken = false, true })
		r.ask(500, nil, "GET", path, "admin", "")
	}
}

func TestEventsArePagedBothWaysAndExported(t *testing.T) {
	r := newRig(t)
	for n := uint64(1); n <= 7; n++ {
		what, fields := event.RoleStarted, event.Fields{"role": "=store"}
		if n == 4 {
			what, fields = event.SignIn, event.Fields{"who": "alice"} // of the audit log
		}
		b, err := event.Encode(what, fields)
		if err != nil {
			t.Fatal(err)
		}
		r.node.events = append(r.node.events, event.Event{Number: n, At: time.Unix(int64(n), 0), Type: what, Fields: b})
	}
	walk := func(query string) (numbers []uint64) {
		for cursor := ""; ; {
			var page items[Event]
			r.ask(200, &page, "GET", "/api/v1/events?limit=2&"+query+"&cursor="+cursor, "viewer", "")
			for _, e := range page.Items {
				numbers = append(numbers, e.Number)
			}
			if cursor = page.NextCursor; cursor == "" {
				return numbers
			}
		}
	}
	for query, want := range map[string]string{
		"order=newest": "[7 6 5 3 2 1]", "order=oldest": "[1 2 3 5 6 7]", "order=oldest&after=3": "[5 6 7]", "severity=error": "[]", "type=role": "[7 6 5 3 2 1]",
		"type=role.failed": "[]", "category=role": "[7 6 5 3 2 1]", "category=alarm": "[]", "type=audit": "[]",
	} {
		if got := fmt.Sprint(walk(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"type=hunter2", "category=hunter2", "match=hunter2", "since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z"} {
		var text string
		r.ask(400, &text, "GET", "/api/v1/events?"+query, "viewer", "")
		if !strings.Contains(text, "bad_filter") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s", query, text)
		}
	}
	r.ask(404, nil, "GET", "/api/v1/events/4", "viewer", "")
	var e Event
	if r.ask(200, &e, "GET", "/api/v1/events/1", "viewer", ""); e.Number != 1 || e.Type != "role.started" {
		t.Errorf("%+v", e)
	}
	var text string
	r.ask(200, &text, "GET", "/api/v1/events/export", "viewer", "")
	if strings.Count(text, "\n") != 6 || strings.Contains(text, "alice") {
		t.Errorf("exported %s", text)
	}
	r.ask(200, &text, "GET", "/api/v1/events/export?format=csv&type=role", "viewer", "")
	if strings.Count(text, "\n") != 7 || strings.Contains(text, ",=") {
		t.Errorf("exported %s", text)
	}
	var kinds items[EventKind]
	if r.ask(200, &kinds, "GET", "/api/v1/events/catalogue", "viewer", ""); len(kinds.Items) != len(event.Catalogue()) {
		t.Errorf("%d kinds", len(kinds.Items))
	}
}

func TestTheRolesThatAreDescribedAreThoseThatThereAre(t *testing.T) {
	field, _ := reflect.TypeFor[RoleInstance]().FieldByName("Role")
	var kinds []string
	for _, k := range config.Kinds {
		kinds = append(kinds, k.Name)
	}
	if got, want := field.Tag.Get("enum"), strings.Join(kinds, ","); got != want {
		t.Errorf("the description has the roles %s, there are %s", got, want)
	}
}

func TestRolesAreToldWhatToDo(t *testing.T) {
	r := newRig(t)
	var list items[RoleInstance]
	r.ask(200, &list, "GET", "/api/v1/roles?sort=-role", "viewer", "")
	if len(list.Items) != 2 || list.Items[0].Role != "store" || list.Items[0].State != registry.Running.String() {
		t.Errorf("%+v", list)
	}
	r.ask(403, nil, "POST", "/api/v1/roles/store/restart", "policy-admin", "")
	var o RoleOrder
	if r.ask(200, &o, "POST", "/api/v1/roles/store/restart", "operator", ""); !o.Done || len(o.Instances) != 1 {
		t.Errorf("%+v", o)
	}
	r.ask(200, &o, "POST", "/api/v1/roles/store/stop?dry_run=true", "operator", "")
	r.ask(404, nil, "POST", "/api/v1/roles/nonsense/stop", "operator", "")
	r.ask(404, nil, "POST", "/api/v1/roles/nonsense/stop?dry_run=true", "operator", "")
	r.ask(409, nil, "POST", "/api/v1/roles/api/stop", "admin", "")
	r.node.done = false
	o = RoleOrder{}
	if r.ask(200, &o, "POST", "/api/v1/roles/api/restart", "admin", ""); o.Done {
		t.Errorf("one that ends who answers is not waited for: %+v", o)
	}
	if got := strings.Join(r.node.ordered, ", "); got != "restart store, restart api" {
		t.Errorf("ordered %s", got)
	}
}

func TestAWebhookIsMadeChangedTestedAndRemoved(t *testing.T) {
	r := newRig(t)
	const path = "/api/v1/webhooks/ops"
	body := `{"url":"https://ops.example.net/x","enabled":false}`
	r.ask(403, nil, "PUT", path, "operator", body, "If-None-Match", "*")
	r.ask(428, nil, "PUT", path, "admin", body)
	var w Webhook
	r.ask(200, &w, "PUT", path+"?dry_run=true", "admin", body, "If-None-Match", "*")
	r.ask(404, nil, "GET", path, "admin", "")
	res := r.ask(201, &w, "PUT", path, "admin", body, "If-None-Match", "*")
	tag := res.Header.Get("ETag")
	if !strings.HasPrefix(w.Secret, "whsec_") || tag == "" || w.State.State != "disabled" {
		t.Errorf("%+v, %s", w, tag)
	}
	var text string
	r.ask(200, &text, "GET", path, "operator", "")
	if strings.Contains(text, "whsec_") {
		t.Errorf("its secret is shown: %s", text)
	}
	r.ask(412, nil, "PUT", path, "admin", body, "If-None-Match", "*")
	r.ask(412, nil, "PUT", path, "admin", body, "If-Match", `"99999"`)
	w = Webhook{}
	if r.ask(200, &w, "PUT", path, "admin", strings.Replace(body, "/x", "/y", 1), "If-Match", tag); w.Secret != "" || w.URL != "https://ops.example.net/y" {
		t.Errorf("%+v", w)
	}
	r.ask(422, &text, "PUT", "/api/v1/webhooks/bad", "admin", `{"url":"https://u:hunter2@x/","enabled":true}`, "If-None-Match", "*")
	if strings.Contains(text, "hunter2") {
		t.Error(text)
	}
	r.ask(422, nil, "PUT", "/api/v1/webhooks/bad", "admin", `{"url":"https://127.0.0.1/","enabled":true}`, "If-None-Match", "*")
	var s WebhookSecret
	if r.ask(200, &s, "POST", path+"/rotate-secret", "admin", ""); !strings.HasPrefix(s.Secret, "whsec_") {
		t.Errorf("%+v", s)
	}
	r.ask(201, nil, "PUT", "/api/v1/webhooks/here", "admin", `{"url":"http://127.0.0.1:1/","enabled":false,"allow_http":true,"allow_local":true}`, "If-None-Match", "*")
	var tested WebhookTest
	if r.ask(200, &tested, "POST", "/api/v1/webhooks/here/test", "admin", ""); tested.Taken || tested.Attempt.Error == "" {
		t.Errorf("%+v", tested)
	}
	r.ask(404, nil, "POST", "/api/v1/webhooks/nobody/test", "admin", "")
	r.ask(404, nil, "POST", "/api/v1/webhooks/nobody/rotate-secret", "admin", "")
	var list items[Webhook]
	if r.ask(200, &list, "GET", "/api/v1/webhooks?sort=-name", "operator", ""); len(list.Items) != 2 || list.Items[0].Name != "ops" {
		t.Errorf("%+v", list)
	}
	r.ask(428, nil, "DELETE", path, "admin", "")
	r.ask(204, nil, "DELETE", path, "admin", "", "If-Match", "*")
	r.ask(204, nil, "DELETE", path, "admin", "", "If-Match", "*")
}

func TestABackupIsMadeDownloadedUploadedAndRestored(t *testing.T) {
	r := newRig(t)
	r.ask(403, nil, "POST", "/api/v1/backups", "operator", "")
	j := r.ended("POST", "/api/v1/backups", "admin", "")
	if j.State != "done" || j.By != "a-admin" || j.Result == nil || j.Result.Link == "" {
		t.Fatalf("%+v", j)
	}
	res := r.open("GET", j.Result.Link+"/content", "admin", "")
	archive, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.Header.Get("Content-Type") != archiveType || int64(len(archive)) != res.ContentLength {
		t.Fatalf("%v: %v", res.Header, err)
	}
	head := r.open("HEAD", j.Result.Link+"/content", "admin", "")
	if head.Body.Close(); head.StatusCode != 200 || head.ContentLength != int64(len(archive)) {
		t.Errorf("HEAD: %+v", head)
	}
	var up backup.Backup
	q, err := http.NewRequestWithContext(t.Context(), "POST", r.server.URL+"/api/v1/backups/upload", bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer admin")
	q.Header.Set("Content-Type", archiveType)
	answer, err := r.server.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	if answer.Body.Close(); answer.StatusCode != 201 {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	at := answer.Header.Get("Location")
	r.ask(200, &up, "GET", at, "admin", "")
	var said string
	r.ask(422, &said, "POST", "/api/v1/backups/upload", "admin", "hunter2", "Content-Type", archiveType)
	if strings.Contains(said, "hunter2") || !strings.Contains(said, "no backup") {
		t.Error(said)
	}
	r.ask(415, nil, "POST", "/api/v1/backups/upload", "admin", "{}")
	r.node.set(func() { r.node.active = "# another one" })
	var dry Restored
	if r.ask(200, &dry, "POST", at+"/restore?dry_run=true", "admin", `{"policy":true}`); dry.Outcome == nil || !dry.Outcome.Policy || r.node.pending != "" {
		t.Errorf("%+v, pending %q", dry, r.node.pending)
	}
	r.ask(422, nil, "POST", at+"/restore", "admin", `{"policy":false}`)
	if j := r.ended("POST", at+"/restore", "admin", `{"policy":true}`); j.State != "done" || j.Result.Link != "/api/v1/change" {
		t.Errorf("%+v", j)
	}
	if !strings.HasPrefix(r.node.pending, "a-admin: policies") {
		t.Errorf("pending: %q", r.node.pending)
	}
	var list items[backup.Backup]
	if r.ask(200, &list, "GET", "/api/v1/backups", "admin", ""); len(list.Items) != 2 {
		t.Errorf("%+v", list)
	}
	r.ask(204, nil, "DELETE", at, "admin", "")
	r.ask(204, nil, "DELETE", at, "admin", "")
	r.ask(404, nil, "POST", at+"/restore", "admin", `{"policy":true}`)
	r.ask(404, nil, "GET", at+"/content", "admin", "")
	r.ask(422, nil, "GET", "/api/v1/backups/..%2f..%2fetc%2fpasswd", "admin", "")
}

func TestABundleIsMadeAndDownloaded(t *testing.T) {
	r := newRig(t)
	r.ask(403, nil, "POST", "/api/v1/bundles", "operator", "")
	j := r.ended("POST", "/api/v1/bundles", "admin", "")
	if j.State != "done" || j.Progress != 1 || j.Total != 1 {
		t.Fatalf("%+v", j)
	}
	res := r.open("GET", j.Result.Link+"/content", "admin", "")
	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || len(b) == 0 || bytes.Contains(b, []byte("hunter2")) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	r.ask(403, nil, "GET", j.Result.Link, "operator", "")
	var list items[bundle.Bundle]
	if r.ask(200, &list, "GET", "/api/v1/bundles", "admin", ""); len(list.Items) != 1 {
		t.Errorf("%+v", list)
	}
	r.ask(204, nil, "DELETE", j.Result.Link, "admin", "")
	r.ask(404, nil, "GET", j.Result.Link, "admin", "")
	r.ask(409, nil, "POST", "/api/v1/jobs/"+j.ID+"/cancel", "operator", "")
	r.ask(404, nil, "POST", "/api/v1/jobs/job-aaaaaaaaaaaaaaaa/cancel", "operator", "")
}

func TestTheSystemIsShownAlsoWhenNothingAnswers(t *testing.T) {
	r := newRig(t)
	r.node.away = true
	var s System
	r.ask(200, &s, "GET", "/api/v1/system", "viewer", "")
	if s.Node != "fcr-t" || s.Dataplane != nil || s.Database.Kind != "none" || s.Certificate == nil || len(s.Disks) == 0 || s.Host.Processors == 0 {
		t.Errorf("%+v", s)
	}
}
