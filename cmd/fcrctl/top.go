package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// moment is one look at the segment.
type moment struct {
	at     time.Time
	ports  []report.Port
	lcores []report.Lcore
	flows  []report.Flow
}

func look(f *shm.File) moment {
	return moment{at: time.Now(), ports: report.Ports(f), lcores: report.Lcores(f), flows: report.Flows(f)}
}

func (c *cli) topCommand() *cobra.Command {
	var interval time.Duration
	var count int
	cmd := &cobra.Command{
		Use: "top", Short: "live view: ports, lcores, flows, drops, latency", Args: cobra.NoArgs,
		Long: "Shows rates since the last look. On a terminal it fills the screen; q or Ctrl-C ends it. Without a terminal it\n" +
			"prints one page a look.",
		RunE: func(*cobra.Command, []string) error {
			if interval < 100*time.Millisecond {
				return usageError{fmt.Errorf("--interval %v: want 100ms or more", interval)}
			}
			return c.withSegment(func(f *shm.File) error { return c.top(f, interval, count) })
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "time between looks")
	cmd.Flags().IntVar(&count, "count", 0, "end after that many pages, 0 never")
	return cmd
}

func (c *cli) top(f *shm.File, interval time.Duration, count int) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	screen := newScreen(c.out, stop)
	defer screen.close()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	before := look(f)
	for pages := 0; count == 0 || pages < count; pages++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := look(f)
		screen.show(page(f, &before, &now))
		if !f.Alive() {
			return fmt.Errorf("the data plane of node %s has ended", shm.Text(f.Header().Node[:]))
		}
		before = now
	}
	return nil
}

// page draws one look.
func page(f *shm.File, before, now *moment) []byte {
	var b bytes.Buffer
	h := f.Header()
	seconds := now.at.Sub(before.at).Seconds()
	rate := func(now, before uint64) float64 { return float64(now-before) / seconds }
	control := &shm.Items[shm.Control](f, shm.RegionControl)[0]
	fmt.Fprintf(&b, "fc-redirect %s   up %s   policy generation %d   logins %d   heap %d MiB\n\n", shm.Text(h.Node[:]),
		time.Since(time.Unix(0, h.StartNS)).Round(time.Second), control.Generation, control.LoginsLive, control.HeapBytes>>20)

	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PORT\tROLE\tLINK\tIN/s\tOUT/s\tMbit/s IN\tMbit/s OUT\tSTEERED/s\tDROPPED/s\tDROPS SO FAR")
	for i := range min(len(now.ports), len(before.ports)) {
		p, q := &now.ports[i], &before.ports[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%.1f\t%s\t%s\t%s\n", p.Name, p.Role, upDown(p.Up),
			short(rate(p.FramesIn, q.FramesIn)), short(rate(p.FramesOut, q.FramesOut)),
			rate(p.BytesIn, q.BytesIn)*8/1e6, rate(p.BytesOut, q.BytesOut)*8/1e6,
			short(rate(p.Counters.Fates[shm.FateSteered], q.Counters.Fates[shm.FateSteered])),
			short(rate(p.Dropped+p.TxStalled, q.Dropped+q.TxStalled)), reasons(p.Drops))
	}
	w.Flush()
	fmt.Fprintln(&b)
	fmt.Fprintln(w, "LCORE\tCPU\tBUSY\tFRAMES/s\tDIRECTIONS\tSTALLS\tLATENCY P50\tP99\tP99.99\tWORST EVER")
	us := 1e6 / float64(max(h.TSCHz, 1))
	for i := range min(len(now.lcores), len(before.lcores)) {
		l, q := &now.lcores[i], &before.lcores[i]
		busy, idle := float64(l.Page.BusyTSC-q.Page.BusyTSC), float64(l.Page.IdleTSC-q.Page.IdleTSC)
		lately := l.Page.Latency.Minus(&q.Page.Latency)
		fmt.Fprintf(w, "%d\t%d\t%.0f%%\t%s\t%d\t%d\t%.1fµs\t%.1fµs\t%.1fµs\t%.1fµs\n", l.Index, l.CPU, 100*busy/max(busy+idle, 1),
			short(rate(l.Frames, q.Frames)), l.Flows, l.Stalls, float64(lately.Quantile(.5))*us, float64(lately.Quantile(.99))*us,
			float64(lately.Quantile(.9999))*us, l.Worst)
	}
	w.Flush()
	fmt.Fprintln(&b)
	flowTable(&b, before, now, rate)
	return b.Bytes()
}

// topFlows bounds the flows on a page.
const topFlows = 20

func flowTable(b io.Writer, before, now *moment, rate func(now, before uint64) float64) {
	earlier := map[[2]string]*report.Flow{}
	for i := range before.flows {
		l := &before.flows[i]
		earlier[[2]string{l.InitiatorID, l.TargetID}] = l
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "INITIATOR\tTARGET\tVSAN\tVERDICT\tRULE\tTO TARGET/s\tTO INITIATOR/s\tFRAMES")
	for i := range min(len(now.flows), topFlows) {
		l := &now.flows[i]
		q := earlier[[2]string{l.InitiatorID, l.TargetID}]
		if q == nil {
			q = &report.Flow{}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\n", end(l.Initiator, l.InitiatorAlias, l.InitiatorID), end(l.Target, l.TargetAlias, l.TargetID),
			l.VSAN, l.Verdict, dash(l.Rule), short(rate(l.FramesOut, q.FramesOut)), short(rate(l.FramesIn, q.FramesIn)), l.FramesOut+l.FramesIn)
	}
	w.Flush()
	if more := len(now.flows) - topFlows; more > 0 {
		fmt.Fprintf(b, "and %d flows more\n", more)
	}
}

// short writes a rate with three digits.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.1fk", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

// screen shows pages: on a terminal in place, else one after the other.
type screen struct {
	out  io.Writer
	tty  *os.File
	mode *unix.Termios // to be put back
}

func newScreen(out io.Writer, quit func()) *screen {
	s := &screen{out: out}
	f, ok := out.(*os.File)
	if !ok {
		return s
	}
	mode, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return s
	}
	s.tty = f
	fmt.Fprint(f, "\x1b[?1049h\x1b[?25l")
	raw := *mode
	raw.Lflag &^= unix.ICANON | unix.ECHO
	if in := int(os.Stdin.Fd()); unix.IoctlSetTermios(in, unix.TCSETS, &raw) == nil {
		s.mode = mode
		go func() {
			key := make([]byte, 1)
			for {
				if n, err := os.Stdin.Read(key); err != nil || n == 1 && key[0] == 'q' {
					quit()
					return
				}
			}
		}()
	}
	return s
}

func (s *screen) show(page []byte) {
	if s.tty == nil {
		s.out.Write(append(page, '\n'))
		return
	}
	rows, cols := 24, 80
	if size, err := unix.IoctlGetWinsize(int(s.tty.Fd()), unix.TIOCGWINSZ); err == nil && size.Row > 0 {
		rows, cols = int(size.Row), int(size.Col)
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	lines := strings.Split(strings.TrimRight(string(page), "\n"), "\n")
	for _, line := range lines[:min(len(lines), rows-1)] {
		r := []rune(line)
		b.WriteString(string(r[:min(len(r), cols)]) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	io.WriteString(s.tty, b.String())
}

func (s *screen) close() {
	if s.tty == nil {
		return
	}
	fmt.Fprint(s.tty, "\x1b[?25h\x1b[?1049l")
	if s.mode != nil {
		unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETS, s.mode)
	}
}
