package system

import (
	"context"
	"fmt"
	"os"
	"strings"

	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/registry"
)

// Change is something that happened to an instance, or with Plan.Role nil to this process.
type Change struct {
	Plan     config.Instance
	Was, Is  registry.State
	Why      string
	Restarts int // of this instance in this process
	Roles    string
}

// observe makes events of changes. It never waits: events that find the queue full, because the log has been away for
// long, stand in the journal alone.
func (a *assembly) observe(c Change) {
	t, fields := eventOf(c, a.Version)
	if t == 0 {
		return
	}
	full, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.events.Append(full, t, fields); err != nil {
		a.Log.Warn("event does not get into the log", "type", t.String(), "error", err)
	}
}

// eventOf is the event that a change is, 0 for none.
func eventOf(c Change, version string) (event.Type, event.Fields) {
	if c.Plan.Role == nil {
		fields := event.Fields{"pid": os.Getpid(), "version": version, "roles": c.Roles}
		if c.Is == registry.Stopped {
			return event.ProcessStopped, fields
		}
		return event.ProcessStarted, fields
	}
	fields := event.Fields{
		"role": c.Plan.Role.Name, "shard": c.Plan.Shard, "instance": fmt.Sprint(max(c.Plan.Number, 0)), "pid": os.Getpid(), "version": version,
	}
	switch {
	case c.Is == registry.Running:
		return event.RoleStarted, fields
	case c.Is == registry.Failed:
		fields["error"], fields["restarts"] = c.Why, c.Restarts
		return event.RoleFailed, fields
	case c.Is == registry.Stopped && c.Was == registry.Stopping:
		return event.RoleStopped, fields
	}
	return 0, nil
}

// names lists the instances of this process.
func (s *System) names() string {
	names := make([]string, len(s.instances))
	for n, i := range s.instances {
		names[n] = i.name
	}
	return strings.Join(names, " ")
}

func (s *System) observe(c Change) {
	if s.parts.Observe != nil && !s.mute.Load() {
		s.parts.Observe(c)
	}
}
