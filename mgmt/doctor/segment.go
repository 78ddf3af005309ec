package doctor

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/registry"
)

const (
	// looks is how often a live table is looked at: what is wrong each time is wrong.
	looks = 3
	pause = 20 * time.Millisecond
	// silent is after which time without a sign of life control or an lcore counts as stuck.
	silent = 5 * time.Second
	// moving is by how much the books of a port that receives may differ between two of its counters: some bursts.
	moving = 4096
)

// Segment looks at the two files of a data plane.
func Segment(state, ctl *shm.File) []Check {
	r := &examiner{}
	s := report.SegmentOf(state)
	r.life(state, &s)
	r.policy(state)
	r.change(state)
	r.flows(state)
	r.logins(state)
	r.books(state)
	r.rings(state, ctl)
	r.roles(ctl)
	return r.checks
}

// examiner makes the checks, one after the other.
type examiner struct{ findings }

func (r *examiner) life(state *shm.File, s *report.Segment) {
	const name = "segment.alive"
	switch {
	case !s.Alive && s.State == "drained":
		r.warn(name, "The data plane of node "+s.Node+" has ended in good order.", "Start fcr-dataplane; until then these are its last figures.")
		return
	case !s.Alive:
		r.fail(name, "The process of the data plane of node "+s.Node+" is gone without an orderly end.", "Start fcr-dataplane: a warm start keeps flows and logins. Its log says why it ended.")
		return
	}
	pages := shm.Items[shm.Control](state, shm.RegionControl)
	if len(pages) != 1 {
		r.fail(name, "The segment has no page of the control goroutine.", "The segment is damaged: restart fcr-dataplane with --fresh.")
		return
	}
	age := time.Duration(time.Now().UnixNano() - pages[0].Heartbeat)
	if age > silent {
		r.fail(name, fmt.Sprintf("The control goroutine has given no sign of life for %v.", age.Round(time.Second)), "Its CPU may be taken by others: look at fcrctl lcore list and the load; restart fcr-dataplane if it lasts.")
		return
	}
	hz := float64(s.TSCHz)
	before := shm.Items[shm.Lcore](state, shm.RegionLcores)
	beats := make([]uint64, len(before))
	for i := range before {
		beats[i] = before[i].Heartbeat
	}
	time.Sleep(pause)
	for i := range before {
		for n := 0; before[i].Heartbeat == beats[i] && n < int(silent/pause); n++ {
			time.Sleep(pause)
		}
		if before[i].Heartbeat == beats[i] && hz > 0 {
			r.fail("lcore.heartbeat", fmt.Sprintf("lcore %d does not poll.", i), "Look whether its CPU is taken by others; restart fcr-dataplane if it lasts.")
			return
		}
	}
	r.ok(name, fmt.Sprintf("The data plane of node %s runs, and %d lcores poll.", s.Node, len(before)))
}

// policy: what the active slot holds is what control says is active.
func (r *examiner) policy(state *shm.File) {
	const name = "segment.policy"
	snapshot, err := report.ReadPolicy(state)
	switch {
	case err != nil:
		r.fail(name, "The active policy cannot be read: "+err.Error()+".", "The segment is damaged: restart fcr-dataplane, which starts with the last confirmed policy.")
	case snapshot == nil:
		r.ok(name, "There is no policy: everything is forwarded.")
	default:
		hash := snapshot.Hash()
		pages := shm.Items[shm.Control](state, shm.RegionControl)
		if len(pages) == 1 && binary.BigEndian.Uint64(hash[:8]) != pages[0].PolicyHash {
			r.fail(name, "The policy in the active slot is not the one that is said to be active.", "The segment is damaged: restart fcr-dataplane, which starts with the last confirmed policy.")
			return
		}
		r.ok(name, fmt.Sprintf("Policy %s is whole: %d rules, %d services.", snapshot.ID(), snapshot.Rules(), snapshot.Services()))
	}
}

// change: whether somebody has to confirm something.
func (r *examiner) change(state *shm.File) {
	const name = "segment.change"
	status, err := command.Read(state)
	switch {
	case err != nil:
		r.fail(name, "The state of the configuration cannot be read: "+err.Error()+".", "The data plane and this program are of different versions, or the segment is damaged.")
	case status.Pending():
		r.warn(name, fmt.Sprintf("Revision %d waits to be confirmed for another %v; then revision %d comes back.", status.Revision,
			time.Until(status.Deadline).Round(time.Second), status.Confirmed), "fcrctl change confirm, or fcrctl change revert.")
	default:
		r.ok(name, fmt.Sprintf("Revision %d is active and confirmed.", status.Revision))
	}
}

func seedOf(state *shm.File) (uint64, bool) {
	for _, name := range state.Names() {
		if strings.HasPrefix(name, "seed.") {
			if b := state.Bytes(name); len(b) >= 8 {
				return binary.LittleEndian.Uint64(b), true
			}
		}
	}
	return 0, false
}

// flows: each shard is what a warm start would adopt whole.
func (r *examiner) flows(state *shm.File) {
	const name, advice = "table.flows", "Restart fcr-dataplane: a warm start drops what is not whole, and the next frame of such a flow makes it anew. Report it."
	seed, ok := seedOf(state)
	if !ok {
		r.fail(name, "The segment has no seed of the flow hash.", advice)
		return
	}
	directions, shards := 0, 0
	for ; ; shards++ {
		entries := shm.Items[flow.Entry](state, fmt.Sprintf(shm.RegionFlows, shards))
		if entries == nil {
			break
		}
		infos := shm.Items[flow.Info](state, fmt.Sprintf(shm.RegionInfos, shards))
		found, err := inspect(entries, infos, seed)
		switch {
		case err != nil:
			r.fail(name, fmt.Sprintf("The flow table of lcore %d cannot be read: %v.", shards, err), advice)
			return
		case found.Broken > 0 || found.Orphans > 0:
			r.fail(name, fmt.Sprintf("In the flow table of lcore %d %d directions and %d records are not whole, beside %d that are.", shards, found.Broken, found.Orphans, found.Directions), advice)
			return
		}
		directions += found.Directions
	}
	r.ok(name, fmt.Sprintf("All %d directions in %d flow tables are whole and can be found.", directions, shards))
}

// inspect gives the best of several looks.
func inspect(entries []flow.Entry, infos []flow.Info, seed uint64) (best flow.Inspection, err error) {
	for look := range looks {
		found, err := flow.Inspect(entries, infos, seed)
		if err != nil {
			return found, err
		}
		if look == 0 || found.Broken+found.Orphans < best.Broken+best.Orphans {
			best = found
		}
		if best.Broken+best.Orphans == 0 {
			break
		}
		time.Sleep(pause)
	}
	return best, nil
}

// logins: the table is what a warm start would adopt whole.
func (r *examiner) logins(state *shm.File) {
	const name, advice = "table.logins", "Restart fcr-dataplane: a warm start drops what is not whole. Flows of such an N_Port are forwarded until it logs in again. Report it."
	best := login.Adopted{}
	for look := range looks {
		memory := make([]uint64, (len(state.Bytes(shm.RegionLogins))+7)/8)
		_, found, err := login.Adopt(copyWords(memory, state.Bytes(shm.RegionLogins)), time.Now().UnixNano())
		if err != nil {
			r.fail(name, "The login table cannot be read: "+err.Error()+".", advice)
			return
		}
		if bad := found.Torn + found.Impossible + found.Misplaced; look == 0 || bad < best.Torn+best.Impossible+best.Misplaced {
			best = found
		}
		if best.Torn+best.Impossible+best.Misplaced == 0 {
			break
		}
		time.Sleep(pause)
	}
	if bad := best.Torn + best.Impossible + best.Misplaced; bad > 0 {
		r.fail(name, fmt.Sprintf("%d logins are not whole (torn %d, impossible %d, out of reach %d), beside %d that are.", bad, best.Torn, best.Impossible, best.Misplaced, best.Kept), advice)
		return
	}
	r.ok(name, fmt.Sprintf("All %d logins are whole and can be found.", best.Kept+best.Expired))
}

// books: every received frame has one fate. Of a port that receives just now the two counters may be some bursts apart.
func (r *examiner) books(state *shm.File) {
	const name = "port.books"
	for _, p := range report.Ports(state) {
		sum := uint64(0)
		for _, n := range p.Fates {
			sum += n
		}
		if d := int64(p.FramesIn - sum); d > moving || d < -moving {
			r.fail(name, fmt.Sprintf("Port %s received %d frames, and %d have a fate.", p.Name, p.FramesIn, sum), "Report it with a support bundle.")
			return
		}
	}
	r.ok(name, "Every frame that was received has one fate.")
}

func (r *examiner) rings(state, ctl *shm.File) {
	const name = "ring.cursors"
	full, lost, broken := 0, uint64(0), 0
	rings := feed.Rings(state, ctl)
	for _, ring := range rings {
		switch {
		case ring.Items == 0:
			continue
		case ring.Released > ring.Offered || ring.Depth > uint64(ring.Items):
			broken++
		case ring.Depth == uint64(ring.Items):
			full++
		}
		lost += ring.Lost
	}
	switch {
	case broken > 0:
		r.fail(name, fmt.Sprintf("%d of %d rings have a cursor that cannot be right.", broken, len(rings)), "Restart the role that reads it: fcrctl role restart; the data plane then offers everything again.")
	case full > 0:
		r.warn(name, fmt.Sprintf("%d of %d rings are full: updates are merged until their reader goes on.", full, len(rings)), "Look at fcrctl ring list and fcrctl role list: the reader is away, or its database is.")
	case lost > 0:
		r.warn(name, fmt.Sprintf("The rings are well; %d events were lost at some time, and gap records say where.", lost), "fcrctl event list --type log has the gaps.")
	default:
		r.ok(name, fmt.Sprintf("All %d rings are well.", len(rings)))
	}
}

// roles: whoever has a role lives and is well.
func (r *examiner) roles(ctl *shm.File) {
	const name = "role.health"
	table, err := registry.NewTable(ctl)
	if err != nil {
		r.fail(name, "The registry of roles cannot be read: "+err.Error()+".", "The segment is damaged, or of another version.")
		return
	}
	var ill []string
	running := 0
	for _, in := range table.List() {
		switch {
		case in.PID != 0 && !in.Alive:
			ill = append(ill, fmt.Sprintf("%s/%d/%d is dead", in.Role, in.Shard, in.Number))
		case in.PID != 0 && in.State == registry.Failed:
			ill = append(ill, fmt.Sprintf("%s/%d/%d has failed: %s", in.Role, in.Shard, in.Number, in.Error))
		case in.PID != 0 && in.Health != "":
			ill = append(ill, fmt.Sprintf("%s/%d/%d: %s", in.Role, in.Shard, in.Number, in.Health))
		case in.Stop:
			ill = append(ill, fmt.Sprintf("%s/%d/%d was stopped", in.Role, in.Shard, in.Number))
		case in.PID != 0:
			running++
		}
	}
	switch {
	case len(ill) > 0:
		r.fail(name, fmt.Sprintf("Of the roles, %d are well; %s.", running, strings.Join(ill, "; ")), "fcrctl role list and the log of fcr-mgmtd say more; fcrctl role start|restart.")
	case running == 0:
		r.warn(name, "No management daemon runs: nothing is kept in the database, and no alarm is raised.", "Start fcr-mgmtd. Traffic does not need it.")
	default:
		r.ok(name, fmt.Sprintf("All %d instances of roles are well.", running))
	}
}
