// Package spooltest is a disk for tests of the spool: it fails the operation that it is told to, in the ways in which
// disks fail, and loses what was not synced when the power goes.
//
// Who may import it: tests. A Disk may be used by any goroutine.
//
// What it models: a write is in the page cache until a sync; a failed sync leaves pages in the cache that are called clean
// and never reach the disk; a name is safe when the folder was synced. When a process is killed the cache survives; when
// the power goes, each block that was not synced is old, new or (behind the end) zero, as chance has it.
package spooltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sort"
	"sync"
	"syscall"

	"fcredirect/mgmt/event/spool"
)

// block is what reaches the disk as a whole. Disks have 512 bytes or more; less is harder to survive.
const block = 64

// ErrDead says that the process that had opened this was killed.
var ErrDead = errors.New("spooltest: the process is dead")

// Fault is how an operation goes wrong.
type Fault int

// The faults.
const (
	None     Fault = iota
	Error          // EIO, and nothing was done; a failed sync has lost its pages
	NoRoom         // ENOSPC after half of a write
	Late           // EIO, but it was done
	Kill           // the process is killed before
	KillLate       // and after
)

// Op is an operation as the chooser of faults sees it.
type Op struct {
	Nth  int // since Reset
	Kind string
	Name string
}

// Disk is the folder of a spool.
type Disk struct {
	mu     sync.Mutex
	cached map[string]*inode // the folder as processes see it
	stored map[string]*inode // and as it would be after a loss of power
	life   int               // of the process
	dead   bool
	locked bool
	ops    int
	choose func(Op) Fault // runs under mu
}

type inode struct {
	cached, stored []byte
	dirty          map[int]bool // blocks whose cached content a sync would write
}

// NewDisk makes an empty one.
func NewDisk() *Disk { return &Disk{cached: map[string]*inode{}, stored: map[string]*inode{}} }

// Reset counts operations from 0 again and asks choose about each from now on. Nil: no faults.
func (d *Disk) Reset(choose func(Op) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops, d.choose = 0, choose
}

// Nth makes the n-th operation since Reset go wrong, counted from 1.
func Nth(n int, f Fault) func(Op) Fault {
	return func(o Op) Fault {
		if o.Nth == n {
			return f
		}
		return None
	}
}

// Ops is how many operations there were since Reset.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Dead says whether a fault has killed the process.
func (d *Disk) Dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// Restart is the next process: the lock is free, the page cache as it was.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.restart()
}

func (d *Disk) restart() { d.life, d.dead, d.locked = d.life+1, false, false }

// PowerCut is the next process after a loss of power. chance(n) gives a number from 0 to n-1.
func (d *Disk) PowerCut(chance func(n int) int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := map[string]*inode{}
	for _, name := range d.all() {
		was, is := d.stored[name], d.cached[name]
		survivor := is
		if was != is && chance(2) == 0 {
			survivor = was
		}
		if survivor != nil {
			content := survivor.afterPowerCut(chance)
			after[name] = &inode{cached: content, stored: bytes.Clone(content), dirty: map[int]bool{}}
		}
	}
	d.stored, d.cached = after, map[string]*inode{}
	for name, i := range after {
		d.cached[name] = i
	}
	d.restart()
}

func (d *Disk) all() (names []string) {
	seen := map[string]bool{}
	for _, m := range []map[string]*inode{d.stored, d.cached} {
		for name := range m {
			if !seen[name] {
				seen[name], names = true, append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}

func (i *inode) afterPowerCut(chance func(int) int) []byte {
	size := len(i.stored)
	if more := len(i.cached) - size; more > 0 {
		size += chance(more + 1)
	}
	content := make([]byte, size)
	copy(content, i.stored)
	for b := range (size + block - 1) / block {
		if from, to := b*block, min(b*block+block, size); i.dirty[b] && chance(2) == 0 {
			copy(content[from:to], i.cached[from:])
		}
	}
	return content
}

// Clone is another disk with the same content, and no faults.
func (d *Disk) Clone() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := NewDisk()
	for name, i := range d.cached {
		c.cached[name] = i.clone()
		if d.stored[name] == i {
			c.stored[name] = c.cached[name]
		}
	}
	for name, i := range d.stored {
		if c.stored[name] == nil {
			c.stored[name] = i.clone()
		}
	}
	return c
}

func (i *inode) clone() *inode {
	return &inode{cached: bytes.Clone(i.cached), stored: bytes.Clone(i.stored), dirty: maps.Clone(i.dirty)}
}

// Flip turns bits of a byte of a file, in the cache and on the disk.
func (d *Disk) Flip(name string, at int, mask byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.cached[name]
	i.cached[at] ^= mask
	if at < len(i.stored) {
		i.stored[at] ^= mask
	}
}

// Put makes or replaces a file, durably.
func (d *Disk) Put(name string, content []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := &inode{cached: bytes.Clone(content), stored: bytes.Clone(content), dirty: map[int]bool{}}
	d.cached[name], d.stored[name] = i, i
}

// Content is what a process would read.
func (d *Disk) Content(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.cached[name].cached)
}

// Names of the files that processes see, sorted.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.cached {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Used is how many bytes the files have that processes see. The chooser of faults may ask.
func (d *Disk) Used() (n int) {
	for _, i := range d.cached {
		n += len(i.cached)
	}
	return n
}

// do runs an operation under the fault that was chosen for it. half is what a write does when the disk is full.
func (d *Disk) do(life int, kind, name string, run, half func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead || life != d.life {
		return ErrDead
	}
	d.ops++
	op := Op{d.ops, kind, name}
	fault := None
	if d.choose != nil {
		fault = d.choose(op)
	}
	failed := fmt.Errorf("%s %s: %w", kind, name, syscall.EIO)
	switch fault {
	case Error:
		if kind == "sync" {
			clear(d.inode(name).dirty)
		}
		return failed
	case NoRoom:
		if half == nil {
			return failed
		}
		return errors.Join(half(), fmt.Errorf("%s %s: %w", kind, name, syscall.ENOSPC))
	case Late:
		return errors.Join(run(), failed)
	case Kill:
		d.dead = true
		return ErrDead
	case KillLate:
		_ = run()
		d.dead = true
		return ErrDead
	}
	return run()
}

func (d *Disk) inode(name string) *inode {
	if i := d.cached[name]; i != nil {
		return i
	}
	return &inode{dirty: map[int]bool{}}
}

func (d *Disk) now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.life
}

type unlock struct {
	d    *Disk
	life int
}

func (u unlock) Close() error {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	if u.d.life == u.life {
		u.d.locked = false
	}
	return nil
}

// Lock is spool.Files.
func (d *Disk) Lock() (io.Closer, error) {
	life := d.now()
	err := d.do(life, "lock", "", func() error {
		if d.locked {
			return spool.ErrLocked
		}
		d.locked = true
		return nil
	}, nil)
	return unlock{d, life}, err
}

// List is spool.Files.
func (d *Disk) List() (names []string, err error) {
	err = d.do(d.now(), "list", "", func() error {
		for name := range d.cached {
			names = append(names, name)
		}
		sort.Strings(names)
		return nil
	}, nil)
	return names, err
}

// Create is spool.Files.
func (d *Disk) Create(name string) (spool.File, error) {
	life := d.now()
	h := &handle{d: d, life: life, name: name}
	return h, d.do(life, "create", name, func() error {
		if d.cached[name] != nil {
			return os.ErrExist
		}
		h.inode = &inode{dirty: map[int]bool{}}
		d.cached[name] = h.inode
		return nil
	}, nil)
}

// Open is spool.Files.
func (d *Disk) Open(name string) (spool.File, error) {
	life := d.now()
	h := &handle{d: d, life: life, name: name}
	return h, d.do(life, "open", name, func() error {
		if h.inode = d.cached[name]; h.inode == nil {
			return os.ErrNotExist
		}
		return nil
	}, nil)
}

// Reopen is spool.Files.
func (d *Disk) Reopen(name string) (spool.File, error) { return d.Open(name) }

// Remove is spool.Files.
func (d *Disk) Remove(name string) error {
	return d.do(d.now(), "remove", name, func() error {
		if d.cached[name] == nil {
			return os.ErrNotExist
		}
		delete(d.cached, name)
		return nil
	}, nil)
}

// Sync is spool.Files.
func (d *Disk) Sync() error {
	return d.do(d.now(), "syncdir", "", func() error {
		d.stored = map[string]*inode{}
		for name, i := range d.cached {
			d.stored[name] = i
		}
		return nil
	}, nil)
}

type handle struct {
	d     *Disk
	life  int
	name  string
	inode *inode
}

func (h *handle) Size() (n int64, err error) {
	err = h.d.do(h.life, "size", h.name, func() error { n = int64(len(h.inode.cached)); return nil }, nil)
	return n, err
}

func (h *handle) ReadAt(p []byte, off int64) (n int, err error) {
	err = h.d.do(h.life, "read", h.name, func() error {
		if off < int64(len(h.inode.cached)) {
			n = copy(p, h.inode.cached[off:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	}, nil)
	return n, err
}

func (h *handle) WriteAt(p []byte, off int64) (n int, err error) {
	write := func(p []byte) func() error {
		return func() error {
			i := h.inode
			if grow := int(off) + len(p) - len(i.cached); grow > 0 {
				i.cached = append(i.cached, make([]byte, grow)...)
			}
			n = copy(i.cached[off:], p)
			for b := int(off) / block; b*block < int(off)+len(p); b++ {
				i.dirty[b] = true
			}
			return nil
		}
	}
	err = h.d.do(h.life, "write", h.name, write(p), write(p[:len(p)/2]))
	return n, err
}

func (h *handle) Sync() error {
	return h.d.do(h.life, "sync", h.name, func() error {
		i := h.inode
		stored := make([]byte, max(len(i.stored), len(i.cached)))
		copy(stored, i.stored)
		for b := range i.dirty {
			copy(stored[b*block:min(b*block+block, len(i.cached))], i.cached[b*block:])
		}
		i.stored = stored
		clear(i.dirty)
		return nil
	}, nil)
}

func (h *handle) Close() error { return nil }
