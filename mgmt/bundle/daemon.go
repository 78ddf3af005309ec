package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"runtime/debug"
	"runtime/pprof"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/settings"
	"fcredirect/mgmt/webhook"
)

// Caller sends requests to other roles: a *bus.Bus.
type Caller interface {
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

// Registry is who runs which role: a *registry.Registry.
type Registry interface {
	List() []registry.Instance
	Members() []registry.Process
}

// Daemon is what the management daemon says of itself.
type Daemon struct {
	Config   *config.Config
	Version  string
	Registry Registry
	Bus      Caller
	Settings *settings.Store
	Jobs     *job.Manager
}

// asJSON is a source of one value.
func asJSON(name string, of func(context.Context) (any, error)) Source {
	return Source{name, func(ctx context.Context, w io.Writer) error {
		v, err := of(ctx)
		if err != nil {
			return err
		}
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}}
}

// Sources are its files.
func (d Daemon) Sources() []Source {
	all := []Source{
		{"daemon/version.txt", d.version},
		{"daemon/goroutines.txt", func(_ context.Context, w io.Writer) error { return pprof.Lookup("goroutine").WriteTo(w, 1) }},
		asJSON("daemon/memory.json", func(context.Context) (any, error) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			m.PauseNs, m.PauseEnd = [256]uint64{}, [256]uint64{}
			return m, nil
		}),
		asJSON("daemon/configuration.json", func(context.Context) (any, error) { return PlainConfig(d.Config), nil }),
		asJSON("daemon/roles.json", func(context.Context) (any, error) { return d.Registry.List(), nil }),
		asJSON("daemon/processes.json", func(context.Context) (any, error) { return d.Registry.Members(), nil }),
		asJSON("daemon/settings.json", func(context.Context) (any, error) { return d.outline(), nil }),
		asJSON("daemon/jobs.json", func(context.Context) (any, error) { return d.Jobs.List(), nil }),
		d.ask("alarms.json", monitor.RoleName, monitor.MethodList, nil),
		d.ask("events.json", event.RoleName, event.MethodList, event.ListRequest{Max: lastEvents, Types: plainTypes()}),
		d.ask("daemon/event-stats.json", event.RoleName, "event.stats", nil),
		d.ask("daemon/store-stats.json", "store", "store.stats", nil),
		d.ask("daemon/peer-stats.json", "peer", "peer.stats", nil),
	}
	return all
}

func (d Daemon) version(_ context.Context, w io.Writer) error {
	fmt.Fprintf(w, "fcr-mgmtd %s, segment ABI %d, %s %s/%s, %d processors\n", d.Version, shm.ABI, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	if info, ok := debug.ReadBuildInfo(); ok {
		_, err := io.WriteString(w, info.String())
		return err
	}
	return nil
}

// ask is what a role answers.
func (d Daemon) ask(name, role, method string, request any) Source {
	return Source{name, func(ctx context.Context, w io.Writer) error {
		b, err := json.Marshal(request)
		if err != nil {
			return err
		}
		answer, err := d.Bus.Call(ctx, role, method, b)
		if err != nil {
			return err
		}
		var lines bytes.Buffer // short ones are searched faster
		if err := json.Indent(&lines, answer, "", " "); err != nil {
			return err
		}
		_, err = w.Write(lines.Bytes())
		return err
	}}
}

// plainTypes are the types of events that a bundle has: not the audit log, which has before and after of every change.
func plainTypes() (names []string) {
	for _, e := range event.Catalogue() {
		if e.Type < 1120 || e.Type > 1135 {
			names = append(names, e.Name)
		}
	}
	return names
}

// PlainConfig is a configuration without its secrets: of the DSN the hosts and the database's name are left.
func PlainConfig(c *config.Config) any {
	if c == nil {
		return nil
	}
	plain := *c
	if plain.Database.DSN != "" {
		plain.Database.DSN = "configured"
		if u, err := url.Parse(c.Database.DSN); err == nil && u.Host != "" {
			plain.Database.DSN = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
		}
	}
	return plain
}

// outline is what the settings hold, by kind, without what they say; of webhooks how they are set but for the path, which
// may be a secret.
func (d Daemon) outline() any {
	kinds := map[string]int{}
	for _, r := range d.Settings.List("") {
		kinds[r.Kind]++
	}
	type hook struct {
		Name, Host string
		Hook       webhook.Hook
	}
	hooks := []hook{}
	for _, r := range d.Settings.List(webhook.Kind) {
		var h webhook.Hook
		if r.Decode(&h) != nil {
			continue
		}
		host := ""
		if u, err := url.Parse(h.URL); err == nil {
			host = u.Host
		}
		h.URL, h.CA, h.Note = "", "", ""
		hooks = append(hooks, hook{r.Name, host, h})
	}
	return map[string]any{
		"revision": d.Settings.Revision(), "lineage": d.Settings.Lineage(), "mirrored": d.Settings.Mirrored(), "records": kinds, "webhooks": hooks,
	}
}
