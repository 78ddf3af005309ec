package draft

import (
	"reflect"
	"slices"
	"time"

	"fcredirect/mgmt/problem"
)

// Kind is what an object is.
type Kind string

// The kinds.
const (
	KindAlias   Kind = "alias"
	KindSet     Kind = "set"
	KindService Kind = "service"
	KindPolicy  Kind = "policy"
)

// Op is what an edit does.
type Op string

// The operations.
const (
	Put     Op = "put"     // create or replace the object that the edit holds
	Delete  Op = "delete"  // remove the named one; of the absent it does nothing
	Rename  Op = "rename"  // give it another name, also wherever it is used
	Move    Op = "move"    // give a policy another place
	Drain   Op = "drain"   // disable all policies that use a service
	Replace Op = "replace" // put another document in place of this one; who keeps the texts does it
)

// Edit is one change of a document.
type Edit struct {
	Op       Op       `json:"op"`
	Kind     Kind     `json:"kind,omitempty"`
	Name     string   `json:"name,omitempty"`
	To       string   `json:"to,omitempty"` // of a rename
	Alias    *Alias   `json:"alias,omitempty"`
	Set      *Set     `json:"set,omitempty"`
	Service  *Service `json:"service,omitempty"`
	Policy   *Policy  `json:"policy,omitempty"`
	Place    *Place   `json:"place,omitempty"`
	Document string   `json:"document,omitempty"` // of a replace: what the text is kept under

	By string    `json:"by,omitempty"`
	At time.Time `json:"at,omitzero"`

	// Again says that the edit was made before, on an equal draft: it is not judged once more.
	Again bool `json:"-"`
}

// Place is where a policy goes. One of the three is said.
type Place struct {
	Position int    `json:"position,omitempty" minimum:"1" maximum:"16385" doc:"Its place, from 1; beyond the end is the end."`
	Before   string `json:"before,omitempty" maxLength:"256" doc:"The policy to stand before."`
	After    string `json:"after,omitempty" maxLength:"256" doc:"The policy to stand behind."`
}

// Apply makes the edited document. Errors are problems; d is returned when nothing changes.
func (d *Draft) Apply(e *Edit) (*Draft, error) {
	switch e.Op {
	case Put:
		return d.put(e)
	case Delete:
		return d.delete(e.Kind, e.Name)
	case Rename:
		return d.rename(e.Kind, e.Name, e.To)
	case Move:
		p, _ := d.Policy(e.Name)
		if p == nil {
			return nil, problem.New(problem.NotFound, "There is no policy of this name.")
		}
		return d.place(p, e.Place)
	case Drain:
		return d.drain(e.Name)
	}
	return nil, problem.New(problem.Invalid, "The edit is none that is known.")
}

func (d *Draft) drain(service string) (*Draft, error) {
	if d.Service(service) == nil {
		return nil, problem.New(problem.NotFound, "There is no service of this name.")
	}
	next := *d
	next.Policies = slices.Clone(d.Policies)
	drained := false
	for i, p := range next.Policies {
		if p.Service == service && !p.Disabled {
			disabled := *p
			disabled.Disabled = true
			next.Policies[i], drained = &disabled, true
		}
	}
	if !drained {
		return d, nil
	}
	return &next, nil
}

// The names of objects, for lists.
func aliasName(a *Alias) string     { return a.Name }
func setName(s *Set) string         { return s.Name }
func serviceName(s *Service) string { return s.Name }
func policyName(p *Policy) string   { return p.Name }

func (d *Draft) put(e *Edit) (*Draft, error) {
	next := *d
	switch {
	case e.Kind == KindAlias && e.Alias != nil:
		a := *e.Alias
		a.Name, a.WWPN = e.Name, term(a.WWPN)
		if old := d.Alias(a.Name); old != nil && *old == a {
			return d, nil
		}
		next.Aliases = with(d.Aliases, &a, aliasName)
		return next.judged(e, func() error { return next.checkAlias(&a) })
	case e.Kind == KindSet && e.Set != nil:
		s := Set{Name: e.Name, Members: terms(e.Set.Members)}
		if old := d.Set(s.Name); old != nil && reflect.DeepEqual(*old, s) {
			return d, nil
		}
		next.Sets = with(d.Sets, &s, setName)
		return next.judged(e, func() error { return next.checkSet(&s) })
	case e.Kind == KindService && e.Service != nil:
		s := *e.Service
		s.Name, s.MAC = e.Name, mac(s.MAC)
		if old := d.Service(s.Name); old != nil && *old == s {
			return d, nil
		}
		next.Services = with(d.Services, &s, serviceName)
		return next.judged(e, func() error { return next.checkService(&s) })
	case e.Kind == KindPolicy && e.Policy != nil:
		return d.putPolicy(e)
	}
	return nil, problem.New(problem.Invalid, "The edit holds no object of its kind.")
}

// judged is the draft if what was edited is right.
func (d *Draft) judged(e *Edit, check func() error) (*Draft, error) {
	if e.Again {
		return d, nil
	}
	if err := check(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Draft) putPolicy(e *Edit) (*Draft, error) {
	p := *e.Policy
	p.Name = e.Name
	p.tidy()
	next := *d
	switch old, at := d.Policy(p.Name); {
	case old == nil:
		next.Policies = append(slices.Clip(d.Policies), &p)
	case reflect.DeepEqual(*old, p):
		return d.place(old, e.Place)
	default:
		next.Policies = slices.Clone(d.Policies)
		next.Policies[at] = &p
	}
	if _, err := next.judged(e, func() error { return next.checkPolicy(&p) }); err != nil {
		return nil, err
	}
	return next.place(&p, e.Place)
}

// place gives a policy of the draft its place; none said is the one that it has.
func (d *Draft) place(p *Policy, to *Place) (*Draft, error) {
	if to == nil || *to == (Place{}) {
		return d, nil
	}
	_, from := d.Policy(p.Name)
	rest := without(d.Policies, p.Name, policyName)
	at, said := min(to.Position-1, len(rest)), 0
	for _, one := range []bool{to.Position > 0, to.Before != "", to.After != ""} {
		if one {
			said++
		}
	}
	if said != 1 || at < -1 {
		return nil, problem.New(problem.Invalid, "A place is one of position, before and after.").At("body/place", "say one of position, before, after")
	}
	if to.Position == 0 {
		name, behind, where := to.Before, 0, "body/place/before"
		if to.After != "" {
			name, behind, where = to.After, 1, "body/place/after"
		}
		at = slices.IndexFunc(rest, func(p *Policy) bool { return p.Name == name })
		if at < 0 {
			return nil, problem.New(problem.Invalid, "").At(where, "must name another policy")
		}
		at += behind
	}
	if at == from {
		return d, nil
	}
	next := *d
	next.Policies = slices.Insert(rest, at, p)
	return &next, nil
}

func (d *Draft) delete(kind Kind, name string) (*Draft, error) {
	next := *d
	switch kind {
	case KindAlias:
		if d.Alias(name) == nil {
			return d, nil
		}
		next.Aliases = without(d.Aliases, name, aliasName)
	case KindSet:
		if d.Set(name) == nil {
			return d, nil
		}
		next.Sets = without(d.Sets, name, setName)
	case KindService:
		if d.Service(name) == nil {
			return d, nil
		}
		next.Services = without(d.Services, name, serviceName)
	case KindPolicy:
		if p, _ := d.Policy(name); p == nil {
			return d, nil
		}
		next.Policies = without(d.Policies, name, policyName)
	}
	if users := d.Users(kind, name); len(users) > 0 {
		return nil, inUse(users)
	}
	return &next, nil
}
