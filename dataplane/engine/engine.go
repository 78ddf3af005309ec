package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/metrics"
	"slices"
	"time"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/revision"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Options is what an Engine is made of besides the boot file. EAL must be up.
type Options struct {
	Boot  *boot.Config
	Dir   string // of the segment
	Fresh bool   // no warm start
	Log   *slog.Logger

	// Open brings in port i. It must give it one receive and one transmit queue.
	Open func(i int) (*dpdk.Port, error)
	// Clones is where mirror copies come from.
	Clones *dpdk.Mempool
	// Logins are known from the start: for a bench, which does not measure learning.
	Logins []login.Login
	// Limit is how many frames each lcore handles before it ends, 0 for no end. It is for counting instructions: control
	// then only learns, since its other work goes by the clock and not by frames.
	Limit uint64
	// Folder is what outlives a reboot; nil for none: then nobody can install a policy but by Apply and the console.
	Folder *revision.Folder
	// Seed is the policy to begin with when none was ever confirmed; nil forwards everything.
	Seed *revision.Seed
	// Compile stands in for the child that compiles, in tests.
	Compile func(revision.Source, []byte) ([32]byte, *command.Error)
	// Clock replaces the TSC in a replay: ns since 1970. Nil in earnest.
	Clock func() uint64
}

// Engine is a data plane that stands but does not move: Run or Step moves it.
type Engine struct {
	boot     *boot.Config
	log      *slog.Logger
	clock    func() uint64
	seg      *shm.Segment
	ports    []*dpdk.Port
	workers  []*lcore.Worker
	cycles   []*dpdk.Cycle
	shards   []*flow.Shard
	shared   *lcore.Shared
	control  control
	teller   teller
	capturer capturer
	ahead    ahead
	program  programmer
	pair     partner
	commands *command.Server  // nil in a replay
	keeper   *revision.Keeper // of the change of configuration; nil in a replay
	counting bool             // Options.Limit
	polling  int              // lcores that were started and have not ended
	heap     [2]metrics.Sample

	kept   *kept
	page   *shm.Control
	infos  []shm.PortInfo
	lcores []shm.Lcore
}

// New opens the ports and makes the lcores. On error all that was made is undone.
func New(o Options) (e *Engine, err error) {
	e = &Engine{counting: o.Limit > 0, boot: o.Boot, log: o.Log, clock: o.Clock, shared: &lcore.Shared{}}
	e.heap[0].Name, e.heap[1].Name = "/memory/classes/heap/objects:bytes", "/gc/cycles/total:gc-cycles"
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	if err = e.makeSegment(o); err != nil {
		return e, err
	}
	for i := range o.Boot.Ports {
		p, err := o.Open(i)
		if err != nil {
			return e, fmt.Errorf("port %s: %w", o.Boot.Ports[i].Name, err)
		}
		e.ports = append(e.ports, p)
		for _, w := range p.Warnings() {
			o.Log.Warn("port set up with less than asked for", "port", o.Boot.Ports[i].Name, "why", w)
		}
	}
	e.describePorts()
	logins, err := e.makeControl(o.Logins)
	if err != nil {
		return e, err
	}
	e.control.view = logins
	if err := e.makeTeller(); err != nil {
		return e, err
	}
	if err := e.makeCommands(); err != nil {
		return e, err
	}
	if err := e.makeKeeper(o); err != nil {
		return e, err
	}
	e.makeAhead()
	e.makeProgrammer()
	if err := e.makePair(o); err != nil {
		return e, err
	}
	if err := e.makeWorkers(o, logins); err != nil {
		return e, err
	}
	e.makeCapturer()
	return e, nil
}

// makeWorkers makes the lcores with the rings between them.
func (e *Engine) makeWorkers(o Options, logins login.View) error {
	n := len(o.Boot.Lcores)
	ports := e.portsForLcores()
	crossings, err := lcore.NewCrossings(ports, n)
	if err != nil {
		return fmt.Errorf("rings between lcores: %w", err)
	}
	counters := shm.Items[shm.Counters](e.seg.State, shm.RegionCounters)
	for i, cpu := range o.Boot.Lcores {
		cycle, err := dpdk.NewCycle(o.Clones)
		if err != nil {
			return fmt.Errorf("lcore %d: %w", i, err)
		}
		e.cycles = append(e.cycles, cycle)
		toControl, fromLcore, err := ring.New(lcore.ControlSpec)
		if err != nil {
			return err
		}
		toLcore, commands, err := ring.New(lcore.CommandSpec)
		if err != nil {
			return err
		}
		if len(o.Boot.PortsOf(cpu)) == 0 {
			e.workers = append(e.workers, nil) // the boot file's check warned of it; nobody would empty its rings
			e.control.commands = append(e.control.commands, nil)
			if err := e.feedUnused(i); err != nil {
				return err
			}
			continue
		}
		e.control.frames = append(e.control.frames, fromLcore)
		e.control.commands = append(e.control.commands, toLcore)
		hz := e.hz()
		w, err := lcore.New(lcore.Config{
			Index: i, CPU: cpu, Ports: ports, Shared: e.shared, Cycle: cycle, Clock: o.Clock,
			Shard: e.shards[i], Shards: e.shards, Logins: logins,
			Counters: counters[i*len(ports) : (i+1)*len(ports)], Page: &e.lcores[i],
			Control: toControl, Commands: commands, Crossings: crossings[i], Sends: e.pair.ringTo(i),
			Adaptive:    o.Boot.Poll == boot.Adaptive,
			DropTimeout: ticks(hz, o.Boot.DropTimeout), StallLimit: ticks(hz, lcore.StallLimit), FlowIdle: ticks(hz, flowIdle), TSCHz: hz, Limit: o.Limit,
		})
		if err != nil {
			return err
		}
		if err := e.feedLcore(i, w); err != nil {
			return err
		}
		e.lcores[i].CPU = uint32(cpu)
		e.workers = append(e.workers, w)
	}
	return nil
}

func (e *Engine) portsForLcores() []lcore.Port {
	ports := make([]lcore.Port, len(e.boot.Ports))
	for i, p := range e.boot.Ports {
		ports[i] = lcore.Port{ID: e.ports[i].ID(), Role: uint8(p.Role), Fabric: p.Fabric, Pair: p.Peer, Owner: slices.Index(e.boot.Lcores, p.Lcore)}
	}
	return ports
}

// Segment is the data plane's segment.
func (e *Engine) Segment() *shm.Segment { return e.seg }

// Close undoes New, after Run. If Run gave up on an lcore that does not stop, it leaves to the end of the process what
// that lcore may still touch.
func (e *Engine) Close() error {
	if e.polling > 0 {
		return fmt.Errorf("close: %d lcores still run", e.polling)
	}
	var errs []error
	e.pair.unsent()
	for _, c := range e.cycles {
		c.Close()
	}
	for _, p := range e.ports {
		errs = append(errs, p.Close())
	}
	if e.seg != nil {
		errs = append(errs, e.seg.Close())
	}
	e.cycles, e.ports, e.seg = nil, nil, nil
	return errors.Join(errs...)
}

// LogStart says what stands, and what the warm start took.
func (e *Engine) LogStart(took time.Duration) {
	h := e.seg.State.Header()
	e.log.Info("data plane ready", "node", e.boot.Node, "boot", h.Boot(), "ports", len(e.ports), "lcores", len(e.workers),
		"segment_mib", e.seg.State.Size()>>20, "generation", e.control.generation, "took", took.Round(time.Millisecond))
	if e.seg.Adopted {
		e.log.Info("adopted from the data plane before", "directions", e.page.Adopted, "logins", e.page.AdoptedLogins, "took", time.Duration(h.AdoptNS))
	}
}
