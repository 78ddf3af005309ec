package faults

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"fcredirect/dataplane/feed"
)

// startDaemon starts fcr-mgmtd for the place, with further arguments. It uses the database at dsn, or makes its own when
// that is empty. The log says which daemon it is.
func (p *place) startDaemon(name, dsn string, args ...string) *program {
	p.t.Helper()
	argv := append([]string{binary("fcr-mgmtd"), "run", "--node", p.node, "--segment", p.segment, "--state-dir", p.state, "--run-dir", p.run, "--listen", "none"}, args...)
	d, err := start(filepath.Join(p.dir, name+".log"), "", []string{"FCR_DATABASE=" + dsn}, argv...)
	must(p.t, err)
	d.name = name
	p.daemons = append(p.daemons, d)
	if p.dsn = dsn; dsn == "" {
		p.dsn = p.private("fcr")
	}
	return d
}

// private is the DSN of the private cluster for a role of it.
func (p *place) private(user string) string {
	return fmt.Sprintf("host=%s user=%s dbname=fcr sslmode=disable", filepath.Join(p.run, "pg"), user)
}

// serving waits until all rings of the lcore are read and something of them is in the database.
func (p *place) serving() {
	p.t.Helper()
	must(p.t, waitFor(startLimit, func() error {
		for _, d := range p.daemons {
			if !d.runs() {
				p.t.Fatalf("%s ended: %v: %s", d.name, d.err, tail(d.log))
			}
		}
		for _, r := range feed.Rings(p.seg.state, p.seg.ctl) {
			if r.Offered > 0 && r.Released == 0 {
				return fmt.Errorf("ring %v of producer %d is not read", r.Consumer, r.Producer)
			}
		}
		n, err := p.number("SELECT count(*) FROM flow WHERE epoch = $1", int64(p.seg.epoch()))
		if err == nil && n == 0 {
			err = fmt.Errorf("no flow is in the database")
		}
		return err
	}))
}

// ctl runs fcrctl on the place and gives its JSON.
func (p *place) ctl(args ...string) ([]byte, error) {
	return command(callLimit, append([]string{binary("fcrctl"), "--segment", p.segment, "--output", "json"}, args...)...)
}

// role is an instance of a role as `fcrctl role list` prints it.
type role struct {
	Role     string `json:"role"`
	Shard    int    `json:"shard"`
	Instance int    `json:"instance"`
	State    string `json:"state"`
	Active   bool   `json:"active"`
	Alive    bool   `json:"alive"`
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	Health   string `json:"health"`
	Error    string `json:"last_error"`
}

func (p *place) roles() (list []role, err error) {
	out, err := p.ctl("role", "list")
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(out, &list)
}

// allRoles run on a node whose configuration says nothing else.
var allRoles = []string{"database", "store", "event", "telemetry", "monitor", "peer"}

// complete waits until somebody acts for each role.
func (p *place) complete(names ...string) {
	p.t.Helper()
	if len(names) == 0 {
		names = allRoles
	}
	must(p.t, waitFor(startLimit, func() error {
		for _, name := range names {
			if r, err := p.acting(name); err != nil {
				return err
			} else if r.State != "running" {
				return fmt.Errorf("role %s is %s: %s", name, r.State, r.Error)
			}
		}
		return nil
	}))
}

// acting is the instance that acts for a role.
func (p *place) acting(name string) (role, error) {
	list, err := p.roles()
	if err != nil {
		return role{}, err
	}
	for _, r := range list {
		if r.Role == name && r.Active && r.Alive {
			return r, nil
		}
	}
	return role{}, fmt.Errorf("nobody acts as %s: %+v", name, list)
}

// alarm is a standing alarm as `fcrctl alarm list` prints it.
type alarm struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
	State   string `json:"state"`
	Detail  string `json:"detail"`
}

func (p *place) alarms() (list []alarm, err error) {
	out, err := p.ctl("alarm", "list")
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(out, &list)
}

// raised waits until an alarm stands, cleared until it does not any more.
func (p *place) raised(code string) {
	p.t.Helper()
	must(p.t, waitFor(alarmLimit, p.stands(code, true)))
}
func (p *place) cleared(code string) {
	p.t.Helper()
	must(p.t, waitFor(alarmLimit, p.stands(code, false)))
}

func (p *place) stands(code string, want bool) func() error {
	return func() error {
		list, err := p.alarms()
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Code == code {
				if !want {
					return fmt.Errorf("the alarm %s stands: %s", code, a.Detail)
				}
				return nil
			}
		}
		if want {
			return fmt.Errorf("no alarm %s among %+v", code, list)
		}
		return nil
	}
}

// child is the process of a daemon that runs the roles of one name in the declarative file, 0 when there is none now.
func child(d *program, process string) int {
	for _, pid := range children(d.pid()) {
		if strings.Contains(strings.Join(commandLine(pid), " "), " --child "+process+" ") {
			return pid
		}
	}
	return 0
}

// signalDatabase sends a signal to the server of the private cluster and all its processes.
func (p *place) signalDatabase(sig syscall.Signal) error {
	pid := p.postmaster()
	if pid == 0 {
		return fmt.Errorf("no database server runs")
	}
	for _, c := range append(children(pid), pid) {
		if err := syscall.Kill(c, sig); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("database server: %v: %w", sig, err)
		}
	}
	return nil
}
