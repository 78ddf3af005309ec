package scsi

const (
	// BlockSize is what every disk has; hosts are told so in READ CAPACITY.
	BlockSize = 512
	// MaxBlocks bounds one disk at 8 GiB. Memory is taken only for chunks written.
	MaxBlocks = 1 << 24
	// MaxTransferBlocks is the longest READ or WRITE (1 MiB); VPD page B0 announces it and
	// a longer one is refused with INVALID FIELD IN CDB.
	MaxTransferBlocks = 2048
	// MaxUnits bounds the logical units of one device: one level-0 address byte.
	MaxUnits = 256

	// chunkBlocks is the unit in which a disk takes memory: 64 KiB.
	chunkBlocks = 128
	// SenseLen is the length of the sense data sent with CHECK CONDITION: what Linux's
	// target core sends, of which the first 18 bytes mean something.
	SenseLen = 96
)
