package engine

import (
	"testing"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

// FuzzReceive is a peer that has proved its name and then says anything, in frames that are right.
func FuzzReceive(f *testing.F) {
	at := wire.At{Slot: 1, Incarnation: 1, Version: 3}
	script := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(append(all, p[0], byte(len(p)-1), byte((len(p)-1)>>8)), p[1:]...)
		}
		return all
	}
	part := func(t wire.Type, payload []byte) []byte { return append([]byte{byte(t)}, payload...) }
	enc := wire.NewEncoder(wire.Options{Dictionary: wire.DefaultDictionary, Zstd: true})
	unit := func(u wire.Unit) []byte {
		u.Origin, u.Incarnation, u.First, u.Last = 1, 1, true, true
		payload, err := enc.Append(nil, &u)
		if err != nil {
			f.Fatal(err)
		}
		return part(wire.TypeUnit, payload)
	}
	records := []record.Record{{Key: login(1), Version: 1}, {Key: flowKey(2), Version: 3}}
	repair, _ := enc.AppendRepair(nil, &wire.Repair{At: at, First: true, Last: true})
	f.Add(script(unit(wire.Unit{Reset: true, To: 3, Records: records}), part(wire.TypeDigest, (&wire.Digest{At: at}).Append(nil)), part(wire.TypeRepair, repair)))
	f.Add(script(unit(wire.Unit{Reset: true, To: 3, Records: records, Deps: []wire.At{{Slot: 2, Incarnation: 1, Version: 9}}}),
		unit(wire.Unit{From: 3, To: 5, Records: []record.Record{{Key: login(1), Version: 5, Gone: true}}})))
	f.Add(script(unit(wire.Unit{Reset: true, To: 3}), unit(wire.Unit{Express: true, To: 9, Records: []record.Record{{Key: login(7), Version: 9}}})))
	f.Add(script(part(wire.TypeWant, (&wire.Want{Streams: []wire.At{{Slot: 0, Version: 1}, {Slot: 2}}}).Append(nil)),
		part(wire.TypeBuckets, (&wire.Buckets{At: wire.At{Slot: 0, Incarnation: 1}}).Append(nil))))
	f.Add(script(part(wire.TypeAck, (&wire.Ack{Sequence: 1, Positions: []wire.Position{{Slot: 0, Incarnation: 1, Applied: [2]uint64{9, 9}}}}).Append(nil)),
		part(wire.TypeHeartbeat, (&wire.Heartbeat{Stamp: 1, Echo: 1, Positions: []wire.Position{{Slot: 2, Incarnation: 7}}}).Append(nil)), part(wire.TypeBye, (&wire.Bye{}).Append(nil))))
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t, func(c *Config) { c.Settings.RecordsMax = 1000 }, "a", "b", "c")
		e := w.engines["a"]
		for i := range uint64(20) {
			w.put("a", record.Lane(i%3), login(i), i)
		}
		s := newStranger(t, e, "b").greeted()
		for now := int64(2); len(script) > 3; now += 10 * ms {
			n := min(int(script[1])|int(script[2])<<8, len(script)-3)
			err := s.conn.Receive(now, s.frame(wire.Type(script[0]), script[3:3+n]))
			script = script[3+n:]
			for said := 0; ; said++ {
				if frame, _ := s.conn.Next(now, nil); len(frame) == 0 {
					break
				}
				if said > 1000 {
					t.Fatal("it does not stop talking")
				}
			}
			e.Tick(now)
			if err != nil {
				break
			}
		}
		e.Peers(1e9)
		s.conn.Close(1e9)
	})
}
