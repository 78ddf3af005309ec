// Package sim is a Fibre Channel over Ethernet fabric made of software: initiators,
// targets and inline services that log in as Linux hosts do in VN2VN mode (FIP probe,
// claim and beacon, FLOGI, PLOGI, PRLI), do SCSI I/O whose every byte is compared, recover
// from lost and damaged frames, and can damage frames themselves. It is for demonstrations,
// load and tests, and talks to real hosts as well.
//
// Who may import it: cmd/fcr-sim and tests. It imports dataplane/frame, dataplane/pcap and
// its own sub-packages: scsi (the disks), wire (AF_PACKET and a cable in memory), load
// (the frame generator and sink).
//
// Where to find things, in the order of a node's life: config.go (what there is), fabric.go
// (building and running it), port.go (the switch in front of an interface's nodes, and its
// loop), node.go (an N_Port), vn2vn.go (its address and neighbours), rport.go (login),
// els.go (link services); initiator.go, workload.go and command.go (work, SCSI commands and
// their recovery); target.go (serving them); inspector.go and census.go (the service);
// fault.go; virtual.go and capture.go (invented time, capture files); report.go.
//
// Ownership: everything on a port belongs to that port's goroutine (Fabric.Run starts one
// per interface), and ports share nothing but frames. Other goroutines reach a port through
// Port.do. In a Virtual all ports run on the caller's goroutine.
//
// Invariants: a READ is compared with what the last WRITE of each block put there, and only
// one command at a time works on an extent; a WRITE is repeated only after its old exchange
// is known to be gone; what a node cannot place it counts and drops; with one Config a
// Virtual makes the same frames at the same times.
//
// Limits: see limits.go.
package sim
