package revision

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/command"
)

// Folder is what outlives the machine's memory:
//
//	confirmed          the confirmed revision: what it is, the flat form, the text; with a checksum over all
//	confirmed.before   the one before, for a disk that damages files
//	confirmed.damaged  what a disk had damaged
//	documents/         texts of policies, named by their SHA-256; the only place into which others may write
type Folder struct {
	path, node string
	buffer     []byte
	step       func(string) error // of tests: the n-th operation fails, or the process dies there
}

const (
	confirmedFile = "confirmed"
	beforeFile    = "confirmed.before"
	damagedFile   = "confirmed.damaged"
	newSuffix     = ".new"
	documents     = "documents"
)

// Saved is what the folder knows of a confirmed revision.
type Saved struct {
	Revision uint64
	Since    int64    // ns since 1970
	Hash     [32]byte // of the policy, zero where everything is forwarded
	Document [32]byte // SHA-256 of its text, zero without
}

// ErrNone says that no revision was ever confirmed, ErrForeign that what is there is another node's: to go on without it, or
// to write over it, would be wrong either way.
var (
	ErrNone    = errors.New("no confirmed policy")
	ErrForeign = errors.New("give each node a state-dir of its own")
)

// OpenFolder makes the folder of a node, or opens it.
func OpenFolder(path, node string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	f := &Folder{path: path, node: node, buffer: make([]byte, copyBytes)}
	if len(f.Documents()) >= len(command.Page{}.Folder) {
		return nil, fmt.Errorf("state folder: the path %s is too long", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // others of the node live there, a database among them
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := os.Mkdir(path, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := os.MkdirAll(f.Documents(), 0o770); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := os.Chmod(f.Documents(), 0o770|fs.ModeSetgid); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := unix.Access(path, unix.W_OK); err != nil {
		return nil, fmt.Errorf("state folder: you may not write to %s: %w", path, err)
	}
	return f, nil
}

// Look reads the confirmed revision of a node without making anything: see Load.
func Look(path, node string) (s Saved, flat []byte, found bool, err error) {
	s, flat, _, found, err = (&Folder{path: path, node: node}).Load()
	return s, flat, found, err
}

// Documents is the folder of texts.
func (f *Folder) Documents() string { return filepath.Join(f.path, documents) }

func (f *Folder) at(name string) string { return filepath.Join(f.path, name) }

func (f *Folder) do(step string) error {
	if f.step == nil {
		return nil
	}
	return f.step(step)
}

// The file: a header, the flat form, the text. The checksum is over all three, itself taken as zero.
const (
	magic       = "FCRCONF1"
	headerBytes = 256
	offNode     = 8  // 64 bytes
	offRevision = 72 // u64
	offSince    = 80
	offHash     = 88  // 32 bytes
	offDocument = 120 // 32 bytes
	offFlat     = 152 // u64, its length
	offText     = 160
	offSum      = 252 // u32, CRC-32C
)

var (
	le    = binary.LittleEndian
	table = crc32.MakeTable(crc32.Castagnoli)
)

// header is the first bytes of the file, its checksum not yet in it.
func (f *Folder) header(s *Saved, flat, text int64) [headerBytes]byte {
	var h [headerBytes]byte
	copy(h[:], magic)
	copy(h[offNode:offNode+63], f.node)
	le.PutUint64(h[offRevision:], s.Revision)
	le.PutUint64(h[offSince:], uint64(s.Since))
	copy(h[offHash:], s.Hash[:])
	copy(h[offDocument:], s.Document[:])
	le.PutUint64(h[offFlat:], uint64(flat))
	le.PutUint64(h[offText:], uint64(text))
	return h
}

// Save makes a revision the confirmed one. It is whole on disk when Save returns, or the one before still is. After the
// rename only the folder itself is left to be written, and an error of that is not told: what the next start finds is
// this revision or, after a loss of power right now, the one before.
func (f *Folder) Save(s *Saved, flat []byte) error {
	if err := f.save(s, flat); err != nil {
		return fmt.Errorf("confirmed policy: %w", err)
	}
	return nil
}

func (f *Folder) save(s *Saved, flat []byte) error {
	made := f.at(confirmedFile + newSuffix)
	if err := f.write(made, s, flat); err != nil {
		os.Remove(made)
		return err
	}
	if err := f.keepBefore(); err != nil {
		return err
	}
	if err := f.do("rename"); err != nil {
		return err
	}
	if err := os.Rename(made, f.at(confirmedFile)); err != nil {
		return err
	}
	if d, err := os.Open(f.path); err == nil {
		d.Sync()
		d.Close()
	}
	return nil
}

// keepBefore gives what is confirmed now a second name, which it keeps when the first goes to another.
func (f *Folder) keepBefore() error {
	link := f.at(beforeFile + newSuffix)
	os.Remove(link)
	if err := os.Link(f.at(confirmedFile), link); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := f.do("before"); err != nil {
		return err
	}
	return os.Rename(link, f.at(beforeFile))
}

func (f *Folder) write(path string, s *Saved, flat []byte) (err error) {
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err = out.WriteAt(flat, headerBytes); err != nil {
		return err
	}
	if err = f.do("flat"); err != nil {
		return err
	}
	h := f.header(s, int64(len(flat)), 0)
	var text io.Reader = strings.NewReader("")
	if s.Document != [32]byte{} {
		in, size, err := openDocument(command.DocumentPath(f.Documents(), s.Document))
		if err != nil {
			return err
		}
		defer in.Close()
		text = in
		h = f.header(s, int64(len(flat)), size)
	}
	crc := crc32.Update(crc32.Update(0, table, h[:]), table, flat)
	if crc, err = f.copyText(out, int64(headerBytes+len(flat)), text, &h, s.Document, crc); err != nil {
		return err
	}
	le.PutUint32(h[offSum:], crc)
	if _, err = out.WriteAt(h[:], 0); err != nil {
		return err
	}
	if err = f.do("sync"); err != nil {
		return err
	}
	return out.Sync()
}

func openDocument(path string) (*os.File, int64, error) {
	in, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	st, err := in.Stat()
	if err == nil && (!st.Mode().IsRegular() || st.Size() > command.MaxDocument) {
		err = fmt.Errorf("%s is no file of at most %d bytes", path, command.MaxDocument)
	}
	if err != nil {
		in.Close()
		return nil, 0, err
	}
	return in, st.Size(), nil
}

// copyText copies the document behind the flat form. Others may write in its folder: its length and its SHA-256 must be
// what they were.
func (f *Folder) copyText(out *os.File, at int64, in io.Reader, h *[headerBytes]byte, want [32]byte, crc uint32) (uint32, error) {
	left, sha := int64(le.Uint64(h[offText:])), sha256.New()
	for left > 0 {
		n, err := in.Read(f.buffer[:min(left, int64(len(f.buffer)))])
		if n > 0 {
			crc = crc32.Update(crc, table, f.buffer[:n])
			sha.Write(f.buffer[:n])
			if _, err := out.WriteAt(f.buffer[:n], at); err != nil {
				return 0, err
			}
			at, left = at+int64(n), left-int64(n)
		}
		if err != nil && left > 0 {
			return 0, fmt.Errorf("document: %w", err)
		}
	}
	if want != [32]byte{} && [32]byte(sha.Sum(nil)) != want {
		return 0, errors.New("document: its content is not that of its name")
	}
	return crc, nil
}

// Load reads the confirmed revision, or the one before it where that is damaged: then err says what is wrong, and found is
// true all the same. Without any err is ErrNone.
func (f *Folder) Load() (s Saved, flat, text []byte, found bool, err error) {
	s, flat, text, err = f.read(confirmedFile)
	if err == nil {
		return s, flat, text, true, nil
	}
	missing := errors.Is(err, fs.ErrNotExist)
	err = fmt.Errorf("confirmed policy: %w", err)
	s, flat, text, second := f.read(beforeFile)
	switch {
	case second == nil:
		return s, flat, text, true, err
	case missing && errors.Is(second, fs.ErrNotExist):
		return Saved{}, nil, nil, false, ErrNone
	}
	return Saved{}, nil, nil, false, err
}

// Mend makes the one before the confirmed one again, when Load had to take it; what is damaged is kept for whoever wants
// to look.
func (f *Folder) Mend() error {
	err := os.Rename(f.at(confirmedFile), f.at(damagedFile))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(f.at(beforeFile), f.at(confirmedFile))
	}
	if err != nil {
		return fmt.Errorf("confirmed policy: %w", err)
	}
	return nil
}

func (f *Folder) read(name string) (s Saved, flat, text []byte, err error) {
	path := f.at(name)
	in, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return s, nil, nil, err
	}
	defer in.Close()
	const most = headerBytes + maxFlat + command.MaxDocument
	all, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return s, nil, nil, err
	}
	if len(all) < headerBytes || string(all[:8]) != magic {
		return s, nil, nil, fmt.Errorf("%s is no confirmed policy, or one of another version", path)
	}
	h := all[:headerBytes]
	n, m := le.Uint64(h[offFlat:]), le.Uint64(h[offText:])
	want := le.Uint32(h[offSum:])
	le.PutUint32(h[offSum:], 0)
	if n > maxFlat || m > command.MaxDocument || uint64(len(all)) != headerBytes+n+m || crc32.Checksum(all, table) != want {
		return s, nil, nil, fmt.Errorf("%s is damaged: its checksum is wrong", path)
	}
	if node := strings.TrimRight(string(h[offNode:offNode+64]), "\x00"); node != f.node {
		return s, nil, nil, fmt.Errorf("%s is of node %q, not %q: %w", path, node, f.node, ErrForeign)
	}
	s = Saved{Revision: le.Uint64(h[offRevision:]), Since: int64(le.Uint64(h[offSince:])), Hash: [32]byte(h[offHash:]), Document: [32]byte(h[offDocument:])}
	return s, all[headerBytes : headerBytes+n], all[headerBytes+n:], nil
}

// Restore puts a text back into the folder of documents, where others may have removed it.
func (f *Folder) Restore(s *Saved, text []byte) error {
	if s.Document == [32]byte{} {
		return nil
	}
	if there, err := command.Document(f.Documents(), s.Document); err == nil && len(there) == len(text) {
		return nil
	}
	_, err := command.Keep(f.Documents(), text)
	return err
}

// Clean removes documents that nobody needs: all but those in use, the newest few, and those of the last minute.
func (f *Folder) Clean(now time.Time, inUse ...[32]byte) error {
	d, err := os.Open(f.Documents())
	if err != nil {
		return fmt.Errorf("documents: %w", err)
	}
	entries, err := d.ReadDir(mostEntries) // what somebody put there in masses goes with the next times
	d.Close()
	if err != nil && err != io.EOF {
		return fmt.Errorf("documents: %w", err)
	}
	err = nil
	type spare struct {
		name string
		age  time.Duration
	}
	var spares []spare
	for _, e := range entries {
		if sha, err := hex.DecodeString(e.Name()); err == nil && len(sha) == 32 && slices.Contains(inUse, [32]byte(sha)) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		spares = append(spares, spare{e.Name(), now.Sub(info.ModTime()).Abs()})
	}
	slices.SortFunc(spares, func(a, b spare) int { return int(a.age - b.age) })
	for i, s := range spares {
		if i < spareDocuments && s.age < freshDocument {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(f.Documents(), s.name)))
	}
	return err
}
