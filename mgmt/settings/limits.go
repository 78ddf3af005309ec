package settings

const (
	// MaxBody bounds a record: a configuration of 10,000 policies with notes has some 4 MiB.
	MaxBody = 16 << 20
	// MaxName bounds kinds and names, in bytes.
	MaxName = 256
	// MaxRecords bounds all records together. One costs its body and some 200 bytes of memory.
	MaxRecords = 200_000
	// MaxChange bounds one change, in bytes of JSON.
	MaxChange = 64 << 20

	// The file is written anew when it is larger than compactFactor times what is alive in it, and larger than compactMin.
	compactFactor = 4
	compactMin    = 1 << 20
)
