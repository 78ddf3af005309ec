package system

import (
	"errors"
	"log/slog"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// Parts is what a Build makes roles of.
type Parts struct {
	Config   *config.Config
	Process  string
	Place    attach.Place
	Registry *registry.Registry
	Log      *slog.Logger
	Version  string

	closers []func() error // run in reverse
}

// onClose leaves something to do when every role has ended.
func (p *Parts) onClose(do func() error) { p.closers = append(p.closers, do) }

func (p *Parts) close() (err error) {
	for n := len(p.closers) - 1; n >= 0; n-- {
		err = errors.Join(err, p.closers[n]())
	}
	return err
}
