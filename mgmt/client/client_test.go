package client

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func problemOf(code string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"code":%q,"title":"No","request_id":"r1","fields":[{"location":"body/x","message":"is missing"}]}`, status, code)
	}
}

func TestOnlyATrustedServerGetsTheToken(t *testing.T) {
	var seen atomic.Value
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"))
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(server.Certificate().Raw))
	other := strings.Map(func(r rune) rune { return map[bool]rune{true: '1', false: '0'}[r == '0'] }, sum)
	for _, c := range []struct {
		name    string
		context Context
		trusted bool
	}{
		{"nothing is known of it", Context{}, false},
		{"its authority is known", Context{CA: ca}, true},
		{"its fingerprint is known", Context{Fingerprint: sum}, true},
		{"another fingerprint is known", Context{Fingerprint: other}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen.Store("")
			c.context.Server, c.context.Token = server.URL, "fcr_a_secret"
			client, err := New(c.context)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(t.Context(), Request{Method: "GET", Path: "/"})
			if got := seen.Load() == "Bearer fcr_a_secret"; got != c.trusted || (err == nil) != c.trusted {
				t.Errorf("the server saw %q, error %v", seen.Load(), err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	client := local(t, http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	if _, err := client.Do(t.Context(), Request{Method: "GET", Path: "/"}); err == nil || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
}

// local serves on a unix socket.
func local(t *testing.T, h http.Handler) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(l) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { server.Close() })
	client, err := New(Context{Server: "unix:" + path})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestARefusalIsToldInWords(t *testing.T) {
	client := local(t, problemOf("invalid", 422))
	_, err := client.Do(t.Context(), Request{Method: "PUT", Path: "/x", Body: map[string]int{"a": 1}})
	if err == nil || err.Error() != "No\n  body/x: is missing (invalid, request r1)" {
		t.Errorf("%v", err)
	}
}

func TestABusyServerIsAskedAgainWithTheSameKey(t *testing.T) {
	keys := map[string]int{}
	tries := 0
	client := local(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys[r.Header.Get("Idempotency-Key")]++
		if tries++; tries < 3 {
			problemOf("busy", 503)(w, r)
			return
		}
		fmt.Fprint(w, `{}`)
	}))
	if _, err := client.Do(t.Context(), Request{Method: "POST", Path: "/x"}); err != nil || len(keys) != 1 || tries != 3 {
		t.Errorf("%v, keys %v, %d tries", err, keys, tries)
	}
}

func TestAListIsReadToItsEnd(t *testing.T) {
	client := local(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch q.Get("cursor") {
		case "":
			fmt.Fprint(w, `{"items":[1,2],"next_cursor":"a","total":5}`)
		case "a":
			fmt.Fprint(w, `{"items":[3,4],"next_cursor":"b","total":5}`)
		case "b":
			fmt.Fprint(w, `{"items":[5],"total":5}`)
		}
		if q.Get("state") != "up" {
			t.Errorf("the filter is lost: %v", q)
		}
	}))
	for limit, want := range map[int]string{0: "12345", 3: "1234", 2: "12"} {
		got := ""
		total, err := client.List(t.Context(), "/x", url.Values{"state": {"up"}}, limit, func(item json.RawMessage) error { got += string(item); return nil })
		if err != nil || total != 5 || got != want {
			t.Errorf("limit %d: %q of %d, %v", limit, got, total, err)
		}
	}
}

func TestWhoIsNotThereIsNamed(t *testing.T) {
	client, err := New(Context{Server: "unix:" + filepath.Join(t.TempDir(), "none")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(context.Background(), Request{Method: "GET", Path: "/"}); err == nil || !strings.Contains(err.Error(), "is fcr-mgmtd running?") {
		t.Errorf("%v", err)
	}
}

func TestServersAreGivenInFull(t *testing.T) {
	for _, server := range []string{"", "host", "http://host", "https://", "https://user:pw@host", "https://host/path", "https://host?x=1", "ftp://host"} {
		if _, err := New(Context{Server: server}); err == nil {
			t.Errorf("%q is taken", server)
		}
	}
}

func TestContextsAreKeptForTheUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fcrctl", "contexts.yaml")
	c, err := ReadContexts(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []Context{{Name: "b", Server: "https://b:8443", Token: "fcr_b_x"}, {Name: "a", Server: "unix:/run/a.sock"}} {
		if err := c.Put(x); err != nil {
			t.Fatal(err)
		}
	}
	c.Current = "b"
	if err := c.Write(); err != nil {
		t.Fatal(err)
	}
	again, err := ReadContexts(path)
	if err != nil || len(again.Contexts) != 2 || again.Contexts[0].Name != "a" || again.Current != "b" {
		t.Fatalf("%+v, %v", again, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadContexts(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others may read: %v", err)
	}
	if err := os.WriteFile(path, []byte("contexts: [{name: x, token: fcr_x_secret, nonsense: 1}]"), 0o600); err != nil || os.Chmod(path, 0o600) != nil {
		t.Fatal(err)
	}
	if _, err := ReadContexts(path); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a file with an unknown key: %v", err)
	}
}
