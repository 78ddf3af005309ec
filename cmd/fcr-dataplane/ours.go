package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/bench"
	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/pcap"
	"fcredirect/dataplane/shm"
)

// ours is the data plane as a contender. Like its rivals it runs in a process of its own: EAL starts once in one.
type ours struct {
	o        fastpathOptions
	allocate int    // MB/s, beside it
	slowpath string // the management daemon that reads its rings meanwhile, empty for none
}

func (c *ours) Name() string {
	if c.slowpath != "" {
		return bench.Slowpath
	}
	return bench.Ours
}

func (c *ours) Run(ctx context.Context, s *bench.Scenario) (bench.Result, error) {
	if err := bench.EnsureHugepages(s.Memory() + 2*s.Traffic.Directions*128); err != nil {
		return bench.Result{}, err
	}
	argv := append(oursCommandLine(s, 0), "--allocate", strconv.Itoa(c.allocate), "--slowpath", c.slowpath)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=8GiB") // what is allocated on purpose is never collected here
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return bench.Result{}, fmt.Errorf("ours: %w: %s", err, bytes.TrimSpace(complaints.Bytes()))
	}
	var r bench.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return bench.Result{}, fmt.Errorf("ours: result %.200q: %w", out.String(), err)
	}
	want := s.Traffic.Share()
	return r, r.Check(&want)
}

// oursCommandLine measures a scenario for its time, or forwards a number of frames and ends.
func oursCommandLine(s *bench.Scenario, frames uint64) []string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	t := s.Traffic
	argv := []string{
		self, "bench", "ours", "--dir", s.Dir, "--flows", strconv.Itoa(t.Directions), "--frame", strconv.Itoa(t.FrameBytes),
		"--vlan", strconv.Itoa(int(t.VLAN)), "--lcores", strconv.Itoa(t.Lcores), "--seed", strconv.FormatUint(t.Seed, 10),
		"--mbufs", strconv.Itoa(s.Mbufs), "--mbuf-bytes", strconv.Itoa(s.MbufBytes), "--cache", strconv.Itoa(s.MbufCache),
		"--memory", strconv.Itoa(s.Memory()>>20 + 64), "--warmup", s.Warmup.String(), "--measure", s.Measure.String(),
	}
	if frames > 0 {
		argv = append(argv, "--frames", strconv.FormatUint(frames, 10))
	}
	return argv
}

type oursOptions struct {
	traffic                 bench.Config
	dir                     string
	mbufs, mbufBytes, cache int
	memory                  int // MiB, without hugepages
	warmup, measure         time.Duration
	frames                  uint64
	profile                 string
	allocate                int // MB/s
	slowpath                string
}

func oursCommand() *cobra.Command {
	var o oursOptions
	c := &cobra.Command{Use: "ours", Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return runOurs(o) }}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "scenario")
	f.IntVar(&o.traffic.Directions, "flows", 0, "")
	f.IntVar(&o.traffic.FrameBytes, "frame", 0, "")
	f.Uint16Var(&o.traffic.VLAN, "vlan", 0, "")
	f.IntVar(&o.traffic.Lcores, "lcores", 1, "")
	f.Uint64Var(&o.traffic.Seed, "seed", 1, "")
	f.IntVar(&o.mbufs, "mbufs", 0, "")
	f.IntVar(&o.mbufBytes, "mbuf-bytes", 0, "")
	f.IntVar(&o.cache, "cache", 512, "")
	f.IntVar(&o.memory, "memory", 512, "")
	f.DurationVar(&o.warmup, "warmup", 0, "")
	f.DurationVar(&o.measure, "measure", 0, "")
	f.Uint64Var(&o.frames, "frames", 0, "")
	f.IntVar(&o.allocate, "allocate", 0, "")
	f.StringVar(&o.slowpath, "slowpath", "", "fcr-mgmtd to run beside it")
	f.StringVar(&o.profile, "profile", "", "write a CPU profile of the measured time to this file")
	return c
}

func runOurs(o oursOptions) (err error) {
	traffic, err := bench.NewTraffic(o.traffic)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg, err := loadBoot(filepath.Join(o.dir, bench.BootFile), log)
	if err != nil {
		return err
	}
	flat, err := compilePolicy(filepath.Join(o.dir, bench.PolicyFile), cfg)
	if err != nil {
		return err
	}
	e, dir, pool, err := o.build(cfg, traffic, log)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, engine.Forget(dir), e.Close(), pool.Close(), dpdk.Cleanup())
	}()
	if err := e.Apply(flat); err != nil {
		return err
	}
	result, err := o.run(e, cfg)
	if err != nil {
		return err
	}
	if o.frames == 0 {
		if err := o.stages(e, cfg, result); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// build makes the engine in the memory that the scenario gives to every contender.
func (o *oursOptions) build(cfg *boot.Config, traffic *bench.Traffic, log *slog.Logger) (*engine.Engine, string, *dpdk.Mempool, error) {
	if err := engine.Settle(cfg.Lcores); err != nil {
		return nil, "", nil, err
	}
	node := fmt.Sprintf("bench-%d", os.Getpid())
	args, dir := []string{"--in-memory"}, shm.HugeDir(node)
	if o.frames > 0 { // under valgrind, which cannot map hugepages
		args, dir = []string{"--no-huge", "--no-shconf", "-m", strconv.Itoa(o.memory)}, shm.PlainDir(node)
	}
	if dir == "" {
		return nil, "", nil, errors.New("hugetlbfs is not mounted: run ci/hugepages 2048")
	}
	if err := dpdk.Init(append(args, "--no-pci", "--no-telemetry", "--file-prefix=fcr-"+node)); err != nil {
		return nil, "", nil, err
	}
	pool, err := dpdk.NewMempool("bench", o.mbufs, o.cache, o.mbufBytes, dpdk.AnySocket)
	if err != nil {
		return nil, "", nil, err
	}
	var logins []login.Login
	for l := range traffic.Logins() {
		logins = append(logins, login.Login{
			Addr: login.At(l.Fabric, l.VLAN, l.ID), WWPN: l.WWPN, WWNN: l.WWNN, MAC: l.MAC, Port: uint8(cfg.PortIndex(l.Port)),
			State: login.Live, FirstSeen: time.Now().UnixNano(), LastSeen: time.Now().UnixNano(),
		})
	}
	e, err := engine.New(engine.Options{
		Boot: cfg, Dir: dir, Fresh: true, Log: log, Clones: pool, Logins: logins, Limit: o.frames / uint64(len(cfg.Lcores)),
		Open: func(i int) (*dpdk.Port, error) {
			return dpdk.Open(cfg.Ports[i].Device, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempool: pool})
		},
	})
	return e, dir, pool, err
}

// run polls for the warm-up and the measured time, or until enough frames have passed.
func (o *oursOptions) run(e *engine.Engine, cfg *boot.Config) (*bench.Result, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, nil) }()
	wait := func(d time.Duration) error {
		select {
		case err := <-ended:
			return errors.Join(errors.New("the data plane ended by itself"), err)
		case <-time.After(d):
			return nil
		}
	}
	if o.frames > 0 {
		for {
			if err := wait(time.Millisecond); err != nil {
				return nil, err
			}
			if framesIn(cfg, e.Look()) >= o.frames {
				cancel()
				return &bench.Result{}, <-ended
			}
		}
	}
	if o.allocate > 0 {
		go allocate(ctx, o.allocate)
	}
	if o.slowpath != "" {
		daemon, err := startSlowpath(o.slowpath, e.Segment())
		if err != nil {
			return nil, err
		}
		defer daemon.stop()
		if err := daemon.attached(); err != nil {
			return nil, err
		}
	}
	if err := wait(o.warmup); err != nil {
		return nil, err
	}
	before, schedule := e.Look(), mustSchedule()
	stopProfile, err := startProfile(o.profile)
	if err != nil {
		return nil, err
	}
	if err := wait(o.measure); err != nil {
		return nil, err
	}
	after, waited := e.Look(), mustSchedule().Waited(schedule, len(cfg.Lcores))
	stopProfile()
	cancel()
	if err := <-ended; err != nil {
		return nil, err
	}
	r := difference(cfg, e, &before, &after)
	r.Waited = waited
	return r, nil
}

func mustSchedule() bench.Schedule {
	s, err := bench.ReadSchedule("self")
	if err != nil {
		return bench.Schedule{}
	}
	return s
}

func framesIn(cfg *boot.Config, m engine.Moment) (n uint64) {
	for i, p := range m.Ports {
		if cfg.Ports[i].Role != boot.Service {
			n += p.FramesIn
		}
	}
	return n
}

// difference is what happened between two moments.
func difference(cfg *boot.Config, e *engine.Engine, before, after *engine.Moment) *bench.Result {
	r := &bench.Result{
		Frames: framesIn(cfg, *after) - framesIn(cfg, *before), Seconds: after.At.Sub(before.At).Seconds(),
		Directions: uint64(e.Directions()), TableBytes: uint64(e.TableBytes()),
	}
	r.Mpps = float64(r.Frames) / r.Seconds / 1e6
	for i := range after.Ports {
		a, b := &after.Ports[i], &before.Ports[i]
		out := a.FramesOut - b.FramesOut
		switch cfg.Ports[i].Role {
		case boot.Edge:
			r.Sent.Edge += out
		case boot.Fabric:
			r.Sent.Fabric += out
		case boot.Service:
			r.Sent.Service += out
		}
		r.Copies += a.Mirrored - b.Mirrored
		r.Dropped += a.Dropped - b.Dropped + a.TxStalled - b.TxStalled + a.MirrorLost - b.MirrorLost
	}
	var latency shm.Histogram
	for i := range after.Lcores {
		l := after.Lcores[i].Latency.Minus(&before.Lcores[i].Latency)
		latency.Plus(&l)
	}
	ns := func(q float64) float64 { return float64(latency.Quantile(q)) * 1e9 / float64(dpdk.TSCHz()) }
	r.Burst = &bench.BurstLatency{P50: ns(.5), P90: ns(.9), P99: ns(.99), P999: ns(.999), P9999: ns(.9999), Max: ns(1)}
	return r
}

// stages takes the pass apart on the scenario's own frames. What remains of the time of a frame is sending it, with
// receiving the next: the drivers and the crossing into C.
func (o *oursOptions) stages(e *engine.Engine, cfg *boot.Config, r *bench.Result) error {
	frames, err := readFrames(filepath.Join(o.dir, bench.EdgePort(0)+".pcap"))
	if err != nil {
		return err
	}
	t := e.MeasureStages(cfg.PortIndex(bench.EdgePort(0)), frames, 9)
	st := &bench.Stages{Parse: t.Parse, Lookup: t.Lookup, Account: t.Account, Decide: t.Decide}
	st.Send = max(0, 1000*float64(len(cfg.Lcores))/r.OnCore()-st.Total())
	r.Stages = st
	return nil
}

func readFrames(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := pcap.NewReader(io.Reader(f))
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, bytes.Clone(rec.Data))
	}
}
