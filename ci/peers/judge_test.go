package peers

import (
	"fmt"
	"strings"
	"testing"
)

// stream is how far a node has another's records, or its own, as GET /peers shows it.
type stream struct {
	Name    string `json:"name"`
	Records int    `json:"records"`
	Digest  string `json:"digest"`
	Version uint64 `json:"version"`
}

// peer is what a node says of a node.
type peer struct {
	Name        string   `json:"name"`
	State       string   `json:"state"`
	Incarnation uint64   `json:"incarnation"`
	Lag         uint64   `json:"lag_updates"`
	Error       string   `json:"last_error"`
	Streams     []stream `json:"streams"`
}

func (p *peer) stream(name string) (s stream) {
	for _, s := range p.Streams {
		if s.Name == name {
			return s
		}
	}
	return s
}

// views is what each node says of all nodes, by names: viewer, then viewed.
type views map[string]map[string]peer

// heads is how far each node's own streams are.
type heads map[string]map[string]uint64

func (v views) heads() heads {
	h := heads{}
	for name, all := range v {
		h[name] = map[string]uint64{}
		self := all[name]
		for _, s := range self.Streams {
			h[name][s.Name] = s.Version
		}
	}
	return h
}

// behind says who lacks what of the changes up to h.
func (v views) behind(h heads) (lacks []string) {
	for viewer, all := range v {
		for origin, streams := range h {
			p, there := all[origin]
			if !there || origin != viewer && p.State != "synced" {
				lacks = append(lacks, fmt.Sprintf("%s is not in step with %s: %q %s", viewer, origin, p.State, p.Error))
				continue
			}
			for name, version := range streams {
				if got := p.stream(name).Version; got < version {
					lacks = append(lacks, fmt.Sprintf("%s has %s of %s up to %d, not %d", viewer, name, origin, got, version))
				}
			}
		}
	}
	return lacks
}

// differ says who has other records of a node than that node itself.
func (v views) differ() (wrong []string) {
	for viewer, all := range v {
		for origin := range v {
			mine := v[origin][origin]
			for _, own := range mine.Streams {
				p := all[origin]
				if got := p.stream(own.Name); got.Digest != own.Digest || got.Records != own.Records || own.Digest == "" {
					wrong = append(wrong, fmt.Sprintf("%s has %d records of %s of %s with digest %q, %s itself %d with %q", viewer, got.Records, own.Name, origin, got.Digest,
						origin, own.Records, own.Digest))
				}
			}
			if len(mine.Streams) == 0 {
				wrong = append(wrong, origin+" says nothing of its own streams")
			}
		}
	}
	return wrong
}

// agreed is three nodes in step.
func agreed() views {
	v := views{}
	for _, viewer := range names {
		v[viewer] = map[string]peer{}
		for _, origin := range names {
			p := peer{Name: origin, State: "synced", Streams: []stream{{"state", 3, "d" + origin, 10}, {"counts", 2, "c" + origin, 12}}}
			if viewer == origin {
				p.State = "self"
			}
			v[viewer][origin] = p
		}
	}
	return v
}

func TestTheJudgeAcceptsNodesInStepAndObjectsToAnyOther(t *testing.T) {
	v := agreed()
	if l, d := v.behind(v.heads()), v.differ(); len(l)+len(d) > 0 {
		t.Fatalf("%v, %v", l, d)
	}
	for name, c := range map[string]struct {
		spoil          func(*peer)
		behind, differ bool
	}{
		"a version less":      {func(p *peer) { p.Streams[1].Version-- }, true, false},
		"another digest":      {func(p *peer) { p.Streams[0].Digest = "x" }, false, true},
		"a record less":       {func(p *peer) { p.Streams[0].Records-- }, false, true},
		"not connected":       {func(p *peer) { p.State = "away" }, true, false},
		"no streams":          {func(p *peer) { p.Streams = nil }, true, true},
		"nothing of one kind": {func(p *peer) { p.Streams = p.Streams[:1] }, true, true},
	} {
		v := agreed()
		h := v.heads()
		p := v[names[1]][names[2]]
		c.spoil(&p)
		v[names[1]][names[2]] = p
		if got := v.behind(h); len(got) > 0 != c.behind {
			t.Errorf("%s: behind: %s", name, strings.Join(got, "; "))
		}
		if got := v.differ(); len(got) > 0 != c.differ {
			t.Errorf("%s: differ: %s", name, strings.Join(got, "; "))
		}
	}
	silent := agreed()
	silent[names[0]][names[0]] = peer{Name: names[0], State: "self"}
	if len(silent.differ()) == 0 {
		t.Error("a node that says nothing of itself is taken")
	}
}
