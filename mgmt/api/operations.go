package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/alarm/report"
	"fcredirect/mgmt/api/operation"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/backup"
	"fcredirect/mgmt/bundle"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/hub"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/webhook"
)

// tellAlarms makes who tells role monitor of problems; events of this role that are one pass through it.
func (a *assembly) tellAlarms() {
	if a.Bus == nil {
		a.reporter = report.New(nobody{}, a.Log)
		return
	}
	a.reporter = report.New(a.Bus, a.Log)
	a.start(a.reporter.Run)
	if a.Events != nil {
		a.Events = a.reporter.Events(a.Events)
	}
}

// nobody is a bus on which nobody answers.
type nobody struct{}

// Call finds no role.
func (nobody) Call(_ context.Context, role, _ string, _ []byte) ([]byte, error) {
	return nil, fmt.Errorf("role %s: there is no bus", role)
}

// Subscribe waits for what does not come.
func (nobody) Subscribe(ctx context.Context, _, _ string, _ []byte, _ func([]byte) ([]byte, error)) error {
	<-ctx.Done()
	return ctx.Err()
}

// operations adds roles, alarms, events, webhooks, jobs, backups, bundles, peers and the system.
func (a *assembly) operations() (err error) {
	dir := filepath.Join(a.Config.StateDir, "api")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	d := operation.Deps{
		Config: a.Config, Version: a.Version, Started: time.Now(), Live: a.live, DB: a.DB, Settings: a.settings, Certificate: a.certificateEnd, Log: a.Log,
	}
	if a.Bus != nil {
		d.Bus = a.Bus
	}
	if a.Registry != nil {
		d.Registry = a.Registry
	}
	var events event.Appender
	if a.Events != nil {
		events = a.Events
	}
	if d.Jobs, err = job.Open(job.Options{Dir: dir, Events: events, Log: a.Log}); err != nil {
		return err
	}
	a.start(d.Jobs.Run)
	a.topics = append(a.topics, hub.List("jobs", auth.JobRead, "All jobs, with their progress.", listEvery, func(context.Context) (items []hub.Item, err error) {
		for _, j := range d.Jobs.List() {
			items = append(items, hub.Item{Key: j.ID, Body: j})
		}
		return items, nil
	}))
	o := webhook.Options{
		Settings: a.settings, Bus: nobody{}, Alarms: a.reporter, Events: events, Log: a.Log, Dir: dir, Node: a.Config.Node, Version: a.Version,
	}
	if a.Bus != nil {
		o.Bus = a.Bus
	}
	if d.Webhooks, err = webhook.New(o); err != nil {
		return err
	}
	a.start(d.Webhooks.Run)
	roles, err := json.MarshalIndent(bundle.PlainConfig(a.Config), "", "  ")
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	d.Backups, err = backup.New(backup.Options{
		Dir: filepath.Join(dir, "backups"), Settings: a.settings, Configuration: backup.Of(a.change), Roles: roles, Node: a.Config.Node, Version: a.Version,
		Events: events, Log: a.Log,
	})
	if err != nil {
		return err
	}
	if d.Bundles, err = a.bundles(dir, d.Jobs); err != nil {
		return err
	}
	operation.Register(a.rest, d)
	a.start(operation.Watched{
		Reporter: a.reporter, Certificate: a.certificateEnd, Mirrored: a.settings.Mirrored, Drift: a.drift,
		Audit: func(ctx context.Context) error { return a.audit.Ready(ctx, &audit.Entry{}) },
	}.Watch)
	return nil
}

// certificateEnd is when the certificate that is shown ends, zero if none is.
func (a *assembly) certificateEnd() (end time.Time) {
	if a.certificate != nil {
		end = a.certificate()
	}
	return end
}

// drift says what decides that was not confirmed, empty if nothing does.
func (a *assembly) drift() string {
	s := a.change.State()
	if s.Drift == nil {
		return ""
	}
	return fmt.Sprintf("revision %d decides, revision %d was confirmed", s.Drift.Running.Revision, s.Drift.Expected.Revision)
}

// bundles makes who makes support bundles, of everything that there is.
func (a *assembly) bundles(dir string, jobs *job.Manager) (*bundle.Maker, error) {
	disks, logs := []string{a.Config.StateDir}, []string{}
	if a.Config.Database.Embedded() {
		disks = append(disks, a.Config.Database.DataDir)
		logs = append(logs, a.Config.Database.DataDir+".log")
	}
	d := bundle.Daemon{Config: a.Config, Version: a.Version, Bus: nobody{}, Settings: a.settings, Jobs: jobs, Registry: roster{a.Registry}}
	if a.Bus != nil {
		d.Bus = a.Bus
	}
	sources := append(d.Sources(), bundle.Machine(disks, logs)...)
	sources = append(sources, bundle.Plane(a.live)...)
	if a.DB != nil {
		sources = append(sources, bundle.Database(a.DB)...)
	}
	return bundle.New(bundle.Options{
		Dir: filepath.Join(dir, "bundles"), Sources: sources, Secrets: a.secrets, Node: a.Config.Node, Version: a.Version, Log: a.Log,
	})
}

// roster is the registry, or an empty one.
type roster struct{ r *registry.Registry }

// List gives every instance.
func (r roster) List() []registry.Instance {
	if r.r == nil {
		return nil
	}
	return r.r.List()
}

// Members gives every process.
func (r roster) Members() []registry.Process {
	if r.r == nil {
		return nil
	}
	return r.r.Members()
}

// secrets are those that this process knows in clear.
func (a *assembly) secrets() (all []string) {
	if dsn := a.Config.Database.DSN; dsn != "" {
		all = append(all, dsn)
		if c, err := pgx.ParseConfig(dsn); err == nil {
			all = append(all, c.Password)
		}
		if u, err := url.Parse(dsn); err == nil && u.User != nil {
			password, _ := u.User.Password()
			all = append(all, password)
		}
	}
	for _, r := range a.settings.List(webhook.SecretKind) {
		var s struct{ Secret string }
		if r.Decode(&s) == nil {
			all = append(all, s.Secret)
		}
	}
	return all
}
