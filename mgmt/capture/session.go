package capture

import (
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/capture/pcapng"
)

// Request is what somebody asks for.
type Request struct {
	Filter     FrameFilter
	Note       string
	SnapLength int // bytes kept of each frame; 0: DefaultSnap
	AsSent     bool
	Limits     CaptureLimits
	Owner      string // who asks
}

// CaptureLimits are when it is enough. What is 0 has its usual value, Frames none.
type CaptureLimits struct {
	Frames  int   `json:"frames,omitempty" minimum:"0" maximum:"10000000" doc:"Frames in the file; 0: no limit."`
	Bytes   int64 `json:"bytes,omitempty" minimum:"0" maximum:"268435456" doc:"Bytes of the file; 16 MiB if it is not said."`
	Seconds int   `json:"seconds,omitempty" minimum:"0" maximum:"86400" doc:"How long; 60 if it is not said."`
}

// State of a capture.
type State string

// The states.
const (
	Running     State = "running"
	Stopping    State = "stopping"    // its last frames are being written
	Complete    State = "complete"    // it reached a limit or was stopped
	Interrupted State = "interrupted" // it ended before: Why says by what
)

// Capture is a capture as it is shown, and as it stands in its file beside the frames.
type Capture struct {
	ID         string        `json:"id" doc:"Its name in URLs."`
	Owner      string        `json:"owner" doc:"Who started it."`
	Note       string        `json:"note,omitempty"`
	State      State         `json:"state" enum:"running,stopping,complete,interrupted"`
	Why        string        `json:"why,omitempty" doc:"Why it ended."`
	Filter     FrameFilter   `json:"filter"`
	SnapLength int           `json:"snap_length" doc:"Bytes that are kept of each frame."`
	AsSent     bool          `json:"as_sent" doc:"Frames are also captured as they were sent, after rewriting."`
	Limits     CaptureLimits `json:"limits"`
	Patterns   int           `json:"patterns" doc:"Directions that it looks for now. 0 with a WWPN: it is logged in nowhere."`
	Started    time.Time     `json:"started"`
	Ended      *time.Time    `json:"ended,omitempty"`
	Frames     uint64        `json:"frames" doc:"Frames in the file."`
	Bytes      int64         `json:"bytes" doc:"Length of the file."`
	Matched    uint64        `json:"matched" doc:"Frames that the data plane found to be wanted."`
	Missed     uint64        `json:"missed" doc:"Of these, frames that were not copied: the budget was used up, or the ring was full."`
	MissedFull uint64        `json:"missed_ring_full" doc:"Of the missed ones, those that found the ring full."`
}

// session is a capture of this daemon's life. The table's lock guards what is shown; the rest is the pump's.
type session struct {
	shown Capture
	done  chan struct{} // closed when the file is whole

	// as the data plane has it
	id, slot uint32
	from     uint32 // the sets that have it
	until    uint32 // 0: not known yet
	spec     capture.Spec

	file     *file
	writer   *pcapng.Writer
	written  []uint64  // frames by port
	received []uint64  // by port, when it began
	deadline time.Time // not later than this it ends, whatever the data plane says
	closing  time.Time // when it is to be closed; zero while it runs
	why      string
	state    State // to end in
}

// wants says whether a record is for this capture.
func (s *session) wants(r *capture.Record) bool {
	return r.Slots>>s.slot&1 != 0 && int32(r.Revision-s.from) >= 0 && (s.until == 0 || int32(r.Revision-s.until) < 0)
}

// full says which limit the file has reached, if any.
func (s *session) full() string {
	switch {
	case s.shown.Limits.Frames > 0 && s.shown.Frames >= uint64(s.shown.Limits.Frames):
		return "it has as many frames as it may"
	case s.file.full:
		return "its file is as long as it may be"
	}
	return ""
}

// open makes the file and writes what is known before the first frame: an interface for each port, of the same number.
func (s *session) open(path string, state *shm.File, version string) (err error) {
	if s.file, err = create(path, s.shown.Limits.Bytes); err != nil {
		return err
	}
	header := state.Header()
	s.writer, err = pcapng.NewWriter(s.file, pcapng.Section{
		Hardware: "FC-Redirect node " + shm.Text(header.Node[:]), OS: system(), Application: "FC-Redirect " + version,
		Comment: fmt.Sprintf("capture %s, started by %s", s.shown.ID, s.shown.Owner),
	})
	if err != nil {
		return err
	}
	filter, err := json.Marshal(s.shown.Filter)
	if err != nil {
		return err
	}
	ports := shm.Items[shm.PortInfo](state, shm.RegionPorts)
	for i := range ports {
		p := ports[i]
		if _, err := s.writer.Interface(pcapng.Interface{
			Name: shm.Text(p.Name[:]), Description: shm.RoleName(p.Role) + " port, " + shm.Text(p.Device[:]), Filter: string(filter),
			MAC: p.MAC, Speed: uint64(p.SpeedMb) * 1_000_000, Snap: s.spec.Snap,
		}); err != nil {
			return err
		}
	}
	s.written = make([]uint64, len(ports))
	s.received = received(state, len(ports))
	return s.file.flush()
}

// received is how many frames came in on each port.
func received(state *shm.File, ports int) []uint64 {
	sum := make([]uint64, ports)
	for i, c := range shm.Items[shm.Counters](state, shm.RegionCounters) {
		if ports > 0 {
			sum[i%ports] += c.RxFrames
		}
	}
	return sum
}

// system names the operating system.
func system() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "Linux"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
}

// write adds a frame to the file; false when it does not fit, or cannot be one.
func (s *session) write(r *capture.Record, frame []byte, ns int64, comment string) error {
	p := pcapng.Packet{
		Interface: int(r.Port), Time: ns, Len: int(r.Len), Data: frame[:min(len(frame), int(s.spec.Snap))],
		Direction: pcapng.Inbound, Comment: comment,
	}
	if r.Flags&capture.FlagSent != 0 {
		p.Direction = pcapng.Outbound
	}
	if err := s.writer.Packet(&p); err != nil {
		return err
	}
	s.written[r.Port]++
	return nil
}

// conclude writes what is known at the end. What was missed is counted for the capture and not for each port: it stands
// with the first, or with the only one that was asked for.
func (s *session) conclude(now []uint64, count capture.Count) error {
	at := 0
	for i := range s.written {
		if s.spec.Ports == 1<<i {
			at = i
		}
	}
	s.file.limit += statisticsRoom
	for i := range s.written {
		st := pcapng.Statistics{Interface: i, Start: s.shown.Started.UnixNano(), End: time.Now().UnixNano(), Written: s.written[i]}
		if i < len(now) && i < len(s.received) {
			st.Received = now[i] - s.received[i]
		}
		if i == at {
			st.Dropped = count.Missed()
			st.Comment = fmt.Sprintf("in all %d frames were wanted; %d of them were missed, %d of those since the ring was full", count.Matched, count.Missed(), count.Full)
		}
		if err := s.writer.Statistics(st); err != nil {
			return err
		}
	}
	return nil
}
