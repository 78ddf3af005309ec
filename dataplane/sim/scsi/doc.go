// Package scsi is the device server of a simulated target: logical units with a small
// disk in memory, and the commands a Linux or ESXi host sends to find and use one
// (SPC-4, SBC-3). It knows nothing of Fibre Channel.
//
// Who may import it: dataplane/sim. It imports only the standard library.
//
// Ownership: a Device, its Units and their Disks belong to one goroutine, that of the
// port their target sits on. There are no locks.
//
// Invariants: Parse never changes a disk; only Commit does, and only with all the bytes
// of a write, so a write that is aborted half way leaves no trace. A block never written
// reads as zeros. Whatever a CDB holds, the answer is a Plan with a SCSI status: there
// is no input that fails otherwise.
//
// Limits: see limits.go.
package scsi
