package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

const notice = "# Written by fcr-mgmtd at each start. Put your own settings into local.conf in this folder.\n"

// settings are tuned for one small machine whose other cores forward frames, with one table whose rows change all the time.
func (c *Cluster) settings() map[string]string {
	s := map[string]string{
		"listen_addresses":        "",
		"port":                    port,
		"unix_socket_directories": c.c.SocketDir,
		"unix_socket_permissions": "0777",
		"max_connections":         fmt.Sprint(clusterConns),

		// Small. The huge pages of this machine belong to the data plane.
		"shared_buffers":       "64MB",
		"huge_pages":           "off",
		"work_mem":             "8MB",
		"maintenance_work_mem": "64MB",
		"effective_cache_size": "256MB",
		"max_worker_processes": "4",
		"max_parallel_workers": "2",
		"jit":                  "off",
		"random_page_cost":     "1.1",

		// Commits are durable. The log of changes is bounded, a forgotten replication slot included; long intervals between
		// checkpoints, because each makes the next change of every hot page a full page in the log.
		"synchronous_commit":     "on",
		"checkpoint_timeout":     "10min",
		"min_wal_size":           "80MB",
		"max_wal_size":           "1GB",
		"max_slot_wal_keep_size": "1GB",
		"wal_compression":        "lz4",
		"max_wal_senders":        "3",

		// Rows of flow are updated many times a second, in place; what cleaning is left should be done soon and by one.
		"autovacuum_naptime":             "10s",
		"autovacuum_max_workers":         "2",
		"autovacuum_vacuum_scale_factor": "0.05",
		"autovacuum_vacuum_cost_limit":   "1000",

		"timezone":                   "UTC",
		"log_timezone":               "UTC",
		"lc_messages":                "C",
		"log_line_prefix":            "%m [%p] %a ",
		"log_min_duration_statement": "2s",
		"log_parameter_max_length":   "0", // arrays of a whole flush
		"log_lock_waits":             "on",
		"log_checkpoints":            "off",
	}
	maps.Copy(s, c.c.Settings)
	return s
}

// configure writes the server's three files. They are written anew at each start, so an upgrade of ours brings its own.
func (c *Cluster) configure(dir string) error {
	var conf strings.Builder
	conf.WriteString(notice)
	s := c.settings()
	for _, k := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", k, strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s[k]))
	}
	conf.WriteString("include_if_exists = 'local.conf'\n")
	ident := notice
	for _, u := range c.users() {
		for _, r := range []string{superuser, role} {
			ident += fmt.Sprintf("fcr %q %s\n", u, r)
		}
	}
	hba := notice + "local all all peer map=fcr\nlocal replication " + superuser + " peer map=fcr\n"
	for name, text := range map[string]string{"postgresql.conf": conf.String(), "pg_ident.conf": ident, "pg_hba.conf": hba} {
		if err := c.write(filepath.Join(dir, name), text); err != nil {
			return fmt.Errorf("settings: %w", err)
		}
	}
	return nil
}

// users are those who may connect: root, who we are, and who runs the server. The kernel says who somebody is.
func (c *Cluster) users() []string {
	users := []string{"root", c.account.Name}
	if u, err := user.Current(); err == nil {
		users = append(users, u.Username)
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// write puts a file of the account in its place as a whole.
func (c *Cluster) write(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = cmp.Or(err, f.Sync()); err == nil {
		err = c.account.Own(f.Name())
	}
	err = cmp.Or(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// settle makes role and database, if they are not there.
func (c *Cluster) settle(ctx context.Context) error {
	conn, err := c.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, step := range []struct{ there, make string }{
		{"SELECT 1 FROM pg_roles WHERE rolname = '" + role + "'", "CREATE ROLE " + role + " LOGIN"},
		{"SELECT 1 FROM pg_database WHERE datname = '" + database + "'", "CREATE DATABASE " + database + " OWNER " + role},
	} {
		tag, err := conn.Exec(ctx, step.there)
		if err == nil && tag.RowsAffected() == 0 {
			_, err = conn.Exec(ctx, step.make)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.make, err)
		}
	}
	if c.upgraded {
		return c.analyze(ctx)
	}
	return nil
}
