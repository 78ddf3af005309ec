package engine

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/mgmt/peer/record"
)

func TestManyGoroutinesUseAnEngineAtOnce(t *testing.T) {
	engines := [2]*Engine{}
	names := []string{"a", "b"}
	begin := time.Now()
	now := func() int64 { return 1 + int64(time.Since(begin)) }
	var conns sync.Map // of *Conn: its chan of wakes
	for i, name := range names {
		e, err := New(Config{Cluster: "test", Self: name, Nodes: names, Incarnation: 1, Instance: [16]byte{byte(i + 1)}, Settings: Defaults(),
			Applied: func(Applied) {}, Notice: func(Notice) {}, Message: func(string, []byte) {},
			Wake: func(c *Conn) {
				if wake, ok := conns.Load(c); ok {
					select {
					case wake.(chan struct{}) <- struct{}{}:
					default:
					}
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		engines[i] = e
	}
	var stop atomic.Bool
	var all, work sync.WaitGroup
	for g := range NumGroups {
		x, _ := engines[0].Connect(now(), "b", g)
		y, _ := engines[1].Connect(now(), "a", g)
		for _, ends := range [][2]*Conn{{x, y}, {y, x}} {
			wake := make(chan struct{}, 1)
			conns.Store(ends[0], wake)
			all.Go(func() {
				var buf []byte
				for !stop.Load() {
					frame, at := ends[0].Next(now(), buf)
					if len(frame) > 0 {
						buf = frame
						if err := ends[1].Receive(now(), frame); err != nil {
							t.Error(err)
							return
						}
						continue
					}
					select {
					case <-wake:
					case <-time.After(min(time.Duration(at-now()), 10*time.Millisecond)):
					}
				}
			})
		}
	}
	for i, e := range engines {
		work.Go(func() {
			for n := range uint64(5000) {
				_ = e.Put(now(), record.Lane(n%3), flowKey(n%500), []uint64{n})
				_ = e.Put(now(), record.Normal, counts(n%500), []uint64{n}, record.Ref{Origin: uint8(i), Key: flowKey(n % 500)})
				if n%50 == 0 {
					_ = e.Delete(now(), record.High, flowKey(n%499))
					_ = e.Send(names[1-i], []byte("hello"))
					e.Tick(now())
					e.Peers(now())
					e.Digests()
					e.Stats()
				}
			}
		})
	}
	work.Wait()
	stop.Store(true)
	all.Wait()
}
