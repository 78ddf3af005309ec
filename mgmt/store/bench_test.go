package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

// child makes the test binary a process with a role and nothing else, whose memory can be looked at.
const child = "FCR_STORE_CHILD"

func TestMain(m *testing.M) {
	if place := os.Getenv(child); place != "" {
		if err := serveAlone(place, os.Getenv(child+"_DSN")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	verifyLeaks(m)
}

func serveAlone(dir, dsn string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", App: "store"})
	if err != nil {
		return err
	}
	defer db.Close()
	role, err := New(Options{Place: attach.Place{Dir: dir}, DB: db})
	if err != nil {
		return err
	}
	return role.Run(ctx, func() {})
}

// The server of benchmarks forces commits to the disk, as in production.
func durable(b *testing.B) *pgtest.Instance {
	return pgtest.New(b, pgtest.Options{Fsync: true, Settings: map[string]string{"shared_buffers": "128MB", "max_wal_size": "2GB"}})
}

// serverCPU is the CPU time that the server's processes have taken: unlike the time on the clock, it does not depend on what
// else the machine does.
func serverCPU(b *testing.B, server *pgtest.Instance) time.Duration {
	pid := server.PID()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		b.Fatal(err)
	}
	var ticks int64
	for _, pid := range strings.Fields(string(children)) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue // an autovacuum worker that has just ended
		}
		fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
		for _, field := range fields[11:13] { // utime, stime
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100)
}

const benchFlows = 12000

// fill makes all flows of a data plane, and waits until they are in the tables.
func fill(b *testing.B, p *plane) {
	for _, l := range p.lcores {
		for slot := range p.slots {
			p.make(l, slot)
			if slot%4096 == 4095 {
				p.offer()
			}
		}
	}
	p.rest()
}

// BenchmarkUpdates offers b.N updates of random flows as fast as the ring takes them, until they are durable.
func BenchmarkUpdates(b *testing.B) {
	server := durable(b)
	db, _ := database(b, server.Database(b))
	p := newPlane(b, 1, 2*benchFlows, 1<<16, 1)
	role, err := New(Options{Place: p.place(), DB: db})
	if err != nil {
		b.Fatal(err)
	}
	r := runRole(b, role)
	fill(b, p)
	before, cpu := r.Stats(), serverCPU(b, server)
	b.ResetTimer()
	l := p.lcores[0]
	for done := 0; done < b.N; {
		n := min(2048, b.N-done)
		for range n {
			p.count(l, rand.IntN(p.slots), 3)
		}
		done += n
		p.offer()
		for r.Stats().Depth > 1<<15 {
			time.Sleep(time.Millisecond) // what the ring has no room for would be merged before we count it
		}
	}
	p.rest()
	b.StopTimer()
	s, took := r.Stats(), b.Elapsed().Seconds()
	b.ReportMetric(float64(s.Updates-before.Updates)/took, "updates/s")
	b.ReportMetric(float64(s.Rows-before.Rows)/took, "rows/s")
	b.ReportMetric(float64(s.Commits-before.Commits)/took, "commits/s")
	b.ReportMetric(float64(s.Samples-before.Samples)/took, "samples/s")
	b.ReportMetric((serverCPU(b, server)-cpu).Seconds()*1e6/float64(s.Rows-before.Rows), "server-cpu-µs/row")
	flush := s.Flush.Minus(&before.Flush)
	b.ReportMetric(float64(flush.Quantile(0.5))/1e6, "flush-p50-ms")
	b.ReportMetric(float64(flush.Quantile(0.99))/1e6, "flush-p99-ms")
	b.ReportMetric(0, "ns/op")
	p.same(db.Q())
}

// BenchmarkPaced offers 110,000 updates a second for ten seconds, whatever b.N: what the store does at the rate that it is
// made for.
func BenchmarkPaced(b *testing.B) {
	const perTick, tick, ticks = 1100, 10 * time.Millisecond, 1000
	server := durable(b)
	db, _ := database(b, server.Database(b))
	p := newPlane(b, 1, 2*benchFlows, 1<<16, 1)
	role, err := New(Options{Place: p.place(), DB: db})
	if err != nil {
		b.Fatal(err)
	}
	r := runRole(b, role)
	fill(b, p)
	before, cpu, began := r.Stats(), serverCPU(b, server), time.Now()
	var lag time.Duration
	for i := range ticks {
		for range perTick {
			p.count(p.lcores[0], rand.IntN(p.slots), 3)
		}
		p.offer()
		lag = max(lag, r.Stats().Lag)
		time.Sleep(time.Until(began.Add(time.Duration(i+1) * tick)))
	}
	p.rest()
	s, took := r.Stats(), time.Since(began).Seconds()
	b.ReportMetric(float64(s.Updates-before.Updates)/took, "updates/s")
	b.ReportMetric(float64(s.Rows-before.Rows)/took, "rows/s")
	b.ReportMetric(float64(s.Commits-before.Commits)/took, "commits/s")
	b.ReportMetric(float64(s.Samples-before.Samples)/took, "samples/s")
	b.ReportMetric((serverCPU(b, server)-cpu).Seconds()/took, "server-cpu-s/s")
	b.ReportMetric(float64(lag.Milliseconds()), "worst-lag-ms")
	b.ReportMetric(0, "ns/op")
	p.same(db.Q())
}

// BenchmarkMemory says what a process with the role takes, when it has written each flow and counted on.
func BenchmarkMemory(b *testing.B) {
	for _, flows := range []int{benchFlows, 1000000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			dsn := durable(b).Database(b)
			p := newPlane(b, 1, 2*flows, 1<<16, 1)
			p.patience = 15 * time.Minute
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), child+"="+p.dir, child+"_DSN="+dsn)
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			fill(b, p)
			b.ReportMetric(time.Since(began).Seconds(), "fill-s")
			for range 3 {
				for slot := range p.slots {
					p.count(p.lcores[0], slot, 1)
				}
				p.rest()
			}
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
			if err != nil {
				b.Fatal(err)
			}
			for _, name := range []string{"VmHWM", "RssAnon"} {
				_, text, _ := strings.Cut(string(status), name+":")
				var kib float64
				if _, err := fmt.Sscan(text, &kib); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(kib/1024, name+"-MiB")
			}
			b.ReportMetric(0, "ns/op")
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				b.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				b.Error(err)
			}
		})
	}
}
