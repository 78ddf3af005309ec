package report

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// spoilt is one patch of a fuzzed segment: region (1 byte; 0 is the header with the directory), offset (3), value (8).
const spoiltBytes = 12

// FuzzSegment spoils a whole segment here and there: whatever stands in it, a reader refuses it or gives some answer.
func FuzzSegment(f *testing.F) {
	w := newWorld(f, 64)
	w.port(0, "edge0", shm.RoleEdge, 1)
	w.port(1, "fabric0", shm.RoleFabric, 0)
	w.port(2, "svc0", shm.RoleService, -1)
	w.setPolicy(0, compiled(f, policyText))
	to, back := w.flow(0, 100, 0x010001, 0x020001, 50)
	w.named(0, host1, array1, to, back)
	w.flow(1, 0, 0x010002, 0x020001, 5)
	for id, wwpn := range map[frame.FCID]frame.WWN{0x010001: host1, 0x020001: array1} {
		w.logins.Put(&login.Login{Addr: login.At(0, 100, id), WWPN: wwpn, State: login.Live})
	}
	file := w.seg.State
	regions := [][]byte{file.Bytes(shm.RegionControl), file.Bytes(shm.RegionPorts), file.Bytes(shm.RegionLcores), file.Bytes(shm.RegionCounters),
		file.Bytes(shm.RegionServices), file.Bytes(shm.RegionLogins), file.Bytes(fmt.Sprintf(shm.RegionPolicy, 0))[:1<<14]}
	for i := range 2 {
		regions = append(regions, file.Bytes(fmt.Sprintf(shm.RegionFlows, i)), file.Bytes(fmt.Sprintf(shm.RegionInfos, i)))
	}
	head := unsafe.Slice((*byte)(unsafe.Pointer(file.Header())), 4096) // the header and the directory
	regions = slices.Insert(regions, 0, head)

	patch := func(region byte, offset uint32, value uint64) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, uint32(region)|offset<<8), value)
	}
	f.Add([]byte{})
	f.Add(patch(0, 12, 1<<32-1))                                                       // regions beyond the limit
	f.Add(patch(0, 24, 1<<60))                                                         // another size
	f.Add(patch(1, 4, 7))                                                              // a policy slot that there is not
	f.Add(patch(7, 0, 1<<40))                                                          // a policy longer than its region
	f.Add(patch(6, 0, ^uint64(0)))                                                     // a login table of another kind
	f.Add(append(patch(8, 32, ^uint64(0)), patch(8, 40, ^uint64(0))...))               // verdict, stamp and info of the first slot
	f.Add(append(patch(9, 56, ^uint64(0)), patch(9, 64+56, 1<<63)...))                 // slot, rule and orientation
	f.Add(append(patch(2, 0, ^uint64(0)), patch(2, 196, ^uint64(0))...))               // a port's name without an end, its role
	f.Add(append(patch(3, 32, ^uint64(0)), patch(3, 40, 1)...))                        // busy and idle that overflow
	f.Add(append(patch(0, 96, 0), append(patch(0, 88, 1), patch(0, 80, 1<<63)...)...)) // a clock that stands still

	f.Fuzz(func(t *testing.T, spoilt []byte) {
		type undo struct{ at, was []byte }
		var undone []undo
		defer func() {
			for _, u := range slices.Backward(undone) {
				copy(u.at, u.was)
			}
		}()
		for ; len(spoilt) >= spoiltBytes && len(undone) < 64; spoilt = spoilt[spoiltBytes:] {
			word := binary.LittleEndian.Uint32(spoilt)
			r := regions[int(word&0xff)%len(regions)]
			at := r[int(word>>8)%(len(r)-7):][:8]
			undone = append(undone, undo{at, slices.Clone(at)})
			copy(at, spoilt[4:spoiltBytes])
		}
		readEverything(t, filepath.Join(w.dir, "state"))
	})
}

func readEverything(t *testing.T, path string) {
	file, err := shm.Open(path, false)
	if err != nil {
		return
	}
	defer file.Close()
	active, _ := ReadPolicy(file)
	logins, _ := Logins(file)
	ports := Ports(file)
	busiest := NewBusiest(file)
	busiest.Look(at(0))
	busiest.Look(at(1))
	for _, v := range []any{
		SegmentOf(file), ports, Drops(ports), Lcores(file), Services(file), logins, Flows(file), busiest.Top(10, active),
	} {
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}
