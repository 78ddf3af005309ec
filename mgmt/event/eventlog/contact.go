package eventlog

import (
	"context"
	"fmt"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/postgres"
)

// What the drain finds when it asks where the database is:
//
//   - It has no log of this node: it begins with the oldest event that the spool has.
//   - It is of our lineage, somewhere in the spool: the next event is the one after. It may be further back than what it
//     had acknowledged: a standby took over that did not have it all. The spool has kept those events for that.
//   - It is of our lineage, and further on than the spool or with another event in its last place: the spool was set back
//     to an old copy of its folder, and may have got new events since.
//   - It is of another lineage: the spool is new because the old one was lost, or the database is another one.
//
// In the last two cases the events that the database does not have get new numbers, behind all that it has, and the
// numbering a new lineage. First the spool writes that down, then the database; a crash in between is found here again.

// contact asks where the database is and sets what comes next.
func (d *drainer) contact(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	identity, err := d.o.DB.Identity(ctx)
	if err != nil {
		return err
	}
	state, err := d.archive.State(ctx)
	if err != nil {
		return err
	}
	ours := true
	if state.Known {
		if ours, err = d.ours(ctx, state); err != nil {
			return err
		}
	}
	switch {
	case !state.Known:
		first, _ := d.spool.Range()
		state = archive.State{Lineage: d.spool.Lineage(), Number: d.spool.Number(first) - 1}
		if err := d.archive.Begin(ctx, state.Lineage, state.Number); err != nil {
			return err
		}
	case !ours:
		if err := d.reconcile(ctx, state); err != nil {
			return err
		}
	}
	next := d.spool.After(state.Number)
	d.failedOver(identity, next)
	d.next, d.number, d.identity = next, state.Number, identity
	d.has(next - 1)
	d.once.Do(func() {
		close(d.met)
		d.wakeReaders()
	})
	return nil
}

// ours says whether the log in the database is the beginning of the spool's. The last event that both have tells.
func (d *drainer) ours(ctx context.Context, state archive.State) (bool, error) {
	first, last := d.spool.Range()
	if state.Lineage != d.spool.Lineage() || state.Number > d.spool.Number(last) {
		return false, nil
	}
	number, origin, found, err := d.archive.Last(ctx, state.Number)
	if err != nil || !found {
		return err == nil, err
	}
	index, ok := d.spool.Index(number)
	if !ok || index < first {
		return true, nil // there is nothing to compare
	}
	records, err := d.spool.Read(index, 1)
	if err != nil || len(records) == 0 {
		return err == nil, err
	}
	return records[0].Damaged || records[0].Origin == origin, nil
}

// failedOver tells when another server, or the same one after a promotion, answers.
func (d *drainer) failedOver(now postgres.Identity, next uint64) {
	was := d.identity
	if was == (postgres.Identity{}) || was == now {
		return
	}
	again := d.next - min(next, d.next)
	d.stats.offeredAgain.Add(again)
	d.log.Warn("another database server writes now", "was", was.String(), "is", now.String(), "offered again", again)
	d.tell(event.DatabaseFailedOver, event.Fields{
		"system": fmt.Sprint(now.System), "timeline": now.Timeline, "old_system": fmt.Sprint(was.System), "old_timeline": was.Timeline, "offered": again,
	})
}

// reconcile joins the spool to a log that another one has written.
func (d *drainer) reconcile(ctx context.Context, state archive.State) error {
	from, err := d.foreign(ctx, state)
	if err != nil {
		return err
	}
	_, last := d.spool.Range()
	if number := d.spool.Number(from); number <= state.Number || state.Lineage == d.spool.Lineage() {
		if err := d.spool.Rebase(from, state.Number+1); err != nil {
			return err
		}
		by := d.spool.Number(from) - number
		d.log.Warn("the database has a log of this node that the spool does not know: events are renumbered", "from", number, "by", by)
		if last >= from {
			d.tell(event.LogRenumber, event.Fields{"first": number, "last": number + last - from, "by": by})
		}
	}
	return d.archive.Adopt(ctx, state, d.spool.Lineage())
}

// foreign is the first event of the spool that the database does not have. Of a lineage that the spool never had, it has
// none. What stands for another event, here or there, is of no side: it goes with what comes behind it.
func (d *drainer) foreign(ctx context.Context, state archive.State) (index uint64, err error) {
	index, last := d.spool.Range()
	if !d.spool.Knows(state.Lineage) {
		return index, nil
	}
	for same := index; index <= last && d.spool.Number(index) <= state.Number; {
		events, err := d.readIndex(index, compareEvents)
		if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			break
		}
		have, err := d.archive.Origins(ctx, events[0].Number, events[len(events)-1].Number)
		if err != nil {
			return 0, err
		}
		for _, e := range events {
			there, found := have[e.Number]
			index++
			switch {
			case e.Number > state.Number:
				return index - 1, nil
			case e.Number <= state.Cut || found && there == e.Origin:
				same = index // what retention has deleted was ours: the lineage is
			case !found || there.Producer != event.FromSpool && e.Origin.Producer != event.FromSpool:
				return same, nil
			}
		}
	}
	return index, nil
}
