package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/bench"
	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/report"
)

// soakResult says whether the books balance.
type soakResult struct {
	Seconds    float64    `json:"seconds"`
	Mpps       float64    `json:"mpps"`
	FramesIn   uint64     `json:"frames_in"`
	FramesOut  uint64     `json:"frames_out"`
	Copies     uint64     `json:"copies"`
	Dropped    uint64     `json:"dropped"`
	HeapStart  uint64     `json:"heap_bytes_start"`
	HeapEnd    uint64     `json:"heap_bytes_end"`
	GCCycles   uint64     `json:"gc_cycles"`
	Stalls     uint64     `json:"stalls"`
	WorstStall float64    `json:"worst_stall_us"`
	Balanced   bool       `json:"balanced"`
	Problems   []string   `json:"problems"`
	Ports      []soakPort `json:"ports"`
}

type soakPort struct {
	Name      string            `json:"name"`
	FramesIn  uint64            `json:"frames_in"`
	Fates     map[string]uint64 `json:"fates"`
	FramesOut uint64            `json:"frames_out"`
	TxStalled uint64            `json:"tx_stalled"`
}

func soakCommand() *cobra.Command {
	var minutes float64
	var flows int
	c := &cobra.Command{
		Use: "soak", Short: "the highest rate for a long time: every frame accounted for, no growth", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return soak(time.Duration(minutes*float64(time.Minute)), flows) },
	}
	c.Flags().Float64Var(&minutes, "minutes", 10, "how long")
	c.Flags().IntVar(&flows, "flows", 24000, "directions")
	return c
}

func soak(length time.Duration, flows int) (err error) {
	dir, err := os.MkdirTemp("", "fcr-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := bench.Prepare(bench.Config{Directions: flows, Lcores: 1, Seed: 1}, dir)
	if err != nil {
		return err
	}
	if err := bench.EnsureHugepages(s.Memory() + 2*flows*128); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg, err := loadBoot(filepath.Join(dir, bench.BootFile), log)
	if err != nil {
		return err
	}
	flat, err := compilePolicy(filepath.Join(dir, bench.PolicyFile), cfg)
	if err != nil {
		return err
	}
	o := oursOptions{mbufs: s.Mbufs, cache: s.MbufCache, mbufBytes: s.MbufBytes}
	e, segment, pool, err := o.build(cfg, s.Traffic, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Forget(segment), e.Close(), pool.Close(), dpdk.Cleanup()) }()
	if err := e.Apply(flat); err != nil {
		return err
	}
	result, err := soakRun(e, cfg, length)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return err
	}
	if !result.Balanced {
		return fmt.Errorf("soak: %v", result.Problems)
	}
	return nil
}

// soakRun polls for the time given, or until a signal, and holds the counters against each other when all is at rest.
func soakRun(e *engine.Engine, cfg *boot.Config, length time.Duration) (*soakResult, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	start := time.Now()
	var heap uint64
	time.AfterFunc(min(length/2, 10*time.Second), func() { heap = e.Heap() })
	if err := e.Run(ctx, nil); err != nil {
		return nil, err
	}
	r := &soakResult{Seconds: time.Since(start).Seconds(), HeapStart: heap, HeapEnd: e.Heap(), GCCycles: e.Collections(), Problems: []string{}}
	now := e.Look()
	for i := range now.Lcores {
		r.Stalls += now.Lcores[i].Stalls
		r.WorstStall = max(r.WorstStall, float64(now.Lcores[i].WorstStall)*1e6/float64(dpdk.TSCHz()))
	}
	r.balance(now.Ports)
	r.Mpps = float64(r.FramesIn) / r.Seconds / 1e6
	if grown := int64(r.HeapEnd) - int64(r.HeapStart); grown > heapSlack {
		r.problem("the heap grew by %d bytes", grown)
	}
	if r.FramesIn == 0 {
		r.problem("no frame was received")
	}
	r.Balanced = len(r.Problems) == 0
	return r, nil
}

// heapSlack is what reading the counters for this report allocates.
const heapSlack = 1 << 20

// balance checks that every received frame has one fate, and that what came in, with the copies, went out or was
// counted as dropped: exactly.
func (r *soakResult) balance(ports []report.Port) {
	for _, p := range ports {
		var fates uint64
		for _, n := range p.Fates {
			fates += n
		}
		if fates != p.FramesIn {
			r.problem("port %s: %d frames received, %d fates", p.Name, p.FramesIn, fates)
		}
		r.FramesIn += p.FramesIn
		r.FramesOut += p.FramesOut
		r.Copies += p.Mirrored
		r.Dropped += p.Dropped + p.TxStalled
		r.Ports = append(r.Ports, soakPort{p.Name, p.FramesIn, p.Fates, p.FramesOut, p.TxStalled})
	}
	if r.FramesIn+r.Copies != r.FramesOut+r.Dropped {
		r.problem("%d frames in and %d copies, but %d out and %d dropped", r.FramesIn, r.Copies, r.FramesOut, r.Dropped)
	}
}

func (r *soakResult) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
