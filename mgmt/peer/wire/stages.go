package wire

// RawBytes is what an update costs when it is a message of its own: 64 bytes and 32 of framing.
const RawBytes = 96

// Stages are bytes after each stage of what was sent, and so what each stage has saved. The encoder counts what it is
// given; who merges updates before adds them to Updates and Raw.
type Stages struct {
	Updates uint64 // changes that were to be sent
	Raw     uint64 // bytes, had each been a message of its own
	Latest  uint64 // the same, of the latest of each key
	Columns uint64 // bytes of frames as columns: differences, runs, packed bits
	Zstd    uint64 // bytes of frames as they were sent, before TLS
	Frames  uint64
}

// Add adds what another connection saved.
func (s *Stages) Add(o Stages) {
	s.Updates += o.Updates
	s.Raw += o.Raw
	s.Latest += o.Latest
	s.Columns += o.Columns
	s.Zstd += o.Zstd
	s.Frames += o.Frames
}

// Merged counts updates that were not sent, because a later one of their key was.
func (s *Stages) Merged(updates uint64) {
	s.Updates += updates
	s.Raw += updates * RawBytes
}
