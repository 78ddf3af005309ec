package system

import (
	"errors"
	"fmt"
	"time"

	"fcredirect/mgmt/config"
)

var errSilent = errors.New("it does not answer")

// probe asks a role how it is. It belongs to the goroutine of the instance; the question runs in one of its own, since
// an answer may never come.
//
// What a role says of itself is published with the heartbeat, and role monitor judges it: it knows what else is wrong, so
// that an absent database restarts nothing. Here is acted on silence alone, and on what monitor says of itself.
type probe struct {
	role   Role
	health config.Health
	strict bool // errors count too

	answer chan error // nil: nothing was asked
	asked  time.Time
	last   error // what was answered last
	ill    int   // times in a row
}

// ask asks, or counts that the question before was not answered in time.
func (p *probe) ask() {
	if p.answer == nil {
		answer := make(chan error, 1)
		p.answer, p.asked = answer, time.Now()
		go func() { answer <- healthy(p.role) }()
		return
	}
	if time.Since(p.asked) >= p.health.Timeout {
		p.last = errSilent
		p.ill++
	}
}

func healthy(r Role) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return r.Healthy()
}

func (p *probe) heard(err error) {
	p.answer, p.last = nil, err
	if late := time.Since(p.asked); late >= p.health.Timeout {
		p.last = fmt.Errorf("it answered after %v", late.Round(time.Millisecond))
		return // counted by ask
	}
	if err != nil && p.strict {
		p.ill++
		return
	}
	p.ill = 0
}

// renew forgets what was said before the role was ready, and asks again.
func (p *probe) renew() {
	p.answer, p.last, p.ill = nil, nil, 0
	p.ask()
}

// text is what to publish.
func (p *probe) text() string {
	if p.last == nil {
		return ""
	}
	return p.last.Error()
}

// verdict is why something has to be done.
func (p *probe) verdict() error {
	if p.ill < p.health.Threshold {
		return nil
	}
	return p.last
}

// silent says that a question has been out for as long as the threshold allows.
func (p *probe) silent() bool {
	return p.answer != nil && errors.Is(p.last, errSilent) && p.ill >= p.health.Threshold
}
