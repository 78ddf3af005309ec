package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"fcredirect/dataplane/frame"
)

// initiator is the SCSI initiator of a node: one session with each target it has logged in
// to and wants.
type initiator struct {
	node     *Node
	seed     uint64
	sessions map[frame.WWN]*session // outlive the logins, for the counters and the work
	quiet    bool                   // no new work
	drained  func()                 // called when the last command has ended, after quiesce
	finished func()                 // called when all work is done, without quiesce
}

// IOCounters count the work of one initiator with one target.
type IOCounters struct {
	Commands     uint64 `json:"commands"` // ended well
	Reads        uint64 `json:"reads"`
	Writes       uint64 `json:"writes"`
	BytesRead    uint64 `json:"bytes_read"` // of READs, each byte compared
	BytesWritten uint64 `json:"bytes_written"`
	VerifyErrors uint64 `json:"verify_errors"` // READs whose data was not what it should be
	Errors       uint64 `json:"errors"`        // commands that ended badly
	Retries      uint64 `json:"retries"`       // attempts after the first
	Timeouts     uint64 `json:"timeouts"`
	Lost         uint64 `json:"lost"` // commands that never reached the target, by REC
	Aborts       uint64 `json:"aborts"`
	GivenUp      uint64 `json:"sessions_given_up"`
	Failed       uint64 `json:"failed"` // of Errors: no attempt got an answer
	// FCP frames of the pair, as the initiator sent and got them: without faults, what a
	// service between the two must have seen.
	FCPIn  uint64 `json:"fcp_frames_in"`
	FCPOut uint64 `json:"fcp_frames_out"`
}

func newInitiator(n *Node, seed uint64) *initiator {
	return &initiator{node: n, seed: seed, sessions: make(map[frame.WWN]*session)}
}

// session is the work with one target. The login below it may come and go: commands that
// it cannot send wait in parked.
type session struct {
	ini    *initiator
	target frame.WWN
	peer   *rport // nil while logged out
	noREC  bool   // the target does not know REC
	n      IOCounters
	// active are the commands in an exchange, parked those that wait for a login, an OX_ID
	// or the next attempt.
	active []*command
	parked []*command
	wake   timer // retries what is parked
	work   *workload
	// gone ends it when the login stays away.
	gone timer

	details []string
}

// found is called when a login with a target has become ready.
func (i *initiator) found(r *rport) {
	if len(i.node.cfg.Targets) > 0 && !slices.Contains(i.node.cfg.Targets, r.wwpn) {
		return
	}
	s := i.sessions[r.wwpn]
	if s == nil {
		s = &session{ini: i, target: r.wwpn}
		s.wake.fire = s.unpark
		s.gone.fire = s.abandon
		s.work = newWorkload(s, i.seed)
		i.sessions[r.wwpn] = s
	}
	s.peer = r
	i.node.port.clock.stop(&s.gone)
	if s.work.phase != phaseNew {
		s.unpark()
	} else if !i.quiet {
		s.work.begin()
	}
}

// lost is called when a session has ended.
func (i *initiator) lost(r *rport) {
	s := i.sessions[r.wwpn]
	if s == nil || s.peer != r {
		return
	}
	s.peer = nil
	for len(s.active) > 0 {
		c := s.active[len(s.active)-1]
		c.drop()
		s.n.Retries++
		s.park(c, 0)
	}
	i.node.arm(&s.gone, i.node.cfg.IO.GiveUp)
}

// list is the sessions by target name.
func (i *initiator) list() []*session {
	all := make([]*session, 0, len(i.sessions))
	for _, s := range i.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.target, b.target) })
	return all
}

// quiesce begins no new work and calls done when all that is begun has ended.
func (i *initiator) quiesce(done func()) {
	i.quiet, i.drained = true, done
	for _, s := range i.list() {
		s.work.quiesce()
	}
	i.settled()
}

// whenFinished calls done when every session has come to its end by itself. A target that
// does not show up is waited for: there must be as many sessions as targets are wanted.
func (i *initiator) whenFinished(done func()) { i.finished = done }

// settled checks whether a quiesce is over.
func (i *initiator) settled() {
	for _, s := range i.sessions {
		if len(s.active)+len(s.parked) > 0 || !s.work.over() {
			return
		}
	}
	if done := i.drained; done != nil {
		i.drained = nil
		done()
	}
	enough := max(1, len(i.node.cfg.Targets))
	if done := i.finished; done != nil && len(i.sessions) >= enough {
		i.finished = nil
		done()
	}
}

// submit sends a new command, or holds it until it can be sent.
func (s *session) submit(c *command) {
	c.s, c.began, c.state = s, s.ini.node.port.clock.now, commandIdle
	if c.timer.fire == nil {
		c.timer.fire, c.sending.more = c.expire, c.sendData
	}
	s.open(c)
}

func (s *session) open(c *command) {
	if s.peer == nil {
		s.parked = append(s.parked, c)
		return
	}
	s.active = append(s.active, c)
	c.open()
}

// park takes a command out of its exchange. It is tried again after the wait, or when the
// login is back.
func (s *session) park(c *command, wait time.Duration) {
	s.removeActive(c)
	s.parked = append(s.parked, c)
	if s.peer != nil && s.wake.index == 0 {
		s.ini.node.port.clock.arm(&s.wake, wait)
	}
}

func (s *session) unpark() {
	if s.peer == nil {
		return
	}
	waiting := s.parked
	s.parked = nil
	for _, c := range waiting {
		s.open(c)
	}
}

func (s *session) removeActive(c *command) {
	if i := slices.Index(s.active, c); i >= 0 {
		s.active = slices.Delete(s.active, i, i+1)
	}
}

// ended is called by a command that is over, before its done.
func (s *session) ended(c *command) { s.removeActive(c) }

// giveUp logs out of a target that answers nothing, and in again.
func (s *session) giveUp() {
	s.n.GivenUp++
	peer := s.peer
	peer.logout(func() {
		peer.login()
	})
}

// abandon fails everything that waits for a target that has not come back.
func (s *session) abandon() {
	waiting := s.parked
	s.parked = nil
	for _, c := range waiting {
		s.n.Failed++
		c.end(fmt.Errorf("command %02x: %w", c.cdb[0], errLost))
	}
	s.ini.node.arm(&s.gone, s.ini.node.cfg.IO.GiveUp) // for what is begun in the meantime
	s.ini.settled()
}

// note keeps the words of a problem, as long as there is room.
func (s *session) note(err error) {
	if len(s.details) < maxDetails {
		s.details = append(s.details, fmt.Sprintf("%s → %s: %v", s.ini.node.cfg.WWPN, s.target, err))
	}
}

// elapsed is the time since the port started.
func (s *session) elapsed() time.Duration { return s.ini.node.port.clock.now }
