package policy

const (
	// MaxAliases, MaxSets, MaxServices and MaxRules bound a document. A rule costs 64 bytes
	// in the flat form besides its text, an alias 20.
	MaxAliases  = 65536
	MaxSets     = 16384
	MaxServices = 255
	MaxRules    = 16384

	// MaxMembers bounds the members of all different sets and lists of a document together.
	// A member costs 16 bytes, and 16 more for each side it is looked up from.
	MaxMembers = 262144

	// maxExpanded bounds the work of joining sets inside the lists of rules: 16,384 rules
	// that each join a set of 65,536 would be a thousand million.
	maxExpanded = 4 << 20

	// MaxName bounds names of aliases, sets, services and rules, in characters, as device
	// aliases in switches.
	MaxName   = 64
	MaxPort   = 64
	MaxTicket = 128
	MaxNote   = 4096

	// MaxVSAN is the highest VSAN or VLAN that may stand in a document (4,095 is reserved);
	// 0 is traffic without tag and VFT header. vsanEnd is the number of different values a
	// flow key holds.
	MaxVSAN = 4094
	vsanEnd = 4096

	// MaxFlat bounds the flat form. Offsets in it are 32 bits.
	MaxFlat = 64 << 20

	// maxShadowSteps bounds how many earlier rules are subtracted from a rule to find out
	// whether anything is left of it; maxShadowWork bounds that for a document, in interval
	// steps, so that it stays far below a second. Past either the answer is "not known".
	maxShadowSteps = 256
	maxShadowWork  = 16 << 20

	// maxListed bounds how many unused aliases are named one by one.
	maxListed = 10
	// maxCondition bounds the text of a condition kept for Explain, in bytes.
	maxCondition = 200
)
