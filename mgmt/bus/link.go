package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/registry"
)

// link is the bus over one segment. A cold start of the data plane ends it, and the Bus makes another.
type link struct {
	bus   *Bus
	at    *registry.Attachment
	door  door // on which this process sleeps
	peers []*peer
	ids   atomic.Uint64

	users    atomic.Int64    // who may touch the segment, the Bus itself included
	newcomer atomic.Bool     // a call went to a process whose ring is not read yet
	unsent   atomic.Bool     // requests were posted and are to be sent by whoever has the receive lock
	ctx      context.Context // of the handlers
	stop     context.CancelFunc

	rx       sync.Mutex // the receive lock; it guards what follows and the rings' consumers
	near     []*peer    // those that take part
	looked   time.Time
	assembly int  // bytes of requests that are not whole
	woken    bool // other goroutines have become runnable
	closed   bool
	serving  spinner
	calling  spinner
}

func newLink(b *Bus, at *registry.Attachment) (*link, error) {
	all := at.Ctl.Bytes(shm.RegionBus)
	l := &link{bus: b, at: at, door: door{at.Table.Door(at.Member)}, peers: make([]*peer, shm.MaxMembers)}
	l.serving.time, l.calling.time = maxSpin, maxSpin
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.users.Store(1)
	for i := range l.peers {
		if i == at.Member {
			continue
		}
		in, out := channelOf(all, i, at.Member), channelOf(all, at.Member, i)
		if in == nil || out == nil {
			l.stop()
			return nil, errors.New("bus: the segment has no room for it")
		}
		p := &peer{index: i, ch: in, parts: map[uint64]*part{}}
		p.calls.all, p.serving.all = map[uint64]*call{}, map[uint64]context.CancelFunc{}
		p.send.l, p.send.peer, p.send.ch = l, i, out
		var err, err2 error
		p.in, err = in.consumer()
		p.send.out, err2 = out.producer()
		if err = errors.Join(err, err2); err != nil {
			l.stop()
			return nil, fmt.Errorf("bus: channel to process %d: %w", i, err)
		}
		l.peers[i] = p
	}
	return l, nil
}

// hold keeps the segment mapped until release; false when the link has ended.
func (l *link) hold() bool {
	for n := l.users.Load(); n > 0; n = l.users.Load() {
		if l.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

func (l *link) release() {
	if l.users.Add(-1) == 0 {
		if err := l.at.Release(); err != nil {
			l.bus.log.Warn("bus: the segment stays mapped", "error", err)
		}
	}
}

// receive is the receiver goroutine: it polls while there is something to do, then sleeps on its door. It ends when the
// segment was replaced or the Bus is closed.
func (l *link) receive() {
	for rounds := 0; ; rounds++ {
		if !l.rx.TryLock() {
			l.door.wait(polled, nap) // a caller polls; who finds nobody looking any more will ring
		} else if !l.round() {
			// Goroutines that this one made runnable go first: its thread takes its place at the processor along into the
			// system call, and it is only taken away from there after a while.
			runtime.Gosched()
			l.door.wait(asleep, nap)
		} else if rounds%64 != 0 {
			continue
		}
		select {
		case <-l.at.Gone:
			return
		case <-l.bus.ctx.Done():
			return
		default:
		}
	}
}

// round does what there is to do and gives the receive lock back; false when there was nothing and the door says that
// we sleep.
func (l *link) round() bool {
	l.door.set(awake)
	if time.Since(l.looked) > keep {
		l.look(true)
	}
	moved := l.serving.try(func() bool { return l.poll() > 0 })
	if !moved {
		l.door.set(asleep)
		l.look(false) // a newcomer, that rang while we were awake
		moved = l.poll() > 0
	}
	woken := l.woken
	l.woken = false
	l.unlock()
	if woken {
		runtime.Gosched()
	}
	return moved
}

// close ends the link: nothing touches the segment any more but callers on their way out.
func (l *link) close() {
	l.stop()
	l.rx.Lock()
	l.near, l.closed = nil, true
	for _, p := range l.peers {
		if p == nil {
			continue
		}
		p.send.close()
		p.calls.Lock()
		p.calls.closed = true
		p.calls.Unlock()
		p.calls.fail(l, nobody)
		p.serving.cancelAll()
	}
	l.rx.Unlock()
	l.release()
}

// pin keeps the calling goroutine on one processor.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("bus: pin to CPU %d: %w", cpu, err)
	}
	return nil
}
