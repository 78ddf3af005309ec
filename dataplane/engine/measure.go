package engine

import (
	"fmt"
	"runtime"
	"time"

	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// Moment is the counters of a running engine, for whoever measures it.
type Moment struct {
	At     time.Time
	Ports  []report.Port
	Lcores []shm.Lcore
}

// Look copies the counters.
func (e *Engine) Look() Moment {
	return Moment{At: time.Now(), Ports: report.Ports(e.seg.State), Lcores: append([]shm.Lcore(nil), e.lcores...)}
}

// Heap is the Go heap in use.
func (e *Engine) Heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Collections is how often the Go heap was collected.
func (e *Engine) Collections() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return uint64(m.NumGC)
}

// TableBytes is the memory of all flow tables: entries, infos, address chains and the list of free infos.
func (e *Engine) TableBytes() (bytes int) {
	for i, s := range e.shards {
		bytes += len(e.seg.State.Bytes(fmt.Sprintf(shm.RegionFlows, i))) + len(e.seg.State.Bytes(fmt.Sprintf(shm.RegionInfos, i))) + s.HeapBytes()
	}
	return bytes
}

// Directions is how many directions live in the flow tables.
func (e *Engine) Directions() (n int) {
	for _, s := range e.shards {
		n += s.Live()
	}
	return n
}

// MeasureStages takes the stages of a pass apart on the lcore that owns a port; Run must have ended.
func (e *Engine) MeasureStages(port int, frames [][]byte, rounds int) lcore.StageTimes {
	for i, cpu := range e.boot.Lcores {
		if e.boot.Ports[port].Lcore == cpu {
			return e.workers[i].MeasureStages(port, frames, rounds)
		}
	}
	return lcore.StageTimes{}
}
