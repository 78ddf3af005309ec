package registry

import "time"

const (
	// MaxRoleName bounds a role's name, in bytes.
	MaxRoleName = 39
	// Texts of a slot are cut to these lengths, in bytes.
	maxVersion  = 40
	maxEndpoint = 56
	maxError    = 88
	maxHealth   = 72
	maxProcess  = 32
	// MaxNumber bounds the number of an instance among those of its (role, shard).
	MaxNumber = 63
	// MaxShard bounds the shards of a role.
	MaxShard = 63
	// Period is how often a Registry looks whether claims were lost, standbys are due, or the segment was replaced. So
	// long a failover takes at most, once the owner's process is gone.
	Period = 100 * time.Millisecond
)
