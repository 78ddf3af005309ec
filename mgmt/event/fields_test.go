package event

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestFieldsAreHeldAgainstTheCatalogue(t *testing.T) {
	for name, c := range map[string]struct {
		f    Fields
		want string // "" refused
	}{
		"none":                   {Fields{}, `{}`},
		"in its order":           {Fields{"restarts": uint8(2), "error": errors.New("no"), "role": "store", "pid": int32(-7)}, `{"role":"store","pid":-7,"error":"no","restarts":2}`},
		"unknown":                {Fields{"name": "x"}, ""},
		"unknown among others":   {Fields{"role": "store", "roles": "x"}, ""},
		"a number as text":       {Fields{"role": 7}, ""},
		"text as a number":       {Fields{"pid": "7"}, ""},
		"a float":                {Fields{"pid": 7.0}, ""},
		"nothing":                {Fields{"error": nil, "role": ""}, `{}`},
		"a Stringer":             {Fields{"version": time.Second}, `{"version":"1s"}`},
		"what must be escaped":   {Fields{"error": "\"\\\n\t\x01\x00é\xff"}, `{"error":"\"\\\n\t\u0001�é�"}`},
		"beyond a float's range": {Fields{"pid": uint64(1<<64 - 1)}, `{"pid":18446744073709551615}`},
	} {
		got, err := Encode(RoleFailed, c.f)
		if (err != nil) != (c.want == "") || err == nil && string(got) != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
	if _, err := Encode(999, nil); err == nil {
		t.Error("a type that is not in the catalogue was encoded")
	}
	if got, err := Encode(LogGap, Fields{"since": time.Unix(1, 5)}); err != nil || string(got) != `{"since":"1970-01-01T00:00:01.000000005Z"}` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := Encode(LogGap, Fields{"since": time.Time{}, "lost": 3}); err != nil {
		t.Errorf("the zero time: %v", err)
	}
	if _, err := Encode(LoginUp, Fields{"contested": 1}); err == nil {
		t.Error("1 is not true")
	}
}

func TestTextsAreCutAndFieldsBounded(t *testing.T) {
	long, err := Encode(RoleFailed, Fields{"error": strings.Repeat("é", MaxText)})
	if err != nil || len(long) > MaxText+40 || !json.Valid(long) || !strings.HasSuffix(string(long), `é…"}`) {
		t.Errorf("%d bytes, %v: %s", len(long), err, long[max(0, len(long)-20):])
	}
	many := Fields{}
	for _, name := range []string{"code", "subject", "level", "title", "detail"} {
		many[name] = strings.Repeat("\x01", MaxText)
	}
	if b, err := Encode(AlarmRaised, many); err != nil || len(b) > MaxFields || !json.Valid(b) {
		t.Errorf("texts that must be escaped make %d bytes, %v", len(b), err)
	}
	for _, f := range verdictFields {
		if f.Kind == Text {
			many[f.Name] = strings.Repeat("x", MaxText)
		}
	}
	for _, name := range []string{"code", "subject", "level", "title", "detail"} {
		delete(many, name)
	}
	if _, err := Encode(FlowFailed, many); err == nil {
		t.Error("13 KiB were encoded")
	}
}

// Whatever a text quotes: it is JSON, PostgreSQL takes it, and it comes back but for what is no text.
func FuzzTextsBecomeJSON(f *testing.F) {
	f.Add("a \"quoted\" \\ text\x00\xff\u2028 é")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendText(nil, s, MaxText)
		var back string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		want := strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		if !utf8.ValidString(back) || strings.ContainsRune(back, 0) || len(back) > MaxText+len("…") {
			t.Fatalf("%q comes back as %q", s, back)
		}
		if utf8.ValidString(s) && len(want) <= MaxText/6 && back != want {
			t.Fatalf("%q comes back as %q", s, back)
		}
	})
}

func decoded(e *Event) map[string]any {
	values := map[string]any{}
	if err := json.Unmarshal(e.Fields, &values); err != nil {
		panic(err)
	}
	return values
}
