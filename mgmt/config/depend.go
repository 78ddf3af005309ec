package config

import (
	"slices"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// depend reads what each role depends on, and finds circles.
func (p *parser) depend() {
	for i := range p.c.Roles {
		role, draft := &p.c.Roles[i], &p.drafts[i]
		if !draft.given {
			for _, need := range KindOf(role.Name).Needs {
				if p.c.Role(need) != nil {
					role.DependsOn = append(role.DependsOn, need)
				}
			}
			continue
		}
		for j := range draft.needs {
			p.need(role, &draft.needs[j])
		}
	}
	for i := range p.c.Roles {
		if circle := p.circle([]string{p.c.Roles[i].Name}); circle != nil {
			p.report.Errorf(p.drafts[i].needsAt, "Remove one of these dependencies.", "roles that wait for each other: %s", strings.Join(circle, " → "))
			return
		}
	}
}

func (p *parser) need(role *Role, n *yamlconf.Node) {
	s, ok := p.report.Text(n, "role "+role.Name+": depends-on")
	switch {
	case !ok:
	case KindOf(s) == nil:
		p.report.Errorf(n.Span, suggest(s, kindNames()), "role %s depends on %s, which is no role", role.Name, yamlconf.Quote(s))
	case s == role.Name:
		p.report.Errorf(n.Span, "Remove it.", "role %s depends on itself", role.Name)
	case slices.Contains(role.DependsOn, s):
		p.report.Errorf(n.Span, "Name each once.", "role %s depends on %s twice", role.Name, s)
	case p.c.Role(s) == nil:
		p.warn(n.Span, "Add it to roles, or remove it here.", "role %s depends on %s, which is not among the roles: nothing waits for it", role.Name, s)
	default:
		role.DependsOn = append(role.DependsOn, s)
	}
}

// circle finds a way from the last role of the path back to its first.
func (p *parser) circle(path []string) []string {
	for _, need := range p.c.Role(path[len(path)-1]).DependsOn {
		if need == path[0] {
			return append(path, need)
		}
		if slices.Contains(path, need) {
			continue // a circle that does not go through the first; found when it is its turn
		}
		if found := p.circle(append(slices.Clone(path), need)); found != nil {
			return found
		}
	}
	return nil
}

// Order lists the roles so that each comes behind those that it depends on, else in the order of the file.
func (c *Config) Order() []*Role {
	var order []*Role
	placed := map[string]bool{}
	var place func(r *Role)
	place = func(r *Role) {
		if placed[r.Name] {
			return
		}
		placed[r.Name] = true
		for _, need := range r.DependsOn {
			place(c.Role(need))
		}
		order = append(order, r)
	}
	for i := range c.Roles {
		place(&c.Roles[i])
	}
	return order
}
