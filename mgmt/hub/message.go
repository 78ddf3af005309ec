package hub

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fcredirect/mgmt/problem"
)

// Version is that of the messages; Subprotocol is what client and server agree on.
const (
	Version     = 1
	Subprotocol = "fcr.v1"
)

// Request is what a client says.
type Request struct {
	Op     string          `json:"op"` // subscribe, unsubscribe
	ID     string          `json:"id"` // the client's name for the subscription
	Topic  string          `json:"topic,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
}

// Message is what a client gets.
type Message struct {
	V    int             `json:"v"`
	ID   string          `json:"id,omitempty"`
	N    uint64          `json:"n,omitempty"` // number of the message in its subscription
	Kind string          `json:"kind"`
	At   time.Time       `json:"at"`
	Data json.RawMessage `json:"data,omitempty"`
}

// parseRequest reads what a client says. Its errors hold nothing of it.
func parseRequest(text []byte) (r Request, err error) {
	bad := problem.New(problem.BadRequest, "A message is one JSON object with op, id, topic and params.")
	if err := strict(text, &r); err != nil {
		return Request{}, bad
	}
	switch {
	case r.Op != "subscribe" && r.Op != "unsubscribe":
		return Request{}, bad.At("op", "must be subscribe or unsubscribe")
	case r.ID == "" || len(r.ID) > maxID || !utf8.ValidString(r.ID) || strings.ContainsFunc(r.ID, unicode.IsControl):
		return Request{}, bad.At("id", "must have 1 to %d bytes of text", maxID)
	case r.Op == "unsubscribe" && (r.Topic != "" || r.Params != nil):
		return Request{}, bad.At("op", "unsubscribe has an id and nothing else")
	}
	return r, nil
}

// strict reads one JSON document without fields that there are not. Nothing stands for an empty object.
func strict(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return problem.New(problem.BadRequest, "There is something behind the document.")
	}
	return nil
}

// params reads the parameters of a subscription.
func params(text json.RawMessage, into any) error {
	if string(text) == "null" {
		text = nil
	}
	if strict(text, into) != nil {
		return problem.New(problem.Invalid, "").At("params", "are not those of the topic")
	}
	return nil
}

// appendMessage writes a message around data that is JSON already.
func appendMessage(b []byte, id string, n uint64, kind string, at time.Time, data []byte) []byte {
	b = append(b, `{"v":1`...)
	if id != "" {
		b = append(append(b, `,"id":`...), marshal(id)...)
	}
	if n > 0 {
		b = strconv.AppendUint(append(b, `,"n":`...), n, 10)
	}
	b = append(append(b, `,"kind":"`...), kind...)
	b = at.UTC().AppendFormat(append(b, `","at":"`...), time.RFC3339Nano)
	b = append(b, '"')
	if data != nil {
		b = append(append(b, `,"data":`...), data...)
	}
	return append(b, '}')
}

// problemData is a problem as messages have it.
func problemData(err error) []byte {
	p := problem.Of(err)
	return marshal(struct {
		Code   problem.Code    `json:"code"`
		Title  string          `json:"title"`
		Detail string          `json:"detail,omitempty"`
		Fields []problem.Field `json:"fields,omitempty"`
	}{p.Code, problem.Lookup(p.Code).Title, p.Detail, p.Fields})
}
