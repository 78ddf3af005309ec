package database

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const killedDir = "FCR_KILLED_DIR"

// Run by the next test in a process of its own, which is killed.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		return
	}
	r := run(t, Options{Node: "n1", DataDir: dir + "/pg", SocketDir: dir + "/run", Settings: map[string]string{"fsync": "off"}})
	r.waitReady(t)
	fmt.Println("ready")
	t.Fatal(<-r.ended)
}

// A process of the role is killed at any moment of its start and after it, again and again, on the same folder. There is never
// a second server, nothing that was committed is lost, and the last one comes up.
func TestWheneverTheOwnerIsKilledTheNextComesUp(t *testing.T) {
	o := place(t)
	dir := strings.TrimSuffix(o.DataDir, "/pg")
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	committed := 0
	for round := range rounds {
		child, out := startChild(t, dir)
		if round%2 == 0 {
			// A time is the event here: the moment is to be any.
			time.Sleep(time.Duration(random.Int64N(int64(900 * time.Millisecond))))
		} else {
			// What the one before left may be in the way for a moment: then the role fails, and is made anew.
			for tries := 0; !saysReady(out); tries++ {
				if err := child.Wait(); tries == 20 {
					t.Fatalf("it ends again and again: %v", err)
				}
				time.Sleep(50 * time.Millisecond)
				child, out = startChild(t, dir)
			}
			committed++
			insert(t, o, fmt.Sprintf("round %d", round))
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		if n := postmasters(t, o.DataDir); n > 1 {
			t.Fatalf("%d servers run", n)
		}
	}
	r := run(t, o)
	r.waitReady(t)
	if n, err := nodes(t, o.Database()); err != nil || n != committed {
		t.Errorf("%d of %d commits, %v", n, committed, err)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	if n := postmasters(t, o.DataDir); n != 0 {
		t.Errorf("%d servers run", n)
	}
}

// startChild starts an owner.
func startChild(t *testing.T, dir string) (*exec.Cmd, io.Reader) {
	t.Helper()
	child := exec.Command("/proc/self/exe", "-test.run=^TestKilledChild$")
	child.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, out
}

// saysReady reads until the child says that it is; false when it has ended.
func saysReady(out io.Reader) bool {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "ready" {
			return true
		}
	}
	return false
}

func insert(t *testing.T, o Options, name string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), o.Database())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "INSERT INTO node (name) VALUES ($1)", name); err != nil {
		t.Fatal(err)
	}
}

// postmasters counts the servers of a data folder, by their command lines. A child that was just forked has its parent's.
func postmasters(t *testing.T, dataDir string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	parents := map[string]string{}
	for _, e := range entries {
		// Of a process that has ended meanwhile there is nothing to read.
		line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		if fields := strings.Fields(string(stat)); strings.HasSuffix(string(line), "postgres\x00-D\x00"+dataDir+"\x00") && len(fields) > 3 {
			parents[e.Name()] = fields[3]
		}
	}
	for _, parent := range parents {
		if _, forked := parents[parent]; !forked {
			n++
		}
	}
	return n
}
