package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
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
		{name: "machine", interval: machineInterval, timeout: lookTimeout, look: r.lookAtMachine},
	}
	if r.o.DB != nil {
		all = append(all, &check{name: "database", interval: databaseInterval, timeout: databaseTimeout, look: r.lookAtDatabase, hung: databaseHung})
	}
	if r.o.Bus != nil {
		all = append(all, &check{name: "spool", interval: spoolInterval, timeout: spoolTimeout, look: r.lookAtSpool})
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

// spoolStats is what role event answers to event.stats, as far as it is looked at.
type spoolStats struct {
	Waiting uint64 // events that the database does not have yet
	Spool   struct {
		Bytes int64 `json:"bytes"`
	}
}

// lookAtSpool asks the role that keeps events how many wait for the database. That its spool is full it says by itself.
func (r *Role) lookAtSpool(ctx context.Context) report {
	rep := report{began: time.Now()}
	b, err := r.o.Bus.Call(ctx, event.RoleName, "event.stats", nil)
	var s spoolStats
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		r.o.Log.Debug("monitor: the look at the spool found nobody", "error", err)
		return rep // whether the role is well, is another look's
	}
	rep.about = []alarm.Code{alarm.SpoolGrowing}
	if s.Waiting >= spoolGrows {
		rep.found = []finding{{code: alarm.SpoolGrowing, detail: fmt.Sprintf("%d events wait for the database, in %d MiB", s.Waiting, s.Spool.Bytes>>20)}}
	}
	return rep
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

// hints are what roles say of the database and of the spool, and what a look does not show: only a writer is told that a
// disk is full, and only who migrates that the schema is newer.
func hints(list []registry.Instance) (database, spool []finding) {
	for i := range list {
		in := &list[i]
		if !in.Alive {
			continue
		}
		said := in.Health
		if in.State == registry.Failed {
			said += " " + in.Error
		}
		said = strings.TrimSpace(said)
		has := func(words ...string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
		}
		switch {
		case in.Role == event.RoleName && has(spoolFullWords, diskWords):
			spool = append(spool, finding{code: alarm.SpoolFull, detail: said})
		case has(databaseDiskWords, databaseDiskState):
			database = append(database, finding{code: alarm.DatabaseFull, detail: said})
		case has(newerWords):
			database = append(database, finding{code: alarm.DatabaseNewer, detail: said})
		}
	}
	return database, spool
}

// Parts of texts, short enough to stand where the registry cuts them. A test holds them against those who write them.
const (
	spoolFullWords    = "the spool is full" // spool.ErrFull
	diskWords         = "no space left"     // syscall.ENOSPC
	databaseDiskWords = "No space left"     // PostgreSQL's words for the same, and its SQLSTATE
	databaseDiskState = "53100"
	newerWords        = "schema is newer" // postgres.ErrNewerSchema
)
