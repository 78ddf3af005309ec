package policy

import (
	"fmt"

	"fcredirect/dataplane/yamlconf"
)

// Document is a policy as it was written: names are not looked up and addresses not parsed
// until Compile.
type Document struct {
	Aliases  []Alias
	Sets     []Set
	Services []Service
	Rules    []Rule

	name, text string // the file, for messages
}

// Alias is a name for one WWPN.
type Alias struct {
	Name string
	WWN  string // any spelling

	at, wwnAt yamlconf.Span
}

// Set is a name for several WWPNs.
type Set struct {
	Name    string
	Members []Term

	at yamlconf.Span
}

// Term stands for one or more WWPNs: an alias, a set, a WWN in any spelling, or a mask as
// 20:00:02:fc:* or 20:00:02:fc:00:00:00:00/32.
type Term struct {
	Text string

	at yamlconf.Span
}

// Service is where redirected frames and copies go.
type Service struct {
	Name      string
	Mode      Mode
	Port      string    // a port of role service in the boot file
	MAC       string    // empty only with Mirror: the copy keeps its addresses
	VLAN      uint16    // 1 to 4094; 0 leaves the tag as it is
	OnFailure OnFailure // Unsaid is Bypass
	Note      string

	at, modeAt, portAt, macAt, vlanAt, failAt yamlconf.Span
}

// Rule is one line of the policy. The first rule that matches decides.
type Rule struct {
	Name         string
	Initiator    []Term // empty is any, known or not
	Target       []Term // empty is any, known or not
	VSAN         []VSANRange
	Action       Action
	Service      string
	CommandsOnly bool      // of a mirror: copy FCP_CMND frames alone
	OnFailure    OnFailure // of a redirect; Unsaid is what the service says
	Disabled     bool
	Note         string
	Ticket       string

	at, nameAt, matchAt, actionAt, serviceAt, framesAt, failAt yamlconf.Span
}

// VSANRange is a range of VSANs (VLANs), both ends included. No range at all is any.
type VSANRange struct {
	From, To uint16

	at yamlconf.Span
}

// Action is what a rule does with the storage traffic (FCP and FC-NVMe frames) of a pair.
type Action uint8

// Actions.
const (
	Forward  Action = iota // the direct way, as without a policy
	Redirect               // through a steer service
	Mirror                 // the direct way, and a copy to a mirror service
	Drop                   // nowhere; counted
)

var actionNames = []string{"forward", "redirect", "mirror", "drop"}

func (a Action) String() string { return wordOf(actionNames, int(a)) }

// Mode is how a service gets frames.
type Mode uint8

// Modes. They have names of their own because Mirror is an action too.
const (
	ModeSteer         Mode = iota // the frame itself; the service hands it back
	ModeMirror                    // a copy; the service keeps it
	ModeVirtualTarget             // refused by Compile: not in this version
)

var modeNames = []string{"steer", "mirror", "virtual-target"}

func (m Mode) String() string { return wordOf(modeNames, int(m)) }

// OnFailure is what happens to redirected frames while their service is down.
type OnFailure uint8

// Answers to failure.
const (
	Unsaid OnFailure = iota
	Bypass           // the direct way
	Block            // nowhere, until the service is back
)

var onFailureNames = []string{"unsaid", "bypass", "block"}

func (f OnFailure) String() string { return wordOf(onFailureNames, int(f)) }

func wordOf(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("%d?", i)
}
