package main

import (
	"fmt"
	"strings"
	"time"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// silence is how old the last sign of life may be before a page says so. Control gives one ten times a second.
const silence = 3 * time.Second

// page says in text how things stand and what happened since the moment before. Width and height are those of the
// terminal, 0 for none; what does not fit is left out, columns by their rank and flows by their rate.
func page(before, now *moment, width, height int) string {
	var b strings.Builder
	s := &now.segment
	policy := "no policy"
	if s.Policy != "" {
		policy = fmt.Sprintf("policy %s, %d rules", s.Policy, now.rules)
	}
	b.WriteString(cut(fmt.Sprintf("fc-redirect %s  %s  up %s  logins %d  %s, generation %d  heap %d MiB", s.Node, stateOf(s), uptime(now), s.Learner.Logins,
		policy, s.Generation, s.HeapBytes>>20), width) + "\n")
	for _, a := range alarms(now) {
		b.WriteString(cut("! "+a, width) + "\n")
	}
	b.WriteByte('\n')
	seconds := max(now.at.Sub(before.at).Seconds(), 1e-9)
	portTable(before, now, seconds).write(&b, width)
	b.WriteByte('\n')
	lcoreTable(before, now, seconds).write(&b, width)
	b.WriteByte('\n')
	rows := pageFlows
	if height > 0 { // the header and the line below take two
		rows = max(height-strings.Count(b.String(), "\n")-2, 0)
	}
	rows = min(rows, len(now.flows))
	if len(now.flows) == 0 {
		b.WriteString(cut("no flows yet: one appears with the first FCP frame between an initiator and a target", width) + "\n")
		return b.String()
	}
	flowTable(now.flows[:rows]).write(&b, width)
	b.WriteString(cut(belowFlows(now, rows), width) + "\n")
	return b.String()
}

// belowFlows says what the flow table does not show.
func belowFlows(now *moment, rows int) string {
	var directions uint64
	for i := range now.lcores {
		directions += now.lcores[i].Flows
	}
	text := fmt.Sprintf("the busiest %d; the flow tables hold %d directions", rows, directions)
	if now.every > 0 {
		text += fmt.Sprintf(" and are looked through every %v", now.every)
	}
	return text
}

// alarms are the sentences that an admin should not miss.
func alarms(now *moment) (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	l := &now.segment.Learner
	if last, err := time.Parse(time.RFC3339Nano, now.segment.LastSign); err == nil && now.segment.Alive && now.at.Sub(last) > silence {
		say("no sign of life from the data plane for %v", now.at.Sub(last).Round(time.Second))
	}
	for _, s := range now.services {
		if !s.Up {
			say("service %s is down: its flows are bypassed or blocked", s.Name)
		}
	}
	if l.LoginsFull > 0 {
		say("login table full: %d logins found no slot; raise segment.logins", l.LoginsFull)
	}
	var full, lost uint64
	for i := range now.lcores {
		full, lost = full+now.lcores[i].FlowsFull, lost+now.lcores[i].ControlLost
	}
	if full > 0 {
		say("flow table full: %d frames were forwarded without a flow; raise segment.flows", full)
	}
	if lost > 0 {
		say("%d control frames came too fast to be learnt from", lost)
	}
	if l.Conflicts > 0 {
		say("security: a WWPN that is logged in was claimed from elsewhere, %d times", l.Conflicts)
	}
	return all
}

func uptime(now *moment) time.Duration {
	started, err := time.Parse(time.RFC3339Nano, now.segment.Started)
	if err != nil {
		return 0
	}
	return now.at.Sub(started).Round(time.Second)
}

func portTable(before, now *moment, seconds float64) *table {
	t := newTable("PORT", "ROLE", "LINK", "IN/s>", "OUT/s>", "Mbit/s IN>", "Mbit/s OUT>", "STEERED/s>", "DROPPED/s>", "DROPS SO FAR")
	t.rank = []int{0, 7, 3, 1, 1, 4, 4, 5, 2, 6}
	for i := range min(len(now.ports), len(before.ports)) {
		p, q := &now.ports[i], &before.ports[i]
		rate := func(now, before uint64) float64 { return grown(now, before) / seconds }
		drops := p.Drops
		if p.TxStalled > 0 {
			drops = report.Drops(now.ports[i : i+1])
		}
		t.row(p.Name, p.Role, upDown(p.Up), short(rate(p.FramesIn, q.FramesIn)), short(rate(p.FramesOut, q.FramesOut)),
			megabits(rate(p.BytesIn, q.BytesIn)), megabits(rate(p.BytesOut, q.BytesOut)),
			short(rate(p.Counters.Fates[shm.FateSteered], q.Counters.Fates[shm.FateSteered])),
			short(rate(p.Dropped+p.TxStalled, q.Dropped+q.TxStalled)), reasons(drops))
	}
	return t
}

func lcoreTable(before, now *moment, seconds float64) *table {
	t := newTable("LCORE", "CPU>", "BUSY>", "FRAMES/s>", "DIRECTIONS>", "STALLS>", "LATENCY P50>", "P99>", "P99.99>", "WORST EVER>")
	t.rank = []int{0, 7, 1, 1, 5, 4, 2, 3, 6, 6}
	perTick := 1e6 / float64(max(now.segment.TSCHz, 1))
	for i := range min(len(now.lcores), len(before.lcores)) {
		l, q := &now.lcores[i], &before.lcores[i]
		busy, idle := grown(l.Page.BusyTSC, q.Page.BusyTSC), grown(l.Page.IdleTSC, q.Page.IdleTSC)
		lately := l.Page.Latency.Minus(&q.Page.Latency)
		us := func(q float64) string { return micros(float64(lately.Quantile(q)) * perTick) }
		t.row(fmt.Sprint(l.Index), fmt.Sprint(l.CPU), fmt.Sprintf("%.0f%%", 100*busy/max(busy+idle, 1)),
			short(grown(l.Frames, q.Frames)/seconds), fmt.Sprint(l.Flows), fmt.Sprint(l.Stalls),
			us(.5), us(.99), us(.9999), micros(l.Worst))
	}
	return t
}

func flowTable(flows []report.FlowRate) *table {
	t := newTable("INITIATOR", "TARGET", "VSAN>", "VERDICT", "RULE", "TO TARGET/s>", "TO INITIATOR/s>", "Mbit/s>", "FRAMES>")
	t.rank = []int{0, 0, 5, 1, 4, 2, 2, 3, 6}
	for i := range flows {
		l := &flows[i]
		t.row(end(l.Initiator, l.InitiatorAlias, l.InitiatorID), end(l.Target, l.TargetAlias, l.TargetID), fmt.Sprint(l.VSAN), l.Verdict, dash(l.Rule),
			short(l.FramesOutRate), short(l.FramesInRate), megabits(l.BytesOutRate+l.BytesInRate), fmt.Sprint(l.FramesOut+l.FramesIn))
	}
	return t
}

// grown is by how much a counter went up.
func grown(now, before uint64) float64 { return float64(now - min(before, now)) }

func megabits(bytes float64) string { return fmt.Sprintf("%.1f", bytes*8/1e6) }

func micros(us float64) string { return fmt.Sprintf("%.1fµs", us) }

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
