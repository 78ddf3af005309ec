package api

import (
	"context"
	"fmt"
	"path/filepath"

	captures "fcredirect/mgmt/api/capture"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/capture"
	"fcredirect/mgmt/hub"
)

// capture adds the captures of frames.
func (a *assembly) capture() error {
	m, err := capture.New(capture.Options{
		Dir: filepath.Join(a.Config.StateDir, "captures"), Live: a.live, Events: a.Events, Log: a.Log, Version: a.Version,
	})
	if err != nil {
		return fmt.Errorf("open captures: %w", err)
	}
	a.start(m.Run)
	captures.Register(a.rest, captures.Deps{Captures: m})
	a.topics = append(a.topics, hub.List("captures", auth.CaptureRead, "All captures, with what they have so far.", listEvery, func(context.Context) (items []hub.Item, err error) {
		for _, c := range m.List() {
			items = append(items, hub.Item{Key: c.ID, Body: c})
		}
		return items, nil
	}))
	return nil
}
