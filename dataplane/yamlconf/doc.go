// Package yamlconf reads the appliance's configuration files: a strict subset of YAML into
// a tree of nodes that know where they stand, typed access to that tree, and errors that
// show file, line, column, the line itself with a caret, and what to do.
//
// Who may import it: dataplane/policy, dataplane/boot, and whatever else reads a
// configuration file. It imports nothing of ours. It holds no state: one goroutine reads
// one file, the result is immutable.
//
// What is YAML here: block and flow mappings and lists, plain, single- and double-quoted
// text on one line, literal blocks (|), comments, one document with an optional "---" in
// front. Refused, each with its own sentence: anchors, aliases and merge keys (so nothing
// can be made to grow), tags, directives, several documents, complex keys, folded blocks,
// text that runs on over lines, tabs as indentation, duplicate keys.
//
// Why not the parser of goccy/go-yaml, which the rest of the project uses: at the limits
// we promise it does not hold (version 1.19.2, measured). A mapping of 60,000 names took
// 8.6 s and 14 GB, because each key of a block mapping is a recursion that copies the rest
// of the mapping; a quoted text of 160,000 tabs took 7.6 s in its scanner; and inside a
// flow mapping it reads [20:00:02:fc:01:00:00:01] as the mapping {20: "00:02:…"}, where
// YAML has a text. It is the judge of this reader in the tests: what both accept must
// mean the same.
//
// Invariants: reading is linear in the input and total: any bytes give a tree or an error.
// Text without escapes is a slice of the input, not a copy. Limits stand in limits.go.
package yamlconf
