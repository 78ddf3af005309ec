package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/pcap"
	"fcredirect/dataplane/shm"
)

var update = flag.Bool("update", false, "write what scripts compare with anew")

// TestMain makes the test binary fcr-dataplane, or one of the makers of captures (craft_test.go), when a script runs it
// as such.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fcr-dataplane": main, "craft": craftMain, "fabric": fabricMain})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // it sleeps a second at each exit
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails, "await": await, "segment": segmentIs, "term": send(syscall.SIGTERM), "hup": send(syscall.SIGHUP),
			"change": change, "revision": revisionIs, "large": large, "cut": cutFile, "poke": poke, "json": jsonIs, "frames": frames, "join": join, "same": sameFrames, "judge": judge, "balanced": balanced, "give": give,
		},
	})
}

// Programs rely on the keys of a report: each that there is stands in the README.
func TestTheREADMENamesEveryKeyOfAReport(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i := range reflect.TypeFor[engine.Report]().NumField() {
		key := reflect.TypeFor[engine.Report]().Field(i).Tag.Get("json")
		if !strings.Contains(string(b), "\n| `"+key+"` |") {
			t.Errorf("the key %s is not there", key)
		}
	}
	for fate := range shm.NumFates {
		if fate.Dropped() && fate < shm.FateDropSegments && fate >= shm.FateDropOldFormat && !strings.Contains(string(b), "`"+fate.String()+"`") {
			t.Errorf("what is counted as %s is not there", fate)
		}
	}
}

// fails STATUS PROGRAM ARGS…: the program ends with just this status.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: fails STATUS PROGRAM ARGS")
	}
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%v: %v, want exit status %d", args[1:], err, want)
	}
}

// await FILE TEXT: the text stands in the file, which somebody writes.
func await(ts *testscript.TestScript, neg bool, args []string) {
	var b []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b, _ = os.ReadFile(ts.MkAbs(args[0])); bytes.Contains(b, []byte(args[1])) {
			return
		}
	}
	ts.Fatalf("%q was not in %s within 30 s:\n%s", args[1], args[0], b)
}

// segment FOLDER starting|running|drained: what the segment says of its data plane.
func segmentIs(ts *testscript.TestScript, neg bool, args []string) {
	f, err := shm.Open(filepath.Join(ts.MkAbs(args[0]), "state"), false)
	ts.Check(err)
	defer f.Close()
	names := map[uint32]string{shm.Starting: "starting", shm.Running: "running", shm.Drained: "drained"}
	if got := names[atomic.LoadUint32(&f.Header().State)]; got != args[1] {
		ts.Fatalf("the segment says %s, want %s", got, args[1])
	}
}

// send makes the command that sends a signal to all that runs in the background.
func send(signal os.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		for _, c := range ts.BackgroundCmds() {
			ts.Check(c.Process.Signal(signal))
		}
	}
}

// poke FILE OFFSET HEX writes bytes into a file.
func poke(ts *testscript.TestScript, neg bool, args []string) {
	at, err1 := strconv.ParseInt(args[1], 0, 64)
	b, err2 := hex.DecodeString(args[2])
	f, err3 := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(errors.Join(err1, err2, err3))
	defer f.Close()
	_, err := f.WriteAt(b, at)
	ts.Check(err)
}

// cut FILE BYTES makes a file that short.
func cutFile(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(errors.Join(err, os.Truncate(ts.MkAbs(args[0]), n)))
}

// json FILE PATH VALUE: what stands in a JSON file under a path such as ports/edge0/fates/runt. An element of a list is
// named by its number, or by the value of its first key. count is how many there are; absent stands for what is not there.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for _, step := range strings.Split(args[1], "/") {
		v = child(v, step)
	}
	got := "absent"
	switch v := v.(type) {
	case nil:
	case string:
		got = v
	default:
		b, err := json.Marshal(v)
		ts.Check(err)
		got = string(b)
	}
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[2])
	}
}

func child(v any, step string) any {
	switch v := v.(type) {
	case map[string]any:
		if step == "count" {
			return len(v)
		}
		return v[step]
	case []any:
		if step == "count" {
			return len(v)
		}
		for i, item := range v {
			if m, ok := item.(map[string]any); strconv.Itoa(i) == step || ok && (m["name"] == step || m["wwpn"] == step) {
				return item
			}
		}
	}
	return nil
}

func framesOf(ts *testscript.TestScript, path string) (all []pcap.Record) {
	f, err := os.Open(ts.MkAbs(path))
	ts.Check(err)
	defer f.Close()
	r, err := pcap.NewReader(f)
	ts.Check(err)
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		ts.Check(err)
		rec.Data = bytes.Clone(rec.Data)
		all = append(all, rec)
	}
}

// frames FILE N: so many frames are in a capture.
func frames(ts *testscript.TestScript, neg bool, args []string) {
	if n := strconv.Itoa(len(framesOf(ts, args[0]))); n != args[1] {
		ts.Fatalf("%s holds %s frames, want %s", args[0], n, args[1])
	}
}

// same A B: two captures hold the same frames at the same times.
func sameFrames(ts *testscript.TestScript, neg bool, args []string) {
	a, b := framesOf(ts, args[0]), framesOf(ts, args[1])
	if len(a) != len(b) || len(a) == 0 {
		ts.Fatalf("%d and %d frames", len(a), len(b))
	}
	for i := range a {
		if !bytes.Equal(a[i].Data, b[i].Data) || a[i].Time != b[i].Time {
			ts.Fatalf("frame %d differs", i+1)
		}
	}
}

// join OUT IN…: one capture of several, by time. A judge of exchanges must see both directions.
func join(ts *testscript.TestScript, neg bool, args []string) {
	var all []pcap.Record
	for _, in := range args[1:] {
		all = append(all, framesOf(ts, in)...)
	}
	slices.SortStableFunc(all, func(a, b pcap.Record) int { return cmp.Compare(a.Time, b.Time) })
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b)
	ts.Check(err)
	for _, r := range all {
		ts.Check(w.WriteRecord(r))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// judge FILE N: tshark finds no malformed frame (but among those with a bad CRC), N frames with a bad FC CRC, and at least one with a good one.
// judge FILE like OTHER: as many bad ones as in the other capture, and there are some.
func judge(ts *testscript.TestScript, neg bool, args []string) {
	good, bad := tsharkOn(ts, args[0])
	want := args[1]
	if want == "like" {
		_, there := tsharkOn(ts, args[2])
		if want = strconv.Itoa(there); there == 0 {
			ts.Fatalf("%s has no frame with a bad CRC: nothing would be proved", args[2])
		}
	}
	if strconv.Itoa(bad) != want || good == 0 {
		ts.Fatalf("%s: %d frames with a good CRC and %d with a bad one, want %s bad", args[0], good, bad, want)
	}
}

func tsharkOn(ts *testscript.TestScript, path string) (good, bad int) {
	ts.Check(ts.Exec("tshark", "-r", ts.MkAbs(path), "-T", "fields", "-e", "_ws.malformed", "-e", "fcoe.crc.status"))
	for i, line := range strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), "\n") {
		malformed, crc, _ := strings.Cut(line, "\t")
		if malformed != "" && crc != "0" {
			ts.Fatalf("%s: frame %d is malformed, its CRC status %s", path, i+1, crc)
		}
		switch crc {
		case "1":
			good++
		case "0":
			bad++
		}
	}
	return good, bad
}

// balanced FILE: in a report, each frame received has one fate, and all that came in and was copied went out or was
// dropped.
func balanced(ts *testscript.TestScript, neg bool, args []string) {
	var r engine.Report
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	var in, out uint64
	for _, p := range r.Ports {
		var fates uint64
		for _, n := range p.Fates {
			fates += n
		}
		if fates != p.FramesIn {
			ts.Fatalf("port %s received %d frames, which had %d fates", p.Name, p.FramesIn, fates)
		}
		in, out = in+p.FramesIn+p.Mirrored, out+p.FramesOut+p.Dropped+p.TxStalled
	}
	if in != out || r.Frames == 0 || r.Frames > in {
		ts.Fatalf("%d frames were replayed; %d in and copied, %d out and dropped", r.Frames, in, out)
	}
}

// give makes the script's folder the ordinary user's, and lets that user reach the programs: both lie in folders that
// were made for us alone.
func give(ts *testscript.TestScript, neg bool, args []string) {
	const nobody = 65534
	work := ts.MkAbs(".")
	bin, err := exec.LookPath("fcr-dataplane")
	ts.Check(err)
	for _, dir := range []string{filepath.Dir(work), filepath.Dir(bin), filepath.Dir(filepath.Dir(bin))} {
		ts.Check(os.Chmod(dir, 0o755))
	}
	ts.Check(filepath.WalkDir(work, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	}))
}
