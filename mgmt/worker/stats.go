package worker

import "fcredirect/dataplane/shm"

// Worker is what a worker says of itself. Counters only go up.
type Worker struct {
	CPU       int           // -1: not pinned
	Depth     uint64        // items and marks in the queue
	Enqueued  uint64        // items and marks
	Processed uint64        // items that the handler took, the conflated ones included
	Conflated uint64        // merged with one that waited
	Stale     uint64        // a number that was seen before: not handled
	Dropped   uint64        // the handler could do nothing with it
	Latency   shm.Histogram // ns from the beginning of its batch to the end of the burst that handled it
}

// Stats gives a copy per worker. Any goroutine may call it.
func (p *Pool[T]) Stats() []Worker {
	all := make([]Worker, len(p.workers))
	for i, w := range p.workers {
		offered := w.offered.Load()
		w.mu.Lock()
		all[i] = w.total
		w.mu.Unlock()
		all[i].CPU, all[i].Enqueued = w.cpu, offered
		all[i].Depth = offered - min(w.handled.Load(), offered)
	}
	return all
}

// Sum adds the figures of workers up.
func Sum(all []Worker) Worker {
	sum := Worker{CPU: -1}
	for i := range all {
		w := &all[i]
		sum.Depth += w.Depth
		sum.Enqueued += w.Enqueued
		sum.Processed += w.Processed
		sum.Conflated += w.Conflated
		sum.Stale += w.Stale
		sum.Dropped += w.Dropped
		sum.Latency.Plus(&w.Latency)
	}
	return sum
}
