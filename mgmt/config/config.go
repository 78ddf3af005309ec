package config

import (
	"fmt"
	"slices"
	"time"
)

// Config is a checked file, defaults filled in.
type Config struct {
	Node     string
	Segment  string // folder of the segment; empty: that of the node
	StateDir string // what must survive a reboot: spool, database cluster, locks
	RunDir   string // sockets
	Database Database
	API      API
	Peer     Peer
	Roles    []Role // in the order of the file
}

// API says where role api listens, and how it shows who it is.
type API struct {
	Listen      []string // host:port; without a host, all addresses of the machine. HTTPS alone
	Certificate string   // PEM file; empty: one that the role makes for itself
	Key         string   // PEM file, goes with Certificate
	Hosts       []string // further names and addresses that requests may ask for
	Console     bool     // whether the web console is served too
}

// Database says which PostgreSQL is used: with a DSN that one, else a private cluster of ours. Role database looks after
// either.
type Database struct {
	DSN         string // may hold a password: never shown
	Connections int    // most that one process opens
	DataDir     string // of the private cluster; empty: StateDir/pg
	User        string // who runs the private cluster when we are root
}

// Embedded says whether the private cluster is used.
func (d *Database) Embedded() bool { return d.DSN == "" }

// Role is an entry of the list of roles.
type Role struct {
	Name      string
	Processes []string // by which its instances are dealt
	Shards    int
	Replicas  int   // instances on the node; those beyond Shards are standbys of the shards in turn
	Cores     []int // CPUs of its workers; none: all that the process may use
	Memory    int64 // bytes, 0: no limit
	Batch     int   // 0: the role's own default
	DependsOn []string
	Health    Health
}

// Standbys says whether an instance that finds its shard taken waits for it, instead of being refused.
func (r *Role) Standbys() bool { return r.Replicas > r.Shards }

// Health says how often a role is asked, and what is done when it is ill Threshold times in a row.
type Health struct {
	Interval  time.Duration
	Timeout   time.Duration // no answer within it is the answer that it is ill
	Threshold int
	Action    Action
}

// Action is what is done about an instance that is ill.
type Action uint8

// The actions.
const (
	Restart  Action = iota // stop it and start it again
	FailOver               // stop it, let a standby have its shard, and stand by
	Alarm                  // say so, nothing else
)

var actionNames = []string{"restart", "fail-over", "alarm"}

// String is the action as the file spells it.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("%d?", a)
}

// Main is the process that the others are children of.
const Main = "main"

// Role returns the entry of this name, nil when there is none.
func (c *Config) Role(name string) *Role {
	for i := range c.Roles {
		if c.Roles[i].Name == name {
			return &c.Roles[i]
		}
	}
	return nil
}

// Processes lists the processes, main first, the others in the order of the file.
func (c *Config) Processes() []string {
	all := []string{Main}
	for i := range c.Roles {
		for _, p := range c.Roles[i].Processes {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// Kind says what there is to know of a role before it runs.
type Kind struct {
	Name    string
	What    string   // for lists
	Needs   []string // depends-on where the file says nothing
	Sharded bool     // flows can be spread over several instances
	Alone   bool     // there is no second one on a node
	Batched bool
	Early   bool          // it does not need the segment: it runs before the data plane has made one
	Watcher bool          // it watches the others, so nobody watches it: what it says of itself is acted on at once
	Stop    time.Duration // how long it may take to stop in good order
}

// Kinds are the roles that there are.
var Kinds = []Kind{
	{Name: "database", What: "runs the private PostgreSQL cluster, or watches the configured one; brings the schema up to date", Alone: true, Early: true, Stop: 30 * time.Second},
	{Name: "store", What: "writes flows, logins and samples to PostgreSQL", Needs: []string{"database"}, Sharded: true, Batched: true, Stop: 10 * time.Second},
	{Name: "event", What: "keeps the event log and its views", Needs: []string{"database"}, Batched: true, Stop: 10 * time.Second},
	{Name: "telemetry", What: "samples ports, makes rollups, keeps to retention", Needs: []string{"database"}, Stop: 10 * time.Second},
	{Name: "monitor", What: "watches roles, services and the database; raises alarms", Watcher: true, Stop: 5 * time.Second},
	{Name: "peer", What: "keeps this node and its peers in step", Batched: true, Stop: 5 * time.Second},
	{Name: "api", What: "serves the REST interface and the stream; keeps accounts and changes", Early: true, Stop: 10 * time.Second},
}

// KindOf returns what there is to know of a role, nil when there is no such role.
func KindOf(name string) *Kind {
	for i := range Kinds {
		if Kinds[i].Name == name {
			return &Kinds[i]
		}
	}
	return nil
}

func kindNames() []string {
	names := make([]string, len(Kinds))
	for i := range Kinds {
		names[i] = Kinds[i].Name
	}
	return names
}
