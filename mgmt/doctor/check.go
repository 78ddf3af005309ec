package doctor

// State says how a check ended.
type State string

// How checks end. Warn is for what is no contradiction, and still wants to be looked at.
const (
	OK   State = "ok"
	Warn State = "warn"
	Fail State = "fail"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"` // stable: segment.heartbeat
	State  State  `json:"state"`
	Found  string `json:"found"`            // in a sentence
	Advice string `json:"advice,omitempty"` // what to do about it; empty when all is well
}

// Worst is the state of all together.
func Worst(checks []Check) State {
	worst := OK
	for _, c := range checks {
		if c.State == Fail || c.State == Warn && worst == OK {
			worst = c.State
		}
	}
	return worst
}

// findings gathers checks.
type findings struct{ checks []Check }

func (r *findings) ok(name, found string) { r.checks = append(r.checks, Check{name, OK, found, ""}) }

func (r *findings) warn(name, found, advice string) {
	r.checks = append(r.checks, Check{name, Warn, found, advice})
}

func (r *findings) fail(name, found, advice string) {
	r.checks = append(r.checks, Check{name, Fail, found, advice})
}
