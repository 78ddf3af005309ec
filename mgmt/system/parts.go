package system

import (
	"context"
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

	// Observe is told of what happens to instances and must not wait. Flush waits until that is safe. Build sets both, or not.
	Observe func(Change)
	Flush   func(context.Context) error

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
