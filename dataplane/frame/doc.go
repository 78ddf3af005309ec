// Package frame is the codec of the wire: Ethernet with one 802.1Q tag, FCoE, the
// Fibre Channel header (and its VFT extended header), FIP with its descriptors, the
// extended and basic link services, the FCP information units, the name server's CT
// payloads, and the FC CRC with a constant-time correction for rewritten addresses.
//
// Who may import it: everybody. It imports only the standard library and holds no
// state: every function works on the bytes it is given, so any goroutine may call it.
// The only memory it keeps are tables that are built once and never written again.
//
// Invariants:
//   - Total: no input makes a decoder panic, and no decoder reads past its slice.
//   - Decode and every Parse function allocate nothing; results that are slices alias
//     the input and live as long as it does.
//   - What a parser accepts, the builder of the same type writes so that it reads the same
//     again, and real frames come out bit for bit. Fields without a name of their own
//     (vendors' data, association headers, padding of FIP) are kept; reserved bits are sent
//     as zero, as the standards ask. A frame that crosses the appliance is never rebuilt.
//   - Append functions write what they are told, good or bad: the simulator and the tests
//     make their malformed frames with them. Only the CRC is computed.
//
// Limits: see limits.go.
//
// Where to find things: addr.go (WWN, FC_ID, MAC), reason.go (the fate of a frame),
// fcoe.go (Decode, AppendFCoE), fast.go (Classify, for bursts), fc.go (names of the
// header's values), crc.go and delta.go, fip*.go, els*.go, bls.go, fcp.go, ct.go.
package frame
