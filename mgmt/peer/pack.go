package peer

import (
	"hash/fnv"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/mgmt/peer/record"
)

// How the words of records are made of what the data plane says, and back:
//
//	LoginMAC        MAC << 16 | port << 8 | state
//	LoginFunctions  keep-alive period in ms << 32 | flags << 24 | how << 16 | observed << 8 | claimed
//	FlowVerdict     rule << 32 | (service + 1) << 20 | port << 12 | orientation << 8 | state << 4 | action
//
// Rules and services are told by their index: nodes that keep each other in step have one policy, which a fact names.

// Facts about a node, by their number.
const (
	FactABI      = 1 + iota // of its segment
	FactEpoch               // of its segment: the content
	FactPolicy              // first 8 bytes of the active policy's hash
	FactRevision            // of the active configuration
	FactAlive               // 1: its data plane runs
	FactReady               // 1: it could take over for its partner now
	FactWindow              // 1: a revision waits to be confirmed
	FactPorts               // a hash of how its ports are laid out
	numFacts
)

func packMAC(m frame.MAC) (v uint64) {
	for _, b := range m {
		v = v<<8 | uint64(b)
	}
	return v
}

func unpackMAC(v uint64) (m frame.MAC) {
	for i := range m {
		m[i] = byte(v >> (8 * (len(m) - 1 - i)))
	}
	return m
}

// packLogin writes a login's fields. What an item does not have comes from the table, where it is still there.
func packLogin(fields []uint64, i *feed.LoginItem, table *login.Login) {
	var enode, fcf frame.MAC
	var keepAlive time.Duration
	if table != nil {
		enode, fcf, keepAlive = table.ENode, table.FCF, table.KeepAlive
	}
	fields[record.LoginWWPN], fields[record.LoginWWNN] = i.WWPN, i.WWNN
	fields[record.LoginMAC] = packMAC(i.MAC)<<16 | uint64(i.Port)<<8 | uint64(i.Status)
	fields[record.LoginENode], fields[record.LoginFCF] = packMAC(enode), packMAC(fcf)
	fields[record.LoginFunctions] = uint64(uint32(keepAlive.Milliseconds()))<<32 | uint64(i.Flags2)<<24 | uint64(i.How)<<16 | uint64(i.Observed)<<8 | uint64(i.Claimed)
	fields[record.LoginFirstSeen], fields[record.LoginLastSeen] = uint64(i.FirstSeen), uint64(i.LastSeen)
}

// loginOf is the login that a record is about. Its ports are those of its origin.
func loginOf(r *record.Record) login.Login {
	f := &r.Fields
	return login.Login{
		Addr: login.Addr(r.ID), WWPN: frame.WWN(f[record.LoginWWPN]), WWNN: frame.WWN(f[record.LoginWWNN]), MAC: unpackMAC(f[record.LoginMAC] >> 16),
		ENode: unpackMAC(f[record.LoginENode]), FCF: unpackMAC(f[record.LoginFCF]), Port: uint8(f[record.LoginMAC] >> 8), State: login.State(f[record.LoginMAC]),
		Claimed: login.Functions(f[record.LoginFunctions]), Observed: login.Functions(f[record.LoginFunctions] >> 8), How: login.How(f[record.LoginFunctions] >> 16),
		Flags: login.Flags(f[record.LoginFunctions] >> 24), KeepAlive: time.Duration(f[record.LoginFunctions]>>32) * time.Millisecond,
		FirstSeen: int64(f[record.LoginFirstSeen]), LastSeen: int64(f[record.LoginLastSeen]),
	}
}

// verdict is what becomes of a direction, in one word.
type verdict uint64

func packVerdict(i *feed.FlowItem) verdict {
	return verdict(uint64(uint32(i.Rule))<<32 | uint64(i.Service+1)&0xfff<<20 | uint64(i.InPort)<<12 | uint64(i.Orient)&0xf<<8 | uint64(i.State)&0xf<<4 | uint64(i.Action)&0xf)
}

func (v verdict) rule() int32         { return int32(v >> 32) }
func (v verdict) service() int        { return int(v>>20&0xfff) - 1 }
func (v verdict) port() uint8         { return uint8(v >> 12) }
func (v verdict) orient() flow.Orient { return flow.Orient(v >> 8 & 0xf) }
func (v verdict) state() feed.State   { return feed.State(v >> 4 & 0xf) }
func (v verdict) action() uint8       { return uint8(v & 0xf) }

// packFlow writes who a direction is between and what becomes of it; wall turns the data plane's ticks into ns since 1970.
func packFlow(fields []uint64, i *feed.FlowItem, wall func(tsc uint64) int64) {
	fields[record.FlowSerial], fields[record.FlowInitiator], fields[record.FlowTarget] = i.Serial, i.Initiator, i.Target
	fields[record.FlowVerdict] = uint64(packVerdict(i))
	fields[record.FlowGeneration], fields[record.FlowCreated] = uint64(i.Generation), uint64(wall(i.Created))
}

func packCount(fields []uint64, i *feed.FlowItem, wall func(tsc uint64) int64) {
	fields[record.CountSerial], fields[record.CountFrames], fields[record.CountBytes] = i.Serial, i.Frames, i.Bytes
	fields[record.CountErrors], fields[record.CountLastSeen] = uint64(i.Errors), uint64(wall(i.LastSeen))
}

// serviceKey is the record of the service of a name.
func serviceKey(name string) record.Key {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return record.Key{Kind: record.Service, ID: h.Sum64()}
}

func packService(fields []uint64, name string, usable bool, since int64) {
	var text [8 * record.ServiceUsable]byte
	copy(text[:], name)
	for i := range record.ServiceUsable {
		for _, b := range text[8*i : 8*i+8] {
			fields[record.ServiceName+i] = fields[record.ServiceName+i]<<8 | uint64(b)
		}
	}
	fields[record.ServiceUsable], fields[record.ServiceSince] = 0, uint64(since)
	if usable {
		fields[record.ServiceUsable] = 1
	}
}

// serviceName is the name that packService wrote.
func serviceName(r *record.Record) string {
	var text []byte
	for i := range record.ServiceUsable {
		for b := 56; b >= 0; b -= 8 {
			c := byte(r.Fields[record.ServiceName+i] >> b)
			if c == 0 {
				return string(text)
			}
			text = append(text, c)
		}
	}
	return string(text)
}
