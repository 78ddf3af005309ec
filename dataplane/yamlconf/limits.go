package yamlconf

const (
	// MaxBytes bounds a file. Spans are 32-bit offsets, so it must stay below 4 GiB.
	MaxBytes = 16 << 20

	// MaxDepth bounds nesting. The deepest thing we read ourselves is 4 (policies, rule,
	// match, list); the reader recurses once per level.
	MaxDepth = 16

	// MaxNodes bounds the tree: 56 bytes a node, so 56 MiB and the slack of growing
	// slices. The largest policy that is allowed needs about 700,000.
	MaxNodes = 1 << 20

	// MaxReported is how many errors one file shows. Past that more text helps nobody;
	// the rest is counted.
	MaxReported = 20

	// maxCollected bounds the errors held before the first MaxReported by position are
	// picked.
	maxCollected = 2000

	// maxExcerpt bounds the part of a line shown above the caret, in characters.
	maxExcerpt = 110

	// maxCounted bounds the characters counted to find a column: past it bytes must do, or
	// a thousand warnings about one line of 16 MiB would take seconds.
	maxCounted = 1 << 16

	// maxQuoted bounds a value repeated in a message, in characters.
	maxQuoted = 64
)
