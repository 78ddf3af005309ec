package pair

import "fmt"

// State of a node. The values lie in the segment and in beats: append only.
type State uint8

// The states.
const (
	Single   State = iota // no partner: it forwards
	Standby               // ports blocked
	Active                // it forwards
	Draining              // the partner has the work, or is offered it; what still comes here is forwarded
	Stopped               // only in beats: the node says goodbye
	numStates
)

// Why a node is in its state. Append only.
type Why uint8

// The reasons.
const (
	WhyStart      Why = iota // it has just started
	WhyAlone                 // it started and heard nobody
	WhyPreferred             // both stood by, and this one goes first: its start, its priority, its name
	WhyDead                  // the partner was not heard for too long
	WhyStopped               // the partner said goodbye
	WhyHandedOver            // the partner gave its work, or this one did
	WhyFenced                // the partner is active with a higher epoch
	WhyStalled               // this node was stopped for so long that the partner may have its work
	WhyBlind                 // all its links are down
	WhyKept                  // the partner did not take what it was offered
	numWhys
)

// Start is what a node does when it starts. The values lie in beats, the keenest last.
type Start uint8

// The ways to start.
const (
	StartStandby Start = iota // wait for a partner that gives its work or dies
	StartAuto                 // become active when nobody else is
	StartActive               // the same, sooner
)

// Takeover is when a node takes a dead partner's work.
type Takeover uint8

// The ways.
const (
	Always Takeover = iota
	Ready           // only if all that the partner knew was in its tables
)

var (
	stateNames    = [numStates]string{"single", "standby", "active", "draining", "stopped"}
	whyNames      = [numWhys]string{"started", "alone", "preferred", "partner_dead", "partner_stopped", "handed_over", "fenced", "stalled", "blind", "kept"}
	StartNames    = []string{"standby", "auto", "active"} // as the boot file spells them
	TakeoverNames = []string{"always", "ready"}
)

// String is the state's name, lower case, stable.
func (s State) String() string { return name(stateNames[:], uint8(s)) }

// String is the reason's name, snake case, stable.
func (w Why) String() string { return name(whyNames[:], uint8(w)) }

// String is the name as the boot file spells it.
func (s Start) String() string { return name(StartNames, uint8(s)) }

// String is the name as the boot file spells it.
func (t Takeover) String() string { return name(TakeoverNames, uint8(t)) }

func name(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%d?", i)
}
