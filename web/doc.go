// Package web is the console: the files that `make build` makes of src, embedded, and what serves them. It knows which of them
// a request means and in which coding; who may ask, from where and how often is decided before it.
//
// Who may import it: mgmt/api. It imports nothing of ours.
//
// Ownership: a Console does not change once it is made, so any goroutine may use it.
//
// Invariants: what is served is one of the files that were there at the start, found by its whole name: no path is ever made
// of a request. A file has one strong entity tag for each coding. What lies in /assets/ has a hash in its name and never
// changes; all else is asked for again each time.
package web
