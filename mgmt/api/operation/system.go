package operation

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/postgres"
)

// System is the node in short.
type System struct {
	Node        string             `json:"node"`
	Version     string             `json:"version" doc:"of the management daemon"`
	ABI         int                `json:"abi" doc:"of the segment, as this version writes it"`
	Go          string             `json:"go"`
	Started     time.Time          `json:"started" doc:"of role api"`
	Time        time.Time          `json:"time"`
	Clock       SystemClock        `json:"clock"`
	Host        SystemHost         `json:"host"`
	Processes   []SystemProcess    `json:"processes" doc:"of the management side"`
	Dataplane   *report.Segment    `json:"dataplane,omitempty" doc:"Absent: there is no segment."`
	Database    SystemDatabase     `json:"database"`
	Settings    SystemSettings     `json:"settings"`
	Certificate *SystemCertificate `json:"certificate,omitempty" doc:"Absent: no address is served."`
	Disks       []SystemDisk       `json:"disks"`
	Hugepages   []Hugepages        `json:"hugepages"`
}

// SystemClock is the time of the machine.
type SystemClock struct {
	Synchronised bool    `json:"synchronised" doc:"Somebody keeps the kernel's clock."`
	ErrorMS      float64 `json:"error_ms" doc:"The kernel's estimate of how far it is off at most."`
}

// SystemHost is the machine.
type SystemHost struct {
	Name        string  `json:"name"`
	Kernel      string  `json:"kernel"`
	Processors  int     `json:"processors"`
	Load1       float64 `json:"load_1"`
	MemoryBytes uint64  `json:"memory_bytes"`
	FreeBytes   uint64  `json:"memory_available_bytes"`
	UptimeS     int64   `json:"uptime_s"`
}

// SystemProcess is a process of the management side.
type SystemProcess struct {
	Name    string    `json:"name"`
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	ABI     int       `json:"abi"`
	Alive   bool      `json:"alive"`
	Since   time.Time `json:"since"`
}

// SystemDatabase says which PostgreSQL there is, and how it fares.
type SystemDatabase struct {
	Kind     string `json:"kind" enum:"embedded,external,none"`
	State    string `json:"state" enum:"ok,unavailable,read_only,disk_full,newer_schema,none"`
	System   string `json:"system,omitempty" doc:"the cluster's identifier"`
	Timeline int32  `json:"timeline,omitempty" doc:"goes up with each promotion"`
	Version  string `json:"version,omitempty"`
	Schema   int64  `json:"schema,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
}

// SystemSettings is how far the settings are.
type SystemSettings struct {
	Revision uint64 `json:"revision"`
	Mirrored bool   `json:"mirrored" doc:"The database has all of them."`
}

// SystemCertificate is the one that the API shows.
type SystemCertificate struct {
	Ends time.Time `json:"ends"`
	Left int64     `json:"seconds_left"`
}

// SystemDisk is the room below a folder.
type SystemDisk struct {
	Use   string `json:"use" example:"state"`
	Path  string `json:"path"`
	Bytes uint64 `json:"bytes"`
	Free  uint64 `json:"free_bytes"`
}

// Hugepages are the pages of one size.
type Hugepages struct {
	SizeKB   uint64 `json:"size_kb"`
	Pages    uint64 `json:"pages"`
	Free     uint64 `json:"free"`
	Reserved uint64 `json:"reserved"`
}

func (n *noun) system(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "get-system", Method: http.MethodGet, Path: root + "system", Tag: "system", Permission: auth.SystemRead, Summary: "The node in short",
		Description: "What does not answer is shown as absent or unavailable; the request succeeds all the same.",
	}, n.getSystem)
}

func (n *noun) getSystem(ctx context.Context, _ *struct{}) (*rest.Item[System], error) {
	s := System{
		Node: n.Config.Node, Version: n.Version, ABI: shm.ABI, Go: runtime.Version(), Started: n.Started.UTC(), Time: time.Now().UTC(), Clock: clock(), Host: host(),
		Processes: []SystemProcess{}, Database: n.database(ctx), Settings: SystemSettings{n.Settings.Revision(), n.Settings.Mirrored()}, Disks: []SystemDisk{}, Hugepages: hugepages(),
	}
	if n.Registry != nil {
		for _, p := range n.Registry.Members() {
			s.Processes = append(s.Processes, SystemProcess{p.Name, p.PID, p.Version, p.ABI, p.Alive, p.Claimed.UTC()})
		}
	}
	_ = n.Live.Use(func(seg *attach.Segment) error { // no segment is shown as none
		d := report.SegmentOf(seg.State)
		s.Dataplane = &d
		return nil
	})
	if n.Certificate != nil {
		if end := n.Certificate(); !end.IsZero() {
			s.Certificate = &SystemCertificate{end.UTC(), int64(time.Until(end).Seconds())}
		}
	}
	disk := func(use, path string) {
		var st unix.Statfs_t
		if path != "" && unix.Statfs(path, &st) == nil {
			s.Disks = append(s.Disks, SystemDisk{use, path, st.Blocks * uint64(st.Bsize), st.Bavail * uint64(st.Bsize)})
		}
	}
	disk("state", n.Config.StateDir)
	if n.Config.Database.Embedded() {
		disk("database", n.Config.Database.DataDir)
	}
	return rest.One(s, 0), nil
}

// askedDatabase is what the database said last. Whoever asks within a second gets the same, and one at a time asks it.
type askedDatabase struct {
	mu     sync.Mutex // guards what follows
	at     time.Time
	answer SystemDatabase
}

const answerAge = time.Second

func (n *noun) database(ctx context.Context) SystemDatabase {
	n.asked.mu.Lock()
	defer n.asked.mu.Unlock()
	if time.Since(n.asked.at) >= answerAge {
		n.asked.answer = n.askDatabase(context.WithoutCancel(ctx)) // for the others too
		n.asked.at = time.Now()
	}
	return n.asked.answer
}

// askDatabase asks the database who and how it is.
func (n *noun) askDatabase(ctx context.Context) SystemDatabase {
	d := SystemDatabase{Kind: "external", State: "ok"}
	if n.Config.Database.Embedded() {
		d.Kind = "embedded"
	}
	if n.DB == nil {
		return SystemDatabase{Kind: "none", State: "none"}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	id, err := n.DB.Identity(ctx)
	if err != nil {
		d.State = stateOf(err)
		return d
	}
	d.System, d.Timeline = strconv.FormatUint(uint64(id.System), 10), id.Timeline
	err = n.DB.Q().QueryRow(ctx, `SELECT current_setting('server_version'), pg_database_size(current_database()),
		coalesce((SELECT max(version_id) FROM goose_db_version WHERE is_applied), 0)`).Scan(&d.Version, &d.Bytes, &d.Schema)
	if err != nil {
		d.State = stateOf(err)
	}
	return d
}

// stateOf says in a word what an error of the database means.
func stateOf(err error) string {
	switch postgres.Kind(err) {
	case postgres.ReadOnly:
		return "read_only"
	case postgres.DiskFull:
		return "disk_full"
	}
	if errors.Is(err, postgres.ErrNewerSchema) {
		return "newer_schema"
	}
	return "unavailable"
}

func clock() SystemClock {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return SystemClock{err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, float64(t.Maxerror) / 1000}
}

func host() SystemHost {
	h := SystemHost{Processors: runtime.NumCPU()}
	h.Name, _ = os.Hostname() // none: it is shown as empty
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) == nil {
		h.Load1, h.MemoryBytes, h.FreeBytes, h.UptimeS = float64(i.Loads[0])/(1<<16), i.Totalram*uint64(i.Unit), i.Freeram*uint64(i.Unit), i.Uptime
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "MemAvailable:"); ok {
			kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			if v, err := strconv.ParseUint(kb, 10, 64); err == nil {
				h.FreeBytes = v << 10
			}
		}
	}
	return h
}

// hugepages reads the kernel's pools.
func hugepages() []Hugepages {
	list := []Hugepages{}
	dirs, err := filepath.Glob("/sys/kernel/mm/hugepages/hugepages-*kB")
	if err != nil {
		return list
	}
	for _, dir := range dirs {
		var p Hugepages
		var bad error
		read := func(name string) uint64 {
			b, err := os.ReadFile(filepath.Join(dir, name))
			v, err2 := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
			bad = errors.Join(bad, err, err2)
			return v
		}
		p.SizeKB, err = strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(dir), "hugepages-"), "kB"), 10, 64)
		p.Pages, p.Free, p.Reserved = read("nr_hugepages"), read("free_hugepages"), read("resv_hugepages")
		if err == nil && bad == nil {
			list = append(list, p)
		}
	}
	return list
}
