package lab

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPlanLinks(t *testing.T) {
	initiator := func(name, port, mac string) Host { return Host{Name: name, Role: RoleInitiator, Port: port, MAC: mac} }
	a, b, c := initiator("a", "edge0", ""), initiator("b", "edge0", ""), initiator("c", "fabric0", "")
	for _, tc := range []struct {
		name  string
		sc    Scenario
		ports map[string]string
		lines []string // what the ip commands must contain
	}{
		{"a wire joins all taps", Scenario{Middle: MiddleWire, Hosts: []Host{a, c}}, nil,
			[]string{"tuntap add dev t-a mode tap", "link set t-a master wire", "link set t-c master wire"}},
		{"a host alone on its port is connected straight", Scenario{Middle: MiddleDataplane, Hosts: []Host{a, c}},
			map[string]string{"edge0": "t-a", "fabric0": "t-c"}, []string{"tuntap add dev t-c mode tap"}},
		{"hosts that name one port share a switch", Scenario{Middle: MiddleDataplane, Hosts: []Host{a, b, c}},
			map[string]string{"edge0": "p-edge0", "fabric0": "t-c"},
			[]string{"link add p-edge0 type veth peer name w-edge0", "link set t-a master b-edge0", "link set t-b master b-edge0", "link set w-edge0 master b-edge0"}},
		{"a port without a host still has its pair", Scenario{Middle: MiddleDataplane, Hosts: []Host{a, b}},
			map[string]string{"edge0": "p-edge0", "fabric0": "p-fabric0"}, nil},
		{"a service has a link of its own", Scenario{Middle: MiddleDataplane, Hosts: []Host{a, c}, Services: []Service{{Port: "svc0"}}},
			map[string]string{"edge0": "t-a", "fabric0": "t-c", "svc0": "d-svc0"}, []string{"link add d-svc0 type veth peer name s-svc0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, ports := planLinks(&tc.sc)
			if !reflect.DeepEqual(ports, tc.ports) {
				t.Errorf("ports are %v, want %v", ports, tc.ports)
			}
			for _, want := range tc.lines {
				if !strings.Contains(l.script.String(), want+"\n") {
					t.Errorf("no %q in\n%s", want, l.script.String())
				}
			}
			for _, name := range l.names {
				if len(name) > 15 {
					t.Errorf("interface name %s is too long for Linux", name)
				}
			}
		})
	}
}

func TestBootFileNamesEveryPort(t *testing.T) {
	boot := bootFor(map[string]string{"edge0": "t-a", "fabric0": "t-b", "svc0": "d-svc0"}, "/run/segment")
	want := []bootPort{
		{"edge0", "net_af_packet0,iface=t-a,framecnt=4096", "edge", "fabric0"},
		{"fabric0", "net_af_packet1,iface=t-b,framecnt=4096", "fabric", "edge0"},
		{"svc0", "net_af_packet2,iface=d-svc0,framecnt=4096", "service", ""},
	}
	if !slices.Equal(boot.Ports, want) {
		t.Errorf("ports are %v, want %v", boot.Ports, want)
	}
}

func TestStaleNamespacesAreOnlyThoseOfDeadRuns(t *testing.T) {
	list := "fcrlab-100-plain-untagged (id: 3)\nfcrlab-200-steer\nother-100\nfcrlab-x\nfcrlab-300-a\n"
	got := staleNamespaces(list, func(pid int) bool { return pid == 200 })
	if want := []string{"fcrlab-100-plain-untagged", "fcrlab-300-a"}; !slices.Equal(got, want) {
		t.Errorf("stale are %v, want %v", got, want)
	}
}

func TestTablesOfTheKernelAreRead(t *testing.T) {
	sockets := parsePacketSockets("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n" +
		"ffff888003a2b000 3      3    0003   7     1 0      0      1234\n" +
		"ffff888003a2c000 3      3    0003   7     1 0      0      1235\n" +
		"ffff888003a2d000 3      3    0003   0     1 0      0      1236\n")
	if !reflect.DeepEqual(sockets, map[int]int{7: 2, 0: 1}) {
		t.Errorf("sockets per interface: %v", sockets)
	}
	indexes := parseIndexes("1: lo: <LOOPBACK> mtu 65536\n7: d-svc0@s-svc0: <BROADCAST> mtu 2600\n")
	if !reflect.DeepEqual(indexes, map[string]int{"lo": 1, "d-svc0": 7}) {
		t.Errorf("indexes: %v", indexes)
	}
}
