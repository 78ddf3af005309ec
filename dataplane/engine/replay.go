package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/pcap"
	"fcredirect/dataplane/report"
)

// Input is a capture that arrives on a port.
type Input struct{ Port, Path string }

// Replay is captures in, captures out, through the very lcores that run live: each port of the boot file becomes a pair
// of rings, a frame is injected at the time of its capture, and everything steps until it has come to rest before the
// next one. So the same input gives the same output, byte for byte.
type Replay struct {
	Boot   *boot.Config
	Policy []byte // compiled; nil for none
	Inputs []Input
	Out    string // folder for PORT.pcap
	Log    *slog.Logger
}

// Report is the result, with stable keys. Everything in it is sorted.
type Report struct {
	Node     string            `json:"node"`
	Policy   bool              `json:"policy"`
	Frames   uint64            `json:"frames"`
	Ports    []report.Port     `json:"ports"`
	Drops    map[string]uint64 `json:"drops"`
	Logins   []report.Login    `json:"logins"`
	Flows    []report.Flow     `json:"flows"`
	Learner  report.Learner    `json:"learner"`
	Warnings []string          `json:"warnings"`
}

const (
	replayRing  = 1024
	replayMbufs = 4095
	// replayRounds bounds the polls until rest: a frame passes at most four lcore-to-lcore rings.
	replayRounds = 64
)

// replayPort is the wire side of a port.
type replayPort struct {
	in, out *dpdk.Ring
	file    *os.File
	buffer  *bufio.Writer
	writer  *pcap.Writer
}

type replay struct {
	Replay
	engine  *Engine
	pool    *dpdk.Mempool
	ports   []replayPort
	now     uint64
	scratch [dpdk.FrameMax]byte
	odd     []oddFrames // by input
	report  Report
}

// oddFrames counts what a capture holds that no port could have received so.
type oddFrames struct {
	left int // empty, or longer than any port takes: not replayed
	cut  int // shorter than on the wire, since the capture kept only the beginning: replayed as they are
}

// Run replays. EAL must be up.
func (o Replay) Run() (*Report, error) {
	r := &replay{Replay: o, odd: make([]oddFrames, len(o.Inputs))}
	merge, from, closeInputs, err := r.open()
	if err != nil {
		return nil, err
	}
	defer closeInputs()
	dir, err := os.MkdirTemp("", "fcr-replay-")
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := r.make(dir); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.feed(merge, from); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.finish(merge); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return &r.report, r.close()
}

// open opens the captures; from gives the port of each.
func (r *replay) open() (*pcap.Merge, []int, func(), error) {
	var files []*os.File
	var readers []*pcap.Reader
	var from []int
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	fail := func(err error) (*pcap.Merge, []int, func(), error) {
		closeAll()
		return nil, nil, nil, err
	}
	for _, in := range r.Inputs {
		port := r.Boot.PortIndex(in.Port)
		if port < 0 {
			return fail(fmt.Errorf("replay: --in %s=%s: the boot file has no port %s", in.Port, in.Path, in.Port))
		}
		f, err := os.Open(in.Path)
		if err != nil {
			return fail(fmt.Errorf("replay: %w", err))
		}
		files = append(files, f)
		reader, err := pcap.NewReader(bufio.NewReaderSize(f, 1<<20))
		if err != nil {
			return fail(fmt.Errorf("replay: %s: %w", in.Path, err))
		}
		readers, from = append(readers, reader), append(from, port)
	}
	merge, err := pcap.NewMerge(readers...)
	if err != nil {
		return fail(fmt.Errorf("replay: %w", err))
	}
	return merge, from, closeAll, nil
}

// make builds the engine over ring ports and opens the outputs.
func (r *replay) make(dir string) (err error) {
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if r.pool, err = dpdk.NewMempool("replay", replayMbufs, 0, dpdk.FrameMax+dpdk.Headroom, dpdk.AnySocket); err != nil {
		return err
	}
	r.ports = make([]replayPort, len(r.Boot.Ports))
	for i := range r.ports {
		if err := r.makePort(i); err != nil {
			return err
		}
	}
	r.engine, err = New(Options{
		Boot: r.Boot, Dir: dir, Fresh: true, Log: r.Log, Clones: r.pool,
		Clock: func() uint64 { return r.now },
		Open: func(i int) (*dpdk.Port, error) {
			return dpdk.OpenRingPort(fmt.Sprintf("net_ring_replay%d", i), []*dpdk.Ring{r.ports[i].in}, []*dpdk.Ring{r.ports[i].out}, dpdk.PortConfig{Mempool: r.pool})
		},
	})
	if err != nil {
		return err
	}
	for _, p := range r.engine.ports {
		if err := p.Start(); err != nil {
			return err
		}
	}
	r.engine.look()
	if r.Policy != nil {
		return r.engine.Apply(r.Policy)
	}
	return nil
}

func (r *replay) makePort(i int) (err error) {
	p := &r.ports[i]
	if p.in, err = dpdk.NewRing(fmt.Sprintf("replay_in%d", i), replayRing, r.pool, dpdk.AnySocket); err != nil {
		return err
	}
	if p.out, err = dpdk.NewRing(fmt.Sprintf("replay_out%d", i), replayRing, r.pool, dpdk.AnySocket); err != nil {
		return err
	}
	path := filepath.Join(r.Out, r.Boot.Ports[i].Name+".pcap")
	if p.file, err = os.Create(path); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	p.buffer = bufio.NewWriterSize(p.file, 1<<20)
	if p.writer, err = pcap.NewWriter(p.buffer); err != nil {
		return fmt.Errorf("replay: %s: %w", path, err)
	}
	return nil
}

// feed injects every frame at its time.
func (r *replay) feed(merge *pcap.Merge, from []int) error {
	for {
		rec, input, err := merge.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("replay: %s: %w", r.Inputs[input].Path, err)
		}
		if len(rec.Data) == 0 || len(rec.Data) > dpdk.FrameMax {
			r.odd[input].left++
			continue
		}
		if rec.Cut() {
			r.odd[input].cut++
		}
		r.now = max(r.now, uint64(max(rec.Time, 0)))
		if err := r.ports[from[input]].in.Enqueue(rec.Data); err != nil {
			return fmt.Errorf("replay: %s: %w", r.Inputs[input].Path, err)
		}
		r.report.Frames++
		if err := r.step(); err != nil {
			return err
		}
	}
}

// step lets lcores and control work until nothing moves, then takes what left each port.
func (r *replay) step() error {
	for range replayRounds {
		moved := r.engine.learn() > 0
		for _, w := range r.engine.workers {
			if w == nil {
				continue
			}
			moved = w.Poll() || moved
			w.Rest()
			moved = !w.AtRest() || moved
		}
		if !moved {
			break
		}
	}
	for i := range r.ports {
		p := &r.ports[i]
		for {
			n, ok := p.out.Dequeue(r.scratch[:])
			if !ok {
				break
			}
			if err := p.writer.Write(int64(r.now), r.scratch[:n]); err != nil {
				return fmt.Errorf("replay: %s: %w", p.file.Name(), err)
			}
		}
	}
	r.engine.control.learner.Tick(int64(r.now))
	return nil
}

func (r *replay) finish(merge *pcap.Merge) error {
	for _, cut := range merge.Cut() {
		r.warn("%v: read up to there", cut)
	}
	for i, odd := range r.odd {
		if odd.left > 0 {
			r.warn("%s: %d frames were left out: they are empty, or longer than %d bytes", r.Inputs[i].Path, odd.left, dpdk.FrameMax)
		}
		if odd.cut > 0 {
			r.warn("%s: %d frames were replayed short, as the capture has them: capture with tcpdump -s 0", r.Inputs[i].Path, odd.cut)
		}
	}
	r.engine.look()
	f := r.engine.seg.State
	r.report.Node, r.report.Policy = r.Boot.Node, r.Policy != nil
	r.report.Ports = report.Ports(f)
	for i := range r.report.Ports { // of the rings, not of the boot file: they would differ from machine to machine
		p := &r.report.Ports[i]
		p.Device, p.Driver, p.MAC, p.Up, p.SpeedMbps, p.MTU = "", "", "", true, 0, 0
	}
	r.report.Drops = report.Drops(r.report.Ports)
	r.report.Flows = report.Flows(f)
	r.report.Learner = report.SegmentOf(f).Learner
	var err error
	if r.report.Logins, err = report.Logins(f); err != nil {
		return err
	}
	slices.Sort(r.report.Warnings)
	return nil
}

func (r *replay) warn(format string, args ...any) {
	r.report.Warnings = append(r.report.Warnings, fmt.Sprintf(format, args...))
	r.Log.Warn(fmt.Sprintf(format, args...))
}

func (r *replay) close() error {
	var errs []error
	if r.engine != nil {
		errs = append(errs, r.engine.Close())
	}
	for _, p := range r.ports {
		if p.file != nil {
			errs = append(errs, p.buffer.Flush(), p.file.Close())
		}
		for _, ring := range []*dpdk.Ring{p.in, p.out} {
			if ring != nil {
				errs = append(errs, ring.Close())
			}
		}
	}
	if r.pool != nil {
		errs = append(errs, r.pool.Close())
	}
	return errors.Join(errs...)
}

// WriteFile writes the report as indented JSON.
func (r *Report) WriteFile(path string) error {
	if r.Warnings == nil {
		r.Warnings = []string{}
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
