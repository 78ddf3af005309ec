// Package migrations holds the database's schema as numbered SQL files, built into the program.
//
// Who may import it: mgmt/postgres, which applies them. It imports nothing of ours.
//
// Rules: a file that was released is never changed; a change is a new file with the next number. Files go up only: the
// way back is a backup, because a step down would delete what was recorded. Each file runs in one transaction. Every
// primary key begins with node_id.
package migrations

import "embed"

// Files are the migrations, at its root.
//
//go:embed *.sql
var Files embed.FS
