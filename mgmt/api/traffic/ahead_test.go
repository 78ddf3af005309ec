package traffic

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// plane does commands about flows as a data plane would.
type plane struct {
	mu      sync.Mutex
	flows   map[string]bool
	refuse  command.Code
	created int
}

func (w *world) plane() *plane {
	server, err := command.NewServer(w.seg.State, w.seg.Ctl)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &plane{flows: map[string]bool{}}
	name := func(request []byte) string {
		f, ok := command.Decode[command.FlowRequest](request)
		if !ok {
			w.t.Error("a request that is none")
		}
		return flowindex.ID{Fabric: f.Fabric, VSAN: f.VSAN, Initiator: frame.WWN(f.Initiator), Target: frame.WWN(f.Target)}.String()
	}
	do := func(put bool) command.Handler {
		return func(t command.Ticket, request []byte) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.refuse != command.OK {
				server.Refuse(t, p.refuse, "no")
				return
			}
			if delete(p.flows, name(request)); put {
				p.flows[name(request)] = true
				p.created++
			}
			server.Answer(t, nil)
		}
	}
	server.Handle(command.OpCreateFlow, do(true))
	server.Handle(command.OpDeleteFlow, do(false))
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for tick := time.NewTicker(time.Millisecond); ctx.Err() == nil; {
			select {
			case now := <-tick.C:
				server.Poll(now.UnixNano())
			case <-ctx.Done():
				tick.Stop()
			}
		}
	})
	w.t.Cleanup(func() { stop(); running.Wait() })
	return p
}

func (p *plane) has() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := []string{}
	for name := range p.flows {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p *plane) refuses(code command.Code) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = code
}

const aheadID = "0-200-200002fc01000001-500a098000000001"

func TestAFlowIsCreatedAheadAndDeleted(t *testing.T) {
	w := newWorld(t)
	p := w.plane()
	body := `{"vsan":200,"initiator":"host-1","target":"500A098000000001"}`
	status, text, _ := w.do("POST", "/api/v1/flows?dry_run=true", body)
	if status != 200 || !strings.Contains(text, `"waiting"`) || len(p.has()) != 0 || len(w.ahead.Wanted()) != 0 {
		t.Errorf("a dry run: %d %s", status, text)
	}
	status, text, header := w.do("POST", "/api/v1/flows", body)
	var f flowindex.Flow
	if err := json.Unmarshal([]byte(text), &f); status != 201 || err != nil || f.ID != aheadID || f.State != flowindex.Waiting || !f.Static || f.Verdict != "redirect" ||
		f.Policy != "watch" || f.Service != "inspect" || f.InitiatorAlias != "host-1" || header.Get("Location") != "/api/v1/flows/"+aheadID {
		t.Fatalf("%d %s", status, text)
	}
	if got := p.has(); !slices.Equal(got, []string{aheadID}) {
		t.Errorf("the data plane has %v", got)
	}
	w.refuses("POST", "/api/v1/flows", body, problem.AlreadyExists, "")
	w.refuses("POST", "/api/v1/flows?dry_run=true", body, problem.AlreadyExists, "")
	if w.get("/api/v1/flows/"+aheadID, &f); f.State != flowindex.Waiting {
		t.Errorf("%+v", f)
	}
	var page rest.ListBody[AheadFlow]
	if w.get("/api/v1/flows/ahead", &page); len(page.Items) != 1 || page.Items[0].CreatedBy != "alice" {
		t.Errorf("%+v", page)
	}
	for range 2 { // the second time it is not there
		if status, text, _ := w.do("DELETE", "/api/v1/flows/"+aheadID, ""); status != 204 {
			t.Errorf("%d %s", status, text)
		}
	}
	if len(p.has()) != 0 || len(w.ahead.Wanted()) != 0 {
		t.Errorf("left: %v, %v", p.has(), w.ahead.Wanted())
	}
	if status, text, _ := w.do("DELETE", "/api/v1/flows/"+redirectedID, ""); status != 204 { // one that nobody created ahead
		t.Errorf("%d %s", status, text)
	}
	w.role = auth.Viewer
	w.refuses("POST", "/api/v1/flows", body, problem.Forbidden, "")
	w.refuses("DELETE", "/api/v1/flows/"+aheadID, "", problem.Forbidden, "")
}

func TestAFlowThatCannotBeCreatedAheadIsNotWanted(t *testing.T) {
	w := newWorld(t)
	p := w.plane()
	for body, place := range map[string]string{
		`{"initiator":"nobody","target":"array-a"}`:                   "body/initiator",
		`{"initiator":"host-1","target":"00:00:00:00:00:00:00:01"}`:   "body/target",
		`{"initiator":"host-1","target":"host-1"}`:                    "body/target",
		`{"initiator":"host-1"}`:                                      "body",
		`{"initiator":"host-1","target":"array-a","vsan":4095}`:       "body/vsan",
		`{"initiator":"host-1","target":"array-a","fabric":16}`:       "body/fabric",
		`{"initiator":"host-1","target":"array-a","colour":"hunter"}`: "body",
	} {
		w.refuses("POST", "/api/v1/flows", body, problem.Invalid, place)
	}
	body := `{"vsan":200,"initiator":"host-1","target":"array-a"}`
	p.refuses(command.Refused)
	w.refuses("POST", "/api/v1/flows", body, problem.DataplaneRefused, "")
	p.refuses(command.Full)
	w.refuses("POST", "/api/v1/flows", body, problem.LimitReached, "")
	if got := w.ahead.Wanted(); len(got) != 0 {
		t.Errorf("wanted all the same: %v", got)
	}
	if err := w.settings.UpdateLocal(t.Context(), func(tx *settings.Tx) error {
		for i := range maxAhead {
			tx.Put(kindFlow, flowindex.ID{VSAN: 1, Initiator: host1 + 1, Target: arrayA + 1}.String()[:30]+number(uint64(i))[8:], aheadRecord{})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.refuses("POST", "/api/v1/flows", body, problem.LimitReached, "")
}

func TestWhatIsWantedIsOfferedToEachDataPlaneThatStarts(t *testing.T) {
	w := newWorld(t)
	w.lose(true)
	status, text, _ := w.do("POST", "/api/v1/flows", `{"vsan":200,"initiator":"20:00:02:fc:01:00:00:01","target":"500a098000000001"}`)
	if status != 201 || !strings.Contains(text, `"waiting"`) {
		t.Fatalf("without a data plane: %d %s", status, text)
	}
	p := w.plane()
	w.lose(false)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.ahead.Run(ctx) })
	defer running.Wait()
	defer stop()
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited for: %s", what)
			}
		}
	}
	until("it is offered", func() bool { return slices.Equal(p.has(), []string{aheadID}) })
	p.mu.Lock()
	clear(p.flows)
	p.mu.Unlock()
	w.mu.Lock() // nobody looks at the segment
	w.seg.State.Header().BootID[0]++
	w.mu.Unlock()
	until("it is offered again", func() bool { return slices.Equal(p.has(), []string{aheadID}) })
	if err := w.settings.UpdateLocal(t.Context(), func(tx *settings.Tx) error { // as another node's change would
		tx.Delete(kindFlow, aheadID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	until("it ends", func() bool { return len(p.has()) == 0 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.created != 2 {
		t.Errorf("it was offered %d times", p.created)
	}
}
