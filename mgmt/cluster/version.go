package cluster

import (
	"cmp"
	"fmt"
	"time"
)

// Version says where a node stands.
type Version struct {
	Term     uint64 `json:"term"`
	Revision uint64 `json:"revision"`
}

// Compare orders versions: by term, then by revision.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Term, w.Term), cmp.Compare(v.Revision, w.Revision))
}

// String is TERM.REVISION.
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Term, v.Revision) }

// follows says whether a history that stands at v, and whose terms began at these bases, has passed through w.
func (v Version) follows(bases []Version, w Version) bool {
	if w.Term == v.Term {
		return w.Revision <= v.Revision
	}
	for _, base := range bases {
		if base.Term == w.Term {
			return w.Revision <= base.Revision
		}
	}
	return false
}

// newTerm is a term above the one given, that only the node in that slot can begin.
func newTerm(old uint64, slot int) uint64 { return (old/slots+1)*slots + uint64(slot) }

// Editor says who edits, and on which node.
type Editor struct {
	Owner string    `json:"owner"`
	Node  string    `json:"node"`
	Since time.Time `json:"since"`
}

// Branch is what a node had been given while it was apart, and does not decide any more.
type Branch struct {
	Version  Version   `json:"version"`
	Document string    `json:"document" doc:"SHA-256 of its text, which the history of this node has."`
	Saved    time.Time `json:"saved"`
	For      Version   `json:"for" doc:"The version that took its place."`
	From     string    `json:"from" doc:"The node that had it."`
}

// Stand is what a node says of itself.
type Stand struct {
	Node     string  `json:"node"`
	Version  Version `json:"version"`
	Document string  `json:"document" doc:"SHA-256 of what was confirmed."`
	Waits    bool    `json:"waits" doc:"A change waits there to be confirmed."`
	Runs     string  `json:"runs" doc:"SHA-256 of what its data plane keeps."`

	Bases []Version `json:"bases,omitempty" doc:"Where each later term began."`
	Lock  *Editor   `json:"lock,omitempty"`
}

// kept is what outlives a process.
type kept struct {
	Version  Version   `json:"version"`
	Document string    `json:"document"`
	Bases    []Version `json:"bases,omitempty"` // where each later term began, the last ones
	Apart    []string  `json:"apart,omitempty"` // nodes that a change left out, and that were not seen with it since
	Open     *open     `json:"open,omitempty"`
	Branches []Branch  `json:"branches,omitempty"`
}

// open is a change that decides for a while.
type open struct {
	ID       string    `json:"id"`
	From     string    `json:"from"` // the node where it was asked for
	Next     Version   `json:"next"`
	Document string    `json:"document"`
	Revision uint64    `json:"revision"` // of this node's data plane
	Apart    []string  `json:"apart,omitempty"`
	Bases    []Version `json:"bases,omitempty"`
	Dropped  bool      `json:"dropped,omitempty"` // nobody wants it any more, but the data plane may still come to run it
	At       time.Time `json:"at"`
}
