package rest

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/problem"
)

// KeyHeader is the header by which a POST is done once, however often it is sent.
const KeyHeader = "Idempotency-Key"

// replayed marks an answer that was given before.
const replayed = "Idempotent-Replayed"

// done is what was answered to a key. Its fields are guarded by the table's lock until finished is closed, and do not
// change behind that.
type done struct {
	name     [32]byte // of actor and key
	request  [32]byte // of method, path and body
	finished chan struct{}
	at       time.Time
	place    *list.Element
	given
}

// given is an answer.
type given struct {
	kept   bool // it can be given again
	status int
	header http.Header
	body   []byte
}

// onces remembers answers, the oldest of which go when there are too many.
type onces struct {
	mu    sync.Mutex
	table map[[32]byte]*done
	order list.List // of *done, oldest first
	bytes int
}

func newOnces() *onces { return &onces{table: map[[32]byte]*done{}} }

// claim finds what was done under a name, or makes it ours to do.
func (o *onces) claim(name, request [32]byte, now time.Time) (d *done, ours bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d := o.table[name]; d != nil && now.Sub(d.at) < keyLife {
		return d, false
	}
	for e := o.order.Front(); e != nil; e = o.order.Front() {
		old := e.Value.(*done)
		if len(o.table) < maxKeys && o.bytes < maxKeyBytes && now.Sub(old.at) < keyLife {
			break
		}
		o.forget(old)
	}
	d = &done{name: name, request: request, finished: make(chan struct{}), at: now}
	o.table[name] = d
	d.place = o.order.PushBack(d)
	return d, true
}

// forget is called with the lock held.
func (o *onces) forget(d *done) {
	if o.table[d.name] == d {
		delete(o.table, d.name)
		o.order.Remove(d.place)
		o.bytes -= len(d.body)
	}
}

// finish keeps the answer, or makes room for another attempt if there is none.
func (o *onces) finish(d *done, given *given) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if given == nil {
		o.forget(d)
	} else if d.given = *given; o.table[d.name] == d {
		o.bytes += len(d.body)
	}
	close(d.finished)
}

// once does a POST with a key once: sent again it gets the same answer; sent meanwhile it waits for it. What failed in a
// way that another attempt may mend is not remembered.
func (a *API) once(op *Operation, next http.Handler) http.Handler {
	if op.Method != http.MethodPost {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, actor := r.Header.Get(KeyHeader), of(r.Context()).actor
		if key == "" || actor == nil {
			next.ServeHTTP(w, r)
			return
		}
		if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
			a.refuse(w, r, problem.New(problem.BadRequest, "").At("header/"+KeyHeader, "must be 1 to %d printable characters of ASCII", maxKey))
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		name, request := digest(actor.Door, actor.Name, key), digest(r.Method, r.URL.RequestURI(), string(body))
		for {
			d, ours := a.onces.claim(name, request, a.options.Now())
			if ours {
				a.first(op, d, w, r, next)
				return
			}
			if d.request != request {
				a.refuse(w, r, problem.New(problem.KeyReused, "").At("header/"+KeyHeader, "was sent with another request"))
				return
			}
			if !a.replay(w, r, d) {
				return
			}
		}
	})
}

// first does it.
func (a *API) first(op *Operation, d *done, w http.ResponseWriter, r *http.Request, next http.Handler) {
	var answer *given // there is one if it comes to an end, in good order
	defer func() { a.onces.finish(d, answer) }()
	copied := &copier{ResponseWriter: w}
	next.ServeHTTP(copied, r)
	if copied.status == 0 || copied.status >= 500 || copied.status == http.StatusTooManyRequests || copied.status == http.StatusUnauthorized {
		return
	}
	answer = &given{kept: !op.Secret && !copied.long}
	if !answer.kept {
		return
	}
	answer.status, answer.body, answer.header = copied.status, copied.body.Bytes(), maps.Clone(w.Header())
	for name := range answer.header {
		if name == "X-Request-Id" || name == "Date" || strings.HasPrefix(name, "Ratelimit-") {
			delete(answer.header, name)
		}
	}
}

// replay waits for the answer and gives it again. It says true where there is none and somebody has to try again.
func (a *API) replay(w http.ResponseWriter, r *http.Request, d *done) (again bool) {
	select {
	case <-d.finished:
	case <-r.Context().Done():
		a.refuse(w, r, problem.Wrap(problem.Timeout, context.Cause(r.Context()), "The first request of this key is still under way."))
		return false
	}
	switch {
	case d.status == 0 && !d.kept && a.onces.gone(d):
		return true
	case !d.kept:
		a.refuse(w, r, problem.New(problem.Conflict, "It was done by the first request of this key, whose answer cannot be given again.").At("header/"+KeyHeader, "was used before"))
		return false
	}
	maps.Copy(w.Header(), d.header)
	w.Header().Set(replayed, "true")
	w.WriteHeader(d.status)
	_, _ = w.Write(d.body) // a client that is gone has it once already
	return false
}

// gone says whether an attempt left nothing behind.
func (o *onces) gone(d *done) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.table[d.name] != d
}

// digest names a list of texts.
func digest(parts ...string) [32]byte {
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "%d:%s", len(p), p)
	}
	return sha256.Sum256(b.Bytes())
}

// copier keeps what is written.
type copier struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	long   bool
}

// WriteHeader notes the status.
func (c *copier) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write keeps what is not too long.
func (c *copier) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if c.long = c.long || c.body.Len()+len(b) > maxKept; !c.long {
		c.body.Write(b)
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *copier) Unwrap() http.ResponseWriter { return c.ResponseWriter }
