// Package simulation runs two to eight nodes in virtual time over a virtual network in which everything goes wrong, and has
// a checker (package checker) judge what they show. The code under test is package engine, through its ordinary
// interface; the rest of a node, its link and its role, is played here.
//
// The way of a run:
//
//  1. plan.go: a seed becomes a plan, a list of changes and of faults, each with its time
//  2. run.go: the plan is carried out: nodes, paths, and the judge
//  3. steps.go: what a step does; the judge hears of each change as it is made
//  4. node.go: a node: it starts, dials, passes on what its engine shows, and dies
//  5. network.go: connections, and what the network does to them
//  6. scheduler.go: virtual time; one goroutine, and one order of everything
//  7. shrink.go: a plan that fails becomes a small one that fails
//
// Who may import it: tests.
//
// Invariants: a plan does the same each time, to the last byte of each frame; Result.Trace says so. Nothing reads a clock,
// and every source of chance comes from the seed.
//
// Limits: limits.go.
package simulation
