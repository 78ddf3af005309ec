package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"fcredirect/mgmt/registry"
)

// report tells whoever started us what is new: readiness once, status when it changed, the watchdog in time.
func (s *System) report() {
	now := time.Now()
	status, settled, alive := s.survey(now)
	becomes := !s.ready && (settled || now.Sub(s.begun) >= readyBound)
	if status != s.status && (becomes || now.Sub(s.told) >= statusEvery) {
		s.status, s.told = status, now
		s.tell("STATUS=" + status)
	}
	if becomes {
		s.ready = true
		s.tell(daemon.SdNotifyReady)
		s.o.Log.Info("ready", "status", status, "after", now.Sub(s.begun).Round(time.Millisecond).String())
	}
	every := s.notify.watchdog()
	if every > 0 && alive && now.Sub(s.watchdog) >= every/3 {
		s.watchdog = now
		s.tell(daemon.SdNotifyWatchdog)
	}
}

// survey looks at everything: a sentence for people, whether nothing is to be waited for, and whether every loop goes round.
func (s *System) survey(now time.Time) (status string, settled, alive bool) {
	settled, alive = true, true
	running, standby := 0, 0
	var notes []string
	for _, i := range s.instances {
		v := i.see()
		switch v.State {
		case registry.Running:
			running++
		case registry.Standby:
			standby++
		}
		settled = settled && v.Settled()
		if note := v.note(); note != "" {
			notes = append(notes, note)
		}
		if v.Stuck || now.Sub(v.Ticked) > stale && !v.Ticked.IsZero() {
			alive = false
		}
	}
	for _, c := range s.children {
		p := c.see()
		settled = settled && p.Ready
		if !p.Ready {
			notes = append(notes, fmt.Sprintf("process %s: %s", p.Name, p.Status))
		}
	}
	if s.lonely != "" {
		notes = append(notes, s.lonely)
	}
	status = fmt.Sprintf("%d of %d roles run", running+standby, len(s.instances))
	if standby > 0 {
		status += fmt.Sprintf(", %d of them as standby", standby)
	}
	if len(s.children) > 0 {
		status += fmt.Sprintf("; %d processes", len(s.children)+1)
	}
	if len(notes) > 0 {
		status += "; " + strings.Join(notes, "; ")
	}
	status = strings.ReplaceAll(status, "\n", " ")
	if len(status) > textMax {
		status = strings.ToValidUTF8(status[:textMax], "") + "…"
	}
	return status, settled, alive
}

// note is what is worth saying of an instance that is not simply well.
func (v *View) note() string {
	switch {
	case v.State == registry.Running && v.Why == "" || v.State == registry.Standby:
		return ""
	case v.Why == "":
		return v.Name + " is " + v.State.String()
	case v.State == registry.Running:
		return v.Name + ": " + v.Why
	}
	return fmt.Sprintf("%s is %v: %s", v.Name, v.State, v.Why)
}

// tell may fail when whoever started us is gone; there is nobody else to tell.
func (s *System) tell(state string) {
	if err := s.notify.tell(state); err != nil {
		s.o.Log.Debug("notify", "error", err)
	}
}
