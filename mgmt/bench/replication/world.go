package replication

import (
	"fmt"
	"math/rand/v2"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/mgmt/peer/record"
)

// fanOut is how many targets each host talks to.
const fanOut = 12

// epoch is the day on which traces begin, ns since 1970: only its size matters, since times travel as differences.
const epoch = 1_790_000_000e9

// world is what a node knows of its flows: hosts log in, have flows to targets, and each direction has totals.
type world struct {
	flows, hosts, targets int
	keys                  []record.Key
	fields                [][]uint64 // by key; nil: not there
	random                *rand.Rand
	serial                uint64
}

// The keys of a world lie one kind after the other: hosts, targets, directions, their totals.
func (w *world) host(i int) int        { return i / fanOut }
func (w *world) target(i int) int      { return w.hosts + i%fanOut*97%w.targets }
func (w *world) direction(n int) int   { return w.hosts + w.targets + n }
func (w *world) totals(n int) int      { return w.hosts + w.targets + 2*w.flows + n }
func (w *world) isTotals(key int) bool { return key >= w.totals(0) }

// newWorld makes the keys of a world in which nobody is there.
func newWorld(flows int) *world {
	w := &world{flows: flows, hosts: (flows + fanOut - 1) / fanOut, targets: 101, random: rand.New(rand.NewPCG(7, uint64(flows)))}
	total := w.totals(2 * flows)
	w.keys, w.fields = make([]record.Key, total), make([][]uint64, total)
	const vlan = 1002
	at := func(key int) uint32 {
		if key < w.hosts {
			return 0x010001 + uint32(key)
		}
		return 0x800001 + uint32(key-w.hosts)
	}
	for key := range w.hosts + w.targets {
		w.keys[key] = record.Key{Kind: record.Login, ID: uint64(login.At(0, vlan, frame.FCID(at(key))))}
	}
	for i := range flows {
		from, to := at(w.host(i)), at(w.target(i))
		k := flow.MakeKey(0, vlan, from, to)
		for n, k := range [2]flow.Key{k, k.Reverse()} {
			w.keys[w.direction(2*i+n)] = record.Key{Kind: record.Flow, ID: uint64(k)}
			w.keys[w.totals(2*i+n)] = record.Key{Kind: record.Count, ID: uint64(k)}
		}
	}
	return w
}

// flowOf is the flow that a direction or its totals belong to.
func (w *world) flowOf(key int) int {
	if w.isTotals(key) {
		return (key - w.totals(0)) / 2
	}
	return (key - w.direction(0)) / 2
}

func wwn(key int) uint64 { return 0x2000_02FC_0100_0000 + uint64(key) }

// change makes what happens to a key at a moment (ns since the trace began) and gives its new fields, nil when it is gone.
func (w *world) change(key int, at int64, gone bool) []uint64 {
	if gone {
		w.fields[key] = nil
		return nil
	}
	now := uint64(epoch) + uint64(at)
	f := w.fields[key]
	switch kind := w.keys[key].Kind; {
	case f == nil:
		f = make([]uint64, kind.Fields())
		w.fields[key] = f
		w.begin(key, now, f)
	case kind == record.Login:
		f[record.LoginLastSeen] = now
	case kind == record.Flow: // an instance of its service comes or goes, or the policy is another
		f[record.FlowVerdict] ^= 0x0101 << (8 * w.random.Uint64N(2))
		f[record.FlowGeneration]++
	case kind == record.Count:
		w.count(f, now)
	}
	return f
}

// begin fills in a record that has come about.
func (w *world) begin(key int, now uint64, f []uint64) {
	switch w.keys[key].Kind {
	case record.Login:
		f[record.LoginWWPN], f[record.LoginWWNN] = wwn(key), wwn(key)|1<<60
		f[record.LoginMAC], f[record.LoginENode] = 0x0EFC_0001_0000_0000+uint64(key), 0x0200_0000_0000+uint64(key)
		f[record.LoginFCF], f[record.LoginFunctions] = 0x0200_00FF_FFFE, 0x1F40_0103
		f[record.LoginFirstSeen], f[record.LoginLastSeen] = now, now
	case record.Flow:
		i := w.flowOf(key)
		w.serial++
		f[record.FlowSerial], f[record.FlowCreated] = w.serial, now
		f[record.FlowInitiator], f[record.FlowTarget] = wwn(w.host(i)), wwn(w.target(i))
		f[record.FlowVerdict], f[record.FlowGeneration] = 0x0001_0203+uint64(i%3)<<32, 1
	case record.Count:
		w.serial++
		f[record.CountSerial] = w.serial
		w.count(f, now)
	}
}

// count lets some frames pass: commands and replies are short, data is long.
func (w *world) count(f []uint64, now uint64) {
	frames := 1 + w.random.Uint64N(64)
	f[record.CountFrames] += frames
	f[record.CountBytes] += frames*60 + w.random.Uint64N(frames+1)*2112
	f[record.CountLastSeen] = now - w.random.Uint64N(1_000_000)
}

// refs are what a change of a key depends on, as the role says it: flows on the logins of both ends, totals on their flow.
func (w *world) refs(key int, refs []record.Ref) []record.Ref {
	refs = refs[:0]
	switch w.keys[key].Kind {
	case record.Flow:
		i := w.flowOf(key)
		for _, end := range [2]int{w.host(i), w.target(i)} {
			if w.fields[end] != nil {
				refs = append(refs, record.Ref{Key: w.keys[end]})
			}
		}
	case record.Count:
		if direction := key - 2*w.flows; w.fields[direction] != nil {
			refs = append(refs, record.Ref{Key: w.keys[direction]})
		}
	}
	return refs
}

// differs says which of some keys another node shows otherwise than this world, if any. So many words of each are looked at.
func (w *world) differs(words int, shown func(key int) ([]uint64, bool)) error {
	for key, f := range w.fields {
		got, there := shown(key)
		if there != (f != nil) {
			return fmt.Errorf("%v: there is %v, shown %v", w.keys[key], f, got)
		}
		for n := range min(words, len(f)) {
			if got[n] != f[n] {
				return fmt.Errorf("%v: there is %v, shown %v", w.keys[key], f, got)
			}
		}
	}
	return nil
}
