package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"fcredirect/mgmt/bundle/redact"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
)

// Source is a file of a bundle.
type Source struct {
	Name    string // a path in the archive
	Collect func(ctx context.Context, w io.Writer) error
}

// Options of a Maker.
type Options struct {
	Dir     string
	Sources []Source
	Secrets func() []string // that are known now, word for word
	Node    string
	Version string
	Log     *slog.Logger
}

// Maker makes bundles and keeps them in a folder.
type Maker struct{ o Options }

// Bundle is what there is to know of a bundle.
type Bundle struct {
	ID   string    `json:"id"`
	Size int64     `json:"size" doc:"in bytes"`
	Made time.Time `json:"made"`
}

// IDPattern is the form of an id.
const IDPattern = `^sb-[0-9]{8}t[0-9]{6}z-[a-z2-7]{6}$`

var idForm = regexp.MustCompile(IDPattern)

const (
	suffix    = ".tar.zst"
	partial   = ".part"
	idTime    = "20060102t150405z"
	indexName = "index.json"
)

// New opens the folder, and removes what was not finished.
func New(o Options) (*Maker, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Secrets == nil {
		o.Secrets = func() []string { return nil }
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	parts, err := filepath.Glob(filepath.Join(o.Dir, "*"+partial))
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
	}
	return &Maker{o}, nil
}

// line is what the index says of a source.
type line struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
	Took  int64  `json:"took_ms"`
	Error string `json:"error,omitempty"`
}

// index is the last file of a bundle.
type index struct {
	Product string    `json:"product"`
	Version string    `json:"version"`
	Node    string    `json:"node"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	Files   []line    `json:"files"`
}

// Make makes a bundle of now.
func (m *Maker) Make(ctx context.Context, by string, p *job.Progress) (info Bundle, err error) {
	now := time.Now().UTC()
	id := "sb-" + now.Format(idTime) + "-" + strings.ToLower(rand.Text()[:6])
	part := m.path(id) + partial
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return info, fmt.Errorf("bundle: %w", err)
	}
	err = m.write(ctx, f, index{Product: "fc-redirect", Version: m.o.Version, Node: m.o.Node, Made: now, By: by}, p)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, m.path(id))
	}
	if err != nil {
		return info, errors.Join(fmt.Errorf("bundle: %w", err), os.Remove(part))
	}
	for _, old := range m.List()[min(Keep, len(m.List())):] {
		if err := m.Delete(old.ID); err != nil {
			m.o.Log.Warn("an old bundle stays", "bundle", old.ID, "error", err)
		}
	}
	return m.Get(id)
}

// write asks every source in turn.
func (m *Maker) write(ctx context.Context, out io.Writer, x index, p *job.Progress) error {
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	r := redact.New(m.o.Secrets()...)
	p.Of(int64(len(m.o.Sources)))
	total := 0
	for _, s := range m.o.Sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.Phase(s.Name)
		began := time.Now()
		b, failure := collect(ctx, s, min(sourceMax, totalMax-total))
		b = r.Text(b)
		l := line{Name: s.Name, Bytes: len(b), Took: time.Since(began).Milliseconds()}
		if failure != nil {
			l.Error = string(r.Text([]byte(failure.Error())))
		}
		x.Files = append(x.Files, l)
		if total += len(b); len(b) > 0 {
			if err := add(t, s.Name, b, x.Made); err != nil {
				return err
			}
		}
		p.Add(1)
	}
	b, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(add(t, indexName, r.Text(b), x.Made), t.Close(), z.Close())
}

func add(t *tar.Writer, name string, b []byte, made time.Time) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o600, ModTime: made.Truncate(time.Second)}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(b)
	return err
}

var errLong = errors.New("it was cut: it is longer than a bundle takes")

// collect asks one source. One that hangs is left behind, and what it had written by then is kept.
func collect(ctx context.Context, s Source, most int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	w := &sink{most: most}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		done <- s.Collect(ctx, w)
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(time.Second):
			err = fmt.Errorf("it took longer than %v", sourceTime)
		}
	}
	b, cut := w.close()
	if cut {
		err = errors.Join(err, errLong)
	}
	return b, err
}

// sink takes what a source writes, up to a bound.
type sink struct {
	most int
	mu   sync.Mutex
	b    bytes.Buffer
	cut  bool
	over bool
}

// Write takes what there is room for.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, io.ErrClosedPipe
	}
	n := min(len(p), s.most-s.b.Len())
	s.b.Write(p[:max(n, 0)])
	if n < len(p) {
		s.cut = true
		return max(n, 0), errLong
	}
	return n, nil
}

func (s *sink) close() ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.b.Bytes(), s.cut
}

func (m *Maker) path(id string) string { return filepath.Join(m.o.Dir, id+suffix) }

// List gives all bundles, the newest first.
func (m *Maker) List() []Bundle {
	names, err := os.ReadDir(m.o.Dir)
	if err != nil {
		m.o.Log.Error("bundles cannot be listed", "error", err)
		return nil
	}
	var list []Bundle
	for _, n := range names {
		if id, ok := strings.CutSuffix(n.Name(), suffix); ok {
			if i, err := m.Get(id); err == nil {
				list = append(list, i)
			}
		}
	}
	slices.SortFunc(list, func(a, b Bundle) int { return strings.Compare(b.ID, a.ID) })
	return list
}

// Get finds a bundle.
func (m *Maker) Get(id string) (Bundle, error) {
	f, size, err := m.Open(id)
	if err != nil {
		return Bundle{}, err
	}
	defer f.Close()
	made, err := time.Parse(idTime, id[3:19])
	if err != nil {
		return Bundle{}, problem.New(problem.NotFound, "There is no such bundle.")
	}
	return Bundle{id, size, made.UTC()}, nil
}

// Open gives the archive, for a download.
func (m *Maker) Open(id string) (io.ReadSeekCloser, int64, error) {
	if !idForm.MatchString(id) {
		return nil, 0, problem.New(problem.NotFound, "There is no such bundle.")
	}
	f, err := os.Open(m.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, problem.New(problem.NotFound, "There is no such bundle.")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("bundle: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("bundle: %w", err), f.Close())
	}
	return f, st.Size(), nil
}

// Delete removes a bundle. One that is not there is no error.
func (m *Maker) Delete(id string) error {
	if !idForm.MatchString(id) {
		return nil
	}
	if err := os.Remove(m.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}
