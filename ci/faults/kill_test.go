package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apart has every role in a process of its own.
const apart = `roles:
  - {name: database, process: database}
  - {name: store, process: store}
  - {name: event, process: event}
  - {name: telemetry, process: telemetry}
  - {name: monitor, process: monitor}
  - {name: peer, process: peer}
`

// together is what runs without a file.
const together = `roles:
  - {name: database}
  - {name: store}
  - {name: event}
  - {name: telemetry}
  - {name: monitor}
  - {name: peer}
`

// configure writes a declarative file and gives the arguments that name it.
func (p *place) configure(text string) []string {
	p.t.Helper()
	path := filepath.Join(p.dir, "mgmtd.yaml")
	must(p.t, os.WriteFile(path, []byte(text), 0o644))
	return []string{"--config", path}
}

// seconds that the loop of kills lasts.
func seconds(t *testing.T) time.Duration {
	text := os.Getenv("FCR_FAULTS_SECONDS")
	if text == "" {
		return time.Minute
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("FCR_FAULTS_SECONDS is %q: want a number of seconds", text)
	}
	return time.Duration(n) * time.Second
}

// killer kills processes of the slow path with SIGKILL.
type killer struct {
	*place
	daemon *program
	args   []string
	kills  map[string]int
	missed map[string]int // did not run at that moment
}

// victims are whom it kills: the daemon's own process, the database's, one of its backends, and the process of each role.
var victims = []string{"mgmtd", "postmaster", "backend", "database", "store", "event", "telemetry", "monitor", "peer"}

// strike kills one.
func (k *killer) strike(victim string) error {
	pid := 0
	switch victim {
	case "mgmtd":
		pid = k.daemon.pid()
	case "postmaster":
		pid = k.postmaster()
	case "backend":
		if n, err := k.number("SELECT pid FROM pg_stat_activity WHERE application_name <> '' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"); err == nil {
			pid = int(n)
		}
	default:
		pid = child(k.daemon, victim)
	}
	if pid == 0 {
		k.missed[victim]++
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("kill %s: %w", victim, err)
	}
	k.kills[victim]++
	if victim == "mgmtd" { // as the machine's own supervisor would
		<-k.daemon.ended
		k.daemons = slices.DeleteFunc(k.daemons, func(d *program) bool { return d == k.daemon })
		k.daemon = k.startDaemon("mgmtd", "", k.args...)
	}
	return nil
}

// rage kills one after the other, in an order drawn by chance, until the time is over. It hits each as often as the others.
func (k *killer) rage(d time.Duration, random *rand.Rand) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, i := range random.Perm(len(victims)) {
			if err := k.strike(victims[i]); err != nil {
				return err
			}
			time.Sleep(300*time.Millisecond + time.Duration(random.Int64N(int64(1200*time.Millisecond))))
			if !time.Now().Before(end) {
				break
			}
		}
	}
	return nil
}

// String says who was killed how often.
func (k *killer) String() string {
	var parts []string
	for _, v := range victims {
		parts = append(parts, fmt.Sprintf("%s %d", v, k.kills[v]))
		if k.missed[v] > 0 {
			parts[len(parts)-1] += fmt.Sprintf(" (away %d times)", k.missed[v])
		}
	}
	return strings.Join(parts, ", ")
}

func TestKillsInALoopLoseNothingAndHoldUpNoFrame(t *testing.T) {
	p := newPlace(t)
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FCR_FAULTS_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		must(t, err)
		seed = n
	}
	t.Logf("seed %d (FCR_FAULTS_SEED)", seed)
	p.startLoad(shape{directions: full, turn: seconds(t) / 12, fresh: true}) // about as many events, however long it lasts
	k := &killer{place: p, args: p.configure(apart), kills: map[string]int{}, missed: map[string]int{}}
	k.daemon = p.startDaemon("mgmtd", "", k.args...)
	p.serving()
	p.complete()

	calm := p.watch(6 * time.Second)
	end := p.observe()
	must(t, k.rage(seconds(t), rand.New(rand.NewPCG(seed, 0))))
	fault := end()
	p.complete()
	calm = calm.and(p.watch(4 * time.Second))

	t.Logf("killed: %v", k)
	asCalm(t, calm, fault)
	p.rest()
	p.settle()
	for _, v := range victims {
		if k.kills[v] == 0 {
			t.Errorf("%s was never killed", v)
		}
	}
	p.endLoad()
}
