package job

import (
	"time"

	"fcredirect/mgmt/problem"
)

// State says where a job is.
type State string

// The states. The last four end a job.
const (
	Queued      State = "queued"
	Running     State = "running"
	Done        State = "done"
	Failed      State = "failed"
	Cancelled   State = "cancelled"
	Interrupted State = "interrupted" // its process ended before it did
)

// Ended says whether the state is a last one.
func (s State) Ended() bool { return s != Queued && s != Running }

// Job is one as lists show it.
type Job struct {
	ID         string      `json:"id"`
	Kind       string      `json:"kind" doc:"what it does: backup, restore, bundle"`
	Title      string      `json:"title"`
	By         string      `json:"by" doc:"who asked for it"`
	State      State       `json:"state" enum:"queued,running,done,failed,cancelled,interrupted"`
	Phase      string      `json:"phase,omitempty" doc:"what it does now, in words"`
	Progress   int64       `json:"progress" doc:"done so far, of total"`
	Total      int64       `json:"total" doc:"0: not known"`
	Created    time.Time   `json:"created"`
	Started    *time.Time  `json:"started,omitempty"`
	Ended      *time.Time  `json:"ended,omitempty"`
	Cancelling bool        `json:"cancelling,omitempty" doc:"it was told to end and has not ended yet"`
	Result     *JobResult  `json:"result,omitempty"`
	Failure    *JobFailure `json:"failure,omitempty"`
}

// JobResult is what a job that is done has left.
type JobResult struct {
	Link    string            `json:"link,omitempty" doc:"where it is, a path of the API"`
	Summary string            `json:"summary,omitempty"`
	Figures map[string]int64  `json:"figures,omitempty"`
	Notes   []string          `json:"notes,omitempty" doc:"what an admin should know about it"`
	Names   map[string]string `json:"names,omitempty"`
}

// JobFailure says why a job failed, by the catalogue of problems.
type JobFailure struct {
	Code   problem.Code `json:"code"`
	Detail string       `json:"detail"`
}

// clip cuts a text to a number of bytes, at a character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most]
}
