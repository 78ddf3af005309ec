package monitor

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

// allChecks makes a check for everything that Options give us to look at.
func (r *Role) allChecks() []*check {
	segment := &segmentLook{place: r.o.Place, watched: map[string]bool{}, base: r.baseline}
	interval := defaultInterval
	for _, w := range r.o.Roles {
		segment.watched[w.Role] = true
		interval = min(interval, w.Interval)
	}
	all := []*check{
		{name: "segment", interval: segmentInterval, timeout: lookTimeout, look: segment.look, end: segment.close},
		{name: "roles", interval: interval, timeout: lookTimeout, look: r.lookAtRoles},
		{name: "memory", interval: memoryInterval, timeout: lookTimeout, look: r.lookAtMemory},
	}
	if r.o.DB != nil {
		all = append(all, &check{name: "database", interval: databaseInterval, timeout: databaseTimeout, look: r.lookAtDatabase, hung: databaseHung})
	}
	return all
}

// lookAtRoles reads the registry; the keeper's doctor judges.
func (r *Role) lookAtRoles(context.Context) report {
	began := time.Now()
	list := r.o.Registry.List()
	if list == nil {
		list = []registry.Instance{}
	}
	return report{began: began, instances: list}
}

var databaseCodes = []alarm.Code{alarm.DatabaseDown, alarm.DatabaseReadOnly, alarm.DatabaseFull, alarm.DatabaseNewer}

// lookAtDatabase asks the server who it is, through the same pool and by the same judgement as the writers.
func (r *Role) lookAtDatabase(ctx context.Context) report {
	rep := report{about: databaseCodes, began: time.Now(), database: true}
	_, err := r.o.DB.Identity(ctx)
	if err != nil {
		code := alarm.DatabaseDown
		switch postgres.Kind(err) {
		case postgres.ReadOnly:
			code = alarm.DatabaseReadOnly
		case postgres.DiskFull:
			code = alarm.DatabaseFull
		}
		rep.found = append(rep.found, finding{code: code, detail: err.Error()})
	}
	if full := diskFull(r.o.DataDir); full != "" {
		rep.found = append(rep.found, finding{code: alarm.DatabaseFull, detail: full})
	}
	return rep
}

// databaseHung is for a driver that does not notice the end of its context.
func databaseHung() report {
	return report{about: databaseCodes, began: time.Now(), database: true,
		found: []finding{{code: alarm.DatabaseDown, detail: fmt.Sprintf("no answer within %v", databaseTimeout)}}}
}

// diskFull says that the private cluster's disk has no room: PostgreSQL itself says so only to whoever writes next.
func diskFull(dir string) string {
	var st syscall.Statfs_t
	if dir == "" || syscall.Statfs(dir, &st) != nil {
		return ""
	}
	if free := st.Bavail * uint64(st.Bsize); free < diskLeast {
		return fmt.Sprintf("%d MiB are free at %s", free>>20, dir)
	}
	return ""
}

// lookAtMemory adds up what each management process has for itself; the segment is not counted, which all share.
func (r *Role) lookAtMemory(context.Context) report {
	rep := report{about: []alarm.Code{alarm.MemoryHigh}, began: time.Now()}
	for _, p := range r.o.Registry.Members() {
		if !p.Alive {
			continue
		}
		if own := anonymous(p.PID); own > r.o.Memory {
			rep.found = append(rep.found, finding{code: alarm.MemoryHigh, subject: fmt.Sprintf("process/%d", p.PID),
				detail: fmt.Sprintf("%s has %d MiB, %d are allowed", p.Name, own>>20, r.o.Memory>>20)})
		}
	}
	return rep
}

// anonymous is the memory of a process that is neither a file's nor shared, 0 when it cannot be read.
func anonymous(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "\nRssAnon:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// hints are what roles that write to the database say of it, and what a look does not show: only a writer is told that
// the disk is full, and only who migrates that the schema is newer.
func hints(list []registry.Instance) (found []finding) {
	for i := range list {
		in := &list[i]
		if !in.Alive {
			continue
		}
		said := in.Health
		if in.State == registry.Failed {
			said += " " + in.Error
		}
		switch {
		case strings.Contains(said, diskFullWords) || strings.Contains(said, diskFullState):
			found = append(found, finding{code: alarm.DatabaseFull, detail: strings.TrimSpace(said)})
		case strings.Contains(said, newerWords):
			found = append(found, finding{code: alarm.DatabaseNewer, detail: strings.TrimSpace(said)})
		}
	}
	return found
}

// Parts of texts that fit where the registry cuts them: PostgreSQL's words and SQLSTATE for a full disk, and our own for
// a newer schema (postgres.ErrNewerSchema).
const (
	diskFullWords = "No space left"
	diskFullState = "53100"
	newerWords    = "schema is newer"
)
