package boot

import "fcredirect/dataplane/yamlconf"

// own gives every pair and every service port an lcore. What the file says holds; the rest
// is dealt out in the order of the file, always to the lcore with the fewest so far, the
// first of them in the order of lcores. Service ports are dealt on their own: with one pair
// and one service both sit on the first lcore, and no frame changes cores.
func (p *parser) own() {
	for i := range p.c.Ports {
		port, d := &p.c.Ports[i], &p.drafts[i]
		if d.lcore != nil && !p.isLcore(port.Lcore) {
			p.report.Errorf(d.lcore.Span, "Name one of them, or add it there.", "port %s is on lcore %d, which is not among lcores", port.Name, port.Lcore)
		}
	}
	if p.report.Failed() {
		return
	}
	pairs, services := map[int]int{}, map[int]int{}
	for i := range p.c.Pairs {
		if l := p.c.Pairs[i].Lcore; l >= 0 {
			pairs[l]++
		}
	}
	for i := range p.c.Pairs {
		pair := &p.c.Pairs[i]
		if pair.Lcore < 0 {
			pair.Lcore = p.fewest(pairs)
			pairs[pair.Lcore]++
		}
		p.c.Ports[pair.Edge].Lcore, p.c.Ports[pair.Fabric].Lcore = pair.Lcore, pair.Lcore
	}
	for i := range p.c.Ports {
		if port := &p.c.Ports[i]; port.Role == Service && port.Lcore >= 0 {
			services[port.Lcore]++
		}
	}
	for i := range p.c.Ports {
		if port := &p.c.Ports[i]; port.Role == Service && port.Lcore < 0 {
			port.Lcore = p.fewest(services)
			services[port.Lcore]++
		}
	}
	for _, l := range p.c.Lcores {
		if pairs[l] == 0 && services[l] == 0 {
			p.warn(p.lcoresAt, "Name fewer lcores, or add a pair: one pair cannot be shared by two.", "lcore %d has no port to poll", l)
		}
	}
}

func (p *parser) fewest(of map[int]int) int {
	best := p.c.Lcores[0]
	for _, l := range p.c.Lcores {
		if of[l] < of[best] {
			best = l
		}
	}
	return best
}

func (p *parser) warn(at yamlconf.Span, cure, format string, args ...any) {
	p.warnings = append(p.warnings, p.report.Diagnose(at, cure, format, args...))
}
