package hub

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

func number(n int) func() any { return func() any { return n } }

func TestAClientGetsASnapshotThenUpdatesAndAnEnd(t *testing.T) {
	r := newRig(t)
	p := r.dial()
	p.say(`{"op":"subscribe","id":"a","topic":"test"}`)
	room := r.room()
	room.Publish(time.Now(), number(1), nil)
	if m := p.expect("snapshot"); string(m.Data) != "1" || m.ID != "a" || m.At.IsZero() {
		t.Errorf("%+v", m)
	}
	for i := 2; i < 5; i++ {
		room.Publish(time.Now(), number(i), fmt.Appendf(nil, `"to %d"`, i))
		if m := p.expect("update"); string(m.Data) != fmt.Sprintf(`"to %d"`, i) {
			t.Errorf("%s", m.Data)
		}
	}
	p.say(`{"op":"subscribe","id":"b","topic":"test"}`) // the same room
	if m := p.expect("snapshot"); string(m.Data) != "4" || m.ID != "b" {
		t.Errorf("%+v", m)
	}
	room.Fail(problem.New(problem.DataplaneUnavailable, ""))
	for range 2 {
		if m := p.expect("unavailable"); !strings.Contains(string(m.Data), "dataplane_unavailable") {
			t.Errorf("%s", m.Data)
		}
	}
	room.Publish(time.Now(), number(9), []byte("9"))
	p.expect("snapshot")
	p.expect("snapshot")
	room.Publish(time.Now(), number(10), nil)
	p.expect("resync")
	p.expect("resync")
	p.say(`{"op":"unsubscribe","id":"a"}`)
	p.expect("end")
	room.Publish(time.Now(), number(11), []byte("11"))
	if m := p.expect("update"); m.ID != "b" {
		t.Errorf("after the end: %+v", m)
	}
	p.say(`{"op":"unsubscribe","id":"b"}`)
	p.expect("end")
	r.until("the room is closed", func() bool { return r.hub.Stats().Rooms == 0 })
	p.say(`{"op":"subscribe","id":"a","topic":"test"}`)
	if r.room() == room {
		t.Error("a room was opened again")
	}
}

func TestWhatAClientMayNotAskForIsRefusedAndTheStreamGoesOn(t *testing.T) {
	r := newRig(t)
	p := r.dial()
	p.say(`{"op":"subscribe","id":"first","topic":"test"}`)
	r.room()
	for _, tc := range []struct{ text, code string }{
		{`nonsense`, "bad_request"},
		{`{"op":"subscribe","id":"x","topic":"test","more":1}`, "bad_request"},
		{`{"op":"subscribe","id":"x","topic":"test"} {}`, "bad_request"},
		{`{"op":"shout","id":"x"}`, "bad_request"},
		{`{"op":"subscribe","id":"","topic":"test"}`, "bad_request"},
		{`{"op":"subscribe","id":"` + strings.Repeat("x", 65) + `","topic":"test"}`, "bad_request"},
		{`{"op":"subscribe","id":"a\u0000","topic":"test"}`, "bad_request"},
		{`{"op":"unsubscribe","id":"x","topic":"test"}`, "bad_request"},
		{`{"op":"unsubscribe","id":"x"}`, "not_found"},
		{`{"op":"subscribe","id":"x","topic":"nothing"}`, "not_found"},
		{`{"op":"subscribe","id":"x","topic":"secret"}`, "forbidden"},
		{`{"op":"subscribe","id":"x","topic":"test","params":{"colour":"hunter2"}}`, "invalid"},
		{`{"op":"subscribe","id":"first","topic":"test"}`, "already_exists"},
	} {
		p.say(tc.text)
		if m := p.expect("refused"); !strings.Contains(string(m.Data), `"code":"`+tc.code+`"`) || strings.Contains(string(m.Data), "hunter2") {
			t.Errorf("%s: %s, want %s", tc.text, m.Data, tc.code)
		}
	}
	for i := range MaxSubscriptions - 1 {
		p.say(fmt.Sprintf(`{"op":"subscribe","id":"%d","topic":"test"}`, i))
	}
	p.say(`{"op":"subscribe","id":"one more","topic":"test"}`)
	if m := p.expect("refused"); !strings.Contains(string(m.Data), "limit_reached") {
		t.Errorf("%s", m.Data)
	}
	if s := r.hub.Stats(); s.Rooms != 1 || s.Subscriptions != MaxSubscriptions || s.Clients != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWhoTalksTooMuchOrInBytesIsPutOut(t *testing.T) {
	r := newRig(t)
	for name, tc := range map[string]struct {
		kind websocket.MessageType
		text []byte
		n    int
		want websocket.StatusCode
	}{
		"too often":  {websocket.MessageText, []byte("{}"), 2 * requestBurst, websocket.StatusPolicyViolation},
		"too much":   {websocket.MessageText, bytes.Repeat([]byte(" "), maxRequest+1), 1, websocket.StatusMessageTooBig},
		"not a text": {websocket.MessageBinary, []byte("{}"), 1, websocket.StatusUnsupportedData},
	} {
		p := r.dial()
		go func() {
			for range tc.n {
				if p.conn.Write(t.Context(), tc.kind, tc.text) != nil {
					return
				}
			}
		}()
		if got := p.closed(); got != tc.want {
			t.Errorf("%s: closed with %v, want %v", name, got, tc.want)
		}
	}
	r.until("all are gone", func() bool { return r.hub.Stats().Clients == 0 })
}

func TestWhoseSessionEndsOrRoleChangesIsPutOutSoon(t *testing.T) {
	r := newRig(t)
	for want, change := range map[websocket.StatusCode]func(){
		StatusSignedOut:   func() { r.gone = problem.New(problem.SessionExpired, "") },
		StatusRoleChanged: func() { r.gone, r.role = nil, auth.Admin },
	} {
		r.mu.Lock()
		r.gone, r.role = nil, auth.Viewer
		r.mu.Unlock()
		p := r.dial()
		p.say(`{"op":"subscribe","id":"a","topic":"test"}`)
		r.room()
		r.mu.Lock()
		change()
		r.mu.Unlock()
		if got := p.closed(); got != want {
			t.Errorf("closed with %v, want %v", got, want)
		}
		r.until("it is gone", func() bool { return r.hub.Stats().Clients == 0 })
	}
}

// The client never reads: it costs nobody anything, keeps no more than a room keeps, and is put out.
func TestAClientThatNeverReadsHoldsUpNobodyAndIsPutOut(t *testing.T) {
	r := newRig(t)
	r.hub.patience.ping = time.Minute      // which it would not answer either
	r.hub.patience.write = 5 * time.Second // the one that reads has as long, and may get no CPU for a while
	deaf, p := r.dial(), r.dial()
	for _, c := range []*peer{deaf, p} {
		c.say(`{"op":"subscribe","id":"a","topic":"test"}`)
	}
	room := r.room()
	r.until("both are there", func() bool { room.mu.Lock(); defer room.mu.Unlock(); return len(room.clients) == 2 })
	data := marshal(strings.Repeat("x", 200_000))
	room.Publish(time.Now(), number(0), nil)
	p.expect("snapshot")
	published := time.Now()
	for i := range 100 { // 20 MB: more than sockets hold
		room.Publish(time.Now(), number(i), data)
		p.expect("update")
		room.mu.Lock()
		if len(room.updates) > keepUpdates || room.bytes > keepBytes {
			t.Fatalf("a room keeps %d updates of %d bytes", len(room.updates), room.bytes)
		}
		room.mu.Unlock()
	}
	t.Logf("the one that reads got 20 MB in %v", time.Since(published))
	r.until("the deaf one is put out", func() bool { s := r.hub.Stats(); return s.Clients == 1 && s.Slow == 1 })
	room.Publish(time.Now(), number(1000), []byte("1000"))
	p.expect("update")
}

func TestAClientThatWasSlowGetsAResync(t *testing.T) {
	r := newRig(t)
	r.hub.patience.write, r.hub.patience.ping = time.Minute, time.Minute
	p := r.dial()
	p.say(`{"op":"subscribe","id":"a","topic":"test"}`)
	room := r.room()
	room.Publish(time.Now(), number(0), nil)
	p.expect("snapshot")
	filler := strings.Repeat("x", 200_000)
	for i := 1; i <= 100; i++ {
		room.Publish(time.Now(), number(i), fmt.Appendf(nil, `{"to":%d,"filler":%q}`, i, filler))
	}
	resyncs := 0
	for state := 0; state < 100; {
		m := p.next()
		var u struct{ To int }
		switch {
		case m.Kind == "resync":
			resyncs++
			if err := json.Unmarshal(m.Data, &state); err != nil {
				t.Fatal(err)
			}
		case m.Kind != "update" || json.Unmarshal(m.Data, &u) != nil || u.To != state+1:
			t.Fatalf("%s to %d, at %d", m.Kind, u.To, state)
		default:
			state = u.To
		}
	}
	if resyncs == 0 || r.hub.Stats().Resyncs == 0 {
		t.Error("all went through without a resync")
	}
}

func TestWhoDoesNotAnswerAPingIsPutOut(t *testing.T) {
	r := newRig(t)
	r.hub.patience.ping, r.hub.patience.pong = 20*time.Millisecond, 50*time.Millisecond
	r.dial() // reads nothing more, so it sends no pong
	r.until("it is put out", func() bool { return r.hub.Stats().Clients == 0 })
}

func TestWhoFollowsNothingIsPutOut(t *testing.T) {
	r := newRig(t)
	r.hub.patience.ping, r.hub.patience.idle = 20*time.Millisecond, 50*time.Millisecond
	p := r.dial()
	if got := p.closed(); got != StatusIdle {
		t.Errorf("closed with %v", got)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	r := newRig(t)
	for range MaxPerActor {
		if _, err := r.hub.admit(&auth.Actor{Name: "bob"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.hub.admit(&auth.Actor{Name: "bob"}); !problem.Is(err, problem.TooManyRequests) {
		t.Errorf("one of bob's too many: %v", err)
	}
	for n := range MaxClients - MaxPerActor {
		if _, err := r.hub.admit(&auth.Actor{Name: fmt.Sprint("user", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.hub.admit(&auth.Actor{Name: "carol"}); !problem.Is(err, problem.Busy) {
		t.Errorf("one too many: %v", err)
	}
	r.hub.mu.Lock()
	clients := r.hub.clients
	r.hub.mu.Unlock()
	for c := range clients {
		r.hub.dismiss(c)
	}
	if s := r.hub.Stats(); s.Clients != 0 || s.Refused != 2 || len(r.hub.actors) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWithoutAHandshakeOrASessionThereIsNoStream(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]int{"/": 400, "/nobody": 401} {
		answer, err := http.Get(r.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestAPageOfAnotherSiteOpensNoStream(t *testing.T) {
	for name, tc := range map[string]struct {
		header http.Header
		tls    bool
		want   bool
	}{
		"a program":                  {http.Header{}, true, true},
		"our own page":               {http.Header{"Origin": {"https://Node:8443"}, "Sec-Fetch-Site": {"same-origin"}}, true, true},
		"a page of another site":     {http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, true, false},
		"one of an old browser":      {http.Header{"Origin": {"https://evil.example"}}, true, false},
		"one that hides its origin":  {http.Header{"Origin": {"null"}}, true, false},
		"another port of the host":   {http.Header{"Origin": {"https://node:9000"}, "Sec-Fetch-Site": {"same-site"}}, true, false},
		"the same without TLS":       {http.Header{"Origin": {"http://node:8443"}}, true, false},
		"two origins":                {http.Header{"Origin": {"https://node:8443", "https://evil.example"}}, true, false},
		"what is no origin":          {http.Header{"Origin": {"::"}}, true, false},
		"a page through a local one": {http.Header{"Origin": {"http://node:8443"}}, false, true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/stream", nil)
		r.Host, r.Header, r.TLS = "node:8443", tc.header, nil
		if tc.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := sameOrigin(r); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheEndOfTheHubIsSaidToClients(t *testing.T) {
	r := newRig(t)
	p := r.dial()
	p.say(`{"op":"subscribe","id":"a","topic":"test"}`)
	r.room()
	go r.stop()
	if got := p.closed(); got != websocket.StatusGoingAway {
		t.Errorf("closed with %v", got)
	}
	r.until("it has ended", func() bool { return r.hub.Stats().Clients == 0 })
	if _, err := r.hub.admit(&auth.Actor{}); !problem.Is(err, problem.Busy) {
		t.Errorf("a hub that does not run: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"op":"subscribe","id":"a","topic":"flows","params":{"filter":{"initiator":"x"},"sort":"-bytes","limit":5}}`))
	f.Add([]byte(`{"op":"subscribe","id":"a","topic":"events","params":{"after":5,"types":["flow"]}}`))
	f.Add([]byte(`{"op":"unsubscribe","id":"a"}`))
	h := New(Options{Topics: []Topic{Flows(nil), Samples(nil), Events(nil), Alarms(nil)}})
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRequest(text)
		if err == nil && r.Op == "subscribe" {
			var offer *Offer
			if offer, err = h.open(&auth.Actor{Role: auth.Viewer}, &r); err == nil && (offer.Key == "" || offer.Run == nil) {
				t.Errorf("%s gives %+v", text, offer)
			}
		}
		if err != nil && problem.Of(err).Code == problem.Internal {
			t.Errorf("%s: %v", text, err)
		}
		if !json.Valid(appendMessage(nil, r.ID, 1, "refused", time.Now(), problemData(err))) {
			t.Errorf("%s: no JSON", text)
		}
	})
}
