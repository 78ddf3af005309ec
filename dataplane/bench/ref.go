package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Ref runs the C yardstick, ci/bench/ref.c.
type Ref struct {
	Program string // as BuildRef returns it
}

// Name is "ref".
func (*Ref) Name() string { return "ref" }

// Run measures it once.
func (c *Ref) Run(ctx context.Context, s *Scenario) (Result, error) {
	if err := EnsureHugepages(s.Memory()); err != nil {
		return Result{}, err
	}
	argv := append([]string{c.Program}, s.eal("ref", s.Devices())...)
	argv = append(argv, c.arguments(s)...)
	argv = append(argv, "--warmup", seconds(s.Warmup), "--seconds", seconds(s.Measure))
	if _, err := os.Stat(c.Program); errors.Is(err, fs.ErrNotExist) {
		return Result{}, fmt.Errorf("%w: %s is not built: run ci/bench/build", ErrUnavailable, c.Program)
	}
	out, err := run(ctx, argv, nil)
	if err != nil {
		return Result{}, err
	}
	return parseRef(out, s.Traffic.Share())
}

// Command is the command line that forwards a number of frames and ends, without hugepages: for CallgrindPerFrame, with
// the portable program.
func (c *Ref) Command(s *Scenario, frames uint64) []string {
	argv := append([]string{c.Program}, s.ealWithoutHugepages("ref-counted", s.Devices())...)
	argv = append(argv, c.arguments(s)...)
	return append(argv, "--frames", strconv.FormatUint(frames, 10))
}

func (c *Ref) arguments(s *Scenario) []string {
	argv := []string{
		"--", "--flows", s.Path(DirectionsFile), "--directions", strconv.Itoa(s.Traffic.Directions / len(s.Pairs)),
		"--service-mac", ServiceMAC(0).String(),
		"--mbufs", strconv.Itoa(s.Mbufs), "--mbuf-bytes", strconv.Itoa(s.MbufBytes), "--cache", strconv.Itoa(s.MbufCache),
	}
	for i := range s.Pairs {
		argv = append(argv, "--pair", fmt.Sprintf("net_pcap%d,net_pcap%d,net_null%d", 2*i, 2*i+1, i))
	}
	return argv
}

func parseRef(text string, want Share) (Result, error) {
	var r Result
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Result{}, fmt.Errorf("ref: result %.100q: %w", text, err)
	}
	if err := r.Check(&want); err != nil {
		return Result{}, fmt.Errorf("ref: %w", err)
	}
	return r, nil
}

// BuildRef compiles the yardstick with ci/bench/build, if the programs in dir are older than their source, and returns
// the paths of the one for measuring and the portable one for counting instructions.
func BuildRef(ctx context.Context, source, dir string) (native, portable string, err error) {
	native, portable = filepath.Join(dir, "ref"), filepath.Join(dir, "ref-portable")
	if newer(native, source) && newer(portable, source) {
		return native, portable, nil
	}
	for _, tool := range []string{"cc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", "", fmt.Errorf("%w: building ref needs %s", ErrUnavailable, tool)
		}
	}
	if _, err := run(ctx, []string{filepath.Join(source, "build"), dir}, nil); err != nil {
		return "", "", fmt.Errorf("build ref: %w", err)
	}
	return native, portable, nil
}

// newer says whether a program is there and was made after every file of its source folder.
func newer(program, source string) bool {
	made, err := os.Stat(program)
	if err != nil {
		return false
	}
	files, err := os.ReadDir(source)
	if err != nil {
		return false
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.ModTime().After(made.ModTime()) {
			return false
		}
	}
	return true
}
