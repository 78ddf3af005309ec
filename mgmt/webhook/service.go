package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/settings"
)

// Kinds of records in the settings. The secret stays on this machine, and out of backups.
const (
	Kind       = "webhook"
	SecretKind = "local.webhook-secret"
)

// Bus is how the log of events is read: a *bus.Bus.
type Bus interface {
	Subscribe(ctx context.Context, role, method string, first []byte, each func(answer []byte) (next []byte, err error)) error
}

// Alarms is who is told of a hook that fails: a *report.Reporter.
type Alarms interface {
	Set(code alarm.Code, subject, detail string)
	Unset(code alarm.Code, subject string)
}

// Options of a Service.
type Options struct {
	Settings *settings.Store
	Bus      Bus
	Alarms   Alarms
	Events   event.Appender
	Log      *slog.Logger
	Dir      string // where it is remembered how far each hook is; empty: nowhere
	Node     string
	Version  string

	// Times of retries; 0: those of limits.go.
	FirstPause, LastPause, GiveUp time.Duration
}

// Service is all hooks of a node.
type Service struct {
	o     Options
	agent string

	workers sync.WaitGroup

	mu      sync.Mutex
	all     map[string]*receiver
	lineage string // of the numbers of events
	read    uint64 // the log was read up to here
}

// New reads what is known of earlier runs.
func New(o Options) (*Service, error) {
	if o.Settings == nil || o.Bus == nil || o.Alarms == nil {
		return nil, errors.New("webhook: settings, bus or alarms are missing")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	for d, usual := range map[*time.Duration]time.Duration{&o.FirstPause: firstPause, &o.LastPause: lastPause, &o.GiveUp: giveUp} {
		if *d == 0 {
			*d = usual
		}
	}
	s := &Service{o: o, agent: "fc-redirect/" + o.Version, all: map[string]*receiver{}}
	m, err := load(o.Dir)
	if err != nil {
		o.Log.Warn("it is not known which events webhooks have: they go on with what happens now", "error", err)
	}
	s.lineage, s.read = m.Lineage, m.Read
	s.adjust(m.Hooks)
	return s, nil
}

// Run sends events until ctx ends.
func (s *Service) Run(ctx context.Context) {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	var reading sync.WaitGroup
	var stopReading context.CancelFunc
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	var saved memory
	for ctx.Err() == nil {
		changed := s.o.Settings.Changed()
		wanted := s.reconcile(inner)
		switch {
		case wanted && stopReading == nil:
			var reader context.Context
			reader, stopReading = context.WithCancel(inner)
			reading.Go(func() { s.follow(reader) })
		case !wanted && stopReading != nil:
			stopReading()
			reading.Wait()
			stopReading = nil
			s.forget()
		}
		for again := true; again; {
			select {
			case <-ctx.Done():
				again = false
			case <-changed:
				again = false
			case <-save.C:
				saved = s.save(saved)
			}
		}
	}
	stop()
	reading.Wait()
	s.workers.Wait()
	if stopReading != nil {
		stopReading()
	}
	s.save(saved)
}

// forget is for when nobody wants events: a hook that comes later begins with what happens then.
func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read, s.lineage = 0, ""
	for _, r := range s.all {
		r.mu.Lock()
		r.taken = 0
		r.mu.Unlock()
	}
}

// reconcile makes the receivers what the settings say, and says whether anybody wants events.
func (s *Service) reconcile(ctx context.Context) (wanted bool) {
	s.adjust(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		r.mu.Lock()
		runs := r.hook.Enabled && r.secret != ""
		wanted = wanted || runs
		if runs && r.stop == nil {
			var inner context.Context
			inner, r.stop = context.WithCancel(ctx)
			s.workers.Add(1)
			go r.work(inner)
		}
		r.mu.Unlock()
	}
	return wanted
}

// adjust reads the settings. Memory is what is known of hooks from before a restart.
func (s *Service) adjust(memory map[string]kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[string]bool{}
	for _, rec := range s.o.Settings.List(Kind) {
		var h Hook
		if err := rec.Decode(&h); err != nil {
			s.o.Log.Error("a webhook's record cannot be read", "webhook", rec.Name, "error", err)
			continue
		}
		there[rec.Name] = true
		r := s.all[rec.Name]
		if r == nil {
			k, known := memory[rec.Name]
			if !known {
				k.Done = s.read
			}
			r = &receiver{name: rec.Name, s: s, wake: make(chan struct{}, 1), kept: k, taken: k.Done}
			s.all[rec.Name] = r
		}
		r.set(h, rec.Version, s.secret(rec.Name))
	}
	for name, r := range s.all {
		if !there[name] {
			r.set(Hook{}, 0, "")
			delete(s.all, name)
		}
	}
}

// secret is that of a hook, empty if there is none.
func (s *Service) secret(name string) string {
	var secret struct{ Secret string }
	if rec, ok := s.o.Settings.Get(SecretKind, name); ok && rec.Decode(&secret) == nil {
		return secret.Secret
	}
	return ""
}

// set takes a changed hook over: what failed is tried at once, and what waits for a disabled one is dropped.
func (r *receiver) set(h Hook, version uint64, secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil && r.version == version && r.secret == secret {
		return
	}
	if r.client != nil {
		r.client.CloseIdleConnections()
	}
	r.hook, r.version, r.secret, r.client, r.next = h, version, secret, newClient(&h), time.Time{}
	if h.Enabled && secret != "" {
		r.poke()
		return
	}
	r.queue, r.failed = nil, 0
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	r.s.o.Alarms.Unset(alarm.WebhookFailing, r.subject())
}

// follow reads the log and deals its events out.
func (s *Service) follow(ctx context.Context) {
	first, err := json.Marshal(s.request())
	if err != nil {
		s.o.Log.Error("webhooks get no events", "error", err)
		return
	}
	for ctx.Err() == nil {
		err := s.o.Bus.Subscribe(ctx, event.RoleName, event.MethodRead, first, func(answer []byte) ([]byte, error) {
			var a event.ReadAnswer
			if err := json.Unmarshal(answer, &a); err != nil {
				return nil, fmt.Errorf("webhook: read events: %w", err)
			}
			s.deal(&a)
			return json.Marshal(s.request())
		})
		if ctx.Err() != nil {
			return
		}
		s.o.Log.Warn("webhooks get no events", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(lastPause):
		}
	}
}

// request asks for what comes next.
func (s *Service) request() event.ReadRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return event.ReadRequest{After: s.read, Newest: s.lineage == "", Lineage: s.lineage, WaitMS: int(readWait.Milliseconds())}
}

// deal offers events to all hooks.
func (s *Service) deal(a *event.ReadAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	renumbered := s.lineage != "" && s.lineage != a.Lineage
	for _, r := range s.all {
		r.mu.Lock()
		if renumbered {
			r.taken = 0
		}
		for i := range r.queue {
			if renumbered {
				r.queue[i].event.Number = 1 // its old number says nothing: after a crash it comes again
			}
		}
		r.mu.Unlock()
	}
	for i := range a.Events {
		f := factsOf(&a.Events[i])
		for _, r := range s.all {
			r.offer(&a.Events[i], &f)
		}
	}
	s.lineage, s.read = a.Lineage, a.After
	for _, r := range s.all {
		r.mu.Lock()
		r.taken = max(r.taken, a.After)
		r.mu.Unlock()
	}
}

// message is what is sent of an event. Its id stays the same for ever: the event's origin.
func (s *Service) message(e *event.Event) *Message {
	id := "evt_" + strconv.FormatUint(e.Origin.Epoch, 16) + "_" + strconv.FormatUint(uint64(e.Origin.Producer), 10) + "_" + strconv.FormatUint(e.Origin.Seq, 10)
	return &Message{ID: id, Type: e.Type.String(), Time: e.At.UTC(), Node: s.o.Node, Event: e}
}

// tell makes an event of ours, without waiting.
func (s *Service) tell(t event.Type, f event.Fields) {
	full, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.o.Events.Append(full, t, f); err != nil {
		s.o.Log.Warn("event does not get into the log", "type", t.String(), "error", err)
	}
}

// memory is what outlives a restart.
type memory struct {
	Lineage string          `json:"lineage"`
	Read    uint64          `json:"read"`
	Hooks   map[string]kept `json:"hooks"`
}

const fileName = "webhooks.json"

// save writes down how far each hook is, if that is new. Read is where the one that is farthest behind goes on.
func (s *Service) save(was memory) memory {
	s.mu.Lock()
	now := memory{Lineage: s.lineage, Read: s.read, Hooks: map[string]kept{}}
	for name, r := range s.all {
		r.mu.Lock()
		k := r.kept
		k.Done = r.done()
		if r.stop != nil {
			now.Read = min(now.Read, k.Done)
		}
		r.mu.Unlock()
		now.Hooks[name] = k
	}
	s.mu.Unlock()
	b, err := json.Marshal(now)
	old, _ := json.Marshal(was) // it was marshalled before
	if s.o.Dir == "" || err == nil && string(b) == string(old) {
		return was
	}
	if err == nil {
		err = replace(filepath.Join(s.o.Dir, fileName), b)
	}
	if err != nil {
		s.o.Log.Warn("webhooks may get events again after a restart", "error", err)
		return was
	}
	return now
}

func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func load(dir string) (m memory, err error) {
	if dir == "" {
		return m, nil
	}
	f, err := os.Open(filepath.Join(dir, fileName))
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("webhook: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, stateMax))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return memory{}, fmt.Errorf("webhook: %w", err)
	}
	return m, nil
}

func itoa(n int) string { return strconv.Itoa(n) }
