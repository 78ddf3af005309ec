package system

import (
	"errors"
	"fmt"
	"sync/atomic"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/config"
)

// foreign is the error of a segment of another version; one that is absent or not whole is waited for.
func (s *System) foreign() error {
	seg, err := attach.Open(s.place)
	if err == nil {
		return seg.Close()
	}
	if errors.Is(err, shm.ErrABI) {
		return err
	}
	return nil
}

// abi finds out that the segment which has come is of another version, which no restart of a role can mend.
func (s *System) abi() error {
	if at, ok := s.registry.Hold(); ok {
		return at.Release()
	}
	return s.foreign()
}

// inspect looks once at each segment: on which cores it polls, and whether all its rings have readers. It is tried until
// there is one whose data plane has begun to run, since only that has said where it polls.
func (s *System) inspect() {
	seg, err := attach.Open(s.place)
	if err != nil {
		return // there is none, or not a whole one: the registry says so
	}
	defer func() {
		if err := seg.Close(); err != nil {
			s.o.Log.Warn("segment cannot be unmapped", "error", err)
		}
	}()
	if atomic.LoadUint32(&seg.State.Header().State) == shm.Starting {
		return
	}
	s.inspected = true
	if s.lonely = s.unread(seg); s.lonely != "" {
		s.o.Log.Error(s.lonely)
	}
	if s.bound {
		return
	}
	now, err := aside(seg.State, s.allowed, s.cores)
	if err != nil {
		s.o.Log.Warn("cannot keep off the cores that poll", "error", err)
	}
	if now != s.cores {
		s.o.Log.Info("keeping off the cores that poll", "cores", fmt.Sprint(coresOf(now)))
		s.cores = now
	}
}

// unread says that flows go to shards which nobody runs.
func (s *System) unread(seg *attach.Segment) string {
	store := s.o.Config.Role("store")
	if store == nil || s.o.Process != config.Main {
		return ""
	}
	shards := 0
	for _, r := range feed.Rings(seg.State, seg.Ctl) {
		if r.Consumer == feed.Store {
			shards = max(shards, r.Shard+1)
		}
	}
	if shards <= store.Shards {
		return "" // a shard that the segment has not is an error of its instance
	}
	return fmt.Sprintf("the data plane has rings for %d shards of role store, of which %d are read: set shards: %d", shards, store.Shards, shards)
}
