package redact

import (
	"strings"
	"testing"
)

func TestSecretsAreTakenOut(t *testing.T) {
	r := New(`pa"ss hunter2/@é`, "abc")
	for _, c := range []struct{ text, want string }{
		{`level=ERROR msg="no connection" dsn=postgres://fcr:hunter2@db:5432/fcr`, "db:5432"},
		{`postgres://fcr:hun@ter2hunter2@db/fcr`, "@db/fcr"},
		{`host=db user=fcr password=hunter2 dbname=fcr`, "dbname=fcr"},
		{`host=db password='hunter2 with space hunter2' dbname=fcr`, "dbname=fcr"},
		{`{"password":"hunter2 and hunter2","name":"alice"}`, `"name":"alice"`},
		{`{"password":"pa\"hunter2","name":"alice"}`, `"name":"alice"`},
		{`msg="{\"password\":\"hunter2\",\"name\":\"alice\"}"`, "alice"},
		{`{"webhook_secret": "hunter2"}`, "webhook_secret"},
		{"Authorization: Bearer hunter2hunter2\nHost: x", "Host: x"},
		{"curl -H 'X: y' bearer hunter2hunter2 -v", "-v"},
		{"Cookie: fcr=hunter2; other=hunter2\nHost: x", "Host: x"},
		{"set-cookie: session=hunter2; Path=/\r\nHost: x", "Host: x"},
		{"before\n-----BEGIN EC PRIVATE KEY-----\nhunter2\nhunter2\n-----END EC PRIVATE KEY-----\nafter", "after"},
		{"before\n-----BEGIN PRIVATE KEY-----\nhunter2 cut off", "before"},
		{"hash $argon2id$v=19$m=1,t=1,p=1$hunter2$hunter2 of alice", "of alice"},
		{"rolpassword SCRAM-SHA-256$4096:hunter2==$x:y", "rolpassword"},
		{"the token fcr_hunter2hunter2_hunter2 was used", "was used"},
		{"whsec_hunter2hunter2/+= is set", "is set"},
		{`it said pa"ss hunter2/@é twice`, "twice"},
		{`it said "pa\"ss hunter2/@é" twice`, "twice"},
		{`it said pa%22ss+hunter2%2F%40%C3%A9 twice`, "twice"},
		{"api_key=hunter2&x=1", "x=1"},
		{"PGPASSWORD=hunter2 psql", "psql"},
	} {
		got := string(r.Text([]byte(c.text)))
		if strings.Contains(got, "hunter2") || !strings.Contains(got, c.want) || !strings.Contains(got, Gone) {
			t.Errorf("%q becomes %q, want no secret and %q", c.text, got, c.want)
		}
	}
	for _, text := range []string{
		"level=INFO msg=\"store: flushed\" rows=17 took=2ms", `{"code":"database.unavailable","subject":"store/0"}`, "https://ops.example.net/path?x=1", "abc", "eth0: 10.0.0.1:8443",
	} {
		if got := string(r.Text([]byte(text))); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// Whatever stands around it, a known secret does not come through, and nothing grows without bound.
func FuzzText(f *testing.F) {
	f.Add(`password="`, `"`)
	f.Add("Cookie: a", "\n")
	f.Add("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----")
	r := New("hunter2-hunter2")
	f.Fuzz(func(t *testing.T, before, after string) {
		out := r.Text([]byte(before + "hunter2-hunter2" + after))
		if strings.Contains(string(out), "hunter2-hunter2") && !strings.Contains(before+after, "unter2") {
			t.Errorf("%q", out)
		}
		if len(out) > 16*(len(before)+len(after)+64) {
			t.Errorf("%d bytes became %d", len(before)+len(after), len(out))
		}
	})
}
