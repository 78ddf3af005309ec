package system

// What Run does, in this order: folders, memory and cores; child processes and instances start, all at once, and wait for
// what they depend on; the loop watches and tells; the end stops them by levels, dependants first.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// Options say what this process is.
type Options struct {
	Config  *config.Config // completed
	Process string         // config.Main, or the name of the child process that this is
	Roles   []string       // of the command line: these run here, and no child processes; nil: what Config says
	Version string
	Spawn   Spawn // how child processes are started
	Log     *slog.Logger
	Build   func(*Parts) (Makers, error) // nil: Build

	notify notifier // nil: the one that fits Process
}

// System runs what the configuration gives to this process.
type System struct {
	o         Options
	place     attach.Place
	registry  *registry.Registry
	parts     *Parts
	instances []*instance
	children  []*child
	units     []*unit
	notify    notifier
	failed    chan error  // the first reason to end
	mute      atomic.Bool // nobody keeps events any more

	// Of the goroutine of Run.
	inspected bool        // the segment that is there
	lonely    string      // rings of it that nobody reads
	bound     bool        // to cores that the configuration names
	allowed   unix.CPUSet // at the start
	cores     unix.CPUSet // where threads are that are not pinned
	begun     time.Time
	ready     bool
	status    string
	told      time.Time // of the status
	watchdog  time.Time // told last
}

// eventRole keeps the events that others make.
const eventRole = "event"

// unit is what is started and stopped as one: an instance, or a child process.
type unit struct {
	roles []string
	level int // stopped before those of lower levels
	run   func(context.Context)
	stop  context.CancelFunc
	done  chan struct{}
}

// New makes everything and starts nothing. An error is one of the configuration, or a segment of another version.
func New(o Options) (*System, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Build == nil {
		o.Build = Build
	}
	c := o.Config
	s := &System{o: o, place: attach.Place{Dir: c.Segment, Node: c.Node}, notify: o.notify, failed: make(chan error, 1)}
	plan := c.Instances(o.Process)
	if o.Roles != nil {
		var err error
		if plan, err = c.Here(o.Roles); err != nil {
			return nil, err
		}
	}
	if err := s.line(); err != nil {
		return nil, err
	}
	if err := makeFolders(c); err != nil {
		return nil, err
	}
	if err := s.foreign(); err != nil {
		return nil, err
	}
	name := "fcr-mgmtd"
	if o.Process != config.Main {
		name += " " + o.Process
	}
	var err error
	s.registry, err = registry.Open(registry.Options{Place: s.place, Name: name, Version: o.Version, Log: o.Log})
	if err != nil {
		return nil, err
	}
	if err := s.assemble(plan); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// line opens the way to whoever started us.
func (s *System) line() (err error) {
	switch {
	case s.notify != nil:
	case s.o.Process != config.Main:
		s.notify, err = newParent()
	default:
		s.notify, err = newSystemd()
	}
	return err
}

// makeFolders makes those that are not there. Others may pass through the state folder, for the private database runs as
// another user, but not look around in it.
func makeFolders(c *config.Config) error {
	for _, f := range []struct {
		dir  string
		mode os.FileMode
		flag string
	}{{c.StateDir, 0o711, "--state-dir"}, {c.RunDir, 0o755, "--run-dir"}} {
		if err := os.MkdirAll(f.dir, f.mode); err != nil {
			return fmt.Errorf("make a folder: %w; choose one that you may write with %s", err, f.flag)
		}
	}
	return nil
}

// assemble makes the instances of the plan, and the child processes.
func (s *System) assemble(plan []config.Instance) error {
	s.parts = &Parts{Config: s.o.Config, Process: s.o.Process, Place: s.place, Registry: s.registry, Log: s.o.Log, Version: s.o.Version}
	makers, err := s.o.Build(s.parts)
	if err != nil {
		return err
	}
	for _, p := range plan {
		m := makers[p.Role.Name]
		if m == nil {
			return fmt.Errorf("role %s is not in this program", p.Role.Name)
		}
		i := &instance{
			plan: p, kind: config.KindOf(p.Role.Name), name: p.Name(), make: m, roster: ledger{s.registry}, ready: s.isReady, fatal: s.fail,
			observe: s.observe, log: s.o.Log,
		}
		s.instances = append(s.instances, i)
		s.units = append(s.units, &unit{roles: []string{p.Role.Name}, run: i.run})
	}
	if s.o.Process == config.Main && s.o.Roles == nil {
		s.addChildren()
	}
	s.setLevels()
	return nil
}

func (s *System) addChildren() {
	for _, name := range s.o.Config.Processes()[1:] {
		plan := s.o.Config.Instances(name)
		if len(plan) == 0 {
			continue
		}
		ch := &child{name: name, spawn: s.o.Spawn, cores: config.Cores(plan), memory: config.Memory(plan), bound: childStop, silence: childSilence, log: s.o.Log}
		u := &unit{run: ch.run}
		for _, p := range plan {
			ch.bound += config.KindOf(p.Role.Name).Stop
			u.roles = append(u.roles, p.Role.Name)
		}
		s.children = append(s.children, ch)
		s.units = append(s.units, u)
	}
}

// setLevels gives each unit a level above those of all units with roles that it depends on. Processes that depend on each
// other crosswise cannot be put in order; then one of the two comes first.
func (s *System) setLevels() {
	visited := map[*unit]bool{}
	var visit func(u *unit)
	visit = func(u *unit) {
		if visited[u] {
			return
		}
		visited[u] = true
		for _, role := range u.roles {
			for _, need := range s.outlivedBy(role) {
				for _, other := range s.units {
					if other != u && slices.Contains(other.roles, need) {
						visit(other)
						u.level = max(u.level, other.level+1)
					}
				}
			}
		}
	}
	for _, u := range s.units {
		visit(u)
	}
}

// outlivedBy names the roles that are stopped after a role: those that it depends on, the one that keeps the events which
// its end makes, and, for the one that watches, all: it must not raise alarms because of an orderly end.
func (s *System) outlivedBy(role string) []string {
	needs := slices.Clone(s.o.Config.Role(role).DependsOn)
	for i := range s.o.Config.Roles {
		other := s.o.Config.Roles[i].Name
		if (other == eventRole || config.KindOf(role).Watcher) && other != role && !s.dependsOn(other, role) {
			needs = append(needs, other)
		}
	}
	return needs
}

// dependsOn says whether a role depends on another, be it through others.
func (s *System) dependsOn(role, other string) bool {
	r := s.o.Config.Role(role)
	if r == nil {
		return false
	}
	return slices.ContainsFunc(r.DependsOn, func(need string) bool { return need == other || s.dependsOn(need, other) })
}

// isReady says whether each shard of a role runs somewhere on the node. A role that is not started at all is not waited for.
func (s *System) isReady(name string) bool {
	role := s.o.Config.Role(name)
	if role == nil {
		return true
	}
	here := map[int]bool{} // also without a segment
	for _, i := range s.instances {
		if i.plan.Role == role && i.see().State == registry.Running {
			here[i.plan.Shard] = true
		}
	}
	for shard := range role.Shards {
		if !here[shard] && !(ledger{s.registry}).running(name, shard) {
			return false
		}
	}
	return true
}

// fail ends the process; the first reason counts.
func (s *System) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// Run runs everything until ctx ends (nil) or the process cannot go on.
func (s *System) Run(ctx context.Context) error {
	if err := s.bounds(); err != nil {
		return errors.Join(err, s.close())
	}
	s.begun = time.Now()
	s.o.Log.Info("starting", "node", s.o.Config.Node, "roles", s.names(), "version", s.o.Version)
	s.observe(Change{Is: registry.Running, Roles: s.names()})
	for _, u := range s.units {
		var inner context.Context
		inner, u.stop = context.WithCancel(context.WithoutCancel(ctx)) // they are stopped by levels
		u.done = make(chan struct{})
		go func() {
			defer close(u.done)
			u.run(inner)
		}()
	}
	err := s.watch(ctx)
	s.tell(daemon.SdNotifyStopping)
	s.observe(Change{Is: registry.Stopped, Roles: s.names()})
	s.stop()
	for _, i := range s.instances {
		if v := i.see(); v.Stuck {
			// It may still read the segment and write to the database: nothing is taken away from it, the process just ends.
			return errors.Join(err, fmt.Errorf("role %s: %w", v.Name, ErrStuck))
		}
	}
	return errors.Join(err, s.close())
}

// bounds applies memory and cores to this process. A child process has them from its birth, but where its roles name none.
func (s *System) bounds() error {
	var plan []config.Instance
	for _, i := range s.instances {
		plan = append(plan, i.plan)
	}
	limitMemory(config.Memory(plan))
	if cores := config.Cores(plan); len(cores) > 0 {
		s.bound = true
		return bind(cores)
	}
	if err := unix.SchedGetaffinity(0, &s.allowed); err != nil {
		return fmt.Errorf("cpu affinity: %w", err)
	}
	s.cores = s.allowed
	s.inspect()
	return nil
}

// watch tells the outside how it goes, until the end.
func (s *System) watch(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	changed := s.registry.Changed()
	for {
		select {
		case <-ctx.Done():
			s.o.Log.Info("stopping")
			return nil
		case <-changed:
			changed, s.inspected = s.registry.Changed(), false
		case err := <-s.failed:
			s.o.Log.Error("stopping", "why", err)
			return err
		case <-tick.C:
		}
		s.report()
		if !s.inspected {
			s.inspect()
		}
		if err := s.abi(); err != nil {
			return err
		}
	}
}

// stop ends the units, the highest level first, those of a level together.
func (s *System) stop() {
	highest := 0
	for _, u := range s.units {
		highest = max(highest, u.level)
	}
	for level := highest; level >= 0; level-- {
		if slices.ContainsFunc(s.units, func(u *unit) bool { return u.level == level && slices.Contains(u.roles, eventRole) }) {
			s.lastEvents()
		}
		var all sync.WaitGroup
		for _, u := range s.units {
			if u.level == level {
				u.stop()
				all.Go(func() { <-u.done }) // its own bounds bound it
			}
		}
		all.Wait()
	}
}

// lastEvents waits for the events of this process, since the role that keeps them is stopped next; what happens then makes
// none.
func (s *System) lastEvents() {
	s.mute.Store(true)
	if s.parts.Flush == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushBound)
	defer cancel()
	if err := s.parts.Flush(ctx); err != nil {
		s.o.Log.Warn("events of this process did not get into the log", "error", err)
	}
}

func (s *System) close() error {
	var err error
	if s.parts != nil {
		err = s.parts.close()
	}
	return errors.Join(err, s.registry.Close())
}
