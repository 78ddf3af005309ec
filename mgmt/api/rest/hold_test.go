package rest

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// looking is an audit log that looks at what the client has when it writes down.
type looking struct {
	client *httptest.ResponseRecorder
	found  string
}

func (*looking) Ready(context.Context, *audit.Entry) error { return nil }

func (l *looking) Finish(context.Context, *audit.Entry, problem.Code) {
	l.found = "nothing"
	if l.client.Flushed || l.client.Body.Len() > 0 {
		l.found = "an answer"
	}
}

// long is what no buffer on the way holds back by itself.
type long struct {
	Text string `json:"text"`
}

func TestAWriteIsAnsweredWhenItIsWrittenDown(t *testing.T) {
	body := strings.Repeat("x", 256<<10)
	for _, method := range []string{"PUT", "POST", "GET"} {
		l := &looking{client: httptest.NewRecorder()}
		a := New(Options{Gate: gate{}, Audit: l})
		Register(a, Operation{ID: "do-long", Method: method, Path: "/api/v1/long", Tag: "long", Summary: "A long answer", Permission: auth.AliasWrite, Audit: "long.put"},
			func(context.Context, *struct{}) (*Item[long], error) { return One(long{body}, 3), nil })
		r := httptest.NewRequest(method, "/api/v1/long", nil)
		r.Header.Set("Authorization", "Bearer admin")
		a.ServeHTTP(l.client, r)
		if want := map[bool]string{true: "an answer", false: "nothing"}[method == "GET"]; l.found != want {
			t.Errorf("%s: the client had %s", method, l.found)
		}
		if l.client.Code != 200 || l.client.Header().Get("ETag") != `"3"` || !strings.Contains(l.client.Body.String(), body) {
			t.Errorf("%s: %d, %v, %d bytes", method, l.client.Code, l.client.Header(), l.client.Body.Len())
		}
	}
}
