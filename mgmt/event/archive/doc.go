// Package archive is the log of events in PostgreSQL: the events themselves, and the views that follow from them.
//
// Who may import it: mgmt/event/eventlog. It imports mgmt/event and mgmt/postgres.
//
// Ownership: an Archive may be used by any goroutine. One process of a node drains into it at a time; should there be
// two, each notices the other (ErrMoved) before it can do harm.
//
// How an event lands once. Each batch is one transaction, and its first statement moves the row in event_log from the
// number before the batch to the last one of it. It finds that row only where the database is just there: so a batch whose
// commit was not answered, one that another server never got, and one of a second writer all end with ErrMoved, and the
// drain asks for the State and goes on from there. The unique origin of each event stands behind that.
//
// How views are kept. A batch of events is folded into one change per row: columns that take the last value, counts to
// add. Changes can be put together, so it makes no difference where batches begin and end, and a replay of the log gives
// the same rows: Check proves it. Retention folds the events that it deletes into base tables, where replays begin.
//
// Invariants: event_log, events and views change together or not at all. Between cut and number no event is missing but
// those that an event log.lost stands for.
package archive
