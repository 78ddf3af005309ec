package bench

import (
	"encoding/binary"
	"errors"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
)

// update is a flow's state as the slow path passes it on: one direction with its absolute totals.
type update struct {
	Serial, Key       uint64
	Initiator, Target uint64
	Frames, Bytes     uint64
	LastSeen, Created uint64
	Generation        uint32
	Rule              int32
	Service           int16
	Errors            uint16
	Action, Orient    uint8
	InPort            uint8
	_                 uint8
}

// updateBytes is the size of a whole update in a message.
const updateBytes = 80

func fromItem(f *feed.FlowItem) update {
	return update{
		Serial: f.Serial, Key: f.Key, Initiator: f.Initiator, Target: f.Target, Frames: f.Frames, Bytes: f.Bytes, LastSeen: f.LastSeen,
		Created: f.Created, Generation: f.Generation, Rule: f.Rule, Service: f.Service, Errors: f.Errors, Action: f.Action, Orient: f.Orient,
		InPort: f.InPort,
	}
}

func fromEntry(e *flow.Entry, in *flow.Info) update {
	return update{
		Serial: in.Serial, Key: uint64(e.Key), Initiator: in.Initiator, Target: in.Target, Frames: e.Frames, Bytes: e.Bytes, LastSeen: e.LastSeen,
		Created: in.Created, Generation: e.Stamp >> 8, Rule: in.Rule, Service: in.Service, Errors: e.Errors, Action: e.Verdict.Action(),
		Orient: uint8(in.Orient), InPort: in.InPort,
	}
}

func (u *update) append(b []byte) []byte {
	for _, v := range [...]uint64{u.Serial, u.Key, u.Initiator, u.Target, u.Frames, u.Bytes, u.LastSeen, u.Created} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, u.Generation)
	b = binary.LittleEndian.AppendUint32(b, uint32(u.Rule))
	b = binary.LittleEndian.AppendUint16(b, uint16(u.Service))
	b = binary.LittleEndian.AppendUint16(b, u.Errors)
	return append(b, u.Action, u.Orient, u.InPort, 0)
}

func (u *update) read(b []byte) []byte {
	for i, v := range [...]*uint64{&u.Serial, &u.Key, &u.Initiator, &u.Target, &u.Frames, &u.Bytes, &u.LastSeen, &u.Created} {
		*v = binary.LittleEndian.Uint64(b[8*i:])
	}
	u.Generation, u.Rule = binary.LittleEndian.Uint32(b[64:]), int32(binary.LittleEndian.Uint32(b[68:]))
	u.Service, u.Errors = int16(binary.LittleEndian.Uint16(b[72:])), binary.LittleEndian.Uint16(b[74:])
	u.Action, u.Orient, u.InPort = b[76], b[77], b[78]
	return b[updateBytes:]
}

// book is what both ends of a connection know of each flow: what was sent and acknowledged last. Of a flow that both know,
// a batch carries only what its counters grew by.
type book map[uint64]update

var errMessage = errors.New("bench: a message that makes no sense")

// Forms of an update in a message.
const (
	whole byte = iota
	grown      // the same flow with larger counters
)

// encode appends updates to a message.
func (k book) encode(b []byte, updates []update) []byte {
	last := uint64(0)
	for i := range updates {
		u := &updates[i]
		was, known := k[u.Serial]
		now := *u
		now.Frames, now.Bytes, now.LastSeen = was.Frames, was.Bytes, was.LastSeen
		if known && now == was && u.Frames >= was.Frames && u.Bytes >= was.Bytes && u.LastSeen >= was.LastSeen {
			b = append(b, grown)
			b = binary.AppendVarint(b, int64(u.Serial-last))
			b = binary.AppendUvarint(b, u.Frames-was.Frames)
			b = binary.AppendUvarint(b, u.Bytes-was.Bytes)
			b = binary.AppendUvarint(b, u.LastSeen-was.LastSeen)
		} else {
			b = u.append(append(b, whole))
		}
		last = u.Serial
		k[u.Serial] = *u
	}
	return b
}

// decode enters a message's updates.
func (k book) decode(b []byte) (n int, err error) {
	last := uint64(0)
	for ; len(b) > 0; n++ {
		form := b[0]
		b = b[1:]
		switch form {
		case whole:
			if len(b) < updateBytes {
				return n, errMessage
			}
			var u update
			b = u.read(b)
			k[u.Serial], last = u, u.Serial
		case grown:
			by, size := binary.Varint(b)
			if size <= 0 {
				return n, errMessage
			}
			b = b[size:]
			serial := last + uint64(by)
			u, known := k[serial]
			if !known {
				return n, errMessage
			}
			for _, v := range [...]*uint64{&u.Frames, &u.Bytes, &u.LastSeen} {
				more, size := binary.Uvarint(b)
				if size <= 0 {
					return n, errMessage
				}
				b, *v = b[size:], *v+more
			}
			k[serial], last = u, serial
		default:
			return n, errMessage
		}
	}
	return n, nil
}

// total adds up the frames of all flows in the book.
func (k book) total() (frames uint64) {
	for _, u := range k {
		frames += u.Frames
	}
	return frames
}
