package draft

import (
	"encoding/json"
	"hash/fnv"
)

// Alias is a name for one WWPN.
type Alias struct {
	Name string `json:"name,omitempty" maxLength:"256" doc:"The name: 1 to 64 characters that print."`
	WWPN string `json:"wwpn" maxLength:"64" doc:"The WWPN, in any spelling; answers have colons." example:"20:00:02:fc:01:00:00:01"`
}

// Set is a name for several WWPNs.
type Set struct {
	Name    string   `json:"name,omitempty" maxLength:"256" doc:"The name: 1 to 64 characters that print."`
	Members []string `json:"members" minItems:"1" maxItems:"65536" doc:"Aliases, WWPNs in any spelling, masks as 20:00:02:fc:*."`
}

// Service is where redirected frames and copies go.
type Service struct {
	Name      string `json:"name,omitempty" maxLength:"256" doc:"The name: 1 to 64 characters that print."`
	Mode      string `json:"mode" enum:"steer,mirror" doc:"steer gets the frames and hands them back; mirror gets copies."`
	Port      string `json:"port" maxLength:"64" doc:"A port of role service in the boot file."`
	MAC       string `json:"mac,omitempty" maxLength:"32" doc:"Where frames are addressed to; needed with mode steer."`
	VLAN      uint16 `json:"vlan,omitempty" maximum:"4094" doc:"The tag of frames to the service; 0 leaves the frame's own."`
	OnFailure string `json:"on_failure,omitempty" enum:"bypass,block" doc:"What happens to redirected flows while the service is down; bypass unless said."`
	Note      string `json:"note,omitempty" maxLength:"4096"`
}

// Match is the condition of a policy. What is left out matches everything.
type Match struct {
	Initiator []string `json:"initiator,omitempty" maxItems:"65536" doc:"Aliases, sets, WWPNs, masks; none is any."`
	Target    []string `json:"target,omitempty" maxItems:"65536" doc:"Aliases, sets, WWPNs, masks; none is any."`
	VSAN      []string `json:"vsan,omitempty" maxItems:"4096" doc:"Numbers and ranges, as 100-199; none is any." example:"[\"100-199\"]"`
}

// Policy is one rule. The first enabled one that matches decides.
type Policy struct {
	Name      string `json:"name,omitempty" maxLength:"256" doc:"The name: 1 to 64 characters that print."`
	Match     Match  `json:"match" doc:"Which flows it is about; {} is all of them."`
	Action    string `json:"action" enum:"forward,redirect,mirror,drop" doc:"What is done with their storage frames."`
	Service   string `json:"service,omitempty" maxLength:"256" doc:"The service, with redirect and mirror."`
	Frames    string `json:"frames,omitempty" enum:"all,commands" doc:"What a mirror copies; all unless said."`
	OnFailure string `json:"on_failure,omitempty" enum:"bypass,block" doc:"Of redirect: what happens while the service is down; what the service says unless said."`
	Disabled  bool   `json:"disabled,omitempty" doc:"It is kept and checked, and never matches."`
	Note      string `json:"note,omitempty" maxLength:"4096"`
	Ticket    string `json:"ticket,omitempty" maxLength:"128"`
}

// Objects is a whole document in JSON.
type Objects struct {
	Aliases  []Alias   `json:"aliases,omitempty" maxItems:"65536"`
	Sets     []Set     `json:"sets,omitempty" maxItems:"16384"`
	Services []Service `json:"services,omitempty" maxItems:"255"`
	Policies []Policy  `json:"policies" maxItems:"16384" doc:"In their order: the first enabled one that matches decides."`
}

// Version tells states of an object apart. It is made of the content, so it outlives restarts and restored revisions, and
// who changes an object and back has changed nothing. It fits into a number of JavaScript, and is never 0.
func Version(object any) uint64 {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // plain data
	}
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()&(1<<53-1) | 1<<52
}
