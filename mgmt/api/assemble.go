package api

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/settings"
)

// assembly is what the nouns are made of: one of each.
type assembly struct {
	Options
	settings *settings.Store
	live     *attach.Live
	gate     rest.Gate
	rest     *rest.API

	background []func(context.Context) // run until ctx ends
	closers    []func() error          // run in reverse when all of background has returned
}

// start adds what runs beside the requests.
func (a *assembly) start(run func(context.Context)) { a.background = append(a.background, run) }

// onClose leaves something to do at the end.
func (a *assembly) onClose(do func() error) { a.closers = append(a.closers, do) }

func (a *assembly) close() (err error) {
	for n := len(a.closers) - 1; n >= 0; n-- {
		err = errors.Join(err, a.closers[n]())
	}
	return err
}

// assemble makes everything that answers requests. What comes later may use what comes before.
func (r *Role) assemble() (a *assembly, err error) {
	a = &assembly{Options: r.o, live: attach.NewLive(r.o.Place)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	a.settings, err = settings.Open(settings.Options{Dir: filepath.Join(r.o.Config.StateDir, "settings"), DB: r.o.DB, Log: r.o.Log})
	if err != nil {
		return nil, fmt.Errorf("open settings: %w", err)
	}
	a.onClose(a.settings.Close)
	a.start(a.settings.Run)
	a.start(a.live.Run)
	a.rest = rest.New(rest.Options{Gate: a.gate, Log: r.o.Log, Version: r.o.Version})
	for _, noun := range []func() error{
		// One line for each package of nouns: a method below that calls its Register.
	} {
		if err := noun(); err != nil {
			return nil, err
		}
	}
	return a, nil
}
