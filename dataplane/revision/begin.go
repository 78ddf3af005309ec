package revision

import (
	"errors"
	"fmt"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// A start goes this way:
//
//  1. The confirmed revision comes from disk, into a slot. Without a folder, or a revision in it, it is the seed: the
//     policy that the command line names; else everything is forwarded.
//  2. After a warm start in a window the active revision still lies in the other slot. It goes on, with its deadline,
//     when it is whole and the deadline is not over; otherwise the confirmed one takes its place, and the event says so.
//  3. If the disk has the revision that the segment calls unconfirmed, the data plane was killed between the two: it is
//     confirmed.

// Seed is the policy to begin with when none was ever confirmed.
type Seed struct {
	Flat     []byte
	Document [32]byte
	Revision uint64 // of what was confirmed in a folder that cannot be written to; 0: nothing was
}

// Begin brings the Keeper to where the data plane before left off, and publishes. An error means that the data plane
// should not start: what is confirmed cannot be done on this box.
func (k *Keeper) Begin(seed *Seed) error {
	before, known := k.before()
	slot := uint32(0)
	if known && before.Deadline != 0 && before.Slot == 0 {
		slot = 1 // that one is in use
	}
	if err := k.load(slot, seed, &before); err != nil {
		return err
	}
	r := &k.rec
	k.active, r.Slot, r.Revision, r.Hash, r.Document = k.confirmed, r.ConfirmedSlot, r.Confirmed, r.ConfirmedHash, r.ConfirmedDocument
	r.Since, r.Last, r.LastRevision, r.LastAt = r.ConfirmedSince, before.Last, before.LastRevision, before.LastAt
	if known && before.Deadline != 0 {
		k.goOn(&before)
	}
	r.Boot = k.o.Boot
	k.o.Page.Put(r)
	k.o.Publish(k.active, r.Slot)
	k.clean()
	return nil
}

// before is the record that the data plane before left, if one did.
func (k *Keeper) before() (r command.Record, known bool) {
	if !k.o.Adopted {
		return r, false
	}
	r, known = k.o.Page.Get()
	if !known || r.Slot > 1 && r.Slot != shm.NoPolicy || r.Deadline != 0 && r.Slot > 1 {
		return command.Record{}, false
	}
	return r, true
}

// load puts the confirmed revision into a slot.
func (k *Keeper) load(slot uint32, seed *Seed, before *command.Record) error {
	err := ErrNone
	if k.o.Folder != nil {
		var found bool
		if found, err = k.fromDisk(slot); found || err != nil && !errors.Is(err, ErrNone) && !errors.Is(err, errDamaged) {
			return err
		}
		if errors.Is(err, errDamaged) {
			k.o.Log.Error("the confirmed policy is lost; going on without it", "why", err, "seed", seed != nil)
		}
	}
	if seed == nil {
		return nil
	}
	p, err := k.put(slot, seed.Flat)
	if err != nil {
		return err
	}
	revision := max(before.Confirmed, 1)
	switch {
	case seed.Revision != 0:
		revision = seed.Revision
	case before.Confirmed > 0 && before.ConfirmedHash != p.Hash():
		revision++ // another policy under the same segment
	}
	s := Saved{Revision: revision, Since: k.o.Wall(), Hash: p.Hash(), Document: seed.Document}
	if k.o.Folder != nil {
		if err := k.o.Folder.Save(&s, seed.Flat); err != nil {
			return err
		}
	}
	k.have(&s, p, slot)
	return nil
}

var errDamaged = errors.New("damaged")

// fromDisk takes the confirmed revision from disk.
func (k *Keeper) fromDisk(slot uint32) (found bool, err error) {
	s, flat, text, found, err := k.o.Folder.Load()
	switch {
	case !found && (errors.Is(err, ErrNone) || errors.Is(err, ErrForeign)):
		return false, err
	case !found:
		return false, fmt.Errorf("%w: %w", errDamaged, err)
	case err != nil:
		k.o.Log.Error("the confirmed policy is damaged; the one before it is in force", "why", err, "revision", s.Revision)
		if err := k.o.Folder.Mend(); err != nil {
			k.o.Log.Warn("the folder was not mended", "why", err)
		}
	}
	if err := k.o.Folder.Restore(&s, text); err != nil {
		k.o.Log.Warn("the text of the confirmed policy was not put back", "why", err)
	}
	if len(flat) == 0 { // everything is forwarded
		k.have(&s, nil, shm.NoPolicy)
		return true, nil
	}
	p, err := k.put(slot, flat)
	if err != nil && len(text) > 0 { // another version of the program may have compiled it
		document, wrong := k.o.Compile(Source{Document: s.Document}, k.o.Slots[slot])
		if wrong == nil && document == s.Document {
			p, err = k.open(slot)
		}
	}
	if err != nil {
		return true, fmt.Errorf("revision %d, which is confirmed: %w", s.Revision, err)
	}
	s.Hash = p.Hash()
	k.have(&s, p, slot)
	return true, nil
}

func (k *Keeper) put(slot uint32, flat []byte) (*policy.Snapshot, error) {
	if shm.PutPolicy(k.o.Slots[slot], flat) == nil {
		return nil, fmt.Errorf("policy: compiled to %d bytes, the segment has room for %d", len(flat), len(k.o.Slots[slot])-8)
	}
	return k.open(slot)
}

// have makes a revision the confirmed one, in memory.
func (k *Keeper) have(s *Saved, p *policy.Snapshot, slot uint32) {
	r := &k.rec
	k.confirmed = p
	r.Confirmed, r.ConfirmedSince, r.ConfirmedSlot, r.ConfirmedHash, r.ConfirmedDocument = s.Revision, s.Since, slot, s.Hash, s.Document
}

// goOn decides about the revision that was waiting when the data plane before ended.
func (k *Keeper) goOn(before *command.Record) {
	r := &k.rec
	if r.Confirmed == before.Revision && r.ConfirmedHash == before.Hash {
		r.Last, r.LastRevision, r.LastAt = command.Confirmed, r.Confirmed, k.o.Wall()
		k.o.Tell(Confirmed, r)
		return
	}
	p, err := k.open(before.Slot)
	over := before.Boot != k.o.Boot || k.o.Now() >= before.Deadline
	if err == nil && p.Hash() == before.Hash && before.Window != 0 && !over {
		r.Revision, r.Since, r.Deadline, r.Window = before.Revision, before.Since, before.Deadline, before.Window
		r.Slot, r.Hash, r.Document = before.Slot, before.Hash, before.Document
		k.active = p
		return
	}
	what := Reverted
	if over {
		what = Expired
	}
	k.active, r.Revision = p, before.Revision
	k.returned(what)
	k.o.Tell(what, before)
}

// Override makes a policy that already lies in a slot the active and confirmed revision, in the segment alone: for who
// measures, and has no change control.
func (k *Keeper) Override(p *policy.Snapshot, slot uint32) {
	s := Saved{Revision: k.rec.Confirmed + 1, Since: k.o.Wall()}
	if p != nil {
		s.Hash = p.Hash()
	}
	k.have(&s, p, slot)
	r := &k.rec
	k.active, r.Revision, r.Since, r.Slot, r.Hash, r.Document = p, s.Revision, s.Since, slot, s.Hash, s.Document
	k.o.Page.Put(r)
}

// Idle says whether nothing is under way and no window is open.
func (k *Keeper) Idle() bool { return k.doing == nothing && !k.Pending() }
