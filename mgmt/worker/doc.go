// Package worker is a pool of goroutines to which one reader hands items by the hash of their flow.
//
//	reader   Offer → ring per worker → Commit: one store and at most one doorbell per worker and batch
//	worker   waits (bounded) → discards stale numbers → Handler.Handle, item by item → counts
//
// Who may import it: any role under mgmt. It imports ring and shm, and knows nothing of what an item is.
//
// Ownership: Offer, Commit, Mark and Close belong to one goroutine, the reader. Each Handler belongs to its worker's
// goroutine. Stats may be called from anywhere.
//
// Invariants: items of one hash are handled by one worker, in the order in which they were offered. Of each source a
// worker handles rising numbers only. A queue is bounded: Offer says false when it is full and keeps nothing, so that the
// reader can leave the item where it lies. A Mark reaches a worker after all that was offered before it.
//
// Limits: an item type holds no pointers, because it is copied into memory that the garbage collector does not look at.
package worker
