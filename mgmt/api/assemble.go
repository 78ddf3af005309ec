package api

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"fcredirect/mgmt/alarm/report"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/cluster"
	"fcredirect/mgmt/hub"
	"fcredirect/mgmt/metrics"
	"fcredirect/mgmt/settings"
)

// assembly is what the nouns are made of: one of each.
type assembly struct {
	Options
	settings *settings.Store
	live     *attach.Live
	audit    audit.Recorder
	auth     *auth.Service
	rest     *rest.API
	own      *certificates
	metrics  *metrics.Metrics
	hub      *hub.Hub    // of the live stream
	topics   []hub.Topic // of it, beside those of the traffic
	change   *change.Service
	cluster  *cluster.Service // nil: the node stands alone
	reporter *report.Reporter // of problems, to role monitor

	certificate func() time.Time        // when the one that is shown ends to be valid; nil: none is
	background  []func(context.Context) // run until ctx ends
	closers     []func() error          // run in reverse when all of background has returned
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
func (r *Role) assemble(own *certificates) (a *assembly, err error) {
	a = &assembly{Options: r.o, live: attach.NewLive(r.o.Place), own: own}
	defer func(made *assembly) { // a return of nil has taken a away by then
		if err != nil {
			err = errors.Join(err, made.close())
		}
	}(a)
	a.start(a.live.Run)
	a.tellAlarms()
	if err := a.openSettings(); err != nil {
		return nil, err
	}
	if err := a.makeAuth(r.dir()); err != nil {
		return nil, err
	}
	a.rest = rest.New(rest.Options{Gate: a.auth, Audit: a.audit, Log: a.Log, Version: a.Version, Host: own.knows, Rates: a.Rates})
	for _, register := range []func() error{
		a.describeSelf,
		a.identify,
		a.measure,
		a.capture,
		a.accounts,
		a.configuration,
		a.operations,
		// One line for each package of nouns: a method below that calls its Register.
		a.traffic, // the last of them: the stream tells of the others
		a.console, // beside them all
	} {
		if err := register(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// openSettings opens the node's settings.
func (a *assembly) openSettings() (err error) {
	a.settings, err = settings.Open(settings.Options{Dir: filepath.Join(a.Config.StateDir, "settings"), DB: a.DB, Log: a.Log})
	if err != nil {
		return fmt.Errorf("open settings: %w", err)
	}
	a.onClose(a.settings.Close)
	a.start(a.settings.Run)
	return nil
}

// makeAuth makes who knows accounts, and who writes down what they do.
func (a *assembly) makeAuth(dir string) (err error) {
	o := auth.Options{Settings: a.settings, Log: a.Log, Dir: dir, Cost: a.Cost}
	a.audit = audit.Nowhere{}
	if a.Events != nil {
		log := audit.New(audit.Options{Events: a.Events, Caller: a.Bus, Log: a.Log})
		a.start(log.Run)
		a.audit, o.Events = log, a.Events
	}
	a.auth, err = auth.New(o)
	if err != nil {
		return fmt.Errorf("open accounts: %w", err)
	}
	a.start(a.auth.Run)
	return nil
}
