package rest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// exchange is what is known of a request while it is served. One goroutine has it: that of the request.
type exchange struct {
	id      string
	begun   time.Time
	address netip.Addr // the zero one on the unix socket
	op      *Operation // nil: none of ours
	actor   *auth.Actor
	code    problem.Code // of the problem that was answered
}

// from is the address in words.
func (x *exchange) from() string {
	if !x.address.IsValid() {
		return "local"
	}
	return x.address.String()
}

type exchangeKey struct{}

// of is the exchange that is served in ctx; an empty one where none is.
func of(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// RequestID is the id of the request that is served in ctx, empty where none is.
func RequestID(ctx context.Context) string { return of(ctx).id }

// begin gives a request its exchange. Its id is always ours: one that a client chose could be that of another request.
func (a *API) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{id: rand.Text(), begun: a.options.Now()}
		if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			x.address = from.Addr().Unmap().WithZone("")
		}
		w.Header().Set("X-Request-Id", x.id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

// answer watches what is written: how much, with which status, and whether the client has it already.
type answer struct {
	http.ResponseWriter
	request *http.Request
	status  int
	bytes   int64
	has     bool // 304: the body is not written
}

// WriteHeader notes the status. A client that has what it asks for gets that said.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		if status == http.StatusOK && w.fresh() {
			status, w.has = http.StatusNotModified, true
			w.Header().Del("Content-Type")
			w.Header().Del("Content-Length")
		}
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// fresh says whether the client named the tag of what is answered (RFC 9110 13.1.2).
func (w *answer) fresh() bool {
	list, tag := w.request.Header.Get("If-None-Match"), w.Header().Get("ETag")
	if list == "" || tag == "" || w.request.Method != http.MethodGet && w.request.Method != http.MethodHead {
		return false
	}
	for candidate := range strings.SplitSeq(list, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == "*" || candidate == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// Write counts.
func (w *answer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.has {
		return len(b), nil
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for those who do not know http.ResponseController.
func (w *answer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() } // what cannot be flushed waits

// Hijack hands the connection to a stream.
func (w *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, errors.Join(errors.New("take over the connection"), err)
	}
	w.status = http.StatusSwitchingProtocols
	return c, rw, nil
}
