// Package pcapng writes capture files in the pcapng format: several interfaces with names, times in nanoseconds, a comment
// and a direction for each frame, statistics at the end. Wireshark, tshark and tcpdump read them.
//
// Who may import it: mgmt/capture and tests. It imports only the standard library and knows nothing of us.
//
// Ownership: a Writer belongs to one goroutine.
//
// Invariants: each block is one Write of the writer below, so what has been written is a whole file at any time: one that
// ends early lacks its statistics and nothing else. The same calls give the same bytes.
//
// Source: draft-ietf-opsawg-pcapng (sections 4.1 to 4.6).
package pcapng
