package system

import (
	"context"
	"path/filepath"

	"fcredirect/mgmt/alarm/report"
	"fcredirect/mgmt/api"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/database"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/eventlog"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/store"
	"fcredirect/mgmt/telemetry"
)

// assembly is what the roles of a process have in common: one of each.
type assembly struct {
	*Parts
	database database.Options
	bus      *bus.Bus
	events   event.Appender
	db       *postgres.DB
}

// Build makes the makers of all roles there are, out of one bus, one queue of events and one pool of connections. Nothing
// of this needs the segment or the database to be there.
func Build(p *Parts) (Makers, error) {
	c := p.Config
	a := &assembly{Parts: p, events: event.Nowhere{}, database: database.Options{
		Node: c.Node, DSN: c.Database.DSN, DataDir: c.Database.DataDir, SocketDir: filepath.Join(c.RunDir, "pg"), User: c.Database.User, Log: p.Log,
	}}
	var err error
	if a.bus, err = bus.Open(p.Registry, p.Log); err != nil {
		return nil, err
	}
	p.onClose(a.bus.Close)
	if c.Role(eventRole) != nil {
		a.tellEvents()
	}
	a.db, err = postgres.Open(postgres.Config{
		DSN: a.database.Database(), Node: c.Node, App: "fcr-mgmtd " + p.Process, MaxConns: c.Database.Connections, Log: p.Log,
	})
	if err != nil {
		return nil, err
	}
	p.onClose(func() error { a.db.Close(); return nil })
	return Makers{"database": a.makeDatabase, "store": a.makeStore, "event": a.makeEvent, "telemetry": a.makeTelemetry, "monitor": a.makeMonitor, "peer": a.makePeer, "api": a.makeAPI}, nil
}

// tellEvents makes the queue of events. Where nothing keeps them there is none.
func (a *assembly) tellEvents() {
	client := event.NewClient(a.bus, a.Log)
	a.events, a.Flush, a.Observe = client, client.Flush, a.observe
	a.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushBound)
		defer cancel()
		if _, ok := a.Registry.Find(eventRole, 0); !ok {
			cancel() // it was stopped with this process: nobody will answer
		}
		if err := client.Close(ctx); err != nil {
			a.Log.Warn("events of this process did not get into the log", "error", err)
		}
		return nil
	})
}

func (a *assembly) makeDatabase(config.Instance) (Role, error) { return database.New(a.database) }

func (a *assembly) makeStore(i config.Instance) (Role, error) {
	r, err := store.New(store.Options{Place: a.Place, DB: a.db, Bus: handles{a.bus}, Log: a.Log, Shard: i.Shard, Batch: i.Role.Batch, CPUs: i.Role.Cores})
	if err != nil {
		return nil, err
	}
	return a.answering(r, "store.stats", i.Shard, func() any { return storeStatsOf(r.Stats()) }), nil
}

func (a *assembly) makeEvent(i config.Instance) (Role, error) {
	r, err := eventlog.New(eventlog.Options{
		Place: a.Place, DB: a.db, Bus: handles{a.bus}, Log: a.Log, Dir: filepath.Join(a.Config.StateDir, "spool"), Batch: i.Role.Batch,
	})
	if err != nil {
		return nil, err
	}
	return a.answering(r, "event.stats", i.Shard, func() any { return eventStatsOf(r.Stats()) }), nil
}

func (a *assembly) makeTelemetry(config.Instance) (Role, error) {
	return telemetry.New(telemetry.Options{Place: a.Place, DB: a.db, Bus: handles{a.bus}, Log: a.Log})
}

func (a *assembly) makePeer(i config.Instance) (Role, error) {
	return peer.New(peer.Options{
		Place: a.Place, Bus: handles{a.bus}, Log: a.Log, Batch: i.Role.Batch, Node: a.Config.Node, Dir: filepath.Join(a.Config.StateDir, "peer"),
		Peers: a.Config.Peer, Events: a.events, Alarms: report.New(a.bus, a.Log),
		Answer: func(ctx context.Context, question []byte) ([]byte, error) {
			return a.bus.Call(ctx, "api", peer.MethodAsked, question)
		},
	})
}

func (a *assembly) makeAPI(config.Instance) (Role, error) {
	o := api.Options{Config: a.Config, Version: a.Version, Place: a.Place, Registry: a.Registry, Bus: a.bus, DB: a.db, Log: a.Log}
	if client, ok := a.events.(*event.Client); ok {
		o.Events = client
	}
	return api.New(o)
}

func (a *assembly) makeMonitor(config.Instance) (Role, error) {
	o := monitor.Options{
		Place: a.Place, DB: a.db, Registry: a.Registry, Bus: a.bus, Events: a.events, Log: a.Log, Dir: filepath.Join(a.Config.StateDir, "monitor"),
	}
	if a.Config.Database.Embedded() {
		o.DataDir = a.Config.Database.DataDir
	}
	o.Memory = mostMemory(a.Config)
	for i := range a.Config.Roles {
		o.Roles = append(o.Roles, watchOf(&a.Config.Roles[i]))
	}
	return monitor.New(o)
}

// mostMemory is what the largest process may take, 0 where one has no limit.
func mostMemory(c *config.Config) (most int64) {
	for _, process := range c.Processes() {
		plan := c.Instances(process)
		limit := config.Memory(plan)
		if limit == 0 && len(plan) > 0 {
			return 0
		}
		most = max(most, limit)
	}
	return most
}

// watchOf says to role monitor how a role is looked after.
func watchOf(r *config.Role) monitor.Watch {
	w := monitor.Watch{
		Role: r.Name, Shards: r.Shards, Replicas: r.Replicas, Interval: r.Health.Interval, Threshold: r.Health.Threshold,
		Timeout: max(r.Health.Timeout, 4*beat), // heartbeats come at beats, whatever the file says
	}
	for _, need := range config.KindOf(r.Name).Needs {
		w.Database = w.Database || need == "database"
	}
	switch r.Health.Action {
	case config.FailOver:
		w.Action = monitor.FailOver
	case config.Alarm:
		w.Action = monitor.Tell
	case config.Restart:
		w.Action = monitor.Restart
	}
	return w
}

// handles is the bus for a package that does not import it.
type handles struct{ *bus.Bus }

func (h handles) Handle(method string, answer func(context.Context, []byte) ([]byte, error)) (remove func()) {
	return h.Bus.Handle(method, answer)
}
