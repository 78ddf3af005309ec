package hub

import (
	"context"
	"encoding/json"
	"time"

	"fcredirect/mgmt/auth"
)

// alarmsEvery is how often alarms are looked at: they show after seconds.
const alarmsEvery = time.Second

// Alarms is the topic of alarms, as role monitor has them.
func Alarms(caller Caller) Topic {
	text := "All alarms. An update has added, changed and removed ones; these by <code>/<subject>."
	return List("alarms", auth.AlarmRead, text, alarmsEvery, func(ctx context.Context) ([]Item, error) {
		answer, err := caller.Call(ctx, "monitor", "alarm.list", nil)
		var all struct {
			Alarms []json.RawMessage `json:"alarms"`
		}
		if err == nil {
			err = json.Unmarshal(answer, &all)
		}
		if err != nil {
			return nil, unavailable(err)
		}
		items := make([]Item, 0, len(all.Alarms))
		for _, raw := range all.Alarms {
			var name struct{ Code, Subject string }
			if err := json.Unmarshal(raw, &name); err != nil {
				return nil, unavailable(err)
			}
			items = append(items, Item{name.Code + "/" + name.Subject, raw})
		}
		return items, nil
	})
}
