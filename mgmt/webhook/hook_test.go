package webhook

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

func TestAddressesThatAreNotCalled(t *testing.T) {
	own := ""
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			own = n.IP.String()
		}
	}
	for _, c := range []struct {
		address string
		allowed bool
	}{
		{"127.0.0.1", false}, {"127.8.8.8", false}, {"::1", false}, {"0.0.0.0", false}, {"0.1.2.3", false}, {"::", false}, {"::ffff:127.0.0.1", false},
		{"169.254.169.254", false}, {"fe80::1%eth0", false}, {"::ffff:169.254.169.254", false}, {"fd00:ec2::254", false}, {"100.100.100.200", false},
		{"64:ff9b::7f00:1", false}, {"64:ff9b::a9fe:a9fe", false}, {"2002:7f00:1::", false}, {"224.0.0.1", false}, {"ff02::1", false},
		{"255.255.255.255", false}, {"192.0.2.7", true}, {"10.1.2.3", true}, {"2001:db8::1", true}, {"64:ff9b::c000:207", true},
		{own, false},
	} {
		if c.address == "" {
			continue // this machine has no address of its own
		}
		if err := forbidden(netip.MustParseAddr(c.address)); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	if guard("tcp", "nonsense", nil) == nil {
		t.Error("what cannot be read is called")
	}
}

// A name is judged by the address that is called in the end, whatever the hook's URL looked like.
func TestANameThatLeadsToThisNodeIsNotCalled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	defer server.Close()
	h := Hook{URL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1), AllowHTTP: true}
	if err := h.Check("ops"); err != nil {
		t.Fatal(err)
	}
	a := post(t.Context(), newClient(&h), h.URL, newSecret(), "test", &Message{ID: "x"})
	if a.Taken() || !strings.Contains(a.Error, "not allowed") {
		t.Errorf("%+v", a)
	}
}

func TestACertificateThatNobodySignedIsNotTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	server.Config.ErrorLog = nil
	defer server.Close()
	h := Hook{URL: server.URL, AllowLocal: true}
	a := post(t.Context(), newClient(&h), h.URL, newSecret(), "test", &Message{ID: "x"})
	if a.Taken() || !strings.Contains(a.Error, "trust") {
		t.Errorf("%+v", a)
	}
}

func TestASignatureIsThatOfStandardWebhooks(t *testing.T) {
	// The example of the specification's reference implementations.
	got, err := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if _, err := Sign("nonsense", "x", time.Time{}, nil); err == nil {
		t.Error("a secret that is none signs")
	}
}

func TestBadHooksAreRefusedByPlace(t *testing.T) {
	for _, c := range []struct {
		name, want string
		hook       Hook
	}{
		{"ops", "", Hook{URL: "https://ops.example.net/x"}},
		{"ops", "", Hook{URL: "http://ops.example.net/x", AllowHTTP: true}},
		{"../ops", "path/name", Hook{URL: "https://a/"}},
		{"", "path/name", Hook{URL: "https://a/"}},
		{"ops", "body/url", Hook{URL: ""}},
		{"ops", "body/url", Hook{URL: "https:///x"}},
		{"ops", "body/url", Hook{URL: "https://:8443/x"}},
		{"ops", "body/url", Hook{URL: "ftp://a/"}},
		{"ops", "body/url", Hook{URL: "file:///etc/passwd"}},
		{"ops", "body/url", Hook{URL: "http://a/"}},
		{"ops", "body/url", Hook{URL: "https://user:hunter2@a/"}},
		{"ops", "body/url", Hook{URL: "https://a/#x"}},
		{"ops", "body/url", Hook{URL: "https://169.254.169.254/latest"}},
		{"ops", "body/url", Hook{URL: "https://[::1]/"}},
		{"ops", "body/url", Hook{URL: "https://a/" + strings.Repeat("x", urlMax)}},
		{"ops", "body/ca", Hook{URL: "https://a/", CA: "hunter2"}},
		{"ops", "body/note", Hook{URL: "https://a/", Note: strings.Repeat("x", noteMax+1)}},
		{"ops", "body/filter/severity", Hook{URL: "https://a/", Filter: HookFilter{Severity: "hunter2"}}},
		{"ops", "body/filter/categories/1", Hook{URL: "https://a/", Filter: HookFilter{Categories: []string{"alarm", "hunter2"}}}},
		{"ops", "body/filter/types/0", Hook{URL: "https://a/", Filter: HookFilter{Types: []string{"hunter2"}}}},
		{"ops", "body/filter/types/0", Hook{URL: "https://a/", Filter: HookFilter{Types: []string{"webhook.failing"}}}},
		{"ops", "body/filter/alarms/0", Hook{URL: "https://a/", Filter: HookFilter{Alarms: []string{"hunter2"}}}},
	} {
		err := c.hook.Check(c.name)
		var p *problem.Problem
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c.hook, err)
		case c.want != "" && (!errors.As(err, &p) || p.Fields[0].Location != c.want || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%+v: %v, want %s", c.hook, err, c.want)
		}
	}
}

func TestFilters(t *testing.T) {
	raised := func(code alarm.Code, level string) event.Event {
		fields, _ := json.Marshal(map[string]string{"code": string(code), "level": level})
		return event.Event{Type: event.AlarmRaised, Fields: fields}
	}
	for _, c := range []struct {
		name   string
		filter HookFilter
		event  event.Event
		want   bool
	}{
		{"alarms by default", HookFilter{}, raised(alarm.DatabaseDown, "major"), true},
		{"and nothing else", HookFilter{}, event.Event{Type: event.RoleFailed}, false},
		{"a category", HookFilter{Categories: []string{"role"}}, event.Event{Type: event.RoleFailed}, true},
		{"a type by its beginning", HookFilter{Types: []string{"role"}}, event.Event{Type: event.RoleFailed}, true},
		{"a type", HookFilter{Types: []string{"role.started"}}, event.Event{Type: event.RoleFailed}, false},
		{"both must hold", HookFilter{Categories: []string{"alarm"}, Types: []string{"role"}}, event.Event{Type: event.RoleFailed}, false},
		{"an alarm counts by its level: enough", HookFilter{Severity: "error"}, raised(alarm.DatabaseDown, "major"), true},
		{"an alarm counts by its level: too little", HookFilter{Severity: "error"}, raised(alarm.NoStandby, "warning"), false},
		{"a code", HookFilter{Alarms: []string{"database.unavailable"}}, raised(alarm.DatabaseDown, "major"), true},
		{"another code", HookFilter{Alarms: []string{"database.unavailable"}}, raised(alarm.NoStandby, "warning"), false},
		{"codes are about alarms alone", HookFilter{Alarms: []string{"database.unavailable"}, Categories: []string{"role"}}, event.Event{Type: event.RoleFailed}, true},
		{"nothing of webhooks", HookFilter{Categories: []string{"operation"}}, event.Event{Type: event.WebhookGaveUp}, false},
		{"a muted alarm", HookFilter{}, event.Event{Type: event.AlarmRaised, Fields: []byte(`{"code":"x","muted":true}`)}, false},
	} {
		f := factsOf(&c.event)
		if got := c.filter.wants(&f); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
