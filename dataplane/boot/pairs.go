package boot

import "fcredirect/dataplane/yamlconf"

// pair joins edge and fabric ports. An edge port names its fabric port; the fabric port may
// name the edge port too, and must not name another.
func (p *parser) pair() {
	for i := range p.c.Ports {
		p.pairPort(i)
	}
	for i := range p.c.Ports {
		port := &p.c.Ports[i]
		if port.Role == Fabric && port.Peer < 0 && !p.report.Failed() {
			p.report.Errorf(p.drafts[i].at, "Add pair: "+port.Name+" to its edge port, or remove the port.", "no edge port is paired with fabric port %s", port.Name)
		}
	}
	if len(p.c.Pairs) == 0 && !p.report.Failed() {
		p.report.Errorf(yamlconf.Span{}, "Add a port with role edge and one with role fabric, and pair them.", "there is no pair of ports")
	}
}

func (p *parser) pairPort(i int) {
	port, draft := &p.c.Ports[i], &p.drafts[i]
	what := port.Role.String() + " port " + port.Name
	if draft.pair == nil {
		if port.Role == Edge {
			p.report.Errorf(draft.at, "Add pair: and the name of the fabric port that its frames cross to.", "%s has no pair", what)
		}
		return
	}
	if port.Role == Service {
		p.report.Errorf(draft.pair.Span, "Remove pair: frames reach it by policy only.", "%s cannot have a pair", what)
		return
	}
	name, ok := p.report.Text(draft.pair, what+": pair")
	if !ok {
		return
	}
	peer := p.c.PortIndex(name)
	switch {
	case peer < 0:
		cure := "Pair it with " + p.namesOf(Fabric) + "."
		if port.Role == Fabric {
			cure = "Pair it with " + p.namesOf(Edge) + "."
		}
		p.report.Errorf(draft.pair.Span, cure, "%s is paired with %s, and there is no such port", what, yamlconf.Quote(name))
	case p.c.Ports[peer].Role == Service || p.c.Ports[peer].Role == port.Role:
		p.report.Errorf(draft.pair.Span, "A pair is one edge port and one fabric port.", "%s is paired with %s, which is a port of role %v", what, name, p.c.Ports[peer].Role)
	case port.Role == Fabric:
		if d := p.drafts[peer].pair; d == nil || d.Text != port.Name {
			p.report.Errorf(draft.pair.Span, "Let both name each other, or only the edge port name the fabric port.", "%s is paired with %s, but that is not paired with it", what, name)
		}
	case p.c.Ports[peer].Peer >= 0:
		other := p.c.Ports[p.c.Ports[peer].Peer].Name
		p.report.Errorf(draft.pair.Span, "A fabric port takes one edge port.", "%s is paired with %s, which is paired with %s already", what, name, other)
	default:
		p.join(i, peer)
	}
}

// namesOf lists the ports of a role, for a cure.
func (p *parser) namesOf(role Role) string {
	var names []string
	for i := range p.c.Ports {
		if p.c.Ports[i].Role == role {
			names = append(names, p.c.Ports[i].Name)
		}
	}
	if len(names) == 0 {
		return "a port of role " + role.String() + "; there is none yet"
	}
	return yamlconf.Either(names)
}

// join makes a pair, and lets a fabric number or lcore said at one end hold for both.
func (p *parser) join(edge, fabric int) {
	e, f := &p.c.Ports[edge], &p.c.Ports[fabric]
	e.Peer, f.Peer = fabric, edge
	ed, fd := &p.drafts[edge], &p.drafts[fabric]
	switch {
	case ed.fabric == nil:
		e.Fabric = f.Fabric
	case fd.fabric == nil:
		f.Fabric = e.Fabric
	case e.Fabric != f.Fabric:
		p.report.Errorf(fd.fabric.Span, "Say it at one of the two, or the same at both.", "%s and %s are a pair, but of fabrics %d and %d", e.Name, f.Name, e.Fabric, f.Fabric)
	}
	switch {
	case ed.lcore == nil:
		e.Lcore = f.Lcore
	case fd.lcore == nil:
		f.Lcore = e.Lcore
	case e.Lcore != f.Lcore:
		p.report.Errorf(fd.lcore.Span, "Both directions of a flow must meet on one lcore: say it at one of the two, or the same at both.",
			"%s and %s are a pair, but of lcores %d and %d", e.Name, f.Name, e.Lcore, f.Lcore)
	}
	p.c.Pairs = append(p.c.Pairs, Pair{Edge: edge, Fabric: fabric, Lcore: e.Lcore})
}
