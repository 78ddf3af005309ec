package metrics

import "fcredirect/mgmt/alarm"

// latency is a role's histogram in short, in nanoseconds.
type latency struct {
	P99 uint64 `json:"p99_ns"`
}

func (l latency) seconds() float64 { return float64(l.P99) / 1e9 }

var (
	storeUpdates   = counter("fcr_store_updates_total", "Items read from the rings.", "shard")
	storeStale     = counter("fcr_store_stale_updates_total", "Of these, not taken because the database has them.", "shard")
	storeConflated = counter("fcr_store_conflated_updates_total", "Of these, merged with a later one of the same flow.", "shard")
	storeRows      = counter("fcr_store_rows_total", "Rows of flows and logins that were written.", "shard")
	storeSamples   = counter("fcr_store_samples_total", "Samples that were written.", "shard")
	storeCommits   = counter("fcr_store_commits_total", "Transactions that were committed.", "shard")
	storeFailures  = counter("fcr_store_failures_total", "Transactions that failed.", "shard")
	storeLost      = counter("fcr_store_database_lost_commits_total", "Times that the database had lost commits, or was another one.", "shard")
	storeResyncs   = counter("fcr_store_resyncs_total", "Times that the data plane was asked for everything.", "shard")
	storeLag       = gauge("fcr_store_lag_seconds", "Since the oldest item was read that is not durable.", "shard")
	storeDepth     = gauge("fcr_store_depth_items", "Items that were read and are not durable.", "shard")
	storeWaiting   = gauge("fcr_store_waiting_flows", "Flows that changed since their last sample.", "shard")
	storeCommit    = gauge("fcr_store_commit_p99_seconds", "What 99 of 100 transactions took at most, since the role began.", "shard")
)

// storeAnswer is of store.stats what is told.
type storeAnswer struct {
	Updates   uint64  `json:"updates"`
	Stale     uint64  `json:"stale"`
	Conflated uint64  `json:"conflated"`
	Rows      uint64  `json:"rows"`
	Samples   uint64  `json:"samples"`
	Commits   uint64  `json:"commits"`
	Failures  uint64  `json:"failures"`
	Lost      uint64  `json:"lost"`
	Resyncs   uint64  `json:"resyncs"`
	LagNS     int64   `json:"lag_ns"`
	Depth     uint64  `json:"depth"`
	Waiting   int     `json:"waiting"`
	Flush     latency `json:"flush"`
}

func tellStore(out sink, shard string, a *storeAnswer) {
	out.count(storeUpdates, a.Updates, shard)
	out.count(storeStale, a.Stale, shard)
	out.count(storeConflated, a.Conflated, shard)
	out.count(storeRows, a.Rows, shard)
	out.count(storeSamples, a.Samples, shard)
	out.count(storeCommits, a.Commits, shard)
	out.count(storeFailures, a.Failures, shard)
	out.count(storeLost, a.Lost, shard)
	out.count(storeResyncs, a.Resyncs, shard)
	out.put(storeLag, float64(a.LagNS)/1e9, shard)
	out.count(storeDepth, a.Depth, shard)
	out.put(storeWaiting, float64(a.Waiting), shard)
	out.put(storeCommit, a.Flush.seconds(), shard)
}

var (
	eventsTotal       = counter("fcr_events_total", "Events that were taken into the log.")
	eventNumber       = gauge("fcr_event_number", "Number of the last event.")
	eventWaiting      = gauge("fcr_event_waiting", "Events that the database does not have yet.")
	eventDrained      = counter("fcr_events_drained_total", "Events that were brought to the database.")
	eventDrainErrors  = counter("fcr_event_drain_failures_total", "Times that events could not be brought there.")
	eventFailures     = counter("fcr_event_failures_total", "Events that could not be taken.")
	eventLost         = counter("fcr_events_lost_total", "Events that the data plane counted as lost, in gap records.")
	eventOffered      = counter("fcr_events_offered_again_total", "Events that were brought again, because the database had forgotten them.")
	eventSpoolBytes   = gauge("fcr_event_spool_bytes", "Size of the local spool.")
	eventSpoolFiles   = gauge("fcr_event_spool_files", "Files of the local spool.")
	eventSpoolFails   = counter("fcr_event_spool_failures_total", "Groups that could not be made durable.")
	eventSpoolDamaged = counter("fcr_event_spool_damaged_records_total", "Durable records that could not be read.")
	eventPublish      = gauge("fcr_event_publish_p99_seconds", "From an event to when subscribers see it, of 99 of 100 at most.")
	eventLag          = gauge("fcr_event_database_lag_p99_seconds", "From an event to when the database has it, of 99 of 100 at most.")
)

// eventAnswer is of event.stats what is told.
type eventAnswer struct {
	Events       uint64  `json:"events"`
	Lost         uint64  `json:"lost"`
	Failures     uint64  `json:"failures"`
	Number       uint64  `json:"number"`
	Waiting      uint64  `json:"waiting"`
	Drained      uint64  `json:"drained"`
	DrainErrors  uint64  `json:"drain_errors"`
	OfferedAgain uint64  `json:"offered_again"`
	Publish      latency `json:"publish"`
	Lag          latency `json:"lag"`
	Spool        struct {
		Bytes    int64  `json:"bytes"`
		Files    int    `json:"files"`
		Failures uint64 `json:"failures"`
		Damaged  uint64 `json:"damaged"`
	} `json:"spool"`
}

func tellEvents(out sink, _ string, a *eventAnswer) {
	out.count(eventsTotal, a.Events)
	out.count(eventNumber, a.Number)
	out.count(eventWaiting, a.Waiting)
	out.count(eventDrained, a.Drained)
	out.count(eventDrainErrors, a.DrainErrors)
	out.count(eventFailures, a.Failures)
	out.count(eventLost, a.Lost)
	out.count(eventOffered, a.OfferedAgain)
	out.put(eventSpoolBytes, float64(a.Spool.Bytes))
	out.put(eventSpoolFiles, float64(a.Spool.Files))
	out.count(eventSpoolFails, a.Spool.Failures)
	out.count(eventSpoolDamaged, a.Spool.Damaged)
	out.put(eventPublish, a.Publish.seconds())
	out.put(eventLag, a.Lag.seconds())
}

var (
	telemetryLooks    = counter("fcr_telemetry_looks_total", "Looks at the data plane's pages.")
	telemetryWritten  = counter("fcr_telemetry_written_looks_total", "Looks that are in the database.")
	telemetryWaiting  = gauge("fcr_telemetry_waiting_looks", "Looks that are not yet.")
	telemetryDropped  = counter("fcr_telemetry_dropped_looks_total", "Looks that waited for too long. Their counts come with the next.")
	telemetryFailures = counter("fcr_telemetry_failures_total", "Transactions that failed.")
)

type telemetryAnswer struct {
	Looks    uint64 `json:"looks"`
	Written  uint64 `json:"written"`
	Waiting  int    `json:"waiting"`
	Dropped  uint64 `json:"dropped"`
	Failures uint64 `json:"failures"`
}

func tellTelemetry(out sink, _ string, a *telemetryAnswer) {
	out.count(telemetryLooks, a.Looks)
	out.count(telemetryWritten, a.Written)
	out.put(telemetryWaiting, float64(a.Waiting))
	out.count(telemetryDropped, a.Dropped)
	out.count(telemetryFailures, a.Failures)
}

var alarms = gauge("fcr_alarms", "Alarms that are active, by their code in the catalogue.", "code", "severity")

type alarmAnswer struct {
	Alarms []struct {
		Code     string `json:"code"`
		Severity string `json:"severity"`
		Active   bool   `json:"active"`
	} `json:"alarms"`
}

// tellAlarms tells all codes of the catalogue, so that an alarm is a value that changes and not a series that comes.
func tellAlarms(out sink, _ string, a *alarmAnswer) {
	type kind struct{ code, severity string }
	active := map[kind]int{}
	for _, e := range alarm.Catalogue {
		active[kind{string(e.Code), e.Severity.String()}] = 0
	}
	for _, al := range a.Alarms {
		if al.Active {
			active[kind{al.Code, al.Severity}]++
		}
	}
	for k, n := range active {
		out.put(alarms, float64(n), k.code, k.severity)
	}
}

var (
	busCalls   = counter("fcr_bus_calls_total", "Questions of the answering process to other processes.")
	busServed  = counter("fcr_bus_served_total", "Questions of other processes that it answered.")
	busRefused = counter("fcr_bus_refused_total", "Questions of other processes that it refused: too many, too large, or nobody knew the answer.")
	busDropped = counter("fcr_bus_dropped_total", "Answers that found too many before them.")
	busBroken  = counter("fcr_bus_broken_total", "Times that a ring between two processes could not be right.")
)

// bus tells how this process fares on the bus.
func (c *collector) bus(out sink) {
	if c.o.Bus == nil {
		return
	}
	s := c.o.Bus.Stats()
	out.count(busCalls, s.Calls)
	out.count(busServed, s.Served)
	out.count(busRefused, s.Refused)
	out.count(busDropped, s.Dropped)
	out.count(busBroken, s.Broken)
}
