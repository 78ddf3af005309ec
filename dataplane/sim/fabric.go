package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/sim/wire"
)

// Fabric is a Config that can run: its ports with their nodes.
type Fabric struct {
	cfg      *Config
	ports    []*Port
	nodes    []*Node
	services []*Inspector
	elapsed  time.Duration
}

// OpenWire opens the wire of an interface in a network namespace.
type OpenWire func(iface, netns string) (wire.Wire, error)

// PacketWires opens real interfaces.
func PacketWires(iface, netns string) (wire.Wire, error) { return wire.Open(iface, netns) }

// New builds the fabric of cfg, which must be complete. On an error nothing stays open.
func New(cfg *Config, open OpenWire) (*Fabric, error) {
	f := &Fabric{cfg: cfg}
	byName := make(map[[2]string]*Port)
	for i := range cfg.Nodes {
		n := cfg.Nodes[i]
		key := [2]string{n.Netns, n.Iface}
		port := byName[key]
		if port == nil {
			w, err := open(n.Iface, n.Netns)
			if err != nil {
				return nil, errors.Join(err, f.Close())
			}
			port = newPort(n.Iface, w)
			byName[key] = port
			f.ports = append(f.ports, port)
		}
		if err := f.add(n, port); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

func (f *Fabric) add(cfg NodeConfig, port *Port) error {
	if cfg.Kind == KindService {
		s, err := newInspector(cfg, port, f.cfg.Seed, f.cfg.TimeScale)
		if err == nil {
			f.services = append(f.services, s)
		}
		return err
	}
	n, err := newNode(cfg, port, f.cfg.Seed, f.cfg.TimeScale)
	if err == nil {
		f.nodes = append(f.nodes, n)
	}
	return err
}

// Close closes the wires. Not while Run runs.
func (f *Fabric) Close() error {
	var errs []error
	for _, p := range f.ports {
		errs = append(errs, p.wire.Close())
	}
	return errors.Join(errs...)
}

// Run runs the fabric until its duration is over, its initiators have done the commands
// they were told to, or ctx ends; then initiators finish what they have begun and read it
// back, everybody logs out, initiators first, and the ports stop. Each port runs on a
// goroutine of its own.
func (f *Fabric) Run(ctx context.Context) error {
	start := time.Now()
	// broken ends when a port fails: then there is nothing left to end in good order.
	broken, fail := context.WithCancelCause(context.Background())
	defer fail(nil)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, p := range f.ports {
		p.calls = append(p.calls, func() {
			for _, s := range p.stations {
				s.start()
			}
		})
		wg.Go(func() {
			if err := p.run(start, stop.Load); err != nil {
				fail(err)
			}
		})
	}
	f.work(ctx, broken)
	f.windDown(broken)
	stop.Store(true)
	for _, p := range f.ports {
		p.wire.Wake()
	}
	wg.Wait()
	f.elapsed = time.Since(start)
	if err := context.Cause(broken); err != nil {
		return fmt.Errorf("run fabric: %w", err)
	}
	return nil
}

// work waits until it is time to stop.
func (f *Fabric) work(ctx, broken context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(broken, cancel)()
	if f.cfg.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.cfg.Duration)
		defer cancel()
	}
	finished := make(chan struct{})
	go func() {
		if f.limited() {
			f.each(ctx, KindInitiator, func(n *Node, done func()) { n.initiate.whenFinished(done) })
			if ctx.Err() == nil {
				close(finished)
			}
		}
	}()
	select {
	case <-finished:
	case <-ctx.Done():
	}
}

// limited reports that every initiator ends by itself.
func (f *Fabric) limited() bool {
	any := false
	for _, n := range f.nodes {
		if n.initiate != nil {
			if n.cfg.IO.Commands == 0 {
				return false
			}
			any = true
		}
	}
	return any
}

// windDown drains the initiators, then logs out initiators, then targets. Each step has
// its bound, so that a dead fabric does not hold up the end.
func (f *Fabric) windDown(broken context.Context) {
	steps := []struct {
		kind  string
		limit time.Duration
		do    func(n *Node, done func())
	}{
		{KindInitiator, f.scaled(drainLimit), func(n *Node, done func()) { n.initiate.quiesce(done) }},
		{KindInitiator, f.scaled(logoutLimit), func(n *Node, done func()) { n.stop(done) }},
		{KindTarget, f.scaled(logoutLimit), func(n *Node, done func()) { n.stop(done) }},
	}
	for _, s := range steps {
		bounded, cancel := context.WithTimeout(broken, s.limit)
		f.each(bounded, s.kind, s.do)
		cancel()
	}
}

func (f *Fabric) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)*f.cfg.TimeScale), minWindDown)
}

// each has do run for every node of the kind, on its port's goroutine, and waits until all
// have called done, or ctx ends.
func (f *Fabric) each(ctx context.Context, kind string, do func(n *Node, done func())) {
	var waiting []chan struct{}
	for _, n := range f.nodes {
		if n.cfg.Kind == kind {
			done := make(chan struct{})
			n.port.do(func() { do(n, sync.OnceFunc(func() { close(done) })) })
			waiting = append(waiting, done)
		}
	}
	for _, done := range waiting {
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// Report says what the fabric has done. OK is true when every command ended well, every
// byte read was what had been written, and initiators, if there are any, have read
// something. Only when Run has returned.
func (f *Fabric) Report() *Report {
	r := &Report{Seed: f.cfg.Seed, Seconds: f.elapsed.Seconds()}
	for _, n := range f.nodes {
		r.addNode(n)
	}
	for _, s := range f.services {
		r.addService(s)
	}
	for _, p := range f.ports {
		r.Ports = append(r.Ports, PortReport{Name: p.name, PortCounters: p.n, Wire: p.wire.Counters()})
	}
	r.judge(f.cfg)
	return r
}

// WriteCounts writes the count files of the services as they stand; it may be called
// while Run runs.
func (f *Fabric) WriteCounts(running bool) error {
	var errs []error
	for _, s := range f.services {
		if s.cfg.CountFile == "" {
			continue
		}
		if !running {
			errs = append(errs, WriteJSON(s.cfg.CountFile, s.report()))
			continue
		}
		result := make(chan InspectorReport, 1)
		s.port.do(func() { result <- s.report() })
		select {
		case r := <-result:
			errs = append(errs, WriteJSON(s.cfg.CountFile, r))
		case <-time.After(time.Second):
			errs = append(errs, fmt.Errorf("write %s: port %s is stuck", s.cfg.CountFile, s.port.name))
		}
	}
	return errors.Join(errs...)
}
