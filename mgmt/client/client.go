package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Client is a way to one appliance.
type Client struct {
	base   string // https://host:8443, or http://local over the socket
	token  string
	socket string
	http   *http.Client
}

// New makes a client. It does not connect.
func New(c Context) (*Client, error) {
	cl := &Client{token: c.Token}
	transport := &http.Transport{TLSHandshakeTimeout: dialTimeout, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}
	dialer := &net.Dialer{Timeout: dialTimeout}
	if path, ok := strings.CutPrefix(c.Server, "unix:"); ok {
		cl.base, cl.socket = "http://localhost", path
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }
	} else {
		u, err := url.Parse(c.Server)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return nil, fmt.Errorf("server %q: want https://host:port, or unix: and the path of a socket", c.Server)
		}
		cl.base = "https://" + u.Host
		transport.DialContext = dialer.DialContext
		transport.ForceAttemptHTTP2 = true
		if transport.TLSClientConfig, err = c.tls(); err != nil {
			return nil, err
		}
	}
	cl.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return cl, nil
}

// tls says whom to trust.
func (c *Context) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("certificate authority: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authority %s: no certificate in PEM stands there", c.CA)
		}
	}
	if c.Fingerprint == "" {
		return t, nil
	}
	want, err := hex.DecodeString(strings.ReplaceAll(c.Fingerprint, ":", ""))
	if err != nil || len(want) != sha256.Size {
		return nil, errors.New("fingerprint: want the SHA-256 of a certificate, 64 hexadecimal digits")
	}
	// The certificate itself is known: names, dates and issuers add nothing.
	t.InsecureSkipVerify = true
	t.VerifyConnection = func(s tls.ConnectionState) error {
		if got := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(got[:], want) {
			return fmt.Errorf("the server's certificate has the fingerprint %x, not the one that is trusted", got)
		}
		return nil
	}
	return t, nil
}

// Request is what is asked.
type Request struct {
	Method string
	Path   string // from the root, escaped
	Query  url.Values
	Header http.Header
	Body   any // encoded as JSON; []byte goes as it is
}

// Answer is what came back, of a success.
type Answer struct {
	Status   int
	ETag     string
	Location string
	Type     string // media type
	Body     []byte
}

// Decode reads the body.
func (a *Answer) Decode(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// Problem is an answer that says what is wrong (RFC 9457).
type Problem struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Title     string `json:"title"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	Fields    []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
	} `json:"fields"`

	retryAfter time.Duration
}

// Error is what people read.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Title)
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, f := range p.Fields {
		b.WriteString("\n  " + f.Location + ": " + f.Message)
	}
	fmt.Fprintf(&b, " (%s, request %s)", p.Code, p.RequestID)
	return b.String()
}

// Do sends a request and reads the answer. A POST carries a key, so that one that was sent again happens once.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if r.Method == http.MethodPost {
		r.Header = r.Header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	for try := 0; ; try++ {
		answer, err := c.once(ctx, r)
		var p *Problem
		if !errors.As(err, &p) || try == maxRetries || !p.passing() {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(min(max(p.retryAfter, 100*time.Millisecond<<try), maxPause)):
		}
	}
}

// passing says whether the same request may succeed in a moment, and did nothing.
func (p *Problem) passing() bool { return p.Code == "busy" || p.Code == "too_many_requests" }

func (c *Client) once(ctx context.Context, r Request) (*Answer, error) {
	response, err := c.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: read the answer: %w", r.Method, r.Path, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("%s %s: the answer is longer than %d MiB", r.Method, r.Path, maxAnswer>>20)
	}
	h := response.Header
	return &Answer{Status: response.StatusCode, ETag: h.Get("ETag"), Location: h.Get("Location"), Type: h.Get("Content-Type"), Body: body}, nil
}

// Open sends a request and gives the answer of a success to be read as it comes. The caller closes its body.
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) {
	request, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreached(err)
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxFile))
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Code == "" {
		return nil, fmt.Errorf("%s %s: the server answers %s, and does not say why: is it an appliance?", r.Method, r.Path, response.Status)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		p.retryAfter = time.Duration(seconds) * time.Second
	}
	return nil, p
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	switch b := r.Body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
		}
		body = bytes.NewReader(text)
	}
	target := c.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	if body != nil && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return request, nil
}

// unreached says what to do when nobody answers.
func (c *Client) unreached(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // without the address, which says nothing over a socket
	}
	switch {
	case c.socket != "" && errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no management daemon listens at %s: is fcr-mgmtd running?", c.socket)
	case c.socket != "" && errors.Is(err, os.ErrPermission):
		return fmt.Errorf("the socket %s is not for this user: become root, or use a context with a token", c.socket)
	}
	return fmt.Errorf("cannot reach %s: %w", c.Name(), err)
}

// Name is where the client goes.
func (c *Client) Name() string {
	if c.socket != "" {
		return "unix:" + c.socket
	}
	return c.base
}
