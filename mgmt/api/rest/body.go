package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/problem"
)

// body reads the body, before anything looks at it: of a media type that the operation has, not longer than it allows, and
// if it is JSON, one document of well-formed UTF-8, not deeper than ours are, without a member that stands there twice.
func (a *API) body(op *Operation, h *huma.Operation, next http.Handler) http.Handler {
	limit := op.maxBody()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free, err := a.room(r, h.RequestBody, limit)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		defer free()
		text, err := readBody(w, r, h.RequestBody, limit)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		next.ServeHTTP(w, r)
	})
}

// room waits for memory for a body that is not a small one, which is given back when the request is over.
func (a *API) room(r *http.Request, declared *huma.RequestBody, limit int64) (free func(), err error) {
	size := r.ContentLength
	if size < 0 {
		size = limit
	}
	if declared == nil || size <= smallBody || size > limit {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), slotWait)
	defer cancel()
	if a.bodies.Acquire(ctx, size) != nil {
		return nil, problem.New(problem.Busy, "Too many long bodies are under way.").In(slotWait)
	}
	return func() { a.bodies.Release(size) }, nil
}

func readBody(w http.ResponseWriter, r *http.Request, declared *huma.RequestBody, limit int64) ([]byte, error) {
	if declared == nil {
		limit = 0
	}
	if r.ContentLength > limit {
		return nil, tooLong(declared, limit)
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var long *http.MaxBytesError
	var late net.Error
	switch {
	case errors.As(err, &long):
		return nil, tooLong(declared, limit)
	case errors.As(err, &late) && late.Timeout():
		return nil, problem.Wrap(problem.BadBody, err, "The body did not arrive in time.")
	case err != nil:
		return nil, problem.Wrap(problem.BadBody, err, "The body ended before it was whole.")
	case len(text) == 0:
		return nil, nil // huma says whether there must be one
	}
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || declared.Content[media] == nil || r.Header.Get("Content-Encoding") != "" {
		return nil, problem.New(problem.UnsupportedMedia, "").At("header/Content-Type", "must be %s, not encoded", mediaOf(declared))
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, problem.New(problem.UnsupportedMedia, "").At("header/Content-Type", "must be of UTF-8")
	}
	if media != "application/json" {
		return text, nil
	}
	return text, checkJSON(text)
}

func tooLong(declared *huma.RequestBody, limit int64) error {
	if declared == nil {
		return problem.New(problem.BadBody, "This operation has no body.")
	}
	return problem.New(problem.TooLarge, "A body may have %d bytes.", limit)
}

func mediaOf(declared *huma.RequestBody) string {
	all := []string{}
	for media := range declared.Content {
		all = append(all, media)
	}
	return strings.Join(all, " or ")
}

// checkJSON says whether it is one document as we want it. Its texts name no part of it.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return problem.New(problem.BadBody, "The body is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	c := walk{d}
	if err := c.value(0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return problem.New(problem.BadBody, "Behind the JSON document there is something else.")
	}
	return nil
}

// walk goes through JSON.
type walk struct{ decoder *json.Decoder }

func (c walk) token() (json.Token, error) {
	t, err := c.decoder.Token()
	if err != nil {
		return nil, problem.Wrap(problem.BadBody, err, "The body is not JSON: it goes wrong at byte %d.", c.decoder.InputOffset())
	}
	if s, ok := t.(string); ok && strings.ContainsRune(s, 0) {
		return nil, problem.New(problem.BadBody, "A text in the body holds the character NUL, at byte %d.", c.decoder.InputOffset())
	}
	return t, nil
}

func (c walk) value(depth int) error {
	if depth > maxDepth {
		return problem.New(problem.BadBody, "The body is nested deeper than %d.", maxDepth)
	}
	t, err := c.token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return c.object(depth)
	case json.Delim('['):
		for c.decoder.More() {
			if err := c.value(depth + 1); err != nil {
				return err
			}
		}
		_, err = c.token()
	}
	return err
}

func (c walk) object(depth int) error {
	seen := map[string]bool{}
	for c.decoder.More() {
		t, err := c.token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // the decoder refuses any other
		if seen[name] {
			return problem.New(problem.BadBody, "An object of the body has a member twice, at byte %d.", c.decoder.InputOffset())
		}
		seen[name] = true
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
	_, err := c.token()
	return err
}
