package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fcredirect/mgmt/event"
)

// Message is the body that a receiver gets.
type Message struct {
	ID     string       `json:"id"`     // the same each time that this event is sent
	Type   string       `json:"type"`   // of the event; webhook.test for a test
	Time   time.Time    `json:"time"`   // of the event
	Node   string       `json:"node"`   // that it comes from
	Missed uint64       `json:"missed"` // events before this one that were wanted and are not sent
	Event  *event.Event `json:"event,omitempty"`
}

// HookAttempt is what came of one.
type HookAttempt struct {
	At       time.Time `json:"at"`
	Duration int64     `json:"duration_ms"`
	Status   int       `json:"status,omitempty" doc:"that the receiver answered with"`
	Error    string    `json:"error,omitempty"`

	later time.Duration // that the receiver asked for
}

// Taken says whether the receiver took it.
func (a *HookAttempt) Taken() bool { return a.Error == "" }

// secretPrefix marks a secret as one, for whoever finds it somewhere.
const secretPrefix = "whsec_"

func newSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// Sign is the value of header webhook-signature, as Standard Webhooks has it: HMAC-SHA256 over "id.timestamp.body" with the
// bytes that the secret stands for in base64.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil || len(key) < 16 {
		return "", errors.New("webhook: the secret cannot be used")
	}
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%d.", id, at.Unix())
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)), nil
}

// newClient makes the client of a hook. It knows no proxy, follows no redirect and keeps no cookie.
func newClient(h *Hook) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if !h.AllowLocal {
		dialer.Control = guard
	}
	t := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: attemptTimeout, MaxResponseHeaderBytes: headerMax,
		MaxIdleConnsPerHost: 1, MaxConnsPerHost: 2, IdleConnTimeout: idleTimeout, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if h.CA != "" {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(h.CA))
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post makes one attempt.
func post(ctx context.Context, c *http.Client, to, secret, agent string, m *Message) (a HookAttempt) {
	a.At = time.Now().UTC()
	defer func() { a.Duration = time.Since(a.At).Milliseconds() }()
	body, err := json.Marshal(m)
	if err != nil {
		a.Error = "the event cannot be written as JSON"
		return a
	}
	signature, err := Sign(secret, m.ID, a.At, body)
	if err != nil {
		a.Error = "it has no secret: give it a new one"
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		a.Error = "its URL cannot be used"
		return a
	}
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {agent}, "Webhook-Id": {m.ID}, "Webhook-Timestamp": {strconv.FormatInt(a.At.Unix(), 10)},
		"Webhook-Signature": {signature},
	}
	answer, err := c.Do(r)
	if err != nil {
		a.Error = explain(err)
		return a
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerMax)) // so that the connection can be used again
	answer.Body.Close()
	a.Status = answer.StatusCode
	switch {
	case a.Status >= 300 && a.Status < 400:
		a.Error = fmt.Sprintf("it answered %d: redirects are not followed", a.Status)
	case a.Status < 200 || a.Status >= 400:
		a.Error = fmt.Sprintf("it answered %d", a.Status)
	}
	if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 {
		a.later = time.Duration(min(s, int(lastPause.Seconds()))) * time.Second
	}
	return a
}

// explain says what went wrong, without the URL: its path may be what keeps others from posting there.
func explain(err error) string {
	var (
		name      *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		wrapped   *url.Error
		timeout   net.Error
	)
	switch {
	case errors.Is(err, errForbidden):
		return "its address is one of this node, loopback or link-local, which is not allowed"
	case errors.As(err, &name):
		return "its name is not known"
	case errors.As(err, &authority):
		return "its certificate is signed by nobody we trust"
	case errors.As(err, &host):
		return "its certificate is for another name"
	case errors.As(err, &invalid):
		return "its certificate is not valid"
	case errors.Is(err, context.Canceled):
		return "the attempt was broken off"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %v", attemptTimeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at its address"
	case errors.As(err, &wrapped):
		err = wrapped.Err
	}
	text := err.Error()
	return text[:min(len(text), errorMax)]
}
