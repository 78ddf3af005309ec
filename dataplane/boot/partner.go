package boot

import (
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/yamlconf"
)

var partnerSchema = yamlconf.Schema{
	What: "pair", Keys: []string{"with", "key-file", "priority", "beat", "misses", "start", "takeover"},
}

// partner reads the key pair.
func (p *parser) partner(n *yamlconf.Node) {
	r, c := p.report, &p.c.Partner
	f, ok := r.Fields(n, &partnerSchema)
	if !ok {
		return
	}
	*c = Partner{Priority: pair.DefaultPriority, Beat: pair.DefaultBeat, Misses: pair.DefaultMisses, Start: pair.StartAuto}
	if n := p.required(f, "with", "Name the other node: with: fcr-b."); n != nil {
		if c.Node = p.name(n, "with", MaxNodeName); c.Node != "" && c.Node == p.c.Node {
			r.Errorf(n.Span, "Name the other node.", "node %s is paired with itself", c.Node)
		}
	}
	if n := p.required(f, "key-file", "Name the file with the key that both nodes share: key-file: /etc/fc-redirect/pair.key."); n != nil {
		c.KeyFile = p.folder(n, "key-file")
	}
	if n := f.Get("priority"); n != nil {
		v, _ := r.Int(n, "priority", 0, 255)
		c.Priority = uint8(v)
	}
	if n := f.Get("beat"); n != nil {
		c.Beat, _ = r.Duration(n, "beat", pair.MinBeat, pair.MaxBeat)
	}
	if n := f.Get("misses"); n != nil {
		v, _ := r.Int(n, "misses", pair.MinMisses, pair.MaxMisses)
		c.Misses = int(v)
	}
	if n := f.Get("start"); n != nil {
		i, _ := r.Choice(n, "start", pair.StartNames...)
		c.Start = pair.Start(i)
	}
	if n := f.Get("takeover"); n != nil {
		i, _ := r.Choice(n, "takeover", pair.TakeoverNames...)
		c.Takeover = pair.Takeover(i)
	}
}
