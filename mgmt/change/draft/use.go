package draft

import (
	"fmt"
	"slices"
	"strings"

	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/problem"
)

// Users are the objects that name an object: "policy watch-oracle", "set hosts".
func (d *Draft) Users(kind Kind, name string) (users []string) {
	if kind == KindAlias {
		for _, s := range d.Sets {
			if slices.Contains(s.Members, name) {
				users = append(users, "set "+s.Name)
			}
		}
	}
	for _, p := range d.Policies {
		uses := false
		switch kind {
		case KindAlias, KindSet:
			uses = slices.Contains(p.Match.Initiator, name) || slices.Contains(p.Match.Target, name)
		case KindService:
			uses = p.Service == name
		}
		if uses {
			users = append(users, "policy "+p.Name)
		}
	}
	return users
}

// maxNamed is how many of those that use something are named.
const maxNamed = 5

func inUse(users []string) error {
	text := strings.Join(users[:min(len(users), maxNamed)], ", ")
	if more := len(users) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return problem.New(problem.InUse, "It is used by %s.", text)
}

// rename gives an object another name, wherever it stands.
func (d *Draft) rename(kind Kind, from, to string) (*Draft, error) {
	if err := checkName(kind, to, "body/to"); err != nil {
		return nil, err
	}
	next, taken, found := *d, false, false
	switch kind {
	case KindAlias, KindSet:
		taken = d.Alias(to) != nil || d.Set(to) != nil
		if a := d.Alias(from); kind == KindAlias && a != nil {
			found, next.Aliases = true, with(without(d.Aliases, from, aliasName), &Alias{to, a.WWPN}, aliasName)
		}
		if s := d.Set(from); kind == KindSet && s != nil {
			found, next.Sets = true, with(without(d.Sets, from, setName), &Set{to, s.Members}, setName)
		}
	case KindService:
		taken = d.Service(to) != nil
		if s := d.Service(from); s != nil {
			renamed := *s
			renamed.Name, found = to, true
			next.Services = with(without(d.Services, from, serviceName), &renamed, serviceName)
		}
	case KindPolicy:
		p, _ := d.Policy(to)
		taken = p != nil
		if p, at := d.Policy(from); p != nil {
			renamed := *p
			renamed.Name, found = to, true
			next.Policies = slices.Clone(d.Policies)
			next.Policies[at] = &renamed
		}
	}
	switch {
	case !found:
		return nil, problem.New(problem.NotFound, "There is no %s of this name.", kind)
	case from == to:
		return d, nil
	case taken:
		return nil, problem.New(problem.AlreadyExists, "").At("body/to", "something else has this name")
	}
	next.rewrite(kind, from, to)
	return &next, nil
}

// rewrite changes a name wherever it is used. d is a draft that nobody else has yet.
func (d *Draft) rewrite(kind Kind, from, to string) {
	replaced := func(list []string) []string {
		if !slices.Contains(list, from) {
			return list
		}
		list = slices.Clone(list)
		for i := range list {
			if list[i] == from {
				list[i] = to
			}
		}
		return list
	}
	if kind == KindAlias {
		d.Sets = slices.Clone(d.Sets)
		for i, s := range d.Sets {
			if slices.Contains(s.Members, from) {
				d.Sets[i] = &Set{s.Name, replaced(s.Members)}
			}
		}
	}
	if kind == KindPolicy {
		return
	}
	d.Policies = slices.Clone(d.Policies)
	for i, p := range d.Policies {
		renamed := *p
		switch kind {
		case KindService:
			if p.Service != from {
				continue
			}
			renamed.Service = to
		default:
			if !slices.Contains(p.Match.Initiator, from) && !slices.Contains(p.Match.Target, from) {
				continue
			}
			renamed.Match.Initiator, renamed.Match.Target = replaced(p.Match.Initiator), replaced(p.Match.Target)
		}
		d.Policies[i] = &renamed
	}
}

func checkName(kind Kind, name, at string) error {
	if wrong := policy.NameProblem(name, kind == KindAlias || kind == KindSet); wrong != "" {
		return problem.New(problem.Invalid, "").At(at, "must have 1 to %d characters that print, and be neither any nor like an address", policy.MaxName)
	}
	return nil
}
