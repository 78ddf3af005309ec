package system

import (
	"errors"
	"log/slog"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// Parts is what roles are made of: one of each in a process.
type Parts struct {
	Config   *config.Config
	Process  string
	Place    attach.Place
	Registry *registry.Registry
	Bus      *bus.Bus
	Log      *slog.Logger
	Version  string

	closers []func() error // run in reverse
}

func newParts(s *System) (*Parts, error) {
	b, err := bus.Open(s.registry, s.o.Log)
	if err != nil {
		return nil, err
	}
	p := &Parts{Config: s.o.Config, Process: s.o.Process, Place: s.place, Registry: s.registry, Bus: b, Log: s.o.Log, Version: s.o.Version}
	p.onClose(b.Close)
	return p, nil
}

// onClose leaves something to do when every role has ended.
func (p *Parts) onClose(do func() error) { p.closers = append(p.closers, do) }

func (p *Parts) close() (err error) {
	for n := len(p.closers) - 1; n >= 0; n-- {
		err = errors.Join(err, p.closers[n]())
	}
	return err
}
