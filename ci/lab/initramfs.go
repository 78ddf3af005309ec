package lab

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// archive is a cpio archive in the making ("newc", the format the kernel unpacks into its first root; its layout is in the
// kernel's Documentation/driver-api/early-userspace/buffer-format.rst). Folders are added before what they hold.
type archive struct {
	b     bytes.Buffer
	inode int
	dirs  map[string]bool
}

// Modes of the kinds of entries that the image needs.
const (
	modeDir  = 0o040755
	modeFile = 0o100644
	modeExec = 0o100755
)

// add appends one file with the folders above it.
func (a *archive) add(path string, mode int, content []byte) {
	if a.dirs == nil {
		a.dirs = map[string]bool{}
	}
	for i, c := range path {
		if c == '/' {
			a.addDir(path[:i])
		}
	}
	a.entry(path, mode, content)
}

// addDir appends an empty folder, once, with the folders above it.
func (a *archive) addDir(path string) {
	if a.dirs == nil {
		a.dirs = map[string]bool{}
	}
	if path == "" || a.dirs[path] {
		return
	}
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		a.addDir(path[:i])
	}
	a.dirs[path] = true
	a.entry(path, modeDir, nil)
}

func (a *archive) entry(path string, mode int, content []byte) {
	a.inode++
	// Owner, group, time and device numbers are zero: equal inputs make equal archives.
	fmt.Fprintf(&a.b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path)+1, 0)
	a.b.WriteString(path)
	a.b.WriteByte(0)
	a.pad()
	a.b.Write(content)
	a.pad()
}

// pad brings the archive to a multiple of four bytes, as names and contents need.
func (a *archive) pad() {
	for a.b.Len()%4 != 0 {
		a.b.WriteByte(0)
	}
}

// WriteTo ends the archive and writes it.
func (a *archive) WriteTo(w io.Writer) (int64, error) {
	a.inode = 0
	a.entry("TRAILER!!!", 0, nil)
	return a.b.WriteTo(w)
}
