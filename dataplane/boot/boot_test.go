package boot

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

	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/yamlconf"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// plain is the shortest boot file: the shape of the project's own example.
const plain = `
node: fcr-a
lcores: [1]
poll: adaptive        # or busy
ports:
  - name: edge0
    device: net_af_packet0,iface=e0
    role: edge
    pair: fabric0
  - name: fabric0
    device: net_af_packet1,iface=f0
    role: fabric
  - name: svc0
    device: net_af_packet2,iface=s0
    role: service
`

func TestTheShortestFileGetsEveryDefault(t *testing.T) {
	got, warnings, err := Parse("boot.yaml", []byte(plain))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	af := func(i int, iface string) string {
		return fmt.Sprintf("net_af_packet%d,iface=%s,framesz=4096,blocksz=4096,framecnt=4096", i, iface)
	}
	want := &Config{
		Node: "fcr-a", Lcores: []int{1}, Poll: Adaptive,
		Ports: []Port{
			{Name: "edge0", Device: af(0, "e0"), Role: Edge, Peer: 1, MTU: 2500, Lcore: 1},
			{Name: "fabric0", Device: af(1, "f0"), Role: Fabric, Peer: 0, MTU: 2500, Lcore: 1},
			{Name: "svc0", Device: af(2, "s0"), Role: Service, Peer: -1, MTU: 2500, Lcore: 1},
		},
		Pairs:       []Pair{{Edge: 0, Fabric: 1, Lcore: 1}},
		Segment:     Segment{HugePages: HugePagesAuto, Flows: 65536, Logins: 16384},
		Rings:       Rings{State: 65536, Events: 32768, Shards: 1},
		Capture:     Capture{Ring: 4 << 20},
		StateDir:    "/var/lib/fc-redirect/fcr-a/dataplane",
		DropTimeout: 500 * time.Millisecond, Report: 10 * time.Millisecond,
		Mempool: Mempool{Mbufs: 16384, Size: 4352},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryKeyIsTakenOver(t *testing.T) {
	got, warnings, err := Load("testdata/boot.yaml")
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	want := &Config{
		Node: "fcr-a", Lcores: []int{2, 3}, Poll: Busy,
		Ports: []Port{
			{Name: "edge0", Device: "0000:03:00.0", Role: Edge, Peer: 1, MTU: 2500, PFC: []uint8{3}, Lcore: 3},
			{Name: "fabric0", Device: "0000:03:00.1", Role: Fabric, Peer: 0, MTU: 2500, PFC: []uint8{3}, Lcore: 3},
			{Name: "edge1", Device: "0000:04:00.0", Role: Edge, Peer: 3, Fabric: 1, MTU: 9000, PFC: []uint8{3}, Lcore: 2},
			{Name: "fabric1", Device: "0000:04:00.1", Role: Fabric, Peer: 2, Fabric: 1, MTU: 9000, PFC: []uint8{3}, Lcore: 2},
			{Name: "svc0", Device: "net_af_packet0,iface=ens9,framesz=4096,blocksz=4096,framecnt=4096", Role: Service, Peer: -1, MTU: 2500, Lcore: 2},
		},
		Pairs:       []Pair{{Edge: 0, Fabric: 1, Lcore: 3}, {Edge: 2, Fabric: 3, Lcore: 2}},
		Segment:     Segment{Dir: "/dev/hugepages/fcr", HugePages: HugePagesRequire, Flows: 1 << 20, Logins: 65536},
		Rings:       Rings{State: 64, Events: 128, Shards: 2},
		Capture:     Capture{Ring: 1 << 20},
		StateDir:    "/srv/fcr",
		DropTimeout: 500 * time.Millisecond, Report: 10 * time.Millisecond,
		EAL:     []string{"--in-memory", "-n", "4"},
		Mempool: Mempool{Mbufs: 65536, Size: 10240},
		Partner: Partner{
			Node: "fcr-b", KeyFile: "/etc/fc-redirect/pair.key", Priority: 120, Beat: 50 * time.Millisecond, Misses: 4,
			Start: pair.StartActive, Takeover: pair.Ready,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if role, ok := got.RoleOf("fabric1"); role != "fabric" || !ok {
		t.Errorf("RoleOf(fabric1) = %q, %v", role, ok)
	}
	if _, ok := got.RoleOf("fabric9"); ok {
		t.Error("RoleOf finds a port that is not there")
	}
	if ports := got.PortsOf(2); !reflect.DeepEqual(ports, []int{2, 3, 4}) {
		t.Errorf("lcore 2 polls ports %v", ports)
	}
}

// TestBadFilesSayWhereAndWhatToDo compares what each file in testdata/bad is told with the
// golden file beside it.
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
			c, _, err := Parse("boot.yaml", text)
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
		})
	}
}

// ports makes the text of a boot file out of lines for ports, in flow style.
func withPorts(lcores string, ports ...string) string {
	return "node: a\nlcores: " + lcores + "\nports:\n  - " + strings.Join(ports, "\n  - ") + "\n"
}

func edge(i int, more string) string {
	return fmt.Sprintf("{name: e%d, device: d%d, role: edge, pair: f%d%s}", i, 2*i, i, more)
}

func fabric(i int, more string) string {
	return fmt.Sprintf("{name: f%d, device: d%d, role: fabric%s}", i, 2*i+1, more)
}

func service(i int, more string) string {
	return fmt.Sprintf("{name: s%d, device: s%d, role: service%s}", i, i, more)
}

func TestPairsAndServicePortsAreDealtToLcores(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       map[string]int // port: lcore
		warnings   int
	}{
		{"one core takes all", withPorts("[4]", edge(0, ""), fabric(0, ""), service(0, "")), map[string]int{"e0": 4, "f0": 4, "s0": 4}, 0},
		{"pairs go round", withPorts("[4, 2]", edge(0, ""), fabric(0, ""), edge(1, ""), fabric(1, ""), edge(2, ""), fabric(2, "")),
			map[string]int{"e0": 4, "e1": 2, "e2": 4, "f2": 4}, 0},
		{"service ports go round on their own", withPorts("[1, 2]", edge(0, ""), fabric(0, ""), service(0, ""), service(1, "")),
			map[string]int{"e0": 1, "s0": 1, "s1": 2}, 0},
		{"a lone service port sits with the first pair, and an idle core is told", withPorts("[1, 2]", edge(0, ""), fabric(0, ""), service(0, "")),
			map[string]int{"e0": 1, "s0": 1}, 1},
		{"what the file says holds, the rest fills up", withPorts("[1, 2]", edge(0, ""), fabric(0, ""), edge(1, ", lcore: 1"), fabric(1, ""), service(0, ", lcore: 2"), service(1, "")),
			map[string]int{"e0": 2, "f0": 2, "e1": 1, "f1": 1, "s0": 2, "s1": 1}, 0},
		{"an lcore said at the fabric port holds for the pair", withPorts("[1, 2]", edge(0, ""), fabric(0, ", lcore: 2"), edge(1, ""), fabric(1, "")),
			map[string]int{"e0": 2, "f0": 2, "e1": 1}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, warnings, err := Parse("boot.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			for name, lcore := range tt.want {
				if got := c.Ports[c.PortIndex(name)].Lcore; got != lcore {
					t.Errorf("%s is on lcore %d, want %d", name, got, lcore)
				}
			}
			if len(warnings) != tt.warnings {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

// TestDealingIsFair: with nothing said, every pair has one owner for both its ports, no
// lcore has two pairs more than another, and warnings name exactly the idle lcores.
func TestDealingIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cores := rapid.SliceOfNDistinct(rapid.IntRange(0, MaxLcoreID), 1, 8, rapid.ID[int]).Draw(t, "lcores")
		pairs := rapid.IntRange(1, 10).Draw(t, "pairs")
		services := rapid.IntRange(0, 5).Draw(t, "services")
		var lines []string
		for i := range pairs {
			lines = append(lines, edge(i, ""), fabric(i, ""))
		}
		for i := range services {
			lines = append(lines, service(i, ""))
		}
		lines = rapid.Permutation(lines).Draw(t, "order")
		list := strings.Join(strings.Fields(fmt.Sprint(cores)), ", ")
		c, warnings, err := Parse("boot.yaml", []byte(withPorts(list, lines...)))
		if err != nil {
			t.Fatal(err)
		}
		load := map[int]int{}
		for _, p := range c.Pairs {
			load[p.Lcore]++
			e, f := c.Ports[p.Edge], c.Ports[p.Fabric]
			if e.Lcore != p.Lcore || f.Lcore != p.Lcore || e.Peer != p.Fabric || f.Peer != p.Edge || e.Role != Edge || f.Role != Fabric {
				t.Fatalf("pair %+v of %+v and %+v", p, e, f)
			}
		}
		polled, idle, least, most := 0, 0, pairs, 0
		for _, l := range cores {
			polled += len(c.PortsOf(l))
			least, most = min(least, load[l]), max(most, load[l])
			if len(c.PortsOf(l)) == 0 {
				idle++
			}
		}
		if len(c.Pairs) != pairs || polled != len(c.Ports) || most-least > 1 || idle != len(warnings) {
			t.Fatalf("pairs per lcore %v, %d of %d ports polled, %d idle, warnings %v", load, polled, len(c.Ports), idle, warnings)
		}
	})
}

func TestVirtualPortsGetRoomForLongFrames(t *testing.T) {
	for _, tt := range []struct{ name, port, mempool, want string }{
		{"missing arguments are added", "device: \"net_af_packet0,iface=x\"", "", "net_af_packet0,iface=x,framesz=4096,blocksz=4096,framecnt=4096"},
		{"a larger MTU gets larger frames", "device: \"net_af_packet0,iface=x\", mtu: 9000", "mempool: {size: 16KiB, mbufs: 2048}", ""},
		{"given ones stay", "device: \"net_af_packet0,iface=x,framesz=2816,blocksz=8192,qdisc_bypass=1,framecnt=128\"", "", "net_af_packet0,iface=x,framesz=2816,blocksz=8192,qdisc_bypass=1,framecnt=128"},
		{"blocks are whole pages", "device: \"net_af_packet0,framesz=2816,iface=x\"", "", "net_af_packet0,framesz=2816,iface=x,blocksz=4096,framecnt=4096"},
		{"blocks follow frames", "device: \"net_af_packet0,framesz=8192,iface=x\"", "mempool: {size: 12KiB}", "net_af_packet0,framesz=8192,iface=x,blocksz=8192,framecnt=4096"},
		{"other devices are left alone", "device: net_tap0", "", "net_tap0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := withPorts("[1]", "{name: e0, role: edge, pair: f0, "+tt.port+"}", fabric(0, "")) + tt.mempool
			c, _, err := Parse("boot.yaml", []byte(text))
			if tt.want == "" {
				// 9,000 bytes and the kernel's header need slots of 16 KiB, and buffers beyond that.
				if err == nil || !strings.Contains(err.Error(), "size: 16640") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Ports[0].Device != tt.want {
				t.Errorf("device %s, want %s", c.Ports[0].Device, tt.want)
			}
		})
	}
}

func TestAMissingFileSaysWhatToDo(t *testing.T) {
	_, _, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--boot") {
		t.Errorf("got %v", err)
	}
}

// TestTheReferenceNamesTheDefaultsThatHold reads the table of README.md.
func TestTheReferenceNamesTheDefaultsThatHold(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"poll": DefaultPoll.String(), "ports[].fabric": fmt.Sprint(DefaultFabric), "ports[].mtu": fmt.Sprint(DefaultMTU), "ports[].pfc": "none",
		"segment.hugepages": HugePages(DefaultHugePages).String(), "segment.flows": fmt.Sprint(DefaultFlows), "segment.logins": fmt.Sprint(DefaultLogins),
		"drop-timeout": DefaultDropTimeout.String(), "report": DefaultReport.String(),
		"rings.state": fmt.Sprint(DefaultStateItems), "rings.events": fmt.Sprint(DefaultEventItems), "rings.shards": fmt.Sprint(DefaultShards),
		"mempool.mbufs": fmt.Sprint(DefaultMbufs), "mempool.size": fmt.Sprint(DefaultMbufSize),
	} {
		if row := "| `" + key + "` | " + want + " |"; !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
	for _, schema := range []struct {
		prefix string
		of     *yamlconf.Schema
	}{{"", &fileSchema}, {"ports[].", &portSchema}, {"segment.", &segmentSchema}, {"mempool.", &mempoolSchema}, {"rings.", &ringsSchema}, {"capture.", &captureSchema}, {"pair.", &partnerSchema}} {
		for _, key := range schema.of.Keys {
			if !strings.Contains(string(readme), "| `"+schema.prefix+key+"` |") {
				t.Errorf("README.md does not describe %s%s", schema.prefix, key)
			}
		}
	}
}

// FuzzParse: any bytes give a Config that keeps the package's invariants, or an error.
func FuzzParse(f *testing.F) {
	f.Add([]byte(plain))
	files, _ := filepath.Glob("testdata/*/*.yaml")
	for _, file := range append(files, "testdata/boot.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, _, err := Parse("boot.yaml", text)
		if err != nil {
			_ = err.Error()
			return
		}
		owned := 0
		for _, l := range c.Lcores {
			owned += len(c.PortsOf(l))
		}
		if owned != len(c.Ports) || len(c.Pairs) == 0 || c.Node == "" {
			t.Fatalf("%+v", c)
		}
		for i, p := range c.Ports {
			if p.Role == Service && p.Peer != -1 || p.Role != Service && c.Ports[p.Peer].Peer != i || c.PortIndex(p.Name) != i || p.MTU < MinMTU || p.Fabric > MaxFabric {
				t.Fatalf("port %d: %+v", i, p)
			}
		}
	})
}
