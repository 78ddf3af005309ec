package checker

import (
	"sort"

	"fcredirect/mgmt/peer/record"
)

// A Change is one put or delete, as its node was told to make it.
type Change struct {
	record.Record
	Lane record.Lane
	Refs []record.Ref
	At   int64 // ns of the simulation's own clock

	lives []*life // of Refs: the run of the node that each was seen of
}

// A life is one run of a node, from start to crash.
type life struct {
	node    uint8
	number  int // of this node's lives, from 1
	changes []*Change
	keys    map[record.Key][]*Change // in order
	streams [record.NumStreams][]*Change
}

// at is the change that made the version, nil when there is none.
func (l *life) at(version uint64) *Change {
	i := sort.Search(len(l.changes), func(i int) bool { return l.changes[i].Version >= version })
	if i < len(l.changes) && l.changes[i].Version == version {
		return l.changes[i]
	}
	return nil
}

// last is the last change of a key up to a version, nil when there was none.
func (l *life) last(key record.Key, version uint64) *Change {
	changes := l.keys[key]
	for i := len(changes) - 1; i >= 0; i-- {
		if changes[i].Version <= version {
			return changes[i]
		}
	}
	return nil
}

// deleted says whether the key was deleted by a change of the version or later.
func (l *life) deleted(key record.Key, version uint64) bool {
	changes := l.keys[key]
	for i := len(changes) - 1; i >= 0 && changes[i].Version >= version; i-- {
		if changes[i].Gone {
			return true
		}
	}
	return false
}

// latest is the last change of each key that still stands.
func (l *life) latest() map[record.Key]*Change {
	latest := make(map[record.Key]*Change, len(l.keys))
	for key, changes := range l.keys {
		if last := changes[len(changes)-1]; !last.Gone {
			latest[key] = last
		}
	}
	return latest
}

// add takes the next change. Versions only go up.
func (l *life) add(c *Change) bool {
	if n := len(l.changes); n > 0 && c.Version <= l.changes[n-1].Version {
		return false
	}
	l.changes = append(l.changes, c)
	l.keys[c.Key] = append(l.keys[c.Key], c)
	s := c.Key.Kind.Stream()
	l.streams[s] = append(l.streams[s], c)
	return true
}
