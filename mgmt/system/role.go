package system

import (
	"context"

	"fcredirect/mgmt/config"
)

// Role is what the package of a role gives.
type Role interface {
	// Run serves until ctx ends, then comes to an orderly end within a bounded time and returns nil. Any other end is an
	// error, and Run is called again, on a new Role. ready is called once, when it serves.
	Run(ctx context.Context, ready func()) error
	// Healthy says why it is not well. Any goroutine may call it, from before Run to after it.
	Healthy() error
}

// Maker makes a role for one run of an instance.
type Maker func(config.Instance) (Role, error)

// Makers are the makers by the name of the role.
type Makers map[string]Maker
