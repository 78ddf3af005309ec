package problem

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Problem is an error that the one who asked can do something about.
type Problem struct {
	Code   Code
	Detail string        // what is wrong, without any value that was sent
	Fields []Field       // where, if it is about parts of the request
	After  time.Duration // when it is worth another attempt; 0: that would not help, or nobody knows

	cause error
}

// Field is a part of a request with what is wrong about it.
type Field struct {
	// Location is a JSON pointer into the body (body/policies/3/name), or query/limit, path/name, header/If-Match.
	Location string `json:"location"`
	Message  string `json:"message"`
}

// New makes a problem. The detail is a full sentence or empty, and holds no value that was sent.
func New(code Code, format string, args ...any) *Problem {
	return &Problem{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes a problem of an error, which goes to the log and not to the one who asked.
func Wrap(code Code, cause error, format string, args ...any) *Problem {
	return &Problem{Code: code, Detail: fmt.Sprintf(format, args...), cause: cause}
}

// At adds a place.
func (p *Problem) At(location, format string, args ...any) *Problem {
	p.Fields = append(p.Fields, Field{location, fmt.Sprintf(format, args...)})
	return p
}

// In says when it is worth another attempt.
func (p *Problem) In(after time.Duration) *Problem {
	p.After = after
	return p
}

// Error is the text for logs.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(string(p.Code))
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, f := range p.Fields {
		b.WriteString("; " + f.Location + ": " + f.Message)
	}
	if p.cause != nil {
		b.WriteString(": " + p.cause.Error())
	}
	return b.String()
}

// Unwrap is the cause.
func (p *Problem) Unwrap() error { return p.cause }

// Status is the status of HTTP.
func (p *Problem) Status() int { return Lookup(p.Code).Status }

// Is says whether an error is a problem of this code.
func Is(err error, code Code) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code
}

// Of finds the problem in an error; what is none is an internal one, whose text stays here.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return Wrap(Internal, err, "Something went wrong that should not have; the log has it under the request's id.")
}
