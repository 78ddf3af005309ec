// Package redact takes secrets out of text that leaves the appliance: logs, settings, what other programs print.
//
// Who may import it: mgmt/bundle, and whoever else hands text out. It imports nothing of ours.
//
// It looks for known secrets, word for word and in the spellings that JSON and URLs give them; for values whose name says
// what they are; and for forms that only secrets have (keys in PEM, hashes, our tokens). It rather takes away too much.
//
// Ownership: a Redactor does not change after it was made; any goroutine may use it.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Gone stands where a secret stood.
const Gone = "[removed]"

// shortest is the length from which on a known secret is looked for: a shorter one would take half of the text along.
const shortest = 4

// Redactor takes secrets out of text.
type Redactor struct {
	known [][]byte // the longest first
}

// New makes one that also knows these secrets word for word.
func New(secrets ...string) *Redactor {
	var all []string
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		quoted, _ := json.Marshal(s) // strings never fail
		all = append(all, s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)))
	}
	slices.Sort(all)
	all = slices.Compact(all)
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	r := &Redactor{}
	for _, s := range all {
		r.known = append(r.known, []byte(s))
	}
	return r
}

// A value is a string in quotes, perhaps inside of another string, or goes up to a space or a separator.
const value = `("(?:[^"\\]|\\.)*"?|\\+"[^"]*"?|'[^']*'?|[^\s,;}&"'\\]+)`

// toEnd goes up to the end of a line, also of one that stands in a JSON string.
const toEnd = `(?:[^\r\n\\]|\\[^nr])*`

// forms are the patterns of a line, each with what stands in its place. A pattern is looked for only in lines that have one
// of its words, in lower case: regexp reads some megabytes a second, and most lines have none.
var forms = []struct {
	words []string
	find  *regexp.Regexp
	put   string
}{
	{[]string{"cookie"}, regexp.MustCompile(`(?i)(cookie["'\\]*\s*[:=]\s*)` + toEnd), "${1}" + Gone},
	{[]string{"authorization"}, regexp.MustCompile(`(?i)(authorization["'\\]*\s*[:=]\s*)` + toEnd), "${1}" + Gone},
	{[]string{"bearer", "basic"}, regexp.MustCompile(`(?i)(bearer|basic)\s+[a-z0-9._~+/=-]{6,}`), "${1} " + Gone},
	{[]string{"@"}, regexp.MustCompile(`(://[^\s/:@"']*):[^\s/"']*@`), "${1}:" + Gone + "@"},
	{[]string{"$"}, regexp.MustCompile(`\$(?:argon2[id]{1,2}|2[aby]|[156y])\$[^\s"'\\]+`), Gone},
	{[]string{"scram-sha-256$"}, regexp.MustCompile(`SCRAM-SHA-256\$[^\s"'\\,]+`), Gone},
	{[]string{"fcr_"}, regexp.MustCompile(`fcr_[A-Za-z0-9_-]{8,}`), Gone},
	{[]string{"whsec_"}, regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`), Gone},
	{names, regexp.MustCompile(`(?i)((?:` + strings.Join(names, "|") + `)[a-z0-9_.-]*["'\\]*\s*[:=]\s*)` + value), "${1}" + Gone},
}

// names are parts of names whose values are secrets.
var names = []string{
	"password", "passwd", "passphrase", "pgpass", "secret", "token", "api_key", "api-key", "apikey", "private_key", "private-key", "digest", "session_id", "session-id", "csrf",
}

const keyBegin, keyEnd = "-----BEGIN ", "PRIVATE KEY-----"

// Text gives the text without its secrets.
func (r *Redactor) Text(b []byte) []byte {
	for _, s := range r.known {
		b = bytes.ReplaceAll(b, s, []byte(Gone))
	}
	if bytes.Contains(b, []byte(keyEnd)) {
		b = keys.ReplaceAll(b, []byte(Gone))
	}
	var out bytes.Buffer
	out.Grow(len(b))
	for line := range bytes.Lines(b) {
		lower := bytes.ToLower(line)
		for _, f := range forms {
			if slices.ContainsFunc(f.words, func(w string) bool { return bytes.Contains(lower, []byte(w)) }) {
				line = f.find.ReplaceAll(line, []byte(f.put))
			}
		}
		out.Write(line)
	}
	return out.Bytes()
}

var keys = regexp.MustCompile(`(?s)` + keyBegin + `[A-Z ]*` + keyEnd + `.*?(?:-----END [A-Z ]*` + keyEnd + `|\z)`)
