package capture

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Segments gives the segment that there is now: attach.Live.
type Segments interface {
	Use(do func(*attach.Segment) error) error
}

// Options is what a Manager is made of.
type Options struct {
	Dir     string // of the files; it is made
	Live    Segments
	Events  event.Appender // nil: nowhere
	Log     *slog.Logger   // nil: nowhere
	Version string         // of the product, for the files
	MaxDisk int64          // 0: MaxDisk
	// Do sends a command to the data plane; nil: by package command.
	Do func(ctx context.Context, seg *attach.Segment, op command.Op, request []byte) ([]byte, error)
}

// Manager runs captures. Its methods may be called by many goroutines.
type Manager struct {
	o     Options
	owner uint64        // what the data plane knows us by
	wake  chan struct{} // a capture began

	telling sync.WaitGroup // events that are on their way

	lanes  sync.Mutex // guards what follows, and is taken before mu
	seg    *attach.Segment
	boot   [16]byte // of the data plane that made it
	reader *capture.Reader
	active []*session
	words  words
	renews time.Time // when the lease is due
	torn   int       // lanes found torn, in a row
	over   bool      // Run has ended, or will

	mu    sync.Mutex
	table map[string]*session
}

// New makes a manager, which knows the captures of before.
func New(o Options) (*Manager, error) {
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Do == nil {
		o.Do = func(ctx context.Context, seg *attach.Segment, op command.Op, request []byte) ([]byte, error) {
			return command.New(seg.State, seg.Ctl).Do(ctx, op, request)
		}
	}
	if o.MaxDisk == 0 {
		o.MaxDisk = MaxDisk
	}
	m := &Manager{o: o, wake: make(chan struct{}, 1), table: map[string]*session{}}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("capture: number of this reader: %w", err)
	}
	m.owner = binary.LittleEndian.Uint64(random[:]) | 1
	return m, m.load()
}

// Check says whether a capture could be started as it is asked for.
func (m *Manager) Check(r Request) (c Capture, err error) {
	err = m.o.Live.Use(func(seg *attach.Segment) error {
		if _, err := capture.NewReader(seg.State, seg.Ctl); err != nil {
			return refused(err)
		}
		_, err := resolve(&r, portNames(seg.State), report.Policy(seg.State))
		c = describe(&r, "", time.Now())
		return err
	})
	return c, err
}

// Start begins a capture.
func (m *Manager) Start(ctx context.Context, r Request) (c Capture, err error) {
	m.lanes.Lock()
	defer m.lanes.Unlock()
	if m.over {
		return Capture{}, problem.New(problem.RoleUnavailable, "")
	}
	var s *session
	err = m.o.Live.Use(func(seg *attach.Segment) error {
		spec, err := resolve(&r, portNames(seg.State), report.Policy(seg.State))
		if err != nil {
			return err
		}
		if err := m.follow(seg); err != nil {
			return refused(err)
		}
		if s, err = m.newSession(&r, spec, seg); err != nil {
			return err
		}
		return m.arm(ctx, seg, s)
	})
	if err != nil {
		if s != nil {
			m.abandon(s)
		}
		return Capture{}, err
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	m.tell(event.CaptureStarted, s.shown)
	return s.shown, nil
}

// newSession puts a capture into the table and makes its file.
func (m *Manager) newSession(r *Request, spec capture.Spec, seg *attach.Segment) (*session, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("capture: id: %w", err)
	}
	s := &session{spec: spec, done: make(chan struct{}), shown: describe(r, hex.EncodeToString(random[:]), time.Now())}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.makeRoom(r.Limits.Bytes); err != nil {
		return nil, err
	}
	if err := s.open(m.path(s.shown.ID, framesSuffix), seg.State, m.o.Version); err != nil {
		return nil, errors.Join(err, m.erase(s.shown.ID))
	}
	m.table[s.shown.ID] = s
	return s, m.save(&s.shown)
}

func describe(r *Request, id string, now time.Time) Capture {
	return Capture{ID: id, Owner: r.Owner, Note: r.Note, State: Running, Filter: r.Filter, SnapLength: r.SnapLength, AsSent: r.AsSent,
		Limits: r.Limits, Started: now.UTC()}
}

// arm has the data plane make the copies. The lanes are locked: no frame is read before it is known whose it is.
func (m *Manager) arm(ctx context.Context, seg *attach.Segment, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	m.reader.Renew(m.owner)
	m.renews = time.Now().Add(renewPeriod)
	request := capture.Encode(&capture.StartRequest{Owner: m.owner, Spec: s.spec})
	answer, err := m.o.Do(ctx, seg, capture.OpStart, request)
	for isBusy(err) && ctx.Err() == nil { // an lcore that is off its CPU for a moment
		time.Sleep(period)
		answer, err = m.o.Do(ctx, seg, capture.OpStart, request)
	}
	if err != nil {
		return refused(err)
	}
	var reply capture.StartReply
	if err := capture.Decode(answer, &reply); err != nil || reply.Slot >= capture.MaxCaptures {
		return problem.Wrap(problem.DataplaneUnavailable, err, "The data plane's answer is not of this version.")
	}
	s.id, s.slot, s.from = reply.ID, reply.Slot, reply.Revision
	s.deadline = time.Now().Add(s.spec.Time + overdue)
	m.mu.Lock()
	s.shown.Patterns = int(reply.Patterns)
	m.mu.Unlock()
	m.active = append(m.active, s)
	return nil
}

func isBusy(err error) bool {
	var no *command.Error
	return errors.As(err, &no) && no.Code == command.Busy
}

// abandon forgets a capture that never began.
func (m *Manager) abandon(s *session) {
	s.file.finish()
	close(s.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(s)
}

// Stop ends a capture and waits until its file is whole. One that has ended stays as it is.
func (m *Manager) Stop(ctx context.Context, id string) (Capture, error) {
	s, err := m.find(id)
	if err != nil {
		return Capture{}, err
	}
	m.lanes.Lock()
	if s.closing.IsZero() && slices.Contains(m.active, s) {
		m.end(s, Complete, "it was stopped")
	}
	m.lanes.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
		return Capture{}, problem.Wrap(problem.Timeout, context.Cause(ctx), "The capture's last frames are still being written.")
	}
	return m.Get(id)
}

// Remove ends a capture and removes its file. One that is not there is removed.
func (m *Manager) Remove(ctx context.Context, id string) error {
	if _, err := m.Stop(ctx, id); problem.Is(err, problem.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.table[id]; s != nil {
		m.forget(s)
	}
	return nil
}

// Get is one capture.
func (m *Manager) Get(id string) (Capture, error) {
	s, err := m.find(id)
	if err != nil {
		return Capture{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return s.shown, nil
}

func (m *Manager) find(id string) (*session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.table[id]; s != nil {
		return s, nil
	}
	return nil, problem.New(problem.NotFound, "There is no capture of that id.")
}

// List is all captures, the newest first.
func (m *Manager) List() []Capture {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Capture, 0, len(m.table))
	for _, s := range m.table {
		all = append(all, s.shown)
	}
	slices.SortFunc(all, func(a, b Capture) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(b.ID, a.ID))
	})
	return all
}

// Open gives the file of a capture, which may still grow.
func (m *Manager) Open(id string) (*Download, error) {
	s, err := m.find(id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(m.path(id, framesSuffix))
	if errors.Is(err, fs.ErrNotExist) { // removed since
		return nil, problem.New(problem.NotFound, "There is no capture of that id.")
	} else if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.over() {
		return &Download{f: f, Size: s.shown.Bytes}, nil
	}
	return &Download{f: f, of: s.file, Size: -1}, nil
}

// portNames are those of the boot file, by index.
func portNames(state *shm.File) []string {
	infos := shm.Items[shm.PortInfo](state, shm.RegionPorts)
	names := make([]string, len(infos))
	for i := range infos {
		name := infos[i].Name // a copy: Text keeps nothing of the mapping
		names[i] = shm.Text(name[:])
	}
	return names
}

// refused makes a problem of what the data plane, or the lack of one, said.
func refused(err error) error {
	var no *command.Error
	switch {
	case errors.Is(err, capture.ErrNone):
		return problem.Wrap(problem.DataplaneRefused, err, "This node makes no captures: capture.ring is 0 in its boot file.")
	case !errors.As(err, &no):
		return problem.Wrap(problem.DataplaneUnavailable, err, "")
	case no.Code == command.Full:
		return problem.Wrap(problem.LimitReached, err, "The data plane makes as many captures as it can.")
	case no.Code == command.Busy:
		return problem.Wrap(problem.Busy, err, "")
	case no.Code == command.Refused:
		return problem.Wrap(problem.DataplaneRefused, err, "The data plane does not make this capture.")
	}
	return problem.Wrap(problem.DataplaneUnavailable, err, "")
}

// tell writes an event. The log may be slow: nobody waits for it but the end of Run.
func (m *Manager) tell(t event.Type, c Capture) {
	fields := event.Fields{"id": c.ID, "who": c.Owner}
	if t == event.CaptureEnded {
		fields["why"], fields["frames"], fields["bytes"], fields["missed"] = c.Why, c.Frames, c.Bytes, c.Missed
	}
	m.telling.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), commandTime)
		defer cancel()
		if err := m.o.Events.Append(ctx, t, fields); err != nil {
			m.o.Log.Warn("event of a capture not written", "capture", c.ID, "why", err)
		}
	})
}
