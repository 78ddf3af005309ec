// Package pcap reads and writes capture files in the classic libpcap format, and merges
// several of them in time order.
//
// Who may import it: the replay and capture code of the dataplane, the simulator, and
// tests. It imports only the standard library, knows nothing of FCoE, and is not for the
// packet path.
//
// Ownership: a Reader, Writer or Merge belongs to one goroutine. The bytes of a Record are
// valid until the next call.
//
// Invariants:
//   - Total: a hostile file gives an error, never a panic, and never more memory than
//     MaxRecord at a time.
//   - A file whose last record is cut gives all whole records first, then
//     io.ErrUnexpectedEOF.
//   - Deterministic: the same records written give the same bytes. Nothing is taken from
//     the clock or the machine; files are little-endian with nanosecond times.
//
// Limits: see limits.go. The newer pcapng format is recognised and refused with the
// command that converts it.
package pcap
