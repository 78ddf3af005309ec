package peer

import (
	"fmt"
	"time"

	"fcredirect/mgmt/peer/engine"
)

// settingsOf are the engine's settings with those of the configuration in their places: ns, bytes or a number, by key.
func settingsOf(set map[string]int64) (engine.Settings, error) {
	s := engine.Defaults()
	for key, to := range settingFields(&s) {
		v, ok := set[key]
		if !ok {
			continue
		}
		switch to := to.(type) {
		case *time.Duration:
			*to = time.Duration(v)
		case *int:
			*to = int(v)
		}
	}
	if err := s.Check(); err != nil {
		return s, fmt.Errorf("peer: settings: %w", err)
	}
	return s, nil
}

// settingFields is where each key of the configuration has its place.
func settingFields(s *engine.Settings) map[string]any {
	return map[string]any{
		"immediate-max": &s.ImmediateMax, "high-max": &s.HighMax, "normal-max": &s.NormalMax, "lane-margin": &s.LaneMargin,
		"busy-window": &s.BusyWindow, "idle-window": &s.IdleWindow, "busy-updates": &s.BusyUpdates,
		"burst-updates": &s.BurstUpdates, "burst-span": &s.BurstSpan, "burst-for": &s.BurstFor, "burst-gap": &s.BurstGap,
		"frame-records": &s.FrameRecords, "unit-bytes": &s.UnitBytes, "bulk-records": &s.BulkRecords,
		"buffers-per-connection": &s.BuffersPerConnection, "buffer-bytes": &s.BufferBytes, "records-max": &s.RecordsMax, "messages-max": &s.MessagesMax,
		"ack-delay": &s.AckDelay, "heartbeat-every": &s.HeartbeatEvery, "silent-after": &s.SilentAfter, "digest-every": &s.DigestEvery,
		"want-after": &s.WantAfter, "want-for": &s.WantFor, "tombstone-keep": &s.TombstoneKeep, "tombstones-max": &s.TombstonesMax,
	}
}
