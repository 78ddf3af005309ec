package metrics

import (
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/store"
	"fcredirect/mgmt/telemetry"
)

// answering is a bus on which all roles answer, in the words of their own packages.
func answering() line {
	return line{
		"store.stats": struct {
			store.Stats
			Flush map[string]int `json:"flush"`
		}{store.Stats{Updates: 1, Commits: 2, Lag: 1500 * time.Millisecond}, map[string]int{"p99_ns": 2e9}},
		"event.stats": map[string]any{
			"events": 7, "waiting": 3, "spool": map[string]int{"bytes": 4096, "files": 1}, "lag": map[string]int{"p99_ns": 5e8},
		},
		"telemetry.stats": telemetry.Stats{Looks: 10, Waiting: 6},
		"peer.stats":      peer.Stats{Lanes: map[string]peer.Lane{"high": {Flows: 3, Logins: 4, Bytes: 700}}},
		"alarm.list": monitor.Answer{Alarms: []alarm.Alarm{
			{Code: alarm.MemoryHigh, Severity: alarm.Warning, Subject: "process/1", Active: true},
			{Code: alarm.MemoryHigh, Severity: alarm.Warning, Subject: "process/2", Active: true},
			{Code: alarm.RingBlocked, Severity: alarm.Major},
		}},
	}
}
