package engine

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

const (
	hostName  = 0x20000002fc010001
	arrayName = 0x20000002fc010002
)

// logIn shows the data plane a PLOGI of a port that has a name.
func (m *machine) logIn(port int, from, to frame.FCID, name frame.WWN) {
	m.t.Helper()
	m.els(port, from, to, loginPayload(name))
}

// logOut shows it a LOGO.
func (m *machine) logOut(port int, from, to frame.FCID, name frame.WWN) {
	m.t.Helper()
	p := []byte{byte(frame.ELSLOGO), 0, 0, 0, 0, byte(from >> 16), byte(from >> 8), byte(from)}
	m.els(port, from, to, binary.BigEndian.AppendUint64(p, uint64(name)))
}

func (m *machine) els(port int, from, to frame.FCID, payload []byte) {
	m.t.Helper()
	request := frame.AppendFCoE(nil, &frame.Header{
		Dst: frame.FPMA(0x0efd00, to), Src: frame.FPMA(0x0efd00, from), SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: frame.RCtlELSRequest, FCtl: 0x290000, Type: frame.TypeELS, SID: from, DID: to, RXID: 0xffff,
	}, payload)
	if err := m.in[port].Enqueue(request); err != nil {
		m.t.Fatal(err)
	}
	if err := m.swallow(1-port, 1); err != nil {
		m.t.Fatal(err)
	}
}

// flows waits until the flows are as they should be.
func (m *machine) flows(what string, enough func([]report.Flow) bool) {
	m.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		list := report.Flows(m.file)
		if enough(list) {
			return
		}
		if time.Now().After(deadline) {
			logins, _ := report.Logins(m.file)
			m.t.Fatalf("never %s: %+v, with %+v", what, list, logins)
		}
	}
}

func oneStatic(list []report.Flow) bool {
	return len(list) == 1 && list[0].Static && list[0].Verdict == "redirect" && list[0].Rule == "all" && list[0].FramesOut <= 1 // the login itself
}

func TestAFlowStandsBeforeItsFirstFrameAndUntilItIsDeleted(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	m := startMachine(t, dir, state)
	m.install(1, steerAll, 0)
	wanted := command.Flow{Initiator: hostName, Target: arrayName}
	for range 2 { // twice is the same as once
		if err := m.client.CreateFlow(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
	}
	m.logIn(0, 1, 2, hostName)
	if got := report.Flows(m.file); len(got) != 0 {
		t.Fatalf("one end is logged in: %+v", got)
	}
	m.logIn(1, 2, 1, arrayName)
	m.flows("made ahead", oneStatic)
	events := listen(t, dir, feed.Event)
	events.until("the flow made ahead", func(item *feed.Item) bool {
		return item.Header().Type == feed.FlowCreated && item.Flow().Frames <= 1 && item.Flow().Initiator == hostName
	})

	if err := errors.Join(m.stop(), m.engine.Close()); err != nil {
		t.Fatal(err)
	}
	m = startMachine(t, dir, state)
	m.flows("there after a warm start", oneStatic)
	if got := m.goes(); got != "service" {
		t.Fatalf("its first frame went to %q", got)
	}

	events = listen(t, dir, feed.Event)
	if err := m.client.DeleteFlow(t.Context(), wanted); err != nil {
		t.Fatal(err)
	}
	m.flows("deleted", func(list []report.Flow) bool { return len(list) == 0 })
	events.until("its end with final totals", func(item *feed.Item) bool {
		return item.Header().Type == feed.FlowEnded && item.Flow().Frames == 2
	})
	m.flows("made anew by a frame", func(list []report.Flow) bool {
		if len(list) == 0 {
			m.goes() // a flow is told to end twice, and the second time may come behind a frame
		}
		return len(list) == 1 && !list[0].Static && list[0].FramesOut >= 1
	})
	for range 2 { // not created ahead, and then not there at all
		if err := m.client.DeleteFlow(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		m.flows("deleted", func(list []report.Flow) bool { return len(list) == 0 })
	}
	wrong := (*command.Error)(nil)
	if err := m.client.CreateFlow(t.Context(), command.Flow{Initiator: hostName, Target: hostName}); !errors.As(err, &wrong) || wrong.Code != command.Malformed {
		t.Errorf("%v", err)
	}
}

func TestAFlowMadeAheadFollowsALoginToAnotherAddress(t *testing.T) {
	m := startMachine(t, t.TempDir(), t.TempDir())
	if err := m.client.CreateFlow(t.Context(), command.Flow{Initiator: hostName, Target: arrayName}); err != nil {
		t.Fatal(err)
	}
	m.logIn(0, 1, 2, hostName)
	m.logIn(1, 2, 1, arrayName)
	m.flows("made", func(list []report.Flow) bool { return len(list) == 1 && list[0].InitiatorID == "0x000001" })
	m.logOut(1, frame.FabricLogin, 1, hostName) // by the fabric
	m.logIn(0, 5, 2, hostName)
	m.flows("where the host is now", func(list []report.Flow) bool {
		at := map[string]bool{}
		for _, f := range list {
			at[f.InitiatorID] = f.Static
		}
		return at["0x000005"] && !at["0x000001"]
	})
}

// What cannot be noted is refused, and what a full ring does not take is done later.
func TestWishesAreBounded(t *testing.T) {
	e := steppedOf(t, onePair+"rings: {state: 64, events: 64}\n", nil)
	for i := range e.ahead.wishes {
		e.ahead.wishes[i].Put(0, 0, uint64(i+1), uint64(i+2))
	}
	e.ahead.top, e.ahead.left = len(e.ahead.wishes), len(e.ahead.wishes)
	for n := range uint64(3) {
		l := login.Login{Addr: login.At(0, 0, frame.FCID(n+1)), WWPN: frame.WWN(n + 1), Port: uint8(n % 2), State: login.Live}
		e.control.logins.Put(&l)
	}
	e.createFlow(command.Ticket{}, &command.FlowRequest{Initiator: 1 << 40, Target: 7})
	if got := len(e.ahead.wishes); e.ahead.top != got || got != flow.MaxWishes {
		t.Errorf("%d of %d", e.ahead.top, got)
	}
	if allocs := testing.AllocsPerRun(200, e.lookAhead); allocs != 0 {
		t.Errorf("%v allocations per look", allocs)
	}
	if e.ahead.left != 0 {
		t.Errorf("%d of %d were not looked at", e.ahead.left, e.ahead.top)
	}
	if shm.Items[flow.Wish](e.seg.State, flow.RegionWishes)[0].Key != 0 {
		t.Error("a wish was fulfilled that the learner knows nothing of") // the table was filled behind its back
	}
}
