package config

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/yamlconf"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func TestTheFileInsideRunsEveryRoleInOneProcess(t *testing.T) {
	c, warnings, err := Parse("default", DefaultText)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	if p := c.Processes(); !reflect.DeepEqual(p, []string{Main}) {
		t.Errorf("processes %v", p)
	}
	instances := c.Instances(Main)
	if len(instances) != len(Kinds) {
		t.Fatalf("%d instances of %d roles", len(instances), len(Kinds))
	}
	for i := range Kinds {
		r := c.Role(Kinds[i].Name)
		want := &Role{
			Name: Kinds[i].Name, Processes: []string{Main}, Shards: 1, Replicas: 1, DependsOn: Kinds[i].Needs,
			Health: Health{Interval: time.Second, Timeout: time.Second, Threshold: 3, Action: Restart},
		}
		if !reflect.DeepEqual(r, want) {
			t.Errorf("got  %+v\nwant %+v", r, want)
		}
	}
	if want := (Database{Connections: 8, User: "postgres"}); c.Database != want {
		t.Errorf("database %+v", c.Database)
	}
}

func TestEveryKeyIsTakenOver(t *testing.T) {
	text, err := Read("testdata/every-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, warnings, err := Parse("every-key.yaml", text)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	usual := Health{time.Second, time.Second, 3, Restart}
	want := &Config{
		Node: "fcr-a", Segment: "/dev/hugepages/fc-redirect/fcr-a", StateDir: "/srv/fcr", RunDir: "/run/fcr",
		Database: Database{Connections: 12, DataDir: "/srv/pg", User: "fcr"},
		API:      API{Listen: []string{"127.0.0.1:8443", "[::1]:8443"}, Certificate: "/etc/fcr/cert.pem", Key: "/etc/fcr/key.pem", Hosts: []string{"fcr-a.example", "10.1.2.3"}, Console: false},
		Peer: Peer{
			Listen: "10.0.0.1:8444", Nodes: []PeerNode{{"fcr-a", "10.0.0.1:8444"}, {"fcr-b", "fcr-b.example:8444"}}, Partner: "fcr-b",
			Settings: everySetting(),
		},
		Roles: []Role{
			{Name: "database", Processes: []string{"db"}, Shards: 1, Replicas: 1, Cores: []int{0}, Memory: 64 << 20, Health: Health{2 * time.Second, 500 * time.Millisecond, 5, Alarm}},
			{Name: "store", Processes: []string{"store-a", "store-b"}, Shards: 2, Replicas: 4, Cores: []int{2, 3, 5}, Memory: 1 << 30, Batch: 4096,
				DependsOn: []string{"database"}, Health: Health{time.Second, time.Second, 3, FailOver}},
			{Name: "event", Processes: []string{Main}, Shards: 1, Replicas: 1, DependsOn: []string{"store", "database"}, Health: usual},
			{Name: "peer", Processes: []string{Main}, Shards: 1, Replicas: 1, Health: usual},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for node, want := range map[string]string{"fcr-b": "the partner of fcr-b cannot be itself", "fcr-c": "this node is fcr-c, and not among the nodes"} {
		if err := got.Complete(Overrides{Node: node}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("as %s: %v", node, err)
		}
	}
	got.Peer.Partner = ""
	if err := got.Complete(Overrides{Node: "fcr-b", StateDir: "/srv/b"}); err != nil {
		t.Fatal(err)
	}
	if got.Node != "fcr-b" || got.StateDir != "/srv/b" || got.RunDir != "/run/fcr" || got.Database.DataDir != "/srv/pg" {
		t.Errorf("completed %+v", got)
	}
}

// everySetting is what the file says of peers: the usual, but for three.
func everySetting() map[string]int64 {
	all := map[string]int64{}
	for _, s := range PeerSettings {
		all[s.Key] = s.Default
	}
	all["normal-max"], all["unit-bytes"], all["busy-updates"] = int64(100*time.Millisecond), 1<<20, 7000
	return all
}

// TestBadFilesSayWhereAndWhatToDo compares what each file in testdata/bad is told with the golden file beside it.
func TestBadFilesSayWhereAndWhatToDo(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, _, err := Parse("mgmtd.yaml", text)
			if err == nil {
				t.Fatalf("was accepted: %+v", c)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("it shows the password:\n%v", err)
			}
		})
	}
}

func TestWarningsDoNoHarm(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a dependency that does not run", "roles: [{name: store, depends-on: [database]}]", "store depends on database, which is not among the roles"},
		{"settings of a cluster that is not used", "database: {dsn: \"postgres://u:s3cret@h/d\", user: x}\nroles: [{name: store}]", "user is of the private cluster"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, warnings, err := Parse("f", []byte(tt.text))
			if err != nil || c == nil || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), tt.want) || strings.Contains(warnings[0].Error(), "s3cret") {
				t.Errorf("%v, warnings %v", err, warnings)
			}
		})
	}
}

func TestAPasswordThatOthersMayReadIsAWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	text := "database: {dsn: \"postgres://u:s3cret@h/d\"}\nroles: [{name: store}]\n"
	c, _, err := Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode    os.FileMode
		exposed bool
	}{{0o644, true}, {0o640, false}} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, tt.mode); err != nil {
			t.Fatal(err)
		}
		if w := c.Exposed(file); (w != nil) != tt.exposed {
			t.Errorf("mode %o: %v", tt.mode, w)
		}
	}
}

func TestPasswordsAreHiddenWithoutMovingTheRest(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`dsn: "postgres://u:geheim@h1,h2/d"`, `dsn: "postgres://u:******@h1,h2/d"`},
		{`host=h password=geheim user=u`, `host=h password=****** user=u`},
		{`password = 'ge h' user=u`, `password = ****** user=u`},
		{`postgres://h/d?password=geheim&x=y`, `postgres://h/d?password=******&x=y`},
		{`postgres://u:größe@h`, `postgres://u:*****@h`},
		{`20:00:02:fc:01:00:00:01`, `20:00:02:fc:01:00:00:01`},
	} {
		if got := mask(tt.line); got != tt.want {
			t.Errorf("%s became %s, want %s", tt.line, got, tt.want)
		}
	}
}

func TestAMissingFileSaysWhatToDo(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--config") {
		t.Errorf("got %v", err)
	}
}

func TestNoNodeIsGuessed(t *testing.T) {
	c, _, err := Parse("default", DefaultText)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Complete(Overrides{Segment: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "--node") {
		t.Errorf("got %v", err)
	}
	if err := c.Complete(Overrides{Node: "a/b"}); err == nil || !strings.Contains(err.Error(), "letters") {
		t.Errorf("got %v", err)
	}
	if err := c.Complete(Overrides{Node: "a", RunDir: "/" + strings.Repeat("x", 100)}); err == nil || !strings.Contains(err.Error(), "--run-dir") {
		t.Errorf("got %v", err)
	}
}

func TestACommandLineSaysWhereToListen(t *testing.T) {
	for _, tt := range []struct{ list, want string }{
		{"", ":8443"}, {"none", "none"}, {"127.0.0.1:0, [::1]:8443", "127.0.0.1:0,[::1]:8443"}, {":1,:1", ""}, {"8443", ""}, {":65536", ""}, {"a b:1", ""},
	} {
		c, _, err := Parse("default", DefaultText)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Complete(Overrides{Node: "a", Listen: tt.list})
		if (err != nil) != (tt.want == "") || err == nil && c.API.ListenText() != tt.want {
			t.Errorf("%q: %v, %v", tt.list, c.API.Listen, err)
		}
	}
}

func names(instances []Instance) string {
	var all []string
	for _, i := range instances {
		all = append(all, i.Name())
	}
	return strings.Join(all, " ")
}

func TestInstancesAreDealtByProcesses(t *testing.T) {
	for _, tt := range []struct {
		name, roles string
		want        map[string]string
	}{
		{"each its own", "[{name: store, process: s}, {name: event}]", map[string]string{"main": "event", "s": "store"}},
		{"dependencies first", "[{name: store}, {name: database}, {name: event, depends-on: [store]}]", map[string]string{"main": "database store event"}},
		{"shards over processes", "[{name: store, process: [a, b], shards: 4}]", map[string]string{"main": "", "a": "store/0 store/2", "b": "store/1 store/3"}},
		{"a standby elsewhere", "[{name: store, process: [a, b], replicas: 2}]", map[string]string{"a": "store", "b": "store#1"}},
		{"standbys of two shards", "[{name: store, process: [a, b], shards: 2, replicas: 4}]", map[string]string{"a": "store/0 store/1#1", "b": "store/1 store/0#1"}},
		{"no standby beside its owner", "[{name: store, replicas: 3}]", map[string]string{"main": "store"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, err := Parse("f", []byte("roles: "+tt.roles))
			if err != nil {
				t.Fatal(err)
			}
			for process, want := range tt.want {
				if got := names(c.Instances(process)); got != want {
					t.Errorf("%s: %s, want %s", process, got, want)
				}
			}
		})
	}
}

func TestRolesOfTheCommandLineRunHere(t *testing.T) {
	c, _, err := Parse("f", []byte("roles: [{name: store, process: s, shards: 2, replicas: 3}, {name: event}, {name: database}]"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Here(SplitRoles("event, store"))
	if err != nil || names(got) != "store/0 store/1 event" || got[0].Number != AnyNumber || got[2].Number != 0 {
		t.Errorf("%v, %v", names(got), err)
	}
	for list, want := range map[string]string{
		"strore": "Did you mean store?", "monitor": "not in the configuration", "store,store": "twice", "store,": "no role \"\"",
	} {
		if _, err := c.Here(SplitRoles(list)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", list, err)
		}
	}
	if SplitRoles("all") != nil || SplitRoles("") != nil {
		t.Error("all is not every role")
	}
}

func TestAProcessHasTheCoresAndTheMemoryOfItsRoles(t *testing.T) {
	c, _, err := Parse("f", []byte("roles: [{name: store, shards: 2, cores: [3], memory: 64MiB}, {name: event, cores: [1-3], memory: 32MiB}, {name: peer, process: p}, {name: monitor, cores: [1], process: p}]"))
	if err != nil {
		t.Fatal(err)
	}
	if i := c.Instances(Main); !reflect.DeepEqual(Cores(i), []int{1, 2, 3}) || Memory(i) != 96<<20 {
		t.Errorf("main: cores %v, memory %d", Cores(i), Memory(i))
	}
	if i := c.Instances("p"); Cores(i) != nil || Memory(i) != 0 {
		t.Errorf("p: cores %v, memory %d: a role that names none may use all", Cores(i), Memory(i))
	}
}

// TestPlansAreFair: every shard has exactly one instance of each number, no process has two of one shard, and a role with
// enough processes has all its replicas.
func TestPlansAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "shards")
		replicas := rapid.IntRange(shards, MaxReplicas).Draw(t, "replicas")
		processes := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"main", "a", "b", "c", "d", "e"}), 1, 6, rapid.ID[string]).Draw(t, "processes")
		text := fmt.Sprintf("roles: [{name: store, shards: %d, replicas: %d, process: [%s]}]", shards, replicas, strings.Join(processes, ", "))
		c, _, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		seen, total := map[Instance]bool{}, 0
		for _, p := range c.Processes() {
			mine := map[int]bool{}
			for _, i := range c.Instances(p) {
				if mine[i.Shard] {
					t.Fatalf("%s: process %s has two instances for shard %d", text, p, i.Shard)
				}
				mine[i.Shard] = true
				total++
				if seen[i] || i.Number >= i.Role.Numbers(i.Shard) {
					t.Fatalf("%s: %+v", text, i)
				}
				seen[i] = true
			}
		}
		for s := range shards {
			if !seen[Instance{Role: c.Role("store"), Shard: s}] {
				t.Fatalf("%s: shard %d has no owner", text, s)
			}
		}
		if rounds := (replicas + shards - 1) / shards; len(processes) >= rounds && total != replicas {
			t.Fatalf("%s: %d instances", text, total)
		}
	})
}

// TestTheReferenceNamesTheDefaultsThatHold reads the table of README.md.
func TestTheReferenceNamesTheDefaultsThatHold(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"roles[].process": Main, "roles[].shards": fmt.Sprint(DefaultShards), "health.interval": DefaultInterval.String(), "health.timeout": DefaultTimeout.String(),
		"health.threshold": fmt.Sprint(DefaultThreshold), "health.action": Action(DefaultAction).String(), "database.connections": fmt.Sprint(DefaultConnections),
		"database.user": DefaultUser, "api.listen": DefaultListen, "peer.listen": DefaultPeerListen,
	} {
		if row := "| `" + key + "` | " + want + " |"; !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
	for _, schema := range []struct {
		prefix string
		of     *yamlconf.Schema
	}{{"", &fileSchema}, {"roles[].", &roleSchema}, {"health.", &healthSchema}, {"database.", &databaseSchema}, {"api.", &apiSchema}, {"peer.", &peerSchema}, {"nodes[].", &peerNodeSchema}} {
		for _, key := range schema.of.Keys {
			if !strings.Contains(string(readme), "| `"+schema.prefix+key+"` |") {
				t.Errorf("README.md does not describe %s%s", schema.prefix, key)
			}
		}
	}
	for _, k := range PeerSettings {
		row := fmt.Sprintf("| `settings.%s` | %s | %s to %s |", k.Key, k.text(k.Default), k.text(k.Min), k.text(k.Max))
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
	for i := range Kinds {
		if !strings.Contains(string(readme), "| `"+Kinds[i].Name+"` | "+Kinds[i].What) {
			t.Errorf("README.md does not say what role %s is: %s", Kinds[i].Name, Kinds[i].What)
		}
	}
}

// text is a value as the file spells it.
func (s *PeerSetting) text(v int64) string {
	switch {
	case s.Unit == PeerNumber:
		return fmt.Sprint(v)
	case s.Unit == PeerSize:
		for _, unit := range []struct {
			bytes int64
			name  string
		}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
			if v >= unit.bytes && v%unit.bytes == 0 {
				return fmt.Sprintf("%d%s", v/unit.bytes, unit.name)
			}
		}
	}
	text := time.Duration(v).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// FuzzParse: any bytes give a Config that keeps the package's invariants, or an error.
func FuzzParse(f *testing.F) {
	f.Add(DefaultText)
	files, _ := filepath.Glob("testdata/*/*.yaml")
	for _, file := range append(files, "testdata/every-key.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, _, err := Parse("f", text)
		if err != nil {
			_ = err.Error()
			return
		}
		placed := map[string]bool{}
		for _, r := range c.Order() {
			for _, need := range r.DependsOn {
				if !placed[need] {
					t.Fatalf("%s comes before %s", r.Name, need)
				}
			}
			placed[r.Name] = true
			if KindOf(r.Name) == nil || r.Replicas < r.Shards || r.Shards < 1 || len(r.Processes) == 0 || r.Health.Interval < MinInterval {
				t.Fatalf("%+v", r)
			}
		}
		if len(placed) != len(c.Roles) || len(c.Roles) == 0 {
			t.Fatalf("%+v", c)
		}
		if len(c.Processes()) > MaxProcesses {
			t.Fatalf("%v", c.Processes())
		}
	})
}
