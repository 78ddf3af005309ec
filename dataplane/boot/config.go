package boot

import (
	"fmt"
	"time"

	"fcredirect/dataplane/pair"
)

// Config is a checked boot file, defaults filled in.
type Config struct {
	Node        string
	Lcores      []int // CPU numbers of the polling cores, in the order of the file
	Poll        Poll
	Ports       []Port // in the order of the file; the index is the port's number everywhere
	Pairs       []Pair // in the order of their edge ports
	Segment     Segment
	DropTimeout time.Duration // how long a stalled transmit queue may hold frames
	Report      time.Duration // least time between two reports of one flow
	EAL         []string      // further arguments for DPDK's EAL
	Mempool     Mempool
	Rings       Rings
	Capture     Capture
	StateDir    string // what outlives a reboot: the confirmed policy
	Partner     Partner
}

// Partner is the other node of an inline pair, which takes over when this one dies.
type Partner struct {
	Node     string // empty: there is none
	KeyFile  string // with the key that both share
	Priority uint8
	Beat     time.Duration
	Misses   int
	Start    pair.Start
	Takeover pair.Takeover
}

// Capture sizes what captures are copied into.
type Capture struct {
	Ring int // bytes, of all lcores together; 0: this box makes no captures
}

// Rings sizes what the data plane tells the slow path through, per producer (each lcore, and the control goroutine).
type Rings struct {
	State  int // items of a ring of flows and logins: one for the peers, and Shards for the store
	Events int // items of the ring of events
	Shards int // how many processes may share the store's work
}

// Port is one Ethernet port.
type Port struct {
	Name   string
	Device string // PCI address, or a vdev with its arguments, made whole (see README.md)
	Role   Role
	Peer   int   // index of the port at the other end of the pair; -1 for a service port
	Fabric uint8 // 0 to 15
	MTU    int
	PFC    []uint8 // priorities with flow control; none when empty
	Lcore  int     // the CPU number of the lcore that polls it
}

// Pair is an edge port and the fabric port that its frames cross to.
type Pair struct {
	Edge, Fabric int // indexes into Ports
	Lcore        int
}

// Segment is where and how large the shared tables are.
type Segment struct {
	Dir       string // empty: chosen at the start, under the hugetlbfs mount or /dev/shm
	HugePages HugePages
	Flows     int // directions in all flow tables together
	Logins    int
}

// Mempool sizes the packet buffers.
type Mempool struct {
	Mbufs int // in all
	Size  int // data room of one, in bytes, headroom included
}

// Role of a port.
type Role uint8

// Port roles.
const (
	Edge    Role = iota // towards hosts
	Fabric              // towards targets, or the switch
	Service             // towards a service
)

var roleNames = []string{"edge", "fabric", "service"}

func (r Role) String() string { return name(roleNames, int(r)) }

// Poll is what an lcore does when there is nothing to do.
type Poll uint8

// Ways to poll.
const (
	Busy     Poll = iota // never sleep
	Adaptive             // back off to sleeps, back to busy with the first frame
)

var pollNames = []string{"busy", "adaptive"}

func (p Poll) String() string { return name(pollNames, int(p)) }

// HugePages tells whether the segment and DPDK use hugepages.
type HugePages uint8

// Uses of hugepages.
const (
	HugePagesAuto    HugePages = iota // when there are any; else a warning
	HugePagesRequire                  // or do not start
	HugePagesOff
)

var hugePagesNames = []string{"auto", "require", "off"}

func (h HugePages) String() string { return name(hugePagesNames, int(h)) }

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%d?", i)
}

// PortIndex returns the number of the port with this name, -1 when there is none.
func (c *Config) PortIndex(name string) int {
	for i := range c.Ports {
		if c.Ports[i].Name == name {
			return i
		}
	}
	return -1
}

// RoleOf returns the role of the port with this name, in the words of the file. It has the
// shape that policy's CheckPorts asks for.
func (c *Config) RoleOf(name string) (role string, ok bool) {
	i := c.PortIndex(name)
	if i < 0 {
		return "", false
	}
	return c.Ports[i].Role.String(), true
}

// PortsOf returns the ports that an lcore polls, in the order of the file.
func (c *Config) PortsOf(lcore int) []int {
	var out []int
	for i := range c.Ports {
		if c.Ports[i].Lcore == lcore {
			out = append(out, i)
		}
	}
	return out
}
