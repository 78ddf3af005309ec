package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/hub"
)

// next is the next message of a stream.
func next(t *testing.T, c *websocket.Conn) (m hub.Message, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, text, err := c.Read(ctx)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	return m, err
}

func TestTheStreamIsServedOnTheSocketAndTellsWhatThereIs(t *testing.T) {
	n := serving(t, options(t))
	dial := func(path string, header http.Header) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), "ws://localhost"+path, &websocket.DialOptions{
			HTTPClient: &http.Client{Transport: n.local(t).Transport}, HTTPHeader: header, Subprotocols: []string{hub.Subprotocol},
		})
	}
	c, _, err := dial("/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	hello, err := next(t, c)
	var offer struct{ Topics []string }
	if err != nil || json.Unmarshal(hello.Data, &offer) != nil || hello.Kind != "hello" || strings.Join(offer.Topics, " ") != "captures change flows jobs samples" {
		t.Fatalf("%+v, %v", hello, err)
	}
	want := map[string]string{"change": "snapshot", "jobs": "snapshot", "captures": "snapshot", "samples": "unavailable", "flows": "unavailable"} // there is no data plane
	for topic := range want {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"op":"subscribe","id":"`+topic+`","topic":"`+topic+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	for len(want) > 0 {
		m, err := next(t, c)
		if err != nil || want[m.ID] != "" && m.Kind != want[m.ID] {
			t.Fatalf("%+v, %v", m, err)
		}
		delete(want, m.ID)
	}
	if _, answer, err := dial("/api/v1/stream", http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}); err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page: %v, %v", answer, err)
	}
	if _, answer, err := dial("/api/v1/stream", http.Header{"Authorization": {"Bearer nonsense"}}); err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token that is none: %v, %v", answer, err)
	}
}

func TestAStreamEndsSoonAfterItsSession(t *testing.T) {
	n := serving(t, options(t))
	service := n.running.Load().auth
	if _, err := service.SetUp(t.Context(), "", "alice", "correct horse battery", auth.Source{}, true); err != nil {
		t.Fatal(err)
	}
	session, cookie, err := service.SignIn(t.Context(), "alice", "correct horse battery", auth.Source{})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(n.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(at, []*http.Cookie{cookie})
	dial := func() (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(t.Context(), strings.Replace(n.url("/api/v1/stream"), "https", "wss", 1),
			&websocket.DialOptions{HTTPClient: &http.Client{Transport: n.client(t, false).Transport, Jar: jar}})
	}
	c, _, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if m, err := next(t, c); err != nil || m.Kind != "hello" {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := service.EndSession(t.Context(), session.ID, "alice"); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	if _, err := next(t, c); websocket.CloseStatus(err) != hub.StatusSignedOut || time.Since(ended) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(ended), err)
	}
	if _, answer, err := dial(); err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("with a session that has ended: %v, %v", answer, err)
	}
}
