package metrics

import (
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/store"
	"fcredirect/mgmt/telemetry"
)

// peers is a pair, as its first node sees it.
func peers() *peer.Totals {
	return &peer.Totals{
		Sync: peer.SyncTotals{Changes: map[string]uint64{"normal": 9}, Repaired: 2}, Program: peer.ProgrammedTotals{Done: 5},
		Peers: []peer.Peer{
			{Name: "fcr-a", State: "self", Logins: 6, Pair: &peer.PeerPair{State: "active", Epoch: 3, Heard: true}, Streams: []peer.PeerStream{{Name: "state", Records: 7}}},
			{
				Name: "fcr-b", State: "synced", Ready: true, SamePolicy: true, Lag: 8, LagMS: 1500, Sent: peer.PeerTraffic{Bytes: 4000},
				Savings: []peer.PeerStage{{Name: "columns", Bytes: 10}}, Waits: []peer.PeerWait{{Lane: "high", P99: 9}},
			},
		},
	}
}

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
		"peer.stats":      peer.Stats{Lanes: map[string]peer.Lane{"high": {Flows: 3, Logins: 4, Bytes: 700}}, Cluster: peers()},
		"alarm.list": monitor.Answer{Alarms: []alarm.Alarm{
			{Code: alarm.MemoryHigh, Severity: alarm.Warning, Subject: "process/1", Active: true},
			{Code: alarm.MemoryHigh, Severity: alarm.Warning, Subject: "process/2", Active: true},
			{Code: alarm.RingBlocked, Severity: alarm.Major},
		}},
	}
}
