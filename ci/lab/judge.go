package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"strings"
)

// The captures are judged by the standard's offsets alone, not by dataplane/frame: the lab must not let a codec confirm
// itself. What the offsets cannot tell (CRCs, well-formed contents) is asked of tshark.

// frameKind is what the judge needs to know of a frame.
type frameKind struct {
	dst, src [6]byte
	vlan     int  // of the one tag, 0 without
	fcp      bool // an FC frame of TYPE 8 behind FCoE, with or without one tag
	between  idPair
	login    uint64 // S_ID<<32 | D_ID<<8 | command of a request to log in, 0 for other frames
}

// idPair is two FC_IDs, the lower first: a flow in both directions.
type idPair [2]uint32

func makePair(a, b uint32) idPair { return idPair{min(a, b), max(a, b)} }

const (
	etherTypeVLAN = 0x8100
	etherTypeFCoE = 0x8906
	typeFCP       = 0x08
	// From the EtherType on: 2 bytes and 14 of FCoE header, then the FC header.
	fcOffset = 2 + 14
	fcBytes  = 24

	rctlELS  = 0x22 // extended link service request
	elsPLOGI = 0x03
	elsFLOGI = 0x04
)

func kindOf(frame []byte) (k frameKind) {
	if len(frame) < 14 {
		return k
	}
	copy(k.dst[:], frame)
	copy(k.src[:], frame[6:])
	at := 12
	if binary.BigEndian.Uint16(frame[at:]) == etherTypeVLAN && len(frame) >= 18 {
		k.vlan = int(binary.BigEndian.Uint16(frame[at+2:]) & 0xfff)
		at += 4
	}
	if len(frame) < at+fcOffset+fcBytes || binary.BigEndian.Uint16(frame[at:]) != etherTypeFCoE {
		return k
	}
	header := frame[at+fcOffset:]
	k.fcp = header[8] == typeFCP
	// D_ID and S_ID are the low three bytes of words 0 and 1.
	to, from := binary.BigEndian.Uint32(header)&0xffffff, binary.BigEndian.Uint32(header[4:])&0xffffff
	k.between = makePair(to, from)
	if command := frame[at+fcOffset+fcBytes:]; header[0] == rctlELS && len(command) > 0 && (command[0] == elsPLOGI || command[0] == elsFLOGI) {
		k.login = uint64(from)<<32 | uint64(to)<<8 | uint64(command[0])
	}
	return k
}

// readCapture calls frame for each frame of a capture as QEMU and dumpcap write them: little endian, microseconds. A last record
// that is cut, because the writer was ended, is left out.
func readCapture(path string, frame func(b []byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var head [24]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || binary.LittleEndian.Uint32(head[:]) != 0xa1b2c3d4 {
		return fmt.Errorf("read %s: not a little-endian microsecond capture: %v", path, err)
	}
	var b [1 << 16]byte
	for {
		if _, err := io.ReadFull(r, head[:16]); err != nil {
			return nil
		}
		stored, original := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
		if stored != original || stored > uint32(len(b)) {
			return fmt.Errorf("read %s: a frame of %d bytes is stored with %d", path, original, stored)
		}
		if _, err := io.ReadFull(r, b[:stored]); err != nil {
			return nil
		}
		frame(b[:stored])
	}
}

// tally compares frames on one side with frames on the other, as sets in which a frame may stand several times.
type tally struct {
	seed    maphash.Seed
	balance map[uint64]int // frame's hash -> times put in minus times taken out
}

func newTally() tally { return tally{maphash.MakeSeed(), map[uint64]int{}} }

func (t *tally) put(frame []byte)  { t.balance[maphash.Bytes(t.seed, frame)]++ }
func (t *tally) take(frame []byte) { t.balance[maphash.Bytes(t.seed, frame)]-- }

// rest says how many frames were put in and never taken out, and how many taken out that had not been put in. A frame
// that was changed on its way counts in both.
func (t *tally) rest() (missing, surplus int) {
	for _, n := range t.balance {
		if n > 0 {
			missing += n
		} else {
			surplus -= n
		}
	}
	return missing, surplus
}

// traffic is what the hosts' captures show of FCP frames.
type traffic struct {
	sent, received int
	ofHost         map[string]hostTraffic
	otherVLAN      int            // of those sent: with another tag than the scenario's, or without
	crossing       tally          // sent by some host against received by the host they were for
	redirected     int            // of those sent: of flows that the scenario expects to be redirected
	steered        tally          // these, without the destination address, against what services received
	logins         map[uint64]int // requests to log in, by who sent which to whom
}

// hostTraffic counts all frames of a host, not only FCP.
type hostTraffic struct{ sent, received int }

// readTraffic reads the captures of all hosts.
func readTraffic(sc *Scenario, dir string) (*traffic, error) {
	tr := &traffic{crossing: newTally(), steered: newTally(), ofHost: map[string]hostTraffic{}, logins: map[uint64]int{}}
	redirected := map[idPair]bool{}
	for _, f := range sc.Expect.Flows {
		if f.Verdict == "redirect" {
			redirected[makePair(sc.Host(f.Initiator).fcID(), sc.Host(f.Target).fcID())] = true
		}
	}
	for i := range sc.Hosts {
		// The addresses that a host has used as a source are its own: the NIC's and the one it made of its FC_ID.
		own := map[[6]byte]bool{}
		var all hostTraffic
		err := readCapture(sentCapture(dir, &sc.Hosts[i]), func(b []byte) {
			k := kindOf(b)
			own[k.src] = true
			all.sent++
			if k.login != 0 {
				tr.logins[k.login]++
			}
			if !k.fcp {
				return
			}
			tr.sent++
			if k.vlan != sc.VLAN {
				tr.otherVLAN++
			}
			tr.crossing.put(b)
			if redirected[k.between] {
				tr.redirected++
				tr.steered.put(b[6:])
			}
		})
		if err != nil {
			return nil, err
		}
		err = readCapture(receivedCapture(dir, &sc.Hosts[i]), func(b []byte) {
			all.received++
			// A switch that has not learnt an address yet shows frames to others, too; their cards drop them.
			if k := kindOf(b); k.fcp && own[k.dst] {
				tr.received++
				tr.crossing.take(b)
			}
		})
		if err != nil {
			return nil, err
		}
		tr.ofHost[sc.Hosts[i].Name] = all
	}
	switch {
	case tr.sent == 0:
		return nil, errors.New("the hosts sent no FCP frame")
	case tr.otherVLAN > 0:
		return nil, fmt.Errorf("of %d FCP frames sent, %d do not carry the scenario's VLAN", tr.sent, tr.otherVLAN)
	}
	return tr, nil
}

// unchanged is an error unless every frame arrived once, bit for bit.
func (tr *traffic) unchanged() error {
	if missing, surplus := tr.crossing.rest(); missing+surplus > 0 {
		return fmt.Errorf("of %d FCP frames sent, %d did not arrive as they were; %d arrived that nobody had sent so", tr.sent, missing, surplus)
	}
	return nil
}

// loggedInOnce is an error when a host logged in somewhere a second time: it had noticed something.
func (tr *traffic) loggedInOnce() error {
	if len(tr.logins) == 0 {
		return errors.New("the hosts sent no request to log in")
	}
	for login, n := range tr.logins {
		if n > 1 {
			return fmt.Errorf("%06x logged in at %06x %d times (ELS %02x), want once", login>>32, login>>8&0xffffff, n, login&0xff)
		}
	}
	return nil
}

// serviceCount is the part of the service's count file that is judged.
type serviceCount struct {
	Malformed int `json:"malformed"`
	FCP       struct {
		Frames     int `json:"frames"`
		Duplicates int `json:"duplicates"`
		BadCRC     int `json:"bad_crc"`
	} `json:"fcp"`
}

// services compares what the services were sent with what the hosts sent, and what they counted with both.
func (tr *traffic) services(want Seen, services []*service) error {
	counted, arrived, others := 0, 0, 0
	for _, s := range services {
		count, err := readCount(s.countFile)
		if err != nil {
			return err
		}
		if count.Malformed+count.FCP.Duplicates+count.FCP.BadCRC > 0 {
			return fmt.Errorf("service %s counted %d malformed frames, %d duplicates and %d bad CRCs, want none",
				s.spec.Port, count.Malformed, count.FCP.Duplicates, count.FCP.BadCRC)
		}
		counted += count.FCP.Frames
		err = readCapture(s.capture, func(b []byte) {
			if !kindOf(b).fcp {
				others++
				return
			}
			arrived++
			tr.steered.take(b[6:])
		})
		if err != nil {
			return err
		}
	}
	if counted != arrived {
		return fmt.Errorf("the services counted %d FCP frames, and were sent %d", counted, arrived)
	}
	if want == SeenNothing && arrived+others > 0 {
		return fmt.Errorf("the services were sent %d FCP frames and %d others, want none", arrived, others)
	}
	if want == SeenSome && arrived == 0 {
		return errors.New("the services of the appliance that forwards were sent no FCP frame")
	}
	if want == SeenOnce {
		if tr.redirected == 0 {
			return errors.New("the hosts sent no FCP frame to redirect")
		}
		if missing, surplus := tr.steered.rest(); missing+surplus+others > 0 {
			return fmt.Errorf("of %d FCP frames to redirect, %d did not reach a service as they were; %d reached one that nobody had sent so, or twice, or of other flows; with them came %d other frames",
				tr.redirected, missing, surplus, others)
		}
	}
	return nil
}

func readCount(path string) (count serviceCount, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return count, err
	}
	if err := json.Unmarshal(b, &count); err != nil {
		return count, fmt.Errorf("%s: %w", path, err)
	}
	return count, nil
}

// judgeForm asks tshark for frames among the captures, taken at one place, that are malformed or whose FC CRC is bad. Both
// directions must be there: tshark decodes an answer by the request it has seen with that OX_ID, and takes a wrong one for
// it, and the answer for malformed, when it has seen only half of them.
func judgeForm(ctx context.Context, captures ...string) error {
	merged := strings.TrimSuffix(captures[0], ".pcap") + "+.pcap"
	if _, err := command(ctx, "", "mergecap", append([]string{"-F", "pcap", "-w", merged}, captures...)...); err != nil {
		return err
	}
	defer os.Remove(merged)
	out, err := command(ctx, "", "tshark", "-n", "-r", merged, "-Y", "_ws.malformed || fcoe.crc.status == 0",
		"-T", "fields", "-e", "frame.time_epoch", "-e", "eth.src", "-e", "frame.len", "-e", "fcoe.crc.status", "-e", "_ws.col.Info")
	if err != nil {
		return err
	}
	if out = bytes.TrimSpace(out); len(out) > 0 {
		first, _, _ := bytes.Cut(out, []byte("\n"))
		return fmt.Errorf("%v: tshark finds %d bad frames, the first (time, source, length, CRC status, what): %s",
			captures, bytes.Count(out, []byte("\n"))+1, first)
	}
	return nil
}
