// Package style holds the rules of the house as tests: who may import whom and why not, a comment for every package,
// sizes, and what must not be left in the tree. Nothing imports it.
package style
