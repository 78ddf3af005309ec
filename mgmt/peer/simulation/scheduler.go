package simulation

import "fmt"

// scheduler is virtual time, and what will happen in it. What is due at one time happens in the order in which it was asked
// for, so a run depends on nothing but what it was given.
type scheduler struct {
	now    int64 // ns
	asked  uint64
	events []event // a heap
	trace  uint64  // of everything that was noted
	done   int     // events so far
	frames int     // that were sent so far
	told   func(at int64, what string)
}

type event struct {
	at    int64
	order uint64
	do    func()
}

func (e *event) before(other *event) bool {
	return e.at < other.at || e.at == other.at && e.order < other.order
}

// after has something done when so many ns have passed.
func (s *scheduler) after(ns int64, do func()) { s.at(s.now+ns, do) }

// at has something done at a time, at once when that has passed.
func (s *scheduler) at(at int64, do func()) {
	s.asked++
	s.events = append(s.events, event{max(at, s.now), s.asked, do})
	for i := len(s.events) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s.events[i].before(&s.events[parent]) {
			break
		}
		s.events[i], s.events[parent] = s.events[parent], s.events[i]
		i = parent
	}
}

// step does what is due next. It is false when nothing is due until the end.
func (s *scheduler) step(end int64) bool {
	if len(s.events) == 0 || s.events[0].at > end {
		return false
	}
	next := s.pop()
	s.now = next.at
	s.done++
	next.do()
	return true
}

func (s *scheduler) pop() event {
	first, last := s.events[0], len(s.events)-1
	s.events[0] = s.events[last]
	s.events[last] = event{}
	s.events = s.events[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && s.events[child].before(&s.events[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		s.events[i], s.events[least] = s.events[least], s.events[i]
		i = least
	}
}

// note adds to the trace: two runs whose traces are equal did the same.
func (s *scheduler) note(values ...uint64) {
	const prime = 1099511628211 // FNV-1a, by words
	for _, v := range append(values, uint64(s.now)) {
		s.trace = (s.trace ^ v) * prime
		s.trace ^= s.trace >> 29
	}
}

// tell is for people who look at one run.
func (s *scheduler) tell(format string, args ...any) {
	if s.told != nil {
		s.told(s.now, fmt.Sprintf(format, args...))
	}
}
