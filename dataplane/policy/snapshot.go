package policy

import (
	"encoding/hex"

	"fcredirect/dataplane/frame"
)

// Snapshot is a checked flat policy. It reads the bytes given to Open in place.
type Snapshot struct {
	hash [32]byte
	size int

	// Sections of the flat form. None of them changes.
	rules, services, wwnSets, members []byte
	vsanSets, ranges, anchored        []byte
	firstByVSAN, aliases, text        []byte
	initiators, targets               wwnIndex
}

// wwnIndex leads from a WWN to the sets it is in.
type wwnIndex struct {
	entries []byte
	starts  []byte
	lengths uint64 // bit b-1: there are prefixes of b bits
	list    int    // offset, in a set's record, of how many rules its list for this end has
}

// ServiceInfo is a service of a Snapshot.
type ServiceInfo struct {
	Name      string
	Mode      Mode
	Port      string // its port in the boot file
	MAC       frame.MAC
	HasMAC    bool   // false: a copy keeps its addresses (mirror only)
	VLAN      uint16 // 0: the tag stays as it is
	OnFailure OnFailure
	Note      string
}

// RuleInfo is a rule of a Snapshot. The conditions are texts as they were written.
type RuleInfo struct {
	Name         string
	Initiator    string
	Target       string
	VSAN         string
	Action       Action
	CommandsOnly bool
	Service      int // none is -1
	OnFailure    OnFailure
	Disabled     bool
	Note         string
	Ticket       string
	Line         int // in the file; 0 when not known
}

// Hash is the SHA-256 of the content: equal documents have equal hashes. A generation
// number is not part of a snapshot; whoever installs it counts.
func (s *Snapshot) Hash() [32]byte { return s.hash }

// ID is the first 16 hexadecimal digits of the hash, for people.
func (s *Snapshot) ID() string { return hex.EncodeToString(s.hash[:8]) }

// Size is the number of bytes of the flat form.
func (s *Snapshot) Size() int { return s.size }

// Rules is the number of rules, disabled ones included.
func (s *Snapshot) Rules() int { return len(s.rules) / recordSize[secRules] }

// Services is the number of services.
func (s *Snapshot) Services() int { return len(s.services) / recordSize[secServices] }

// Aliases is the number of aliases.
func (s *Snapshot) Aliases() int { return len(s.aliases) / recordSize[secAliases] }

// Service returns the service with this number, from 0 to Services()-1.
func (s *Snapshot) Service(i int) ServiceInfo {
	b := record(s.services, secServices, i)
	return ServiceInfo{
		Name: s.textAt(b, serviceName), Port: s.textAt(b, servicePort), Note: s.textAt(b, serviceNote),
		MAC: frame.MAC(b[serviceMAC : serviceMAC+6]), HasMAC: b[serviceHasMAC] != 0,
		VLAN: le.Uint16(b[serviceVLAN:]), Mode: Mode(b[serviceMode]), OnFailure: OnFailure(b[serviceOnFailure]),
	}
}

// Used says of each service whether a rule that is not disabled uses it.
func (s *Snapshot) Used() []bool {
	used := make([]bool, s.Services())
	for i := range s.Rules() {
		b := record(s.rules, secRules, i)
		if service := int(int32(le.Uint32(b[ruleService:]))); service >= 0 && b[ruleFlags]&flagDisabled == 0 {
			used[service] = true
		}
	}
	return used
}

// Rule returns the rule with this number, from 0 to Rules()-1.
func (s *Snapshot) Rule(i int) RuleInfo {
	b := record(s.rules, secRules, i)
	return RuleInfo{
		Name: s.textAt(b, ruleName), Initiator: s.textAt(b, ruleInitiators), Target: s.textAt(b, ruleTargets),
		VSAN: s.vsanText(le.Uint32(b[ruleSetV:])), Note: s.textAt(b, ruleNote), Ticket: s.textAt(b, ruleTicket),
		Action: Action(b[ruleAction]), OnFailure: OnFailure(b[ruleOnFailure]),
		CommandsOnly: b[ruleFlags]&flagCommandsOnly != 0, Disabled: b[ruleFlags]&flagDisabled != 0,
		Service: int(int32(le.Uint32(b[ruleService:]))), Line: int(le.Uint32(b[ruleLine:])),
	}
}

// AliasOf returns the alias of a WWPN, "" when it has none.
func (s *Snapshot) AliasOf(wwn frame.WWN) string {
	lo, hi := 0, s.Aliases()
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		b := record(s.aliases, secAliases, mid)
		switch w := frame.WWN(le.Uint64(b)); {
		case w == wwn:
			return s.textAt(b, 8)
		case w < wwn:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return ""
}

// Lookup returns the WWPN of an alias, or of a WWN in any spelling. It walks all aliases:
// it is for questions that people ask.
func (s *Snapshot) Lookup(name string) (frame.WWN, bool) {
	for i := range s.Aliases() {
		b := record(s.aliases, secAliases, i)
		from, n := int(le.Uint32(b[8:])), int(le.Uint32(b[12:]))
		if string(s.text[from:from+n]) == name {
			return frame.WWN(le.Uint64(b)), true
		}
	}
	wwn, err := frame.ParseWWN(name)
	return wwn, err == nil && wwn != 0
}

// record returns record i of a section.
func record(section []byte, kind, i int) []byte {
	size := recordSize[kind]
	return section[i*size : i*size+size : i*size+size]
}

// textAt copies the text that the reference at b[at] names.
func (s *Snapshot) textAt(b []byte, at int) string {
	from, n := int(le.Uint32(b[at:])), int(le.Uint32(b[at+4:]))
	return string(s.text[from : from+n])
}
