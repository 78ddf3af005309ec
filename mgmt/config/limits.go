package config

import "time"

const (
	// MaxRoles bounds the list; there are fewer kinds, and each may be named once.
	MaxRoles = 32
	// MaxShards is what a segment can have of store rings per producer.
	MaxShards = 8
	// MaxReplicas is more than one node has use for. The registry has slots for 64 instances of all roles together.
	MaxReplicas = 16
	// MaxProcesses is one less than the members that the segment has room for: fcrctl needs one while it talks.
	MaxProcesses = 15
	// MaxProcessName keeps names usable in file names and tables.
	MaxProcessName = 32
	MaxNodeName    = 63  // as in the boot file
	MaxPath        = 512 // of a folder
	MaxDSN         = 4096
	// MaxUnixPath is what sockaddr_un holds, less the longest name that we put behind the run folder.
	MaxUnixPath = 107 - len("/pg/.s.PGSQL.5432.lock")
	// MaxCore is the last CPU that an affinity mask of the kernel's usual size names.
	MaxCore = 1023

	// MinMemory is what a Go process with a connection pool needs to do anything at all.
	MinMemory = 32 << 20
	MaxMemory = 1 << 40

	MinBatch = 1
	MaxBatch = 1 << 16

	MinInterval  = 100 * time.Millisecond
	MaxInterval  = time.Hour
	MinTimeout   = 10 * time.Millisecond
	MaxTimeout   = time.Minute
	MaxThreshold = 100

	MinConnections = 2
	MaxConnections = 1000

	MaxListen = 8  // listeners of role api
	MaxHosts  = 64 // names and addresses beside those that the machine has
	MaxHost   = 253

	MinPeerNodes = 2
	MaxPeerNodes = 16 // slots of a vector of versions
)

// Defaults of keys that are not in the file. README.md has the same table; a test compares the two.
const (
	DefaultShards      = 1
	DefaultInterval    = time.Second
	DefaultTimeout     = time.Second
	DefaultThreshold   = 3
	DefaultAction      = Restart
	DefaultConnections = 8
	DefaultUser        = "postgres"
	DefaultListen      = ":8443"
	DefaultPeerListen  = ":8444"
)
