package checker

import (
	"errors"
	"fmt"

	"fcredirect/mgmt/peer/record"
)

// Checker keeps what nodes did and what they show of each other. Its first objection stays.
type Checker struct {
	// Lenient, when set, limits objections to what stands in the end.
	Lenient bool
	// Visible, when set, hears of each change that is seen somewhere, itself or by a later one of its key, the first time.
	Visible func(observer uint8, c *Change, age int64)

	now   int64
	nodes []node
	err   error
}

// node is what is known of a node: its lives, and while it lives what it shows of the others.
type node struct {
	lives   []*life
	keys    [record.NumStreams]map[record.Key]bool // of all lives
	numbers map[uint64][]*life                     // by the incarnation that they gave themselves
	up      bool
	views   []view
	shown   []shown // what has become visible and is not judged yet
}

type shown struct {
	by     Applied
	change *Change
}

// life is that of now, or the last one.
func (n *node) life() *life {
	if len(n.lives) == 0 {
		return nil
	}
	return n.lives[len(n.lives)-1]
}

// view is what one node shows of another.
type view struct {
	incarnation uint64
	life        *life // of that incarnation
	seen        map[record.Key]seen
	complete    [record.NumStreams]int // so many changes of the life were found to be there
}

type seen struct {
	version uint64
	gone    bool
}

// Applied is what a node made visible of another one, in one piece.
type Applied struct {
	Observer, Origin uint8
	Incarnation      uint64
	Stream           record.Stream
	Reset            bool // replaces all of the stream
	More             bool // becomes visible together with the next
	Records          []record.Record
}

// New makes a checker of so many nodes, none of which lives yet.
func New(nodes int) *Checker {
	c := &Checker{nodes: make([]node, nodes)}
	for i := range c.nodes {
		c.nodes[i].numbers = make(map[uint64][]*life)
		for s := range c.nodes[i].keys {
			c.nodes[i].keys[s] = make(map[record.Key]bool)
		}
	}
	return c
}

// Err is the first objection.
func (c *Checker) Err() error { return c.err }

// At says what time it is, ns.
func (c *Checker) At(now int64) { c.now = now }

// Object is for what the caller itself finds wrong.
func (c *Checker) Object(rule, format string, args ...any) {
	if c.err == nil && (!c.Lenient || rule == "converged" || rule == "told") {
		c.err = fmt.Errorf("%s at %.6f s: %w", rule, float64(c.now)/1e9, errors.New(fmt.Sprintf(format, args...)))
	}
}

// Start says that a node lives, with nothing in it.
func (c *Checker) Start(origin uint8) {
	n := &c.nodes[origin]
	n.up = true
	n.lives = append(n.lives, &life{node: origin, number: len(n.lives) + 1, keys: make(map[record.Key][]*Change)})
	n.views, n.shown = make([]view, len(c.nodes)), nil
}

// Stop says that a node died, and all it knew with it.
func (c *Checker) Stop(origin uint8) {
	c.nodes[origin].up = false
	c.nodes[origin].views = nil
}

// Incarnation says which number the life has now. It may take another one when it learns that its own was used.
func (c *Checker) Incarnation(origin uint8, number uint64) {
	n := &c.nodes[origin]
	l := n.life()
	for _, have := range n.numbers[number] {
		if have == l {
			return
		}
	}
	n.numbers[number] = append(n.numbers[number], l)
}

// Change says what a living node was told to do. The references are to what it shows now.
func (c *Checker) Change(origin uint8, change Change) {
	n := &c.nodes[origin]
	change.At = c.now
	for _, ref := range change.Refs {
		l := n.life()
		if ref.Origin != origin {
			l = n.views[ref.Origin].life
		}
		change.lives = append(change.lives, l)
	}
	n.keys[change.Key.Kind.Stream()][change.Key] = true
	if !n.life().add(&change) {
		c.Object("forward", "node %d gives %v the version %d, which is not the next", origin, change.Key, change.Version)
	}
}

// Applied judges what has become visible.
func (c *Checker) Applied(a Applied) {
	n := &c.nodes[a.Observer]
	v := &n.views[a.Origin]
	if !c.enter(a, v) {
		return
	}
	if c.shared(a.Origin, a.Incarnation) { // two lives of one number: until one of them learns of it, only what is shown can be judged
		for i := range a.Records {
			c.genuine(a, &a.Records[i])
		}
		v.show(a)
		return
	}
	if c.Lenient {
		v.show(a)
		return
	}
	before := v.seen
	if a.Reset {
		v.seen = v.without(a.Stream)
	}
	for i := range a.Records {
		r := &a.Records[i]
		change := c.genuine(a, r)
		if change == nil {
			return
		}
		old := before[r.Key]
		if change.Version < old.version {
			c.Object("forward", "%s: %v goes back from version %d to %d", a.who(), r.Key, old.version, change.Version)
		}
		v.seen[r.Key] = seen{change.Version, r.Gone}
		c.visible(a.Observer, v.life, r.Key, old, change.Version)
		n.shown = append(n.shown, shown{a, change})
	}
	if a.Reset {
		c.vanished(a, v, before)
	}
	if a.More {
		return
	}
	for _, s := range n.shown {
		c.causal(s.by, s.change)
	}
	n.shown = n.shown[:0]
}

// enter changes to the incarnation that is applied.
func (c *Checker) enter(a Applied, v *view) bool {
	switch {
	case a.Origin == a.Observer:
		c.Object("genuine", "%s: is told of itself", a.who())
		return false
	case a.Incarnation == v.incarnation:
		return true
	case a.Incarnation < v.incarnation:
		c.Object("forward", "%s: goes back from incarnation %d", a.who(), v.incarnation)
		return false
	case v.incarnation != 0 && !a.Reset:
		c.Object("atomic", "%s: a new incarnation that leaves what the old one had (%d)", a.who(), v.incarnation)
		return false
	}
	lives := c.nodes[a.Origin].numbers[a.Incarnation]
	if len(lives) == 0 {
		c.Object("genuine", "%s: there was no such incarnation", a.who())
		return false
	}
	*v = view{incarnation: a.Incarnation, life: lives[len(lives)-1], seen: make(map[record.Key]seen)}
	return true
}

// shared says whether two lives of a node had one number.
func (c *Checker) shared(origin uint8, incarnation uint64) bool {
	return len(c.nodes[origin].numbers[incarnation]) > 1
}

// genuine finds the change that a record shows. A deletion may be told with a later version, up to which nothing was made
// of its key: its own may not be known any more.
func (c *Checker) genuine(a Applied, r *record.Record) *Change {
	for _, l := range c.nodes[a.Origin].numbers[a.Incarnation] {
		made := l.at(r.Version)
		if r.Gone {
			made = l.last(r.Key, r.Version)
		}
		if made == nil || r.Key.Kind.Stream() != a.Stream {
			continue
		}
		if made.Record == *r || r.Gone && made.Gone && l.changes[len(l.changes)-1].Version >= r.Version {
			return made
		}
	}
	c.Object("genuine", "%s: %v, which its origin never made", a.who(), *r)
	return nil
}

// vanished objects to what a reset left out although it stands.
func (c *Checker) vanished(a Applied, v *view, before map[record.Key]seen) {
	for key, old := range before {
		if _, is := v.seen[key]; is || key.Kind.Stream() != a.Stream {
			continue
		}
		if !old.gone && !v.life.deleted(key, old.version+1) {
			c.Object("forward", "%s: a reset leaves %v out, which was not deleted", a.who(), key)
		}
		v.seen[key] = seen{old.version, true}
	}
}

// visible tells of the changes of a key that are seen now and were not before. Of what was not there its deletion cannot be
// seen, nor what was before that.
func (c *Checker) visible(observer uint8, l *life, key record.Key, old seen, to uint64) {
	if c.Visible == nil {
		return
	}
	there := old.version > 0 && !old.gone
	changes := l.keys[key]
	for i := len(changes) - 1; i >= 0 && changes[i].Version > old.version; i-- {
		switch {
		case changes[i].Version > to:
		case changes[i].Gone && !there:
			return
		default:
			c.Visible(observer, changes[i], c.now-changes[i].At)
		}
	}
}

// causal objects when a visible change depends on one that is not.
func (c *Checker) causal(a Applied, change *Change) {
	for i, ref := range change.Refs {
		if !c.satisfied(a.Observer, ref, change.lives[i]) {
			c.Object("causal", "%s: shows %v version %d, which depends on %v version %d of node %d, which is not there",
				a.who(), change.Key, change.Version, ref.Key, ref.Version, ref.Origin)
		}
	}
}

func (c *Checker) satisfied(observer uint8, ref record.Ref, l *life) bool {
	if ref.Origin == observer || l == nil {
		return true
	}
	v := &c.nodes[observer].views[ref.Origin]
	switch {
	case v.incarnation == 0:
		return false
	case c.shared(ref.Origin, v.incarnation):
		return true
	case v.life != l:
		return v.life.number > l.number
	}
	s, is := v.seen[ref.Key]
	return is && s.version >= ref.Version || (!is || s.gone) && l.deleted(ref.Key, ref.Version)
}

// Complete judges what a node says: that it has everything of a stream of another's up to a version.
func (c *Checker) Complete(observer, origin uint8, incarnation uint64, stream record.Stream, version uint64) {
	v := &c.nodes[observer].views[origin]
	if version == 0 || c.shared(origin, incarnation) {
		return
	}
	if v.incarnation != incarnation {
		c.Object("told", "node %d says it has version %d of incarnation %d of node %d, and shows %d", observer, version, incarnation, origin, v.incarnation)
		return
	}
	changes := v.life.streams[stream]
	i := v.complete[stream]
	for ; i < len(changes) && changes[i].Version <= version; i++ {
		made := changes[i]
		s, is := v.seen[made.Key]
		if is && s.version >= made.Version || (!is || s.gone) && v.life.deleted(made.Key, made.Version) {
			continue
		}
		c.Object("atomic", "node %d says it has %s of node %d up to version %d, and shows %v at %d, not at %d",
			observer, stream, origin, version, made.Key, s.version, made.Version)
	}
	v.complete[stream] = i
}

func (a Applied) who() string {
	return fmt.Sprintf("node %d of node %d, incarnation %d, %s", a.Observer, a.Origin, a.Incarnation, a.Stream)
}

// without is what is seen of the other streams.
func (v *view) without(stream record.Stream) map[record.Key]seen {
	rest := make(map[record.Key]seen, len(v.seen))
	for key, s := range v.seen {
		if key.Kind.Stream() != stream {
			rest[key] = s
		}
	}
	return rest
}

// show takes over what is applied, without any judgement.
func (v *view) show(a Applied) {
	if a.Reset {
		v.seen = v.without(a.Stream)
	}
	for _, r := range a.Records {
		v.seen[r.Key] = seen{r.Version, r.Gone}
	}
}
