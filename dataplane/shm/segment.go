package shm

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrABI says that a segment was made by a data plane of another version.
var ErrABI = errors.New("another version's layout")

// File is one mapped file of the segment.
type File struct {
	path    string
	mem     []byte
	file    *os.File // kept open for its lock by the writer, nil in readers
	regions map[string]Region
}

// Segment is the writer's view: both files, locked against a second data plane.
type Segment struct {
	State, Ctl *File
	Adopted    bool   // the kept regions hold what the data plane before us left there
	CtlAdopted bool   // and so do those of ctl
	Why        string // why not, where an old file was found but not adopted
}

// Config says where the segment lies and whom it serves.
type Config struct {
	Dir    string // on hugetlbfs or tmpfs; created with mode 0755
	Node   string
	TSCHz  uint64
	TSCNow uint64
	Fresh  bool // never adopt
	State  []RegionSpec
	Ctl    []RegionSpec
}

// Create makes or takes over the segment. A file of the same ABI and geometry whose data plane is dead is adopted: its
// kept regions stay, all others are zeroed. Anything else is made anew.
func Create(c Config) (*Segment, error) {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("segment: %w; create it, or set segment.dir in the boot file to a directory that you may write", err)
	}
	s, now := &Segment{}, time.Now().UnixNano() // at TSCNow: making the files takes its time
	boot := [16]byte{}
	if _, err := rand.Read(boot[:]); err != nil {
		return nil, fmt.Errorf("segment: boot id: %w", err)
	}
	var err error
	p := plan{fresh: c.Fresh, epoch: uint64(now), mode: 0o644}
	if s.State, s.Adopted, s.Why, err = create(filepath.Join(c.Dir, "state"), stateMagic, c.State, p); err != nil {
		return nil, err
	}
	// The control file stays as long as the state does: cursors into rings that are new would mean nothing.
	p = plan{fresh: !s.Adopted, epoch: s.State.Header().Epoch, same: true, mode: 0o660}
	if s.Ctl, s.CtlAdopted, _, err = create(filepath.Join(c.Dir, "ctl"), ctlMagic, c.Ctl, p); err != nil {
		s.State.Close()
		return nil, err
	}
	for _, f := range []*File{s.Ctl, s.State} {
		h := f.Header()
		h.BootID, h.PID, h.AdoptNS = boot, uint32(os.Getpid()), 0
		h.setClock(c.TSCHz, c.TSCNow, now)
		h.Boots++
		h.Node = [NameLen]byte{}
		copy(h.Node[:NameLen-1], c.Node)
	}
	return s, nil
}

// plan says how one of the files is to be made or taken over.
type plan struct {
	fresh bool
	epoch uint64 // of a new file
	same  bool   // adopt only a file of that epoch
	mode  os.FileMode
}

// Dir is the folder of the segment.
func (s *Segment) Dir() string { return filepath.Dir(s.State.path) }

// Close unmaps both files and gives up the lock; they stay for the next start.
func (s *Segment) Close() error { return errors.Join(s.State.Close(), s.Ctl.Close()) }

// Remove deletes both files. To be called before Close, while the lock is held.
func (s *Segment) Remove() error {
	return errors.Join(os.Remove(s.State.path), os.Remove(s.Ctl.path))
}

// create maps path for writing with the regions asked for; adopted says that the old content is in place.
func create(path string, magic uint64, specs []RegionSpec, p plan) (f *File, adopted bool, why string, err error) {
	dir, size, err := layOut(specs)
	if err != nil {
		return nil, false, "", err
	}
	file, err := lock(path, p.mode)
	if err != nil {
		return nil, false, "", err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	geometry := hash(dir)
	epoch, why := adoptable(file, magic, geometry, size)
	if adopted = epoch != 0 && !p.fresh && (epoch == p.epoch || !p.same); !adopted {
		if file, err = replace(file, path, p.mode); err != nil {
			return nil, false, "", err
		}
	}
	if err = file.Truncate(int64(size)); err != nil {
		return nil, false, "", fmt.Errorf("segment: resize %s to %d MiB: %w", path, size>>20, err)
	}
	// Without this a tmpfs that is full would be noticed by the first store into a page it has no room for: SIGBUS.
	if err = unix.Fallocate(int(file.Fd()), 0, 0, int64(size)); err != nil && err != unix.EOPNOTSUPP {
		return nil, false, "", fmt.Errorf("segment: room for %d MiB in %s: %w; reserve more hugepages (vm.nr_hugepages), make room on this file system, or lower segment.flows", size>>20, path, err)
	}
	mem, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, false, "", fmt.Errorf("segment: map %d MiB of %s: %w; reserve more hugepages (vm.nr_hugepages), or set segment.hugepages: off", size>>20, path, err)
	}
	f = &File{path: path, mem: mem, file: file, regions: map[string]Region{}}
	h := f.Header()
	atomic.StoreUint64(&h.Magic, 0) // readers that come now must not take a half-made file for a whole one
	atomic.StoreUint32(&h.State, Starting)
	h.ABI, h.Regions, h.Size, h.Geometry = ABI, uint32(len(dir)), uint64(size), geometry
	if !adopted { // else it has readers, who use all the rest
		h.Epoch = p.epoch
	}
	table := unsafe.Slice((*Region)(unsafe.Pointer(&mem[headerBytes])), len(dir))
	for i, r := range dir {
		table[i] = r
		f.regions[Text(r.Name[:])] = r
		if adopted && !specs[i].Keep {
			clear(mem[r.Offset : r.Offset+r.Length])
		}
	}
	atomic.StoreUint64(&h.Magic, magic)
	return f, adopted, why, nil
}

// lock opens the file that stands at path now and locks it against a second data plane.
func lock(path string, mode os.FileMode) (*os.File, error) {
	for range 10 {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, mode)
		if err != nil {
			return nil, fmt.Errorf("segment: %w", err)
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			file.Close()
			break
		}
		mine, err1 := file.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return file, nil
		}
		file.Close() // another start replaced it between our open and our lock
	}
	return nil, fmt.Errorf("segment: %s belongs to a running data plane: stop it, or give this one a node name or segment.dir of its own", path)
}

// replace puts a new, empty, locked file in the place of old. Truncating old instead would kill the readers that still
// map it (SIGBUS); so they keep a file in which nothing changes any more, and see that its data plane is gone.
func replace(old *os.File, path string, mode os.FileMode) (*os.File, error) {
	defer old.Close()
	if err := os.Remove(path); err != nil {
		return old, fmt.Errorf("segment: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return old, fmt.Errorf("segment: %w", err)
	}
	if err := file.Chmod(mode); err != nil { // the usual umask would take the group's right to write from ctl
		return file, fmt.Errorf("segment: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return file, fmt.Errorf("segment: lock %s: %w", path, err)
	}
	return file, nil
}

// layOut turns the specs into a directory and the file's size.
func layOut(specs []RegionSpec) ([]Region, int, error) {
	if len(specs) > MaxRegions {
		return nil, 0, fmt.Errorf("segment: %d regions, the limit is %d", len(specs), MaxRegions)
	}
	offset := roundUp(headerBytes+len(specs)*regionBytes, pageBytes)
	dir := make([]Region, len(specs))
	for i, s := range specs {
		if len(s.Name) >= NameLen || s.Name == "" || s.Stride <= 0 || s.Count <= 0 {
			return nil, 0, fmt.Errorf("segment: region %q of %d x %d bytes: not a region", s.Name, s.Count, s.Stride)
		}
		length := s.Stride * s.Count
		dir[i] = Region{Offset: uint64(offset), Length: uint64(length), Stride: uint32(s.Stride), Count: uint32(s.Count)}
		copy(dir[i].Name[:], s.Name)
		offset += roundUp(length, pageBytes)
	}
	size := roundUp(offset, hugeBytes)
	if size > MaxSegmentBytes {
		return nil, 0, fmt.Errorf("segment: %d MiB, the limit is %d MiB: lower segment.flows", size>>20, MaxSegmentBytes>>20)
	}
	return dir, size, nil
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

func hash(dir []Region) uint64 {
	h := fnv.New64a()
	for i := range dir {
		h.Write(unsafe.Slice((*byte)(unsafe.Pointer(&dir[i])), regionBytes))
	}
	return h.Sum64()
}

// adoptable reads just the header of an old file, and gives its epoch, or 0 and why it is of no use. Reading through a
// mapping, since hugetlbfs knows no read of a part of a page on all kernels.
func adoptable(file *os.File, magic, geometry uint64, size int) (epoch uint64, why string) {
	st, err := file.Stat()
	if err != nil || st.Size() == 0 {
		return 0, ""
	}
	if st.Size() != int64(size) {
		return 0, "its size differs: the boot file asks for another geometry"
	}
	mem, err := unix.Mmap(int(file.Fd()), 0, hugeBytes, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return 0, "it cannot be read: " + err.Error()
	}
	defer unix.Munmap(mem)
	h := (*Header)(unsafe.Pointer(&mem[0]))
	switch {
	case h.Magic != magic || h.Epoch == 0:
		return 0, "it was never completed"
	case h.ABI != ABI:
		return 0, fmt.Sprintf("it has ABI %d, this data plane %d", h.ABI, ABI)
	case h.Geometry != geometry:
		return 0, "the boot file asks for another geometry"
	}
	return h.Epoch, ""
}

// Open maps a file of the segment read-only, or read-write for `ctl` (write true). It trusts nothing in it.
func Open(path string, write bool) (*File, error) {
	flags, prot := os.O_RDONLY, unix.PROT_READ
	if write {
		flags, prot = os.O_RDWR, unix.PROT_READ|unix.PROT_WRITE
	}
	file, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("segment: %w: run as a user of the file's group, or as the user of fcr-dataplane", err)
	}
	if err != nil {
		return nil, fmt.Errorf("segment: %w: is fcr-dataplane running here?", err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	if st.Size() < hugeBytes || st.Size() > MaxSegmentBytes || st.Size()%hugeBytes != 0 {
		return nil, fmt.Errorf("segment: %s has %d bytes: not a segment, or one that is being made", path, st.Size())
	}
	mem, err := unix.Mmap(int(file.Fd()), 0, int(st.Size()), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("segment: map %s: %w", path, err)
	}
	f := &File{path: path, mem: mem, regions: map[string]Region{}}
	if err := f.readDirectory(); err != nil {
		f.Close()
		return nil, fmt.Errorf("segment: %s: %w", path, err)
	}
	return f, nil
}

func (f *File) readDirectory() error {
	h := f.Header()
	switch magic := atomic.LoadUint64(&h.Magic); {
	case magic == 0:
		return errors.New("the data plane is still making it")
	case magic != stateMagic && magic != ctlMagic:
		return errors.New("not a segment of FC-Redirect")
	case h.ABI != ABI:
		return fmt.Errorf("%w: it has ABI %d, this program reads ABI %d: use the program that came with the data plane", ErrABI, h.ABI, ABI)
	case h.Size != uint64(len(f.mem)) || h.Regions > MaxRegions:
		return errors.New("its header contradicts its size")
	}
	table := unsafe.Slice((*Region)(unsafe.Pointer(&f.mem[headerBytes])), h.Regions)
	for _, r := range table {
		if r.Offset%8 != 0 || r.Offset > h.Size || r.Length > h.Size-r.Offset || uint64(r.Stride)*uint64(r.Count) > r.Length {
			return fmt.Errorf("region %q lies outside the file", Text(r.Name[:]))
		}
		f.regions[Text(r.Name[:])] = r
	}
	return nil
}

// Close unmaps the file; the writer also gives up its lock.
func (f *File) Close() error {
	var err error
	if f.mem != nil {
		err = unix.Munmap(f.mem)
		f.mem = nil
	}
	if f.file != nil {
		err = errors.Join(err, f.file.Close())
		f.file = nil
	}
	return err
}

// Header is the first bytes of the file.
func (f *File) Header() *Header { return (*Header)(unsafe.Pointer(&f.mem[0])) }

// Size is the length of the file in bytes.
func (f *File) Size() int { return len(f.mem) }

// Names are those of the regions.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.regions)) }

// Bytes is a region's memory, nil when there is none of that name.
func (f *File) Bytes(name string) []byte {
	r, ok := f.regions[name]
	if !ok {
		return nil
	}
	return f.mem[r.Offset : r.Offset+r.Length : r.Offset+r.Length]
}

// Items is a region seen as an array, nil when it is missing or of other items.
func Items[T any](f *File, name string) []T {
	r, ok := f.regions[name]
	var zero T
	if !ok || uintptr(r.Stride) != unsafe.Sizeof(zero) || r.Count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&f.mem[r.Offset])), int(r.Count))
}

// Alive says whether the data plane that made the file still runs.
func (f *File) Alive() bool {
	pid := int(f.Header().PID)
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// Boot is the boot id in a form that fits a log line.
func (h *Header) Boot() string { return fmt.Sprintf("%016x", binary.BigEndian.Uint64(h.BootID[:8])) }
