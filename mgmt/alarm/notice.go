package alarm

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
)

// What an admin may do wrong.
var (
	ErrNotActive  = errors.New("alarm: it is not active")
	ErrNoMute     = errors.New("alarm: there is no such mute")
	ErrMutesFull  = errors.New("alarm: there are as many mutes as there may be")
	ErrWideMute   = errors.New("alarm: a mute names a code, a subject, or both")
	ErrMuteLength = errors.New("alarm: a mute ends in the future, and not too far in it")
	ErrNoCode     = errors.New("alarm: there is no such code")
)

// Acknowledgement says that somebody looks after an alarm. It ends with the alarm.
type Acknowledgement struct {
	By   string `json:"by"`
	At   string `json:"at"`
	Note string `json:"note,omitempty"`
}

// Mute keeps alarms from being told to anybody outside, for a time. They are listed all the same.
type Mute struct {
	ID      string    `json:"id"`
	Code    Code      `json:"code,omitempty"`    // empty: every code
	Subject string    `json:"subject,omitempty"` // with all below it; empty: every subject
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// matches says whether the mute is about an alarm.
func (m *Mute) matches(code Code, subject string) bool {
	return (m.Code == "" || m.Code == code) && (m.Subject == "" || covers(m.Subject, subject))
}

// ID names an alarm in paths: its code, and the subject with ~ for each slash, which no subject has.
func ID(code Code, subject string) string {
	if subject == "" {
		return string(code)
	}
	return string(code) + "~" + strings.ReplaceAll(subject, "/", "~")
}

// ParseID reads what ID wrote.
func ParseID(id string) (Code, string) {
	code, subject, _ := strings.Cut(id, "~")
	return Code(code), strings.ReplaceAll(subject, "~", "/")
}

// Acknowledge notes who looks after an active alarm; a second one replaces the first.
func (b *Book) Acknowledge(now time.Time, code Code, subject, by, note string) (Alarm, error) {
	b.advance(now)
	i := b.find(code, subject)
	if b.entries[code] == nil || i == nil || !i.shown {
		return Alarm{}, ErrNotActive
	}
	i.ack = &Acknowledgement{By: by, At: stamp(b.now), Note: note[:min(len(note), detailMax)]}
	return b.alarm(i), nil
}

// Unacknowledge takes an acknowledgement back.
func (b *Book) Unacknowledge(now time.Time, code Code, subject string) (Alarm, error) {
	b.advance(now)
	i := b.find(code, subject)
	if b.entries[code] == nil || i == nil || !i.shown {
		return Alarm{}, ErrNotActive
	}
	i.ack = nil
	return b.alarm(i), nil
}

// Mute adds or replaces one. Its time counts from now.
func (b *Book) Mute(now time.Time, m Mute) error {
	b.advance(now)
	at := slices.IndexFunc(b.mutes, func(o Mute) bool { return o.ID == m.ID })
	switch {
	case m.Code == "" && m.Subject == "":
		return ErrWideMute
	case m.Code != "" && b.entries[m.Code] == nil:
		return ErrNoCode
	case !m.Until.After(b.now) || m.Until.Sub(b.now) > MuteMost:
		return ErrMuteLength
	case at < 0 && len(b.mutes) >= MaxMutes:
		return ErrMutesFull
	}
	m.Reason, m.Until, m.At = m.Reason[:min(len(m.Reason), detailMax)], m.Until.UTC(), b.now.UTC()
	if at >= 0 {
		b.mutes[at] = m
	} else {
		b.mutes = append(b.mutes, m)
	}
	return nil
}

// Unmute removes one.
func (b *Book) Unmute(now time.Time, id string) (Mute, error) {
	b.advance(now)
	at := slices.IndexFunc(b.mutes, func(m Mute) bool { return m.ID == id })
	if at < 0 {
		return Mute{}, ErrNoMute
	}
	m := b.mutes[at]
	b.mutes = slices.Delete(b.mutes, at, at+1)
	return m, nil
}

// Mutes lists those in force, the first to end first.
func (b *Book) Mutes() []Mute {
	list := slices.Clone(b.mutes)
	slices.SortFunc(list, func(x, y Mute) int { return cmp.Or(x.Until.Compare(y.Until), strings.Compare(x.ID, y.ID)) })
	return list
}

// expire drops mutes whose time is over, and gives them.
func (b *Book) expire() (over []Mute) {
	b.mutes = slices.DeleteFunc(b.mutes, func(m Mute) bool {
		ends := !m.Until.After(b.now)
		if ends {
			over = append(over, m)
		}
		return ends
	})
	return over
}

// muted gives the mute that is about an alarm and ends last.
func (b *Book) muted(code Code, subject string) *Mute {
	var found *Mute
	for n := range b.mutes {
		if m := &b.mutes[n]; m.matches(code, subject) && (found == nil || m.Until.After(found.Until)) {
			found = m
		}
	}
	return found
}
