package report

const (
	// policyTries bounds how often a policy is read again because the data plane replaced it meanwhile: that takes two
	// changes of policy during one copy.
	policyTries = 3
	// blockSlots is how many slots of a flow table Busiest reads at a time, and lookBlocks how many blocks at one look:
	// 262,144 lines of 64 bytes, 16 MiB. A table for 131,072 directions is seen whole at every look, one of a million in
	// eight.
	blockSlots = 4096
	lookBlocks = 64
	// MaxBusiest bounds the flows that Busiest keeps an eye on: more rows than a terminal has.
	MaxBusiest = 256
)
