// Package config is the declarative file of the management daemon: where the node's segment, state and database are,
// and which roles run, in which processes, in how many instances, on which cores, with how much memory, in which order,
// and what is done when one of them is ill. Parse turns the YAML into a checked Config with every default filled in;
// Instances says what each process runs.
//
// Who may import it: mgmt/system, cmd/fcr-mgmtd, cmd/fcrctl, and tests. It imports dataplane/yamlconf and dataplane/shm, and touches no
// file besides the one it is told to read and, in Complete, the segment's header.
//
// Ownership: a Config does not change once Complete has returned; any goroutine may read it.
//
// Invariants of a Config: role names are known and unique; dependencies have no cycle and name roles of the file; a role
// has at least as many replicas as shards, and only a role that may be sharded has more than one shard; each process
// named by a role exists, `main` always. A process never has two instances of the same shard: a
// standby in the process of its owner would die with it. No message, warnings included, shows a password of a DSN.
//
// Limits stand in limits.go.
package config
