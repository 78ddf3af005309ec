package hub

import (
	"context"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/flowindex"
)

// Benchmark200Clients has 200 clients follow samples at 1 s and 100 flows that all change every second, on connections of
// this very process: the figure is the processor time of both ends together, in ms per second.
func Benchmark200Clients(b *testing.B) {
	const clients, seconds = 200, 3
	x := &fakeIndex{}
	flows := make([]flowindex.Flow, 100)
	change := func(n uint64) {
		changed := make([]flowindex.Flow, len(flows))
		for i := range flows {
			changed[i] = flowindex.Flow{
				ID:        flowindex.ID{VSAN: 100, Initiator: 0x200002fc01000001, Target: 0x500a098000000000 + 1}.String() + string(rune('a'+i)),
				Initiator: "20:00:02:fc:01:00:00:01", InitiatorAlias: "host-0001", Target: "50:0a:09:80:00:00:00:01", TargetAlias: "array-01",
				Verdict: "redirect", Policy: "everything-to-inspection", Service: "inspection", State: "active", FramesOut: n, BytesOut: 2000 * n,
			}
		}
		x.set(nil, changed...)
	}
	change(0)
	r := newRig(b, Samples(newPages(b)), Flows(x))
	r.hub.patience = usual
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for range clients {
		p := r.dial()
		p.say(`{"op":"subscribe","id":"s","topic":"samples"}`)
		p.say(`{"op":"subscribe","id":"f","topic":"flows"}`)
		go func() {
			for ctx.Err() == nil {
				if _, _, err := p.conn.Read(ctx); err != nil {
					return
				}
			}
		}()
	}
	for n := uint64(1); b.Loop(); {
		before, messages, began := cpu(b), r.hub.Stats().Messages, time.Now()
		for range seconds {
			n++
			change(n)
			time.Sleep(time.Second) // it is a measurement
		}
		took := time.Since(began).Seconds()
		b.ReportMetric(float64((cpu(b)-before).Milliseconds())/took, "cpu-ms/s")
		b.ReportMetric(float64(r.hub.Stats().Messages-messages)/took, "messages/s")
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
