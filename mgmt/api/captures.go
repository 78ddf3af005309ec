package api

import (
	"fmt"
	"path/filepath"

	captures "fcredirect/mgmt/api/capture"
	"fcredirect/mgmt/capture"
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
	return nil
}
