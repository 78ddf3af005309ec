package rest

import (
	"context"
	"net/http"
	"time"
)

// brief bounds what is no operation. There is no body to read. What is served is at hand, so only its client takes time.
func brief(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, now := http.NewResponseController(w), time.Now()
		_ = c.SetReadDeadline(now.Add(bodyTimeout)) // a recorder has none
		_ = c.SetWriteDeadline(now.Add(pageTimeout))
		next.ServeHTTP(w, r)
	})
}

// deadline bounds how long an operation takes, and how long its client may take to send and to fetch.
func (a *API) deadline(op *Operation, next http.Handler) http.Handler {
	timeout := op.Timeout
	if timeout == 0 {
		timeout = usualTimeout
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if timeout < 0 {
			_ = c.SetReadDeadline(time.Time{}) // of the request before, on the same connection; a recorder has none
			_ = c.SetWriteDeadline(time.Time{})
			next.ServeHTTP(w, r)
			return
		}
		now := time.Now()
		_ = c.SetReadDeadline(now.Add(bodyTimeout))
		_ = c.SetWriteDeadline(now.Add(timeout + fetchTimeout))
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
