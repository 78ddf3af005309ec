package alarm

import "time"

// Saved is what a Book remembers of one alarm across a restart of whoever keeps it.
type Saved struct {
	Code    Code        `json:"code"`
	Subject string      `json:"subject,omitempty"`
	Detail  string      `json:"detail,omitempty"`
	Shown   bool        `json:"shown"`
	First   time.Time   `json:"first"`
	Last    time.Time   `json:"last"`
	Raised  time.Time   `json:"raised"`
	Cleared time.Time   `json:"cleared,omitzero"`
	Count   uint64      `json:"count"`
	Raises  []time.Time `json:"raises,omitempty"`
	Silent  bool        `json:"silent,omitempty"`

	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
}

// Save gives what is worth remembering: alarms that were raised at some time.
func (b *Book) Save() []Saved {
	list := []Saved{}
	for _, i := range b.list {
		if i.raised.IsZero() {
			continue
		}
		s := Saved{Code: i.Code, Subject: i.subject, Detail: i.detail, Shown: i.shown, First: i.first, Last: i.last, Raised: i.raised, Cleared: i.cleared, Count: i.count}
		s.Silent, s.Acknowledged = i.silent, i.ack
		for n := range i.raises {
			if t := i.raises[(i.next+n)%FlapRaises]; !t.IsZero() {
				s.Raises = append(s.Raises, t)
			}
		}
		list = append(list, s)
	}
	return list
}

// Restore puts into an empty Book what another one saved. Alarms that were active are so until a check says otherwise, so
// that a restart neither clears nor raises anything. Codes that the catalogue no longer has are left out.
func (b *Book) Restore(now time.Time, list []Saved, mutes []Mute) {
	for _, m := range mutes {
		if at := m.At; b.Mute(now, m) == nil && !at.After(now) {
			b.mutes[len(b.mutes)-1].At = at
		}
	}
	past := func(t time.Time) time.Time { // the clock may have been set back in between
		if t.After(now) {
			return now
		}
		return t
	}
	for _, s := range list {
		if b.entries[s.Code] == nil || b.find(s.Code, s.Subject) != nil {
			continue
		}
		i := b.item(now, s.Code, s.Subject)
		if i == nil {
			return
		}
		i.detail, i.shown, i.holds, i.count = s.Detail[:min(len(s.Detail), detailMax)], s.Shown, s.Shown, s.Count
		i.first, i.last, i.raised, i.cleared = past(s.First), past(s.Last), past(s.Raised), past(s.Cleared)
		if s.Shown {
			i.silent, i.ack = s.Silent, s.Acknowledged
		}
		if i.since = now; i.Occurrence {
			i.since = i.last
		}
		for _, t := range s.Raises[max(0, len(s.Raises)-FlapRaises):] {
			i.raises[i.next] = past(t)
			i.next = (i.next + 1) % FlapRaises
		}
	}
}
