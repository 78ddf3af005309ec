package monitor

import (
	"context"
	"os"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

// scenario is something that goes wrong on a node on which all is well, and what comes of it.
type scenario struct {
	name           string
	broken, mended func(r *rig)
	told, commands string // "second:+code/subject", "second:command role/shard"
}

var dataplaneScenarios = []scenario{
	{
		name:   "the data plane dies and comes back",
		broken: func(r *rig) { r.seg.State.Header().PID = nobody; r.control, r.lcores, r.readers = false, false, false },
		mended: func(r *rig) {
			r.seg.State.Header().PID = uint32(os.Getpid())
			r.control, r.lcores, r.readers = true, true, true
		},
		told: "11:+dataplane.gone 32:-dataplane.gone",
	},
	{
		name:   "the data plane ends in good order",
		broken: func(r *rig) { r.seg.State.Header().State = shm.Drained },
		mended: func(r *rig) { r.seg.State.Header().State = shm.Running },
		told:   "11:+dataplane.gone 32:-dataplane.gone",
	},
	{
		name:   "the data plane starts anew within a second",
		broken: func(r *rig) { r.seg.State.Header().State = shm.Starting; r.control, r.lcores = false, false },
		mended: func(r *rig) { r.seg.State.Header().State = shm.Running; r.control, r.lcores = true, true },
	},
	{
		name:   "control does not come round",
		broken: func(r *rig) { r.control = false },
		mended: func(r *rig) { r.control = true },
		told:   "14:+dataplane.control-stalled 32:-dataplane.control-stalled",
	},
	{
		name:   "an lcore does not poll",
		broken: func(r *rig) { r.lcores = false },
		mended: func(r *rig) { r.lcores = true },
		told:   "12:+lcore.stalled/lcore/0 32:-lcore.stalled/lcore/0",
	},
	{
		name:   "a cable is pulled",
		broken: func(r *rig) { r.port(0).Up = 0 },
		mended: func(r *rig) { r.port(0).Up = 1 },
		told:   "11:+port.down/port/edge0 32:-port.down/port/edge0",
	},
	{
		name:   "the machine of a service is away: that is one alarm, not a second one for its port",
		broken: func(r *rig) { r.port(1).Up, r.service().Up = 0, 0 },
		mended: func(r *rig) { r.port(1).Up, r.service().Up = 1, 1 },
		told:   "11:+service.down/service/inspect 32:-service.down/service/inspect",
	},
	{
		name:   "a policy names a service whose port this node does not have",
		broken: func(r *rig) { r.service().Port, r.service().Up = -1, 0 },
		told:   "11:+service.down/service/inspect",
	},
	{
		name:   "a service that no enabled rule uses is away: nobody misses it",
		broken: func(r *rig) { r.port(1).Up, r.service().Up, r.service().Use = 0, 0, shm.Unused },
	},
	{
		name:   "a rule begins to use a service that is away, and another one stops",
		broken: func(r *rig) { r.port(1).Up, r.service().Up, r.service().Use = 0, 0, shm.Used },
		mended: func(r *rig) { r.service().Use = shm.Unused },
		told:   "11:+service.down/service/inspect 32:-service.down/service/inspect",
	},
	{
		name:   "the data plane starts anew, and its links train for nine seconds",
		broken: func(r *rig) { r.restart(); time.AfterFunc(9*time.Second, func() { r.set(func() { r.links(1) }) }) },
	},
	{
		name: "the data plane takes a while to open its ports, and then its links train for nine seconds",
		broken: func(r *rig) {
			r.restart()
			r.seg.State.Header().State = shm.Starting
			r.control, r.lcores = false, false
		},
		mended: func(r *rig) {
			r.seg.State.Header().State, r.control, r.lcores = shm.Running, true, true
			time.AfterFunc(9*time.Second, func() { r.set(func() { r.links(1) }) })
		},
	},
	{
		name:   "the data plane starts anew, and there are no links",
		broken: func(r *rig) { r.restart() },
		told:   "21:+port.down/port/edge0 21:+service.down/service/inspect",
	},
	{
		name:   "the data plane starts anew, and links come and go",
		broken: func(r *rig) { r.restart(); r.port(0).LinkChanges, r.port(1).LinkChanges = 2, 2 },
		told:   "11:+port.down/port/edge0 11:+service.down/service/inspect",
	},
	{
		name: "the data plane starts anew while a cable is out: its alarm stays until the link comes",
		broken: func(r *rig) {
			r.port(0).Up = 0
			time.AfterFunc(5*time.Second, func() { r.set(func() { r.restart(); r.port(1).Up, r.service().Up = 1, 1 }) })
		},
		mended: func(r *rig) { r.port(0).Up = 1 },
		told:   "11:+port.down/port/edge0 32:-port.down/port/edge0",
	},
	{
		name: "the data plane starts anew while a service is away, and takes a while to open its ports",
		broken: func(r *rig) {
			r.port(1).Up, r.service().Up = 0, 0
			time.AfterFunc(5*time.Second, func() {
				r.set(func() { r.restart(); r.port(0).Up, r.seg.State.Header().State = 1, shm.Starting })
			})
			time.AfterFunc(9*time.Second, func() { r.set(func() { r.seg.State.Header().State = shm.Running }) })
			time.AfterFunc(12*time.Second, func() { r.set(func() { r.links(1) }) })
		},
		told: "11:+service.down/service/inspect 24:-service.down/service/inspect",
	},
	{
		name: "the data plane dies while a cable is out, and its next start does not know the link yet",
		broken: func(r *rig) {
			r.port(0).Up = 0
			time.AfterFunc(5*time.Second, func() { r.set(func() { r.seg.State.Header().PID = nobody }) })
		},
		mended: func(r *rig) {
			r.seg.State.Header().PID = uint32(os.Getpid())
			r.restart()
			r.port(1).Up, r.service().Up = 1, 1
		},
		told: "11:+port.down/port/edge0 16:+dataplane.gone 16:-port.down/port/edge0 32:-dataplane.gone 33:+port.down/port/edge0",
	},
	{
		name: "a data plane that has died says nothing of its links",
		broken: func(r *rig) {
			r.port(0).Up = 0
			r.seg.State.Header().PID = nobody
			r.control, r.lcores, r.readers = false, false, false
		},
		told: "11:+dataplane.gone",
	},
	{
		name:   "the flow table is nearly full",
		broken: func(r *rig) { r.lcore().FlowsLive = 901 },
		mended: func(r *rig) { r.lcore().FlowsLive = 10 },
		told:   "15:+flow.table-nearly-full/lcore/0",
	},
	{
		name:   "a WWPN is claimed twice",
		broken: func(r *rig) { r.page().Conflicts = 2 },
		told:   "10:+login.conflict",
	},
	{
		name:   "the data plane collects garbage",
		broken: func(r *rig) { r.page().GCCycles = 5 },
		told:   "10:+dataplane.heap-fuse",
	},
	{
		name:   "events are lost",
		broken: func(r *rig) { r.infos()[eventRing].Lost = 7 },
		told:   "10:+event.gap",
	},
}

var databaseScenarios = []scenario{
	{
		name: "the database is away: roles that suffer from it are left alone",
		broken: func(r *rig) {
			r.database = away
			r.instance("store", 0).Health, r.instance("event", 0).Health = "refused", "refused"
		},
		mended: func(r *rig) {
			r.database = func(context.Context) error { return nil }
			r.instance("store", 0).Health, r.instance("event", 0).Health = "", ""
		},
		told: "12:+database.unavailable 33:-database.unavailable",
	},
	{
		name:   "roles that take a little longer than the database to recover are left alone too",
		broken: func(r *rig) { r.database = away; r.instance("store", 0).Health = "refused" },
		mended: func(r *rig) {
			r.database = func(context.Context) error { return nil }
			time.AfterFunc(2500*time.Millisecond, func() { r.set(func() { r.instance("store", 0).Health = "" }) })
		},
		told: "12:+database.unavailable 33:-database.unavailable",
	},
	{
		name:   "a database that does not answer at all is away",
		broken: func(r *rig) { r.database = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } },
		mended: func(r *rig) { r.database = func(context.Context) error { return nil } },
		told:   "13:+database.unavailable 33:-database.unavailable",
	},
	{
		name:   "the disk of the database is full, and a role that writes says so",
		broken: func(r *rig) { r.instance("store", 0).Health = "ERROR: could not extend file (SQLSTATE 53100)" },
		mended: func(r *rig) { r.instance("store", 0).Health = "" },
		told:   "11:+database.disk-full 36:-database.disk-full",
	},
	{
		name: "a newer program has migrated the database",
		broken: func(r *rig) {
			in := r.instance("database", 0)
			in.State, in.Error = registry.Failed, postgres.ErrNewerSchema.Error()
		},
		mended: func(r *rig) { r.instance("database", 0).State = registry.Running },
		told:   "11:+database.newer-schema 36:-database.newer-schema",
	},
}

var roleScenarios = []scenario{
	{
		name:   "the spool of events is full: the role that keeps it is not restarted",
		broken: func(r *rig) { r.instance("event", 0).Health = "event: the spool is full: 1073741824 bytes" },
		mended: func(r *rig) { r.instance("event", 0).Health = "" },
		told:   "11:+event.spool-full 36:-event.spool-full",
	},
	{
		name:   "events come faster than the database takes them",
		broken: func(r *rig) { r.spool = waiting(spoolGrows) },
		mended: func(r *rig) { r.spool = waiting(spoolGrows - 1) },
		told:   "21:+event.spool-growing 36:-event.spool-growing",
	},
	{
		name:     "a role is ill for its own reason: it is restarted, again with growing pauses",
		broken:   func(r *rig) { r.instance("event", 0).Health = "the spool cannot be written" },
		told:     "13:+role.unhealthy/event/0/0",
		commands: "13:restart event/0 28:restart event/0 58:restart event/0",
	},
	{
		name: "an illness that passes by itself is none",
		broken: func(r *rig) {
			r.instance("event", 0).Health = "busy"
			time.AfterFunc(1500*time.Millisecond, func() { r.set(func() { r.instance("event", 0).Health = "" }) })
		},
		commands: "",
	},
	{
		name:     "a silent role with a standby is deposed",
		broken:   func(r *rig) { r.instance("store", 0).Heartbeat = time.Minute },
		mended:   func(r *rig) { r.instance("store", 0).Heartbeat = 0 },
		told:     "13:+role.silent/store/0/0 34:-role.silent/store/0/0",
		commands: "13:depose store/0 13:restart store/0 28:depose store/0 28:restart store/0",
	},
	{
		name:   "the process of a role is dead",
		broken: func(r *rig) { r.instance("event", 0).Alive = false },
		mended: func(r *rig) { r.instance("event", 0).Alive = true },
		told:   "14:+role.absent/event/0 33:-role.absent/event/0",
	},
	{
		name:   "the standby is dead",
		broken: func(r *rig) { r.instance("store", 1).Alive = false },
		mended: func(r *rig) { r.instance("store", 1).Alive = true },
		told:   "14:+role.failed/store/0/1 21:+role.no-standby/store 36:-role.no-standby/store 36:-role.failed/store/0/1",
	},
	{
		name: "a role fails again and again",
		broken: func(r *rig) {
			for i := range 6 {
				time.AfterFunc(time.Duration(i)*2*time.Second, func() {
					r.set(func() { in := r.instance("event", 0); in.Restarts++; in.Error = "boom" })
				})
			}
		},
		told: "17:+role.crash-looping/event/0",
	},
	{
		name: "an admin has stopped a role",
		broken: func(r *rig) {
			in := r.instance("event", 0)
			in.Stop, in.State, in.Health = true, registry.Stopped, "an admin stopped it"
		},
		mended: func(r *rig) { in := r.instance("event", 0); in.Stop, in.State, in.Health = false, registry.Running, "" },
		told:   "14:+role.absent/event/0 33:-role.absent/event/0",
	},
}

var ringScenarios = []scenario{
	{
		name:   "a ring is not read",
		broken: func(r *rig) { r.readers = false; r.infos()[eventRing].Offered = 5 },
		mended: func(r *rig) { r.readers = true },
		told:   "17:+ring.blocked/event/0/lcore0 32:-ring.blocked/event/0/lcore0",
	},
	{
		name: "a ring is not read because its role is dead: one alarm",
		broken: func(r *rig) {
			r.readers = false
			r.infos()[eventRing].Offered = 5
			r.instance("event", 0).Alive = false
		},
		mended: func(r *rig) { r.readers = true; r.instance("event", 0).Alive = true },
		told:   "14:+role.absent/event/0 33:-role.absent/event/0",
	},
	{
		name:   "the store falls behind: half of its ring waits, and it moves",
		broken: func(r *rig) { r.readers = false; go r.slowly(20 * time.Second) },
		mended: func(r *rig) { r.readers = true },
		told:   "21:+store.lag/store/0/lcore0 40:-store.lag/store/0/lcore0",
	},
	{
		name:   "a ring's cursor makes no sense",
		broken: func(r *rig) { r.readers = false; r.cursors()[storeRing].Tail = 1 << 40 },
		mended: func(r *rig) { r.readers = true },
		told:   "10:+ring.broken/store/0/lcore0 35:-ring.broken/store/0/lcore0",
	},
	{
		name: "updates are merged all the time",
		broken: func(r *rig) {
			for i := range 60 {
				time.AfterFunc(time.Duration(i)*250*time.Millisecond, func() { r.set(func() { r.infos()[storeRing].Conflated += 10 }) })
			}
		},
		told: "15:+ring.conflated/store/0/lcore0 37:-ring.conflated/store/0/lcore0",
	},
}
