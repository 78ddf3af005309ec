package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// file is the file of a capture. The pump writes; any number of followers read.
type file struct {
	f     *os.File
	buf   []byte
	limit int64
	full  bool // the next block would not fit

	mu    sync.Mutex
	size  int64         // that followers may read
	grown chan struct{} // closed when size changes, and then another one
	whole bool
}

func create(path string, limit int64) (*file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	return &file{f: f, limit: limit, grown: make(chan struct{})}, nil
}

// Write takes a block, or refuses it whole when the file would become too long. Blocks reach the disk with flush.
func (f *file) Write(block []byte) (int, error) {
	if f.size+int64(len(f.buf)+len(block)) > f.limit {
		f.full = true
		return 0, errFull
	}
	f.buf = append(f.buf, block...)
	return len(block), nil
}

var errFull = errors.New("capture: the file is full")

// flush writes what was taken and lets followers see it.
func (f *file) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	n, err := f.f.Write(f.buf)
	f.buf = f.buf[:0]
	f.mu.Lock()
	f.size += int64(n)
	close(f.grown)
	f.grown = make(chan struct{})
	f.mu.Unlock()
	return err
}

// finish flushes, and tells followers that nothing follows.
func (f *file) finish() error {
	err := errors.Join(f.flush(), f.f.Close())
	f.mu.Lock()
	f.whole = true
	close(f.grown)
	f.mu.Unlock()
	return err
}

func (f *file) look() (size int64, whole bool, grown <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, f.whole, f.grown
}

// Download is a capture's file, read from its beginning. While the capture runs it goes on as the file grows.
type Download struct {
	f    *os.File
	of   *file // nil: the file is whole
	at   int64
	Size int64 // of a whole file; -1 while it grows
}

// Follow copies the file to w until it is whole, the context ends, or w fails. flush is called when there is nothing more
// for now.
func (d *Download) Follow(ctx context.Context, w io.Writer, flush func()) error {
	defer d.f.Close()
	if d.of == nil {
		_, err := io.Copy(w, d.f)
		return err
	}
	for {
		size, whole, grown := d.of.look()
		if d.at < size {
			n, err := io.CopyN(w, d.f, size-d.at)
			if d.at += n; err != nil {
				return err
			}
		}
		if whole {
			return nil
		}
		flush()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-grown:
		}
	}
}

// Close gives the file up without reading it.
func (d *Download) Close() error { return d.f.Close() }
