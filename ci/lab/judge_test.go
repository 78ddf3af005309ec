package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Addresses of the two hosts of these tests, once they have their FC_IDs.
var (
	addressA = [6]byte{0x0e, 0xfd, 0, 0, 0, 1}
	addressB = [6]byte{0x0e, 0xfd, 0, 0, 0, 10}
	addressC = [6]byte{0x0e, 0xfd, 0, 0, 0, 2}
	serviceS = [6]byte{0x02, 0xfc, 0x5e, 0, 0, 1}
)

// fcpFrame makes an FCP command frame as the standard has it, with a number in its payload to tell frames apart.
func fcpFrame(dst, src [6]byte, vlan int, number byte) []byte {
	b := append(append([]byte{}, dst[:]...), src[:]...)
	if vlan != 0 {
		b = append(b, 0x81, 0, byte(vlan>>8), byte(vlan))
	}
	b = append(b, 0x89, 0x06)
	b = append(b, make([]byte, 13)...)
	b = append(b, 0x2e)
	start := len(b)
	b = append(b, 0x06, dst[3], dst[4], dst[5], 0, src[3], src[4], src[5], 0x08, 0x29, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0)
	payload := make([]byte, 32)
	payload[31] = number
	b = append(b, payload...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
	return append(b, 0x42, 0, 0, 0)
}

func writeCapture(t *testing.T, path string, frames ...[]byte) {
	t.Helper()
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, []uint32{0xa1b2c3d4, 2 | 4<<16, 0, 0, 65536, 1})
	for i, f := range frames {
		binary.Write(&b, binary.LittleEndian, []uint32{1700000000, uint32(i), uint32(len(f)), uint32(len(f))})
		b.Write(f)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func twoHosts(vlan int) *Scenario {
	return &Scenario{VLAN: vlan, Hosts: []Host{{Name: "a", MAC: "02:fc:01:00:00:01"}, {Name: "b", MAC: "02:fc:0a:00:00:0a"}}}
}

// changed returns a copy of a frame with one payload bit flipped.
func changed(frame []byte) []byte {
	c := bytes.Clone(frame)
	c[len(c)-10] ^= 1
	return c
}

func TestCrossingIsUnchangedOnlyIfEveryFrameArrivesOnce(t *testing.T) {
	one, two := fcpFrame(addressB, addressA, 0, 1), fcpFrame(addressB, addressA, 0, 2)
	back, stranger := fcpFrame(addressA, addressB, 0, 3), fcpFrame(serviceS, addressA, 0, 4)
	frames := func(f ...[]byte) [][]byte { return f }
	for _, c := range []struct {
		name           string
		sent, received [][]byte // by a, by b; b also sends `back`, which a receives
		want           string
	}{
		{"all arrived", frames(one, two), frames(one, two), ""},
		{"order is not judged", frames(one, two), frames(two, one), ""},
		{"a retry is a frame of its own", frames(one, one), frames(one, one), ""},
		{"one is lost", frames(one, two), frames(one), "1 did not arrive as they were; 0 arrived"},
		{"one comes twice", frames(one, two), frames(one, two, two), "0 did not arrive as they were; 1 arrived"},
		{"a bit is flipped", frames(one, two), frames(one, changed(two)), "1 did not arrive as they were; 1 arrived"},
		{"frames for others that a switch floods are not counted", frames(one), frames(one, stranger), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, sc := t.TempDir(), twoHosts(0)
			writeCapture(t, sentCapture(dir, &sc.Hosts[0]), c.sent...)
			writeCapture(t, receivedCapture(dir, &sc.Hosts[1]), c.received...)
			writeCapture(t, sentCapture(dir, &sc.Hosts[1]), back)
			writeCapture(t, receivedCapture(dir, &sc.Hosts[0]), back)
			tr, err := readTraffic(sc, dir)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, tr.unchanged(), c.want)
		})
	}
}

// expect fails unless err contains want, or is nil when want is empty.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("judged %v, want %q", err, want)
	}
}

func TestTrafficMustBeThereAndInTheScenariosVLAN(t *testing.T) {
	beacon := append([]byte{1, 0x10, 0x18, 1, 0, 4, 0x0e, 0xfd, 0, 0, 0, 1, 0x89, 0x14}, make([]byte, 46)...)
	for _, c := range []struct {
		name string
		vlan int
		sent []byte
		want string
	}{
		{"no FCP frame proves nothing", 0, beacon, "no FCP frame"},
		{"a missing tag is noticed", 100, fcpFrame(addressB, addressA, 0, 1), "1 do not carry"},
		{"another tag is noticed", 100, fcpFrame(addressB, addressA, 101, 1), "1 do not carry"},
		{"a tag where none belongs is noticed", 0, fcpFrame(addressB, addressA, 100, 1), "1 do not carry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, sc := t.TempDir(), twoHosts(c.vlan)
			for i := range sc.Hosts {
				writeCapture(t, sentCapture(dir, &sc.Hosts[i]), [][]byte{c.sent}[i:]...)
				writeCapture(t, receivedCapture(dir, &sc.Hosts[i]))
			}
			_, err := readTraffic(sc, dir)
			expect(t, err, c.want)
		})
	}
}

func TestServicesMustSeeEachFrameOnce(t *testing.T) {
	one, two := fcpFrame(addressB, addressA, 100, 1), fcpFrame(addressB, addressA, 100, 2)
	steered := func(frame []byte) []byte { return append(append([]byte{}, serviceS[:]...), frame[6:]...) }
	elsewhere := fcpFrame(addressB, addressC, 100, 3)
	other := append(append(serviceS[:], addressA[:]...), make([]byte, 48)...)
	frames := func(f ...[]byte) [][]byte { return f }
	for _, c := range []struct {
		name    string
		want    Seen
		arrived [][]byte
		counted string // the part of the count file
		err     string
	}{
		{"each once", SeenOnce, frames(steered(one), steered(two)), `{"frames": 2}`, ""},
		{"one went round it", SeenOnce, frames(steered(one)), `{"frames": 1}`, "1 did not reach"},
		{"one came twice", SeenOnce, frames(steered(one), steered(two), steered(two)), `{"frames": 3}`, "1 reached one that nobody"},
		{"one was changed", SeenOnce, frames(steered(one), steered(changed(two))), `{"frames": 2}`, "1 did not reach"},
		{"something else came, too", SeenOnce, frames(steered(one), steered(two), other), `{"frames": 2}`, "1 other frames"},
		{"a frame of another flow came, too", SeenOnce, frames(steered(one), steered(two), steered(elsewhere)), `{"frames": 3}`, "of other flows"},
		{"the service counts another number than came", SeenOnce, frames(steered(one), steered(two)), `{"frames": 1}`, "counted 1"},
		{"the service counts a duplicate", SeenOnce, frames(steered(one), steered(two)), `{"frames": 2, "duplicates": 1}`, "1 duplicates"},
		{"the service counts a bad CRC", SeenOnce, frames(steered(one), steered(two)), `{"frames": 2, "bad_crc": 1}`, "1 bad CRCs"},
		{"nothing, as wanted", SeenNothing, nil, `{}`, ""},
		{"something, and nothing wanted", SeenNothing, frames(steered(one)), `{"frames": 1}`, "want none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, sc := t.TempDir(), twoHosts(100)
			sc.Expect.Flows = []Flow{{"a", "b", "redirect"}}
			writeCapture(t, sentCapture(dir, &sc.Hosts[0]), one, two, elsewhere)
			writeCapture(t, receivedCapture(dir, &sc.Hosts[1]), one, two)
			writeCapture(t, sentCapture(dir, &sc.Hosts[1]))
			writeCapture(t, receivedCapture(dir, &sc.Hosts[0]))
			s := &service{spec: &Service{Port: "svc0"}, capture: filepath.Join(dir, "svc0.pcap"), countFile: filepath.Join(dir, "svc0.json")}
			writeCapture(t, s.capture, c.arrived...)
			if err := os.WriteFile(s.countFile, fmt.Appendf(nil, `{"fcp": %s}`, c.counted), 0o644); err != nil {
				t.Fatal(err)
			}
			tr, err := readTraffic(sc, dir)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, tr.services(c.want, []*service{s}), c.err)
		})
	}
}

func TestCapturesOfAnotherKindAreRefusedAndCutOnesReadToTheCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.pcap")
	count := func() (n int, err error) {
		err = readCapture(path, func([]byte) { n++ })
		return n, err
	}
	writeCapture(t, path, fcpFrame(addressB, addressA, 0, 1), fcpFrame(addressB, addressA, 0, 2))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		content []byte
		frames  int
		err     string
	}{
		{"whole", whole, 2, ""},
		{"cut in the last frame", whole[:len(whole)-1], 1, ""},
		{"cut in a record's header", whole[:24+16+92+7], 1, ""},
		{"a frame that was not stored whole", bytes.Replace(whole, []byte{92, 0, 0, 0, 92, 0, 0, 0}, []byte{92, 0, 0, 0, 93, 0, 0, 0}, 1), 0, "stored with"},
		{"another format", []byte("\n\r\r\n" + strings.Repeat("x", 40)), 0, "not a little-endian"},
		{"an empty file", nil, 0, "not a little-endian"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, c.content, 0o644); err != nil {
				t.Fatal(err)
			}
			n, err := count()
			if n != c.frames {
				t.Errorf("%d frames, want %d", n, c.frames)
			}
			expect(t, err, c.err)
		})
	}
}

func TestTsharkFindsABadCRCAndATruncatedFrame(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	dir := t.TempDir()
	received, sent := filepath.Join(dir, "received.pcap"), filepath.Join(dir, "sent.pcap")
	good := fcpFrame(addressB, addressA, 100, 1)
	writeCapture(t, received, good, good)
	writeCapture(t, sent, fcpFrame(addressA, addressB, 100, 2))
	if err := judgeForm(t.Context(), received, sent); err != nil {
		t.Errorf("good frames: %v", err)
	}
	writeCapture(t, received, good, changed(good), good)
	expect(t, judgeForm(t.Context(), received, sent), "finds 1 bad frames")
	writeCapture(t, received, good, good[:len(good)-40])
	expect(t, judgeForm(t.Context(), received, sent), "finds 1 bad frames")
}

func TestASecondLoginIsSeen(t *testing.T) {
	els := func(command byte, from, to uint32) frameKind {
		frame := make([]byte, 14+14+fcBytes+4)
		binary.BigEndian.PutUint16(frame[12:], etherTypeFCoE)
		h := frame[12+fcOffset:]
		binary.BigEndian.PutUint32(h, uint32(rctlELS)<<24|to)
		binary.BigEndian.PutUint32(h[4:], from)
		h[8], h[fcBytes] = 1, command
		return kindOf(frame)
	}
	tr := &traffic{logins: map[uint64]int{}}
	if tr.loggedInOnce() == nil {
		t.Error("nobody logged in, and that is right")
	}
	for _, k := range []frameKind{els(elsFLOGI, 1, 0xfffffe), els(elsPLOGI, 1, 10), els(elsPLOGI, 10, 1), els(0x13, 1, 10)} {
		if k.login != 0 {
			tr.logins[k.login]++
		}
	}
	if err := tr.loggedInOnce(); err != nil || len(tr.logins) != 3 {
		t.Errorf("%v, %v", err, tr.logins)
	}
	tr.logins[els(elsPLOGI, 1, 10).login]++
	if err := tr.loggedInOnce(); err == nil || !strings.Contains(err.Error(), "000001 logged in at 00000a 2 times (ELS 03)") {
		t.Errorf("%v", err)
	}
}

func TestAPauseIsJudgedBesideTheControl(t *testing.T) {
	for _, c := range []struct {
		name, worst, dark string
		step              Step
		says              string
	}{
		{"within what is allowed", "3900", "900", Step{Worst: 4 * time.Second, Dark: time.Second}, ""},
		{"too long", "4100", "0", Step{Worst: 4 * time.Second}, "the longest command took 4.1s"},
		{"dark for too long", "10", "1100", Step{Dark: time.Second}, "slow for 1.1s"},
		{"as the control", "120", "0", Step{Beside: true}, ""},
		{"a pause", "3000", "0", Step{Beside: true}, "the longest command took 3s"},
		{"no answer", "", "0", Step{}, `worst_ms is ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &run{Lab: &Lab{Log: t.Logf}, calm: answer{"worst_ms": "100", "dark_ms": "0"}}
			err := r.judgePulse(&c.step, answer{"worst_ms": c.worst, "dark_ms": c.dark})
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	r := &run{Lab: &Lab{Log: t.Logf}}
	if err := r.judgePulse(&Step{Beside: true}, answer{"worst_ms": "1", "dark_ms": "0"}); err == nil {
		t.Error("there was no control")
	}
}
