package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// roleDraft is where the keys of a role stand.
type roleDraft struct {
	at, needsAt yamlconf.Span
	needs       []yamlconf.Node // of depends-on
	given       bool            // depends-on stands in the file
}

var roleSchema = yamlconf.Schema{
	What: "a role",
	Keys: []string{"name", "process", "shards", "replicas", "cores", "memory", "batch", "depends-on", "health"},
}

func (p *parser) roles(n *yamlconf.Node) {
	items, ok := p.report.List(n, "roles")
	if !ok {
		return
	}
	if len(items) == 0 || len(items) > MaxRoles {
		p.report.Errorf(n.Span, "Known roles: "+strings.Join(kindNames(), ", ")+".", "%d roles: want 1 to %d", len(items), MaxRoles)
		return
	}
	for i := range items {
		p.role(&items[i])
	}
	if n := len(p.c.Processes()); n > MaxProcesses {
		p.report.Errorf(items[0].Span, "Let several roles share a process.", "%d processes, more than %d", n, MaxProcesses)
	}
}

func (p *parser) role(n *yamlconf.Node) {
	r := p.report
	f, ok := r.Fields(n, &roleSchema)
	if !ok {
		return
	}
	role := Role{
		Processes: []string{Main}, Shards: DefaultShards,
		Health: Health{Interval: DefaultInterval, Timeout: DefaultTimeout, Threshold: DefaultThreshold, Action: DefaultAction},
	}
	kind := p.kind(f, n)
	if kind == nil {
		return
	}
	role.Name = kind.Name
	what := "role " + kind.Name
	if p.c.Role(kind.Name) != nil {
		r.Errorf(f.Get("name").Span, "Give one entry more replicas.", "two entries are of role %s", kind.Name)
	}
	if n := f.Get("process"); n != nil {
		role.Processes = p.processes(n, what)
	}
	p.scale(f, kind, &role, what)
	if n := f.Get("cores"); n != nil {
		role.Cores = p.cores(n, what)
	}
	if n := f.Get("memory"); n != nil {
		role.Memory, _ = r.Size(n, what+": memory", MinMemory, MaxMemory)
	}
	if n := f.Get("batch"); n != nil {
		v, _ := r.Int(n, what+": batch", MinBatch, MaxBatch)
		role.Batch = int(v)
		if !kind.Batched {
			r.Errorf(n.Span, "Remove it.", "%s has no batches", what)
		}
	}
	draft := roleDraft{at: n.Span}
	if n := f.Get("depends-on"); n != nil {
		draft.needsAt, draft.given = n.Span, true
		draft.needs, _ = r.List(n, what+": depends-on")
	}
	if n := f.Get("health"); n != nil {
		p.health(n, &role, what)
	}
	p.c.Roles = append(p.c.Roles, role)
	p.drafts = append(p.drafts, draft)
}

// kind reads the name of a role.
func (p *parser) kind(f yamlconf.Fields, at *yamlconf.Node) *Kind {
	known := kindNames()
	n := f.Get("name")
	if n == nil {
		p.report.Errorf(at.Span, "Add name: one of "+strings.Join(known, ", ")+".", "the role has no name")
		return nil
	}
	s, ok := p.report.Text(n, "a role's name")
	if !ok {
		return nil
	}
	k := KindOf(s)
	if k == nil {
		p.report.Errorf(n.Span, suggest(s, known), "there is no role %s", yamlconf.Quote(s))
	}
	return k
}

func suggest(s string, known []string) string {
	cure := "Known roles: " + strings.Join(known, ", ") + "."
	if near := yamlconf.Nearest(s, slices.Values(known)); near != "" {
		cure = "Did you mean " + near + "? " + cure
	}
	return cure
}

// processes reads a name, or a list of names by which instances are dealt.
func (p *parser) processes(n *yamlconf.Node, what string) []string {
	items := []yamlconf.Node{*n}
	if n.Kind == yamlconf.Sequence {
		items = n.Items
	}
	var names []string
	for i := range items {
		name := p.name(&items[i], what+": a process", MaxProcessName)
		if name != "" && slices.Contains(names, name) {
			p.report.Errorf(items[i].Span, "Name each once.", "%s: process %s is named twice", what, name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		p.report.Errorf(n.Span, "Write main, or a name for a process of its own.", "%s: process is an empty list", what)
	}
	return names
}

// scale reads shards and replicas.
func (p *parser) scale(f yamlconf.Fields, kind *Kind, role *Role, what string) {
	r := p.report
	if n := f.Get("shards"); n != nil {
		v, ok := r.Int(n, what+": shards", 1, MaxShards)
		role.Shards = int(v)
		switch {
		case ok && v&(v-1) != 0:
			r.Errorf(n.Span, "Write 1, 2, 4 or 8, as rings: {shards: …} of the boot file.", "%s: shards is %d", what, v)
		case ok && v > 1 && !kind.Sharded:
			r.Errorf(n.Span, "Remove it; more replicas are standbys.", "%s cannot be sharded", what)
		}
	}
	role.Replicas = role.Shards
	if n := f.Get("replicas"); n != nil {
		v, ok := r.Int(n, what+": replicas", 1, MaxReplicas)
		role.Replicas = int(v)
		switch {
		case ok && role.Replicas < role.Shards:
			r.Errorf(n.Span, fmt.Sprintf("Write %d, or more for standbys.", role.Shards), "%s: %d replicas cannot serve %d shards", what, v, role.Shards)
		case ok && v > 1 && kind.Alone:
			r.Errorf(n.Span, "Remove it; for a database that survives its machine give database: {dsn: …} of a pair of servers.", "%s: there is one on a node", what)
		}
	}
}

// cores reads a list of CPUs: 3, or 3-6.
func (p *parser) cores(n *yamlconf.Node, what string) []int {
	items, ok := p.report.List(n, what+": cores")
	if !ok {
		return nil
	}
	if len(items) == 0 {
		p.report.Errorf(n.Span, "Name at least one CPU, or remove the key.", "%s: cores is empty", what)
	}
	var cores []int
	for i := range items {
		s, ok := p.report.Word(&items[i], what+": a core")
		if !ok {
			continue
		}
		first, last, isRange := strings.Cut(s, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from > to || from < 0 || to > MaxCore {
			p.report.Errorf(items[i].Span, fmt.Sprintf("Write a CPU number from 0 to %d, or a range as 2-5.", MaxCore), "%s: a core cannot be %s", what, yamlconf.Quote(s))
			continue
		}
		for id := from; id <= to; id++ {
			if slices.Contains(cores, id) {
				p.report.Errorf(items[i].Span, "Name each core once.", "%s: core %d is named twice", what, id)
				break
			}
			cores = append(cores, id)
		}
	}
	return cores
}

var healthSchema = yamlconf.Schema{What: "health", Keys: []string{"interval", "timeout", "threshold", "action"}}

func (p *parser) health(n *yamlconf.Node, role *Role, what string) {
	r, h := p.report, &role.Health
	f, _ := r.Fields(n, &healthSchema)
	if n := f.Get("interval"); n != nil {
		h.Interval, _ = r.Duration(n, what+": interval", MinInterval, MaxInterval)
	}
	if n := f.Get("timeout"); n != nil {
		h.Timeout, _ = r.Duration(n, what+": timeout", MinTimeout, MaxTimeout)
	}
	if n := f.Get("threshold"); n != nil {
		v, _ := r.Int(n, what+": threshold", 1, MaxThreshold)
		h.Threshold = int(v)
	}
	if n := f.Get("action"); n != nil {
		i, ok := r.Choice(n, what+": action", actionNames...)
		h.Action = Action(i)
		if ok && h.Action == FailOver && !role.Standbys() {
			r.Errorf(n.Span, "Give the role more replicas than shards, or write restart.", "%s has no standby to fail over to", what)
		}
	}
}
