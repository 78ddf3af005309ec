// Package draft is a policy document as something that is edited: aliases, sets, services and policies as values with
// JSON names, and the edits that make another document of one. It computes, and keeps nothing: mgmt/change has the state.
//
// Who may import it: mgmt/change, mgmt/api/configuration and whoever shows documents. It imports dataplane/policy, whose
// compiler is the judge of what is right, and mgmt/problem.
//
// Ownership: a Draft and what it holds is never changed after it was made; an edit makes a new one that shares all that
// stayed the same. So any goroutine may read any Draft, and to remember one costs nothing.
//
// Invariants: a Draft that came about by edits names nothing that is not there: what is used cannot be deleted, and what
// is not there cannot be used. An edit that changes nothing gives the same Draft back. Equal edits on equal Drafts give
// equal Drafts, so a list of edits is as good as the document that it leads to.
//
// Limits: an edit copies the list that it changes: 80 KB for 10,000 policies, half a megabyte for 65,536 aliases, and looks
// for names among them; well below a millisecond.
package draft
