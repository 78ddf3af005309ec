// Package faults kills, stops and starves everything of the slow path beside a data plane at full load, and holds the
// database against the segment afterwards: for every direction of every flow the same totals, and every event once, in
// order. Nothing imports it: it is tests, which run with FCR_FAULTS=1 (make faults, make soak).
//
// Each scenario has a place of its own: a folder, a segment, a data plane, one or more management daemons, a database.
// It ends only processes that it started. What it starts beside the data plane runs on the CPUs that no lcore polls.
//
// The judge (judge_test.go) is pure and has tests of its own that make it fail; they run always.
package faults
