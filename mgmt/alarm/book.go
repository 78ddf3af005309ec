package alarm

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Alarm is one as lists show it.
type Alarm struct {
	Code         Code     `json:"code"`
	Severity     Severity `json:"severity"`
	Subject      string   `json:"subject,omitempty"` // what it is about; empty for the node
	Active       bool     `json:"active"`            // raised and not cleared
	Title        string   `json:"title"`
	Detail       string   `json:"detail,omitempty"` // what the check found last
	Cause        string   `json:"cause"`
	Consequence  string   `json:"consequence"`
	Action       string   `json:"action"`
	FirstSeen    string   `json:"first_seen"` // of the condition, ever
	LastSeen     string   `json:"last_seen"`
	RaisedAt     string   `json:"raised_at"` // the last time
	ClearedAt    string   `json:"cleared_at,omitempty"`
	Count        uint64   `json:"count"` // times raised; of an occurrence, times it happened
	Flapping     bool     `json:"flapping,omitempty"`
	SuppressedBy Code     `json:"suppressed_by,omitempty"` // not shown for its own sake, because this one holds

	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
	Muted        *Mute            `json:"muted,omitempty"`
}

// Change is an alarm that was raised or cleared.
type Change struct {
	Raised bool
	Heard  bool // it was raised before, and then muted: nobody was told
	Silent bool // nobody is to be told: it is muted, or nobody heard that it was raised
	At     time.Time
	Alarm  Alarm
}

// Book holds the conditions and decides what is an alarm.
type Book struct {
	entries map[Code]*Entry
	ranks   map[Code]int
	list    []*item // by rank of the code, then by subject
	mutes   []Mute
	now     time.Time
	dropped uint64
}

// item is a condition that held at some time, about one subject.
type item struct {
	*Entry
	subject string
	detail  string

	holds bool      // what the checks say
	since time.Time // that it holds, or that it does not
	cause Code      // what suppressed it at the last Tick

	shown       bool
	silent      bool // it is shown, and was muted when it was raised
	ack         *Acknowledgement
	first, last time.Time // seen
	raised      time.Time
	cleared     time.Time
	count       uint64
	raises      [FlapRaises]time.Time // the last ones, a ring; the oldest at next
	next        int
}

// NewBook makes an empty one for a catalogue, whose mistakes it finds.
func NewBook(entries []Entry) (*Book, error) {
	if err := check(entries); err != nil {
		return nil, err
	}
	r, err := ranks(entries)
	if err != nil {
		return nil, err
	}
	b := &Book{entries: make(map[Code]*Entry, len(entries)), ranks: r}
	for i := range entries {
		b.entries[entries[i].Code] = &entries[i]
	}
	return b, nil
}

// Set says that the condition holds now. The detail says what was found.
func (b *Book) Set(now time.Time, code Code, subject, detail string) {
	if i := b.item(now, code, subject); i != nil {
		if !i.holds {
			i.holds, i.since = true, b.now
		}
		i.seen(b.now, detail)
	}
}

// Unset says that the condition does not hold now.
func (b *Book) Unset(now time.Time, code Code, subject string) {
	b.advance(now)
	if i := b.find(code, subject); i != nil && i.holds && !i.Occurrence {
		i.holds, i.since = false, b.now
	}
}

// Happened says that an occurrence happened, n times.
func (b *Book) Happened(now time.Time, code Code, subject, detail string, n uint64) {
	if i := b.item(now, code, subject); i != nil && n > 0 {
		i.holds, i.since = true, b.now
		i.count += n
		i.seen(b.now, detail)
	}
}

// Only says that of a code the conditions of no other subjects hold any more: what they were about is gone.
func (b *Book) Only(now time.Time, code Code, subjects []string) {
	b.advance(now)
	for _, i := range b.list {
		if i.Code == code && !slices.Contains(subjects, i.subject) {
			b.Unset(now, code, i.subject)
		}
	}
}

// Suppressed says which other problem explains this one, at this moment.
func (b *Book) Suppressed(code Code, subject string) (Code, bool) {
	e := b.entries[code]
	if e == nil {
		return "", false
	}
	for _, i := range b.list {
		if slices.Contains(e.DependsOn, i.Code) && (i.holds || i.shown) && covers(i.subject, subject) {
			return i.Code, true
		}
	}
	return "", false
}

// Tick decides what is raised and cleared by now, and gives the mutes that are over.
func (b *Book) Tick(now time.Time) (changes []Change, over []Mute) {
	b.advance(now)
	over = b.expire()
	for _, i := range b.list {
		changed, muted := b.decide(i), b.muted(i.Code, i.subject) != nil
		switch {
		case changed && i.shown:
			i.silent = muted
			changes = append(changes, Change{Raised: true, Silent: muted, At: b.now, Alarm: b.alarm(i)})
		case changed:
			changes = append(changes, Change{Silent: i.silent, At: b.now, Alarm: b.alarm(i)})
			i.silent, i.ack = false, nil
		case i.silent && !muted:
			i.silent = false
			changes = append(changes, Change{Raised: true, Heard: true, At: b.now, Alarm: b.alarm(i)})
		}
	}
	return changes, over
}

// decide brings one item up to date and says whether it was raised or cleared.
func (b *Book) decide(i *item) bool {
	if i.Occurrence && i.holds && b.now.Sub(i.since) >= i.Clear {
		i.holds = false // since stays: it has been quiet for Clear already
	}
	cause, suppressed := b.Suppressed(i.Code, i.subject)
	if i.cause != "" && !suppressed && i.holds && !i.Occurrence {
		i.since = b.now // a chance to recover from what suppressed it
	}
	i.cause = cause
	if !i.shown {
		if suppressed || !i.holds || b.now.Sub(i.since) < i.Raise {
			return false
		}
		i.shown, i.raised = true, b.now
		i.raises[i.next] = b.now
		i.next = (i.next + 1) % FlapRaises
		if !i.Occurrence {
			i.count++
		}
		return true
	}
	// Once shown, a consequence is withdrawn only for an alarm that shows itself: one that may yet pass explains nothing.
	gone := !i.holds && b.now.Sub(i.since) >= i.Clear
	if i.flaps(b.now) || !gone && !b.shows(cause, i.subject) {
		return false
	}
	i.shown, i.cleared = false, b.now
	return true
}

// shows says whether an alarm that explains the subject is raised.
func (b *Book) shows(cause Code, subject string) bool {
	return cause != "" && slices.ContainsFunc(b.list, func(i *item) bool { return i.Code == cause && i.shown && covers(i.subject, subject) })
}

// flaps says whether it was raised so often of late that it is not to be cleared yet.
func (i *item) flaps(now time.Time) bool {
	oldest, newest := i.raises[i.next], i.raises[(i.next+FlapRaises-1)%FlapRaises]
	return !oldest.IsZero() && newest.Sub(oldest) < FlapWindow && now.Sub(newest) < FlapWindow
}

// advance takes the clock on. One that goes back counts as one that stands: holding times never become negative.
func (b *Book) advance(now time.Time) {
	if now.After(b.now) {
		b.now = now
	}
}

func (i *item) seen(now time.Time, detail string) {
	if i.first.IsZero() {
		i.first = now
	}
	i.last = now
	if detail != "" {
		i.detail = detail[:min(len(detail), detailMax)]
	}
}

func (b *Book) order(i *item, code Code, subject string) int {
	return cmp.Or(cmp.Compare(b.ranks[i.Code], b.ranks[code]), cmp.Compare(i.subject, subject))
}

func (b *Book) find(code Code, subject string) *item {
	at, ok := slices.BinarySearchFunc(b.list, subject, func(i *item, s string) int { return b.order(i, code, s) })
	if !ok {
		return nil
	}
	return b.list[at]
}

// item finds or makes it. Nil when there is no room. A code outside the catalogue is a mistake of ours.
func (b *Book) item(now time.Time, code Code, subject string) *item {
	b.advance(now)
	e := b.entries[code]
	if e == nil {
		panic(fmt.Sprintf("alarm: code %q is not in the catalogue", code))
	}
	if i := b.find(code, subject); i != nil {
		return i
	}
	if len(b.list) >= MaxAlarms && !b.forget() {
		b.dropped++
		return nil
	}
	i := &item{Entry: e, subject: subject}
	at, _ := slices.BinarySearchFunc(b.list, subject, func(i *item, s string) int { return b.order(i, code, s) })
	b.list = slices.Insert(b.list, at, i)
	return i
}

// forget makes room by the item that has been quiet longest.
func (b *Book) forget() bool {
	oldest := -1
	for at, i := range b.list {
		if !i.holds && !i.shown && !i.flaps(b.now) && (oldest < 0 || i.last.Before(b.list[oldest].last)) {
			oldest = at
		}
	}
	if oldest < 0 {
		return false
	}
	b.list = slices.Delete(b.list, oldest, oldest+1)
	return true
}

// Dropped is how many conditions found no room.
func (b *Book) Dropped() uint64 { return b.dropped }

// List gives all alarms: active ones first, the most severe first, the newest first; then those that were cleared or are
// suppressed. What never became an alarm is listed only while something suppresses it.
func (b *Book) List() []Alarm {
	items := slices.Clone(b.list)
	items = slices.DeleteFunc(items, func(i *item) bool { return !i.shown && i.raised.IsZero() && (!i.holds || i.cause == "") })
	slices.SortStableFunc(items, func(x, y *item) int {
		return cmp.Or(-cmp.Compare(rankOf(x), rankOf(y)), y.raised.Compare(x.raised))
	})
	list := make([]Alarm, 0, len(items))
	for _, i := range items {
		list = append(list, b.alarm(i))
	}
	return list
}

func rankOf(i *item) Severity {
	if i.shown {
		return i.Severity + Critical
	}
	return i.Severity
}

func (b *Book) alarm(i *item) Alarm {
	a := Alarm{
		Code: i.Code, Severity: i.Severity, Subject: i.subject, Active: i.shown, Title: i.Title, Detail: i.detail, Cause: i.Cause,
		Consequence: i.Consequence, Action: i.Action, FirstSeen: stamp(i.first), LastSeen: stamp(i.last), RaisedAt: stamp(i.raised),
		Count: i.count, SuppressedBy: i.cause, Flapping: i.shown && i.flaps(b.now),
		Acknowledged: i.ack,
	}
	if m := b.muted(i.Code, i.subject); m != nil {
		copied := *m // lists are handed on
		a.Muted = &copied
	}
	if !i.shown {
		a.ClearedAt = stamp(i.cleared)
	}
	return a
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
