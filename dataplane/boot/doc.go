// Package boot is the boot file: what the dataplane must know before it can start (cores,
// ports and their pairs, the segment, memory). Parse turns the YAML into a checked Config
// with every default filled in and every pair and service port given to an lcore.
//
// Who may import it: cmd/fcr-dataplane, cmd/fcrctl, and tests. It imports
// dataplane/yamlconf only, and touches no device, file or memory besides the file it is
// told to read: whether a device exists is found out by dataplane/dpdk.
//
// A Config is immutable once Parse has returned it; any goroutine may read it.
//
// Invariants of a Config: port names are unique; each edge port is paired with exactly one
// fabric port and the other way round; both ends of a pair have the same fabric number and
// the same lcore; every port's Lcore is one of Lcores. Limits stand in limits.go.
package boot
