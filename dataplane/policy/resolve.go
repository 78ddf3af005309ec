package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/yamlconf"
)

// none stands for "no service", "any port", "no rule" wherever an index could be.
const none = -1

// resolved is a document with every name looked up and every address parsed. Conditions
// are interned: rules with the same ports share one set.
type resolved struct {
	doc       *Document
	aliases   []resolvedAlias // by WWN
	services  []resolvedService
	rules     []resolvedRule
	wwnSets   [][]Prefix // disjoint, sorted
	vsanSets  [][]VSANRange
	redundant []redundancy // for warnings

	aliasUsed []bool          // beside doc.Aliases
	setUsed   map[string]bool // by name
}

type resolvedAlias struct {
	wwn   frame.WWN
	name  string
	index int // in the document
}

type resolvedService struct {
	*Service
	mac    frame.MAC
	hasMAC bool
}

type resolvedRule struct {
	*Rule
	initiators, targets int // index into wwnSets, or none for any
	vsans               int // index into vsanSets, or none for any
	service             int
	onFailure           OnFailure
}

// redundancy is a member of a set or list that another member covers.
type redundancy struct {
	what, text string
	at         yamlconf.Span
}

// resolver looks up a document's names. It goes on after an error, so that one run shows
// many.
type resolver struct {
	doc      *Document
	r        *yamlconf.Report
	out      *resolved
	aliases  map[string]int // index into doc.Aliases
	wwns     []frame.WWN    // beside doc.Aliases; 0 when the WWN was wrong
	sets     map[string]int // index into out.wwnSets, or none when a member was wrong
	services map[string]int
	interned map[string]int // members as bytes: index into wwnSets
	vsans    map[string]int
	members  int // in wwnSets
	expanded int
	gap      bool // a value was skipped because Parse had reported it
}

// resolve checks all that can be checked on the document alone. What it returns is usable
// only when the report holds no error.
func resolve(doc *Document, report *yamlconf.Report) *resolved {
	v := &resolver{
		doc: doc, r: report, out: &resolved{doc: doc, aliasUsed: make([]bool, len(doc.Aliases)), setUsed: make(map[string]bool)},
		aliases: make(map[string]int, len(doc.Aliases)), wwns: make([]frame.WWN, len(doc.Aliases)), sets: make(map[string]int), services: make(map[string]int),
		interned: make(map[string]int), vsans: make(map[string]int),
	}
	if v.limits() {
		v.resolveAliases()
		v.resolveSets()
		v.resolveServices()
		v.resolveRules()
	}
	if v.gap && !report.Failed() {
		report.Errorf(yamlconf.Span{}, "Fill it in.", "a value holds the character U+0000 alone")
	}
	return v.out
}

// skip tells whether a value is a gap that Parse left behind an error it reported.
func (v *resolver) skip(text string) bool {
	v.gap = v.gap || text == skipped
	return text == skipped
}

func (v *resolver) limits() bool {
	ok := true
	for _, l := range []struct {
		what string
		n    int
		most int
		cure string
	}{
		{"aliases", len(v.doc.Aliases), MaxAliases, "Use masks for hosts that need no name."},
		{"sets", len(v.doc.Sets), MaxSets, ""},
		{"services", len(v.doc.Services), MaxServices, ""},
		{"rules", len(v.doc.Rules), MaxRules, "Join rules that differ in their ports only: initiator and target take lists, sets and masks."},
	} {
		if l.n > l.most {
			v.r.Errorf(yamlconf.Span{}, l.cure, "%d %s, more than %d", l.n, l.what, l.most)
			ok = false
		}
	}
	return ok
}

// checkName checks a name that the document defines.
func (v *resolver) checkName(what, name string, at yamlconf.Span) {
	if v.skip(name) {
		return
	}
	if problem := NameProblem(name, what == "an alias" || what == "a set"); problem != "" {
		v.r.Errorf(at, "Choose another name.", "the name of %s %s", what, problem)
	}
}

// NameProblem says what is wrong with a name, empty when nothing is: "has 70 characters, more than 64". The names of
// aliases and sets stand in matches, beside addresses.
func NameProblem(name string, inMatches bool) (problem string) {
	switch {
	case name == "":
		problem = "is empty"
	case name == anyWord:
		problem = "cannot be any, which stands for everything"
	case utf8.RuneCountInString(name) > MaxName:
		problem = fmt.Sprintf("has %d characters, more than %d", utf8.RuneCountInString(name), MaxName)
	case strings.TrimSpace(name) != name:
		problem = "begins or ends with a space"
	case !utf8.ValidString(name):
		problem = "is not UTF-8"
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			problem = fmt.Sprintf("holds a character that does not print (%U)", c)
		}
	}
	// Whatever reads as a WWN has 16 digits, a mask its star or slash.
	if problem == "" && inMatches && (len(name) >= 16 || strings.ContainsAny(name, "*/")) {
		if _, err := parsePrefix(name); err == nil {
			problem = "reads as a WWN or mask itself: " + yamlconf.Quote(name)
		}
	}
	return problem
}

func (v *resolver) resolveAliases() {
	v.out.aliases = make([]resolvedAlias, 0, len(v.doc.Aliases))
	for i := range v.doc.Aliases {
		a := &v.doc.Aliases[i]
		v.checkName("an alias", a.Name, a.at)
		before := len(v.aliases)
		if v.aliases[a.Name] = i; len(v.aliases) == before {
			v.r.Errorf(a.at, "Keep one of the two.", "two aliases are called %s", a.Name)
			continue
		}
		if v.skip(a.WWN) {
			continue
		}
		p, err := parsePrefix(a.WWN)
		if err == nil && p.Bits != 64 {
			err = &termError{yamlconf.Quote(a.WWN) + " is a mask, and an alias stands for one WWN", "Make it a set: " + a.Name + ": [" + a.WWN + "] under sets."}
		}
		if err != nil {
			v.r.Errorf(a.wwnAt, err.cure, "alias %s: %s", a.Name, err.problem)
			continue
		}
		v.wwns[i] = p.Base
		v.out.aliases = append(v.out.aliases, resolvedAlias{p.Base, a.Name, i})
	}
	slices.SortFunc(v.out.aliases, func(a, b resolvedAlias) int {
		return cmp.Or(cmp.Compare(a.wwn, b.wwn), cmp.Compare(a.index, b.index))
	})
	for i := 1; i < len(v.out.aliases); i++ {
		if a, b := v.out.aliases[i-1], v.out.aliases[i]; a.wwn == b.wwn {
			v.r.Errorf(v.doc.Aliases[b.index].wwnAt, "A WWPN has one alias; keep one of the two.", "aliases %s and %s are the same WWN %v", a.name, b.name, b.wwn)
		}
	}
}

func (v *resolver) resolveSets() {
	for i := range v.doc.Sets {
		v.sets[v.doc.Sets[i].Name] = none
	}
	seen := make(map[string]bool, len(v.doc.Sets))
	for i := range v.doc.Sets {
		s := &v.doc.Sets[i]
		v.checkName("a set", s.Name, s.at)
		if _, taken := v.aliases[s.Name]; taken {
			v.r.Errorf(s.at, "Choose another name for one of them: both may stand in a match.", "a set and an alias are called %s", s.Name)
		}
		if seen[s.Name] {
			v.r.Errorf(s.at, "Keep one of the two.", "two sets are called %s", s.Name)
			continue
		}
		seen[s.Name] = true
		if len(s.Members) == 0 {
			v.r.Errorf(s.at, "List at least one alias, WWN or mask.", "set %s is empty", s.Name)
			continue
		}
		var members []Prefix
		ok := true
		for _, t := range s.Members {
			if _, isSet := v.sets[t.Text]; isSet {
				v.r.Errorf(t.at, "List its members; or name both sets in the match.", "set %s: a set cannot hold another (%s)", s.Name, t.Text)
				ok = false
				continue
			}
			p, found := v.single(t, "set "+s.Name)
			ok = ok && found
			members = append(members, p)
		}
		if ok && v.expand(len(members), s.at) {
			v.sets[s.Name] = v.intern(members, s.Members, "set "+s.Name, s.at)
		}
	}
}

// single looks up a term that stands for one prefix: an alias, a WWN or a mask.
func (v *resolver) single(t Term, what string) (Prefix, bool) {
	if v.skip(t.Text) {
		return Prefix{}, false
	}
	if i, ok := v.aliases[t.Text]; ok {
		v.out.aliasUsed[i] = true
		return Prefix{v.wwns[i], 64}, v.wwns[i] != 0
	}
	p, err := parsePrefix(t.Text)
	if err == nil {
		return p, true
	}
	switch {
	case t.Text == anyWord:
		v.r.Errorf(t.at, "Write any alone, without a list; a set cannot hold everything.", "%s: any cannot stand in a list", what)
	case looksLikeWWN(t.Text):
		v.r.Errorf(t.at, err.cure, "%s: %s", what, err.problem)
	default:
		cure := "Define it under aliases or sets, or write a WWN."
		if near := yamlconf.Nearest(t.Text, v.names); near != "" {
			cure = "Did you mean " + near + "? " + cure
		}
		v.r.Errorf(t.at, cure, "%s: no alias or set is called %s", what, yamlconf.Quote(t.Text))
	}
	return Prefix{}, false
}

// names yields everything that may stand in a match.
func (v *resolver) names(yield func(string) bool) {
	for i := range v.doc.Aliases {
		if !yield(v.doc.Aliases[i].Name) {
			return
		}
	}
	for i := range v.doc.Sets {
		if !yield(v.doc.Sets[i].Name) {
			return
		}
	}
}

// expand counts the work of joining members.
func (v *resolver) expand(n int, at yamlconf.Span) bool {
	before := v.expanded
	v.expanded += n
	if v.expanded > maxExpanded && before <= maxExpanded {
		v.r.Errorf(at, "Name one set in the match instead of joining large sets in many rules.", "the lists of this policy have more than %d members in all", maxExpanded)
	}
	return v.expanded <= maxExpanded
}

// intern returns the index of the set with these members, making it when it is new. terms
// are what they were written as.
func (v *resolver) intern(members []Prefix, terms []Term, what string, at yamlconf.Span) int {
	before := len(members)
	var written []Prefix
	if len(terms) == before {
		written = slices.Clone(members)
	}
	members = normalize(members)
	if len(members) < before && written != nil {
		v.noteRedundant(written, members, terms, what)
	}
	// The bytes of the members are the key; a Prefix has padding, so they are written out.
	key := make([]byte, 0, 9*len(members))
	for _, m := range members {
		key = append(key, byte(m.Base>>56), byte(m.Base>>48), byte(m.Base>>40), byte(m.Base>>32), byte(m.Base>>24), byte(m.Base>>16), byte(m.Base>>8), byte(m.Base), m.Bits)
	}
	if i, ok := v.interned[string(key)]; ok {
		return i
	}
	v.members += len(members)
	if v.members > MaxMembers {
		v.r.Errorf(at, "Use masks instead of long lists, and sets for lists that stand in several rules.", "the different sets and lists of this policy have more than %d members", MaxMembers)
		return none
	}
	i := len(v.out.wwnSets)
	v.out.wwnSets = append(v.out.wwnSets, members)
	v.interned[string(key)] = i
	return i
}

// noteRedundant finds the terms that normalize dropped: those covered by another member,
// and all but the first of those that stand there twice.
func (v *resolver) noteRedundant(written, kept []Prefix, terms []Term, what string) {
	seen := make(map[Prefix]bool, len(written))
	for i, p := range written {
		j, exact := slices.BinarySearchFunc(kept, p.Base, func(k Prefix, base frame.WWN) int {
			if k.Base > base {
				return 1
			}
			if k.Last() < base {
				return -1
			}
			return 0
		})
		covered := exact && kept[j] != p
		if covered || seen[p] {
			v.out.redundant = append(v.out.redundant, redundancy{what, terms[i].Text, terms[i].at})
		}
		seen[p] = true
	}
}
