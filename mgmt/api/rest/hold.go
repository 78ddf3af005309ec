package rest

import (
	"bytes"
	"net/http"
)

// held keeps the answer to a write back until it is written down who did it. Answers to writes are short; what is longer
// than maxHeld is let go.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	gone   bool
}

// WriteHeader notes the status.
func (h *held) WriteHeader(status int) {
	switch {
	case h.gone:
		h.ResponseWriter.WriteHeader(status)
	case h.status == 0:
		h.status = status
	}
}

// Write keeps.
func (h *held) Write(b []byte) (int, error) {
	if h.status == 0 {
		h.status = http.StatusOK
	}
	if !h.gone && h.body.Len()+len(b) > maxHeld {
		h.release()
	}
	if h.gone {
		return h.ResponseWriter.Write(b)
	}
	return h.body.Write(b)
}

// Flush waits too.
func (h *held) Flush() {
	if h.gone {
		_ = http.NewResponseController(h.ResponseWriter).Flush() // what cannot be flushed waits
	}
}

// Unwrap is for http.ResponseController.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// release lets the answer go.
func (h *held) release() {
	if h.gone {
		return
	}
	if h.gone = true; h.status == 0 {
		return // nothing was answered
	}
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // a client that is gone can ask what has become of it
}
