package auth

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Options of a Service.
type Options struct {
	Settings *settings.Store
	Events   event.Appender // hears of waits after failures; nil: nobody does
	Log      *slog.Logger
	Dir      string // where the set-up code is written; empty: none is, and set-up goes by the unix socket alone
	Clock    Clock  // zero: the real one
	Cost     Cost   // of hashing; zero: DefaultCost
}

// Service knows accounts, sessions and tokens.
type Service struct {
	settings *settings.Store
	events   event.Appender
	log      *slog.Logger
	clock    clock
	hasher   *hasher
	lock     *lockout
	locked   *rate.Limiter // of events about waits
	uid      uint32        // of this process
	soon     chan struct{} // something is to be written soon

	code struct { // of set-up
		path string
		mu   sync.Mutex // guards text
		text string     // empty: there is none
	}

	mu       sync.Mutex // guards what follows
	sessions map[string]*session
	uses     map[string]*use // of tokens, by id
}

// The kinds of our settings.
const (
	kindUser    = "user"
	kindToken   = "token"
	kindSession = "local.session"
	kindUse     = "local.token-use"
	kindLockout = "local.lockout"
)

// New reads what the settings have. While there is no account it writes the set-up code.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost
	}
	s := &Service{
		settings: o.Settings, events: o.Events, log: o.Log, clock: newClock(o.Clock), hasher: newHasher(o.Cost), uid: uint32(os.Getuid()),
		locked: rate.NewLimiter(rate.Every(lockedOutEvery), lockedOutBurst), soon: make(chan struct{}, 1),
		sessions: map[string]*session{}, uses: map[string]*use{},
	}
	s.lock = newLockout(&s.clock, s.poke)
	if err := s.load(); err != nil {
		return nil, err
	}
	if o.Dir != "" {
		s.code.path = filepath.Join(o.Dir, setupFile)
		if err := s.openSetup(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// load takes what the settings have of former processes.
func (s *Service) load() error {
	now := s.clock.now()
	for _, r := range s.settings.List(kindSession) {
		var kept sessionRecord
		if err := r.Decode(&kept); err != nil {
			return err
		}
		if one := kept.resume(r.Name, now); one != nil {
			s.sessions[r.Name] = one
		}
	}
	for _, r := range s.settings.List(kindUse) {
		u := &use{}
		if err := r.Decode(u); err != nil {
			return err
		}
		s.uses[r.Name] = u
	}
	for _, r := range s.settings.List(kindLockout) {
		var kept lockoutRecord
		if err := r.Decode(&kept); err != nil {
			return err
		}
		s.lock.load(r.Name, kept, now)
	}
	return nil
}

// Run writes last uses and counts of failures, and forgets what has ended, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.flushOrTell(ctx)
			s.endSetup()
		case <-s.soon:
			timer := time.NewTimer(flushSoon)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			s.flushOrTell(context.WithoutCancel(ctx))
		case <-ctx.Done():
			s.flushOrTell(context.WithoutCancel(ctx))
			return
		}
	}
}

func (s *Service) flushOrTell(ctx context.Context) {
	if err := s.flush(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("auth: last uses are not written", "error", err)
	}
}

// poke lets Run write soon.
func (s *Service) poke() {
	select {
	case s.soon <- struct{}{}:
	default:
	}
}

// flush writes in one change what has changed in memory, and takes away what has ended or has nobody any more.
func (s *Service) flush(ctx context.Context) error {
	s.mu.Lock()
	write, remove := s.changedSessions()
	uses := s.changedUses()
	s.mu.Unlock()
	failures := s.lock.changed()
	if len(write)+len(remove)+len(uses)+len(failures) == 0 {
		return nil
	}
	err := s.settings.UpdateLocal(ctx, func(t *settings.Tx) error {
		for id, r := range write {
			if _, there := t.Get(kindSession, id); there { // it may have been ended meanwhile
				t.Put(kindSession, id, r)
			}
		}
		for _, id := range remove {
			t.Delete(kindSession, id)
		}
		for id, u := range uses {
			if _, there := t.Get(kindToken, id); there {
				t.Put(kindUse, id, u)
			} else {
				t.Delete(kindUse, id)
			}
		}
		for name, r := range failures {
			if _, there := t.Get(kindUser, name); there && !r.empty() {
				t.Put(kindLockout, name, r)
			} else {
				t.Delete(kindLockout, name)
			}
		}
		return nil
	})
	if err != nil {
		s.lock.again(failures)
	}
	return err
}

// update makes a change of accounts, which needs the database.
func (s *Service) update(ctx context.Context, change func(*settings.Tx) error) error {
	return outcome(s.settings.Update(ctx, change))
}

// updateLocal makes a change that needs none.
func (s *Service) updateLocal(ctx context.Context, change func(*settings.Tx) error) error {
	return outcome(s.settings.UpdateLocal(ctx, change))
}

func outcome(err error) error {
	if errors.Is(err, settings.ErrNoDatabase) {
		return problem.Wrap(problem.DatabaseUnavailable, err, "Accounts are edited when the database is back.")
	}
	return err
}
