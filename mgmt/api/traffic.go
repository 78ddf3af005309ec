package api

import (
	"context"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/traffic"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/hub"
)

const (
	// changeEvery is how often the stream looks at the state of change control.
	changeEvery = 250 * time.Millisecond
	// listEvery is how often it looks at lists whose items make progress.
	listEvery = 500 * time.Millisecond
)

// traffic adds what goes through the appliance, and the live stream. It comes last: the stream tells of the others.
func (a *assembly) traffic() error {
	ahead := traffic.NewAhead(a.settings, a.live, a.Log)
	a.start(ahead.Run)
	index := flowindex.New(flowindex.Options{Segment: a.live, Document: activeDocument, Log: a.Log})
	a.start(index.Run)
	topics := append(a.topics, hub.Samples(a.live), hub.Flows(index))
	d := traffic.Deps{Live: a.live, Settings: a.settings, Index: index, Ahead: ahead}
	if a.Bus != nil {
		d.Bus = a.Bus
		topics = append(topics, hub.Events(a.Bus), hub.Alarms(a.Bus))
	}
	if a.change != nil {
		topics = append(topics, hub.State("change", auth.ChangeRead, "The state of change control. Each update is the whole state; `seconds_left` counts from the `at` of its message, and there is no update while it only becomes less.", changeEvery,
			func(context.Context) (change.State, error) { return a.change.State(), nil }, change.Unmoved))
	}
	d.Hub = hub.New(hub.Options{Topics: topics, Recheck: a.auth.Recheck, Changed: a.auth.Changed, Log: a.Log})
	a.hub = d.Hub
	a.start(d.Hub.Run)
	traffic.Register(a.rest, d)
	return nil
}

// activeDocument is the configuration that decides, as it was written.
func activeDocument(f *shm.File) (*policy.Document, error) {
	st, err := command.Read(f)
	if err != nil {
		return nil, err
	}
	text, err := command.Text(f, st.Document)
	if err != nil {
		return nil, err
	}
	return policy.Parse("active", text)
}
