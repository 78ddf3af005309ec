package lcore

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Port is what a worker knows of a port of the box, its own or another lcore's.
type Port struct {
	ID     uint16 // DPDK's
	Role   uint8  // shm.Role…
	Fabric uint8
	Pair   int // index of the paired port, -1 for a service port
	Owner  int // index of the lcore that polls it
}

// Snapshot is the active configuration, immutable, published by the control goroutine.
type Snapshot struct {
	Generation uint32           // at least 1; another one makes every verdict stale
	Policy     *policy.Snapshot // nil: everything is forwarded
	Services   []Service        // by index in the policy
}

// Service is what the fast path needs of a service.
type Service struct {
	Port int // index, -1 when this box does not have it
	MAC  [6]byte
	Up   bool
}

// Shared is what the control goroutine publishes to all workers.
type Shared struct {
	snapshot atomic.Pointer[Snapshot]
	captures atomic.Pointer[capture.Set] // nil while nobody captures
	shut     atomic.Uint64               // TSC less 1 until which frames are forwarded; 0 for ever (pair.go)
	drain    atomic.Uint64               // TSC until which one that is shut forwards what is on its way
	stop     atomic.Bool
	giving   atomic.Int32 // lcores that may still carry frames to others
}

// Publish makes a snapshot the active one. Workers pick it up before their next burst.
func (s *Shared) Publish(c *Snapshot) { s.snapshot.Store(c) }

// Snapshot is the active one.
func (s *Shared) Snapshot() *Snapshot { return s.snapshot.Load() }

// Stop asks all running workers to drain and return.
func (s *Shared) Stop() { s.stop.Store(true) }

// Config is all that a Worker is made of.
type Config struct {
	Index    int // of this lcore
	CPU      int // to run on, -1 for any
	Ports    []Port
	Shared   *Shared
	Cycle    *dpdk.Cycle
	Run      func(*dpdk.Cycle) // in place of Cycle.Run: tests and fakes; nil in earnest
	Clock    func() uint64     // in place of the TSC: replays; nil in earnest
	Shard    *flow.Shard
	Logins   login.View
	Counters []shm.Counters // this lcore's row: one per port
	Page     *shm.Lcore
	Control  *ring.Producer // copies for the control goroutine, items of ControlSpec
	Commands *ring.Consumer // of the control goroutine: Command
	Shards   []*flow.Shard  // of all lcores, to find the owner of a frame that a shared service port returns
	Adaptive bool

	Crossings Crossings // this lcore's of NewCrossings

	Sends *ring.Consumer // frames of our own to be put out: Send; nil for a node without a partner

	DropTimeout uint64 // ticks
	StallLimit  uint64
	FlowIdle    uint64 // ticks after which a silent direction ends; 0 never
	TSCHz       uint64

	Limit uint64 // Run ends after that many frames: for counting instructions; 0 never
}

// The rings between the control goroutine and the lcores, and among the lcores.
var (
	ControlSpec = ring.Spec{Items: ControlItems, Stride: controlStride}
	SendSpec    = ring.Spec{Items: SendItems, Stride: int(unsafe.Sizeof(Send{}))}
	CommandSpec = ring.Spec{Items: CommandItems, Stride: int(unsafe.Sizeof(Command{}))}
	carrySpec   = ring.Spec{Items: carryItems, Stride: 8}
	backSpec    = ring.Spec{Items: carryItems, Stride: int(unsafe.Sizeof(returned{}))}
)

// Worker is one poll-mode core.
type Worker struct {
	// constant
	Config
	own    []rx  // the ports that it polls
	txOf   []int // by port index: the queue in Cycle.Tx, -1 for a port that this lcore never sends to
	portOf []int // by queue: the port index
	mine   int   // queues below this one are our ports'; those above collect frames for other lcores

	// of the pass
	snap      *Snapshot // active configuration
	marks     [256]mark // of its services, by Verdict.Mark
	now       uint64    // TSC of the burst
	in        *rx       // where the burst came from
	row       *shm.Counters
	pending   uint64       // frames of the last burst, for its latency
	received  uint64       // TSC of the last burst
	heldSince []uint64     // by queue: since when it has had a remainder, 0 without
	late      []*dpdk.Mbuf // by queue: a beat that waits for a place
	lateN     int

	parsed frame.Parsed
	places [64]flow.Place

	outlets *feed.Outlets // to the slow path; nil without one: replays
	events  *feed.Events
	fresh   uint64 // of outlets: a flow last seen later is marked already
	walking bool   // an invalidation is not finished
	renewal renewal
	giving  bool // counted in Shared.giving
	running atomic.Bool
	idle    idle
	watch   watch // captures
}

// rx is a port that the worker polls.
type rx struct {
	port   int // index
	id     uint16
	role   uint8
	fabric uint64 // shifted as in a key
	pair   int    // index, -1
	pairTx int    // queue of the pair
	gate   uint32 // queues that must be empty before it is polled

	beatsSince uint64 // TSC at which a count of what looked like beats began
	beats      uint32
}

// New makes a worker that polls the ports it owns.
func New(c Config) (*Worker, error) {
	w := &Worker{Config: c, txOf: make([]int, len(c.Ports))}
	if c.Shared.Snapshot() == nil {
		return nil, fmt.Errorf("lcore %d: no configuration published", c.Index)
	}
	w.takeUp(c.Shared.Snapshot())
	if w.Config.Run == nil {
		w.Config.Run = (*dpdk.Cycle).Run
	}
	if err := w.addQueues(); err != nil {
		return nil, err
	}
	for _, i := range w.portOf[:w.mine] {
		if err := w.addRx(i); err != nil {
			return nil, err
		}
	}
	if len(w.own) == 0 {
		return nil, fmt.Errorf("lcore %d: owns no port", c.Index)
	}
	c.Cycle.RxBurst, c.Cycle.NRx = BurstFrames, uint16(len(w.own))
	w.heldSince, w.late = make([]uint64, len(w.portOf)), make([]*dpdk.Mbuf, len(w.portOf))
	return w, nil
}

// addQueues gives a transmit queue to each port of ours, then one to each service port of another lcore: what stands
// in those is not transmitted but carried over (carry).
func (w *Worker) addQueues() error {
	for i := range w.Ports {
		w.txOf[i] = -1
	}
	for _, mine := range []bool{true, false} {
		for i, p := range w.Ports {
			if (p.Owner == w.Index) != mine || !mine && p.Role != shm.RoleService {
				continue
			}
			if len(w.portOf) == dpdk.TxMax {
				return fmt.Errorf("lcore %d: sends to more than %d ports: spread the port pairs over more lcores", w.Index, dpdk.TxMax)
			}
			q := &w.Cycle.Tx[len(w.portOf)]
			if q.Port, q.Queue = dpdk.NoPort, 0; mine {
				q.Port = p.ID
				w.mine++
			}
			w.txOf[i] = len(w.portOf)
			w.portOf = append(w.portOf, i)
		}
	}
	w.Cycle.NTx = uint16(len(w.portOf))
	return nil
}

// addRx sets up the polling of a port. Back-pressure: a port is not polled while a queue that it feeds, or would
// feed, has a remainder. An edge or fabric port feeds its pair; what a service returns goes to any other port. A
// service port holds up nobody: on-failure takes care of it.
func (w *Worker) addRx(i int) error {
	p := w.Ports[i]
	r := rx{port: i, id: p.ID, role: p.Role, fabric: uint64(p.Fabric) << 60, pair: p.Pair, pairTx: -1}
	if p.Role == shm.RoleService {
		for q, other := range w.portOf[:w.mine] {
			if w.Ports[other].Role != shm.RoleService {
				r.gate |= 1 << q
			}
		}
	} else if p.Pair >= 0 {
		r.pairTx = w.txOf[p.Pair]
		if r.pairTx < 0 {
			return fmt.Errorf("lcore %d: port %d and its pair %d belong to different lcores", w.Index, i, p.Pair)
		}
		r.gate = 1 << r.pairTx
	}
	list := &w.Cycle.RxList[len(w.own)]
	list.Port, list.Queue, list.Gate = r.id, 0, r.gate
	w.own = append(w.own, r)
	return nil
}

// Running says whether Run polls. Anybody may ask.
func (w *Worker) Running() bool { return w.running.Load() }

// drop gives a frame back to its mempool with the next crossing.
func (w *Worker) drop(m *dpdk.Mbuf, fate shm.Fate) {
	c := w.Cycle
	if int(c.NFree) < dpdk.FreeMax {
		c.Free[c.NFree] = m
		c.NFree++
	}
	w.row.Fates[fate]++
}

// put appends a frame to a queue of ours, in which the caller knows that there is room.
func (w *Worker) put(queue int, m *dpdk.Mbuf) {
	q := &w.Cycle.Tx[queue]
	q.Mbuf[q.N%dpdk.TxFramesMax] = m
	q.N++
}

// copyToControl hands a copy of the frame to the control goroutine, which learns logins from it. It leaves some room to the
// partner's beats.
func (w *Worker) copyToControl(port int, data unsafe.Pointer, n uint32) {
	if w.Sends != nil && w.Control.Free(beatRoom+1) <= beatRoom {
		w.Page.ControlLost++
		return
	}
	w.copied(port, data, n)
}

func (w *Worker) copied(port int, data unsafe.Pointer, n uint32) {
	slot := w.Control.Reserve()
	if slot == nil {
		w.Page.ControlLost++
		return
	}
	item := (*ControlItem)(slot)
	item.TSC, item.Port, item.Len = w.now, uint16(port), uint16(min(n, ControlFrameMax))
	copy(item.Frame[:], unsafe.Slice((*byte)(data), item.Len))
	w.Page.ToControl++
	w.Control.Commit()
}

// ControlItem is a frame copied for the control goroutine.
type ControlItem struct {
	TSC   uint64 // of its burst
	Port  uint16 // index
	Len   uint16
	_     uint32
	Frame [ControlFrameMax]byte
}
