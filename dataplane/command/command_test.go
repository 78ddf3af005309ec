package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"

	"fcredirect/dataplane/shm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// segment is a data plane's, with a server on it, and what a client maps of it.
func segment(t testing.TB) (*shm.Segment, *Server, *Client) {
	t.Helper()
	dir := t.TempDir()
	state := append(StateRegions(), shm.RegionSpec{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1})
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "n", TSCHz: 1e9, State: state, Ctl: CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(seg.State, seg.Ctl)
	file, err2 := shm.Open(filepath.Join(dir, "state"), false)
	ctl, err3 := shm.Open(filepath.Join(dir, "ctl"), true)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close(); file.Close(); ctl.Close() })
	return seg, server, New(file, ctl)
}

// serve polls until the test ends.
func serve(t testing.TB, s *Server) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-tick.C:
				s.Poll(now.UnixNano())
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-ended })
}

func codeOf(err error) Code {
	e := (*Error)(nil)
	if errors.As(err, &e) {
		return e.Code
	}
	return OK
}

func TestManyClientsGetTheirOwnAnswers(t *testing.T) {
	_, server, client := segment(t)
	server.Handle(OpCapture, func(t Ticket, request []byte) { server.Answer(t, request) })
	server.Handle(OpRevert, func(t Ticket, request []byte) { server.Refuse(t, Full, string(request)) })
	serve(t, server)
	var all sync.WaitGroup
	for i := range 3 * slots {
		all.Go(func() {
			for n := range 5 {
				request := strings.Repeat(fmt.Sprint(i, n, " "), n*80)
				got, err := client.Do(t.Context(), OpCapture, []byte(request))
				if err != nil || string(got) != request {
					t.Errorf("%d bytes of %d: %v", len(got), len(request), err)
				}
			}
			if _, err := client.Do(t.Context(), OpRevert, []byte("why")); codeOf(err) != Full || err.Error() != "why" {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	if _, err := client.Do(t.Context(), OpInstall, nil); codeOf(err) != Unknown {
		t.Errorf("%v", err)
	}
	if _, err := client.Do(t.Context(), OpCapture, make([]byte, MaxRequest+1)); codeOf(err) != Malformed {
		t.Errorf("%v", err)
	}
}

func TestAnAnswerMayComeLater(t *testing.T) {
	_, server, client := segment(t)
	tickets := make(chan Ticket, 1)
	server.Handle(OpCapture, func(t Ticket, _ []byte) { tickets <- t })
	answers := make(chan string, 1)
	go func() {
		got, err := client.Do(t.Context(), OpCapture, nil)
		answers <- fmt.Sprint(string(got), err)
	}()
	now := int64(0)
	var ticket Ticket
	for ticket.ID == 0 {
		server.Poll(now)
		select {
		case ticket = <-tickets:
		default:
		}
	}
	now += 10 * int64(lease) // the slot is not taken back while its request is under way
	server.Poll(now)
	server.Answer(ticket, []byte("late"))
	server.Answer(ticket, []byte("twice"))
	if got := <-answers; got != "late<nil>" {
		t.Error(got)
	}
}

func TestSlotsOfDeadClientsAreTakenBack(t *testing.T) {
	seg, server, client := segment(t)
	server.Handle(OpCapture, func(t Ticket, _ []byte) { server.Answer(t, nil) })
	places := shm.Items[slot](seg.Ctl, RegionCommands)
	for i := range places { // died with a claimed slot, half of them with an answered request
		places[i].Owner = uint64(i + 1)
		if i%2 == 0 {
			post(&places[i], places[i].Owner, OpCapture, nil)
		}
	}
	for now := int64(1); now < 10; now++ {
		server.Poll(now)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.Do(ctx, OpCapture, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	server.Poll(int64(lease) + 20)
	serve(t, server)
	if _, err := client.Do(t.Context(), OpCapture, nil); err != nil {
		t.Fatal(err)
	}
}

func TestAClientThatGivesUpLeavesItsSlot(t *testing.T) {
	_, server, client := segment(t)
	for range 2 * slots {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("enough"))
		if _, err := client.Do(ctx, OpCapture, nil); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Fatalf("%v", err)
		}
		cancel()
	}
	server.Handle(OpCapture, func(t Ticket, _ []byte) { server.Answer(t, nil) })
	serve(t, server)
	if _, err := client.Do(t.Context(), OpCapture, nil); err != nil {
		t.Fatal(err)
	}
}

func TestRequestsWithoutAnAnswerDoNotKeepOthersOut(t *testing.T) {
	_, server, client := segment(t)
	var held []Ticket
	server.Handle(OpDeleteFlow, func(t Ticket, _ []byte) { held = append(held, t) })
	server.Handle(OpConfirm, func(t Ticket, _ []byte) { server.Answer(t, []byte("done")) })
	now := int64(1)
	hold := func(id uint64) {
		for i := range server.slots {
			server.slots[i].Owner = id + uint64(i)
			post(&server.slots[i], id+uint64(i), OpDeleteFlow, nil)
		}
		for range slots {
			now++
			server.Poll(now)
		}
	}
	confirmed := func() {
		t.Helper()
		answered := make(chan error, 1)
		go func() { _, err := client.Do(t.Context(), OpConfirm, nil); answered <- err }()
		for {
			select {
			case err := <-answered:
				if err != nil {
					t.Error(err)
				}
				return
			case <-time.After(time.Millisecond):
				now++
				server.Poll(now)
			}
		}
	}
	hold(100) // and their clients give up
	for i := range server.slots {
		server.slots[i].Owner = 0
	}
	confirmed()
	for _, ticket := range held { // too late
		server.Answer(ticket, []byte("deleted"))
	}
	hold(200) // and their clients die
	now += int64(patience)
	for range 2 { // they are given up, and their slots taken back
		server.Poll(now)
		now += int64(lease) + 1
	}
	confirmed()
	if len(held) != 2*slots {
		t.Errorf("%d requests were taken up", len(held))
	}
}

func TestARestartIsNoticedByWhoWaits(t *testing.T) {
	seg, _, client := segment(t)
	places := shm.Items[slot](seg.Ctl, RegionCommands)
	var restart sync.WaitGroup
	defer restart.Wait()
	restart.Go(func() {
		for ; ; time.Sleep(time.Millisecond) {
			for i := range places {
				if atomic.LoadUint64(&places[i].Posted) != 0 {
					atomic.StoreUint64(&places[i].Owner, 0) // as a warm start clears it
					return
				}
			}
		}
	})
	if _, err := client.Do(t.Context(), OpCapture, nil); codeOf(err) != Gone {
		t.Fatalf("%v", err)
	}
}

// The collector is off in the data plane.
func TestTheServerDoesNotAllocate(t *testing.T) {
	seg, server, _ := segment(t)
	server.Handle(OpCapture, func(t Ticket, request []byte) { server.Answer(t, request) })
	server.Handle(OpRevert, func(t Ticket, request []byte) { server.Refuse(t, Busy, "another change is being made") })
	places := shm.Items[slot](seg.Ctl, RegionCommands)
	id, body := uint64(100), make([]byte, MaxRequest)
	if allocs := testing.AllocsPerRun(200, func() {
		for i := range places {
			id++
			places[i].Owner = id
			post(&places[i], id, Op([]Op{OpCapture, OpRevert, 9, 99}[i%4]), body[:int(id)%len(body)])
		}
		for range slots {
			server.Poll(int64(id))
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestOffsetsOfSharedStructsStay(t *testing.T) {
	for name, got := range map[string][2]uintptr{
		"slot":               {unsafe.Sizeof(slot{}), 64 + MaxRequest},
		"slot.Body":          {unsafe.Offsetof(slot{}.Body), 64},
		"reply":              {unsafe.Sizeof(reply{}), 4096},
		"reply.Body":         {unsafe.Offsetof(reply{}.Body), 64},
		"Record":             {unsafe.Sizeof(Record{}), 512},
		"Record.Boot":        {unsafe.Offsetof(Record{}.Boot), 40},
		"Record.Slot":        {unsafe.Offsetof(Record{}.Slot), 192},
		"Record.Last":        {unsafe.Offsetof(Record{}.Last), 216},
		"Page":               {unsafe.Sizeof(Page{}), 1408},
		"Page.Records":       {unsafe.Offsetof(Page{}.Records), 64},
		"Page.Folder":        {unsafe.Offsetof(Page{}.Folder), 1088},
		"InstallRequest":     {unsafe.Sizeof(InstallRequest{}), 48},
		"InstallRequest.doc": {unsafe.Offsetof(InstallRequest{}.Document), 16},
		"FlowRequest":        {unsafe.Sizeof(FlowRequest{}), 24},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, pinned at %d: raise shm.ABI and the pin together", name, got[0], got[1])
		}
	}
}

// FuzzHostileCtl lets somebody write anything into ctl between polls: the server neither panics nor waits, and never hands
// a handler a request whose sum is wrong.
func FuzzHostileCtl(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte(strings.Repeat("\x01\x00\x00\x00\xff\xff\xff\xff", 40)))
	seg, server, _ := segment(f)
	memory := seg.Ctl.Bytes(RegionCommands)
	handled := 0
	server.Handle(OpInstall, func(t Ticket, request []byte) {
		handled++
		if _, ok := Decode[InstallRequest](request); !ok {
			server.Refuse(t, Malformed, "size")
		} // the others are never answered: their slots stay open
	})
	now := int64(0)
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) >= 3 { // where, how far, what
			at := (int(b[0])<<8 | int(b[1])) * 7 % len(memory)
			n := copy(memory[at:], b[2:min(len(b), 2+64)])
			b = b[2+n:]
			now += int64(lease) / 3
			server.Poll(now)
		}
		clear(memory)
		server.Poll(now)
		clear(server.at[:])
	})
}
