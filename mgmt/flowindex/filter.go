package flowindex

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/problem"
)

// Filter selects flows: those to which all that is set applies. The zero Filter selects all.
type Filter struct {
	Fabric *uint8  `json:"fabric,omitempty"`
	VSAN   *uint16 `json:"vsan,omitempty"` // 0 is untagged
	// An end is a WWPN in any spelling, an alias, a set, a mask (20:00:02:fc:*), or - while its WWPN is not known.
	Initiator string `json:"initiator,omitempty"`
	Target    string `json:"target,omitempty"`
	End       string `json:"end,omitempty"`  // either
	Text      string `json:"text,omitempty"` // part of an alias or a WWPN of either end

	Verdicts []string `json:"verdicts,omitempty"`
	States   []string `json:"states,omitempty"`
	Policy   string   `json:"policy,omitempty"`  // - is the default
	Service  string   `json:"service,omitempty"` // - is none
	Port     string   `json:"port,omitempty"`    // on which either direction comes in
	Static   *bool    `json:"static,omitempty"`

	MinFrames    uint64    `json:"min_frames,omitempty"`
	MinBytes     uint64    `json:"min_bytes,omitempty"`
	MinErrors    uint64    `json:"min_errors,omitempty"`
	MinFrameRate float64   `json:"min_frame_rate,omitempty"` // per second
	MinByteRate  float64   `json:"min_byte_rate,omitempty"`
	SeenSince    time.Time `json:"seen_since,omitzero"`
	SeenBefore   time.Time `json:"seen_before,omitzero"`
	CreatedSince time.Time `json:"created_since,omitzero"`
}

// Key says the same of equal filters: cursors belong to it.
func (f *Filter) Key() string {
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Sprintf("%+v", *f) // a number that JSON does not have
	}
	return string(b)
}

// sieve compacts the rows of a chunk that are left.
type sieve func(c *chunk, rows []uint16) []uint16

// matcher is a filter made ready for an image.
type matcher struct {
	mask, want flow.Key
	sieves     []sieve
}

// rows gives the rows of a chunk that the filter selects.
func (m *matcher) rows(c *chunk, buffer *[rowsPerChunk]uint16) []uint16 {
	n := 0
	for i := range c.key {
		buffer[n&(rowsPerChunk-1)] = uint16(i)
		if k := c.key[i]; k != 0 && k&m.mask == m.want {
			n++
		}
	}
	rows := buffer[:n]
	for _, s := range m.sieves {
		rows = s(c, rows)
	}
	return rows
}

// keep is a sieve out of what is asked of each row.
func keep(ok func(c *chunk, i uint16) bool) sieve {
	return func(c *chunk, rows []uint16) []uint16 {
		n := 0
		for _, i := range rows {
			if rows[n] = i; ok(c, i) {
				n++
			}
		}
		return rows[:n]
	}
}

// compile makes a filter ready. Its errors are problems that name what is wrong with it.
func (x *Index) compile(img *image, f *Filter) (*matcher, error) {
	m := &matcher{}
	if f.Fabric != nil {
		m.mask |= 0xf << 60
		m.want |= flow.MakeKey(*f.Fabric, 0, 0, 0)
	}
	if f.VSAN != nil {
		m.mask |= 0xfff << 48
		m.want |= flow.MakeKey(0, *f.VSAN, 0, 0)
	}
	wrong := problem.New(problem.BadFilter, "")
	m.names(img, f, wrong)
	m.counts(img, f)
	if err := x.ends(m, img, f, wrong); err != nil {
		return nil, err
	}
	if len(wrong.Fields) > 0 {
		return nil, wrong
	}
	return m, nil
}

func (m *matcher) add(ok func(c *chunk, i uint16) bool) { m.sieves = append(m.sieves, keep(ok)) }

// names of policies, services, ports, verdicts and states become numbers.
func (m *matcher) names(img *image, f *Filter, wrong *problem.Problem) {
	if len(f.Verdicts) > 0 {
		if set, ok := oneOf(f.Verdicts, Verdicts()); ok {
			m.add(func(c *chunk, i uint16) bool { return set>>(c.action[i]&31)&1 != 0 })
		} else {
			wrong.At("query/verdict", "must be of %s", strings.Join(Verdicts(), ", "))
		}
	}
	if len(f.States) > 0 {
		if set, ok := oneOf(f.States, States()); ok {
			m.add(func(c *chunk, i uint16) bool { return set>>(c.state[i]&31)&1 != 0 })
		} else {
			wrong.At("query/state", "must be of %s", strings.Join(States(), ", "))
		}
	}
	if f.Policy != "" {
		if n, ok := numberOf(f.Policy, img.rules(), img.ruleName); ok {
			m.add(func(c *chunk, i uint16) bool { return c.rule[i] == n })
		} else {
			wrong.At("query/policy", "names no active policy")
		}
	}
	if f.Service != "" {
		if n, ok := numberOf(f.Service, img.services(), img.serviceName); ok {
			m.add(func(c *chunk, i uint16) bool { return c.service[i] == n })
		} else {
			wrong.At("query/service", "names no active service")
		}
	}
	if f.Port != "" {
		if n := slices.Index(img.ports, f.Port); n >= 0 {
			m.add(func(c *chunk, i uint16) bool { return int(c.ports[i][0]) == n || int(c.ports[i][1]) == n })
		} else {
			wrong.At("query/port", "names no port")
		}
	}
}

// counts, times and flags.
func (m *matcher) counts(img *image, f *Filter) {
	if f.Static != nil {
		m.add(func(c *chunk, i uint16) bool { return (c.flags[i]&flagStatic != 0) == *f.Static })
	}
	if f.MinFrames > 0 {
		m.add(func(c *chunk, i uint16) bool { return c.frames[i][0]+c.frames[i][1] >= f.MinFrames })
	}
	if f.MinBytes > 0 {
		m.add(func(c *chunk, i uint16) bool { return c.bytes[i][0]+c.bytes[i][1] >= f.MinBytes })
	}
	if f.MinErrors > 0 {
		m.add(func(c *chunk, i uint16) bool { return uint64(c.errors[i]) >= f.MinErrors })
	}
	if f.MinFrameRate > 0 {
		m.add(func(c *chunk, i uint16) bool { return float64(c.frameRate[i]) >= f.MinFrameRate })
	}
	if f.MinByteRate > 0 {
		m.add(func(c *chunk, i uint16) bool { return float64(c.byteRate[i]) >= f.MinByteRate })
	}
	if !f.SeenSince.IsZero() {
		since := img.wall.ticks(f.SeenSince)
		m.add(func(c *chunk, i uint16) bool { return c.lastSeen[i] >= since })
	}
	if !f.SeenBefore.IsZero() {
		before := max(img.wall.ticks(f.SeenBefore), 1) // 0 is never
		m.add(func(c *chunk, i uint16) bool { return c.lastSeen[i] < before })
	}
	if !f.CreatedSince.IsZero() {
		since := img.wall.ticks(f.CreatedSince)
		m.add(func(c *chunk, i uint16) bool { return c.created[i] >= since })
	}
}

// ends looks up what the conditions on ends name.
func (x *Index) ends(m *matcher, img *image, f *Filter, wrong *problem.Problem) error {
	for _, end := range []struct {
		place, text       string
		initiator, target bool
	}{{"query/initiator", f.Initiator, true, false}, {"query/target", f.Target, false, true}, {"query/end", f.End, true, true}} {
		if end.text == "" {
			continue
		}
		set, err := x.matcher(img, condition{text: end.text})
		if problem.Is(err, problem.BadFilter) {
			wrong.At(end.place, "%s", problem.Of(err).Detail)
			continue
		}
		if err != nil {
			return err
		}
		m.sieves = append(m.sieves, set.sieve(end.initiator, end.target))
	}
	if f.Text != "" {
		if len(f.Text) > maxText {
			wrong.At("query/text", "is longer than %d bytes", maxText)
			return nil
		}
		set, err := x.matcher(img, condition{text: f.Text, search: true})
		if err != nil {
			return err
		}
		m.sieves = append(m.sieves, set.sieve(true, true))
	}
	return nil
}

// Verdicts and States are the words of a filter, in the order of their numbers.
func Verdicts() []string {
	var list []string
	for a := policy.Forward; a <= policy.Drop; a++ {
		list = append(list, a.String())
	}
	return list
}

// States are those of flows that live.
func States() []string {
	var list []string
	for s := feed.Active; s < feed.Ended; s++ {
		list = append(list, s.String())
	}
	return list
}

// oneOf is the set of words as bits.
func oneOf(words, all []string) (set uint32, ok bool) {
	for _, w := range words {
		n := slices.Index(all, w)
		if n < 0 {
			return 0, false
		}
		set |= 1 << n
	}
	return set, true
}

// numberOf finds the number of a name; - is -1.
func numberOf(name string, n int, nameOf func(int) string) (int16, bool) {
	if name == "-" {
		return -1, true
	}
	for i := range n {
		if nameOf(i) == name {
			return int16(i), true
		}
	}
	return 0, false
}

func (i *image) rules() int {
	if i.policy == nil {
		return 0
	}
	return i.policy.Rules()
}

func (i *image) services() int {
	if i.policy == nil {
		return 0
	}
	return i.policy.Services()
}

func (i *image) ruleName(n int) string {
	if n < 0 || n >= i.rules() {
		return ""
	}
	return i.policy.Rule(n).Name
}

func (i *image) serviceName(n int) string {
	if n < 0 || n >= i.services() {
		return ""
	}
	return i.policy.Service(n).Name
}

func (i *image) portName(n uint8) string {
	if int(n) >= len(i.ports) {
		return ""
	}
	return i.ports[n]
}
