package api

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAnAdminGivesTheApplianceACertificateAndTakesItBack(t *testing.T) {
	n := serving(t, options(t))
	c := n.local(t)
	ask := func(method, body, tag string) (int, string, Certificate) {
		t.Helper()
		r, err := http.NewRequest(method, "http://fcr/api/v1/certificate", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if tag != "" {
			r.Header.Set("If-Match", tag)
		}
		out, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Body.Close()
		text, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		var got Certificate
		_ = json.Unmarshal(text, &got) // a problem has other members
		return out.StatusCode, out.Header.Get("ETag") + string(text), got
	}
	shown := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", n.Addresses()[0], &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return fingerprintOf(conn.ConnectionState().PeerCertificates[0])
	}
	_, _, first := ask("GET", "", "")
	if first.Source != "made" || first.Fingerprint != shown() {
		t.Fatalf("%+v", first)
	}
	cert, key, err := selfSigned([]string{"given.example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := selfSigned([]string{"given.example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	old, oldKey, err := selfSigned([]string{"given.example"}, time.Now().Add(-2*validity))
	if err != nil {
		t.Fatal(err)
	}
	body := func(cert, key []byte) string {
		b, err := json.Marshal(CertificateDraft{string(cert), string(key)})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, tt := range map[string]struct {
		body, tag string
		want      int
	}{
		"without a precondition": {body(cert, key), "", 428},
		"a stale one":            {body(cert, key), `"1"`, 412},
		"another's key":          {body(cert, other), "*", 422},
		"one that has run out":   {body(old, oldKey), "*", 422},
		"no PEM":                 {body([]byte("hunter2"), []byte("hunter2")), "*", 422},
	} {
		if status, text, _ := ask("PUT", tt.body, tt.tag); status != tt.want || strings.Contains(text, "hunter2") || strings.Contains(text, "PRIVATE") || shown() != first.Fingerprint {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	status, text, given := ask("PUT", body(cert, key), "*")
	if status != 200 || given.Fingerprint != shown() || given.Fingerprint == first.Fingerprint || given.Names[0] != "given.example" || strings.Contains(text, "PRIVATE") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, made := ask("DELETE", "", text[:strings.LastIndex(text, `"{`)+1]); status != 200 || made.Source != "made" || made.Fingerprint != shown() || made.Fingerprint == given.Fingerprint {
		t.Errorf("%d %+v", status, made)
	}
}

func TestACertificateOfTheConfigurationIsNotReplacedOverTheInterface(t *testing.T) {
	o := options(t)
	o.Config.API.Certificate, o.Config.API.Key = pair(t, t.TempDir(), "configured.example")
	n := serving(t, o)
	r, err := http.NewRequest("DELETE", "http://fcr/api/v1/certificate", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("If-Match", "*")
	out, err := n.local(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if out.StatusCode != 409 {
		t.Error(out.Status)
	}
}
