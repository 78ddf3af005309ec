package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"fcredirect/mgmt/settings"
)

// entry is a member with its content.
type entry struct {
	name    string
	content []byte
}

// write makes an archive of a manifest and what it is about.
func write(out io.Writer, m BackupManifest, entries []entry) error {
	m.Members = nil
	for _, e := range entries {
		m.Members = append(m.Members, memberOf(e.name, e.content))
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: manifest: %w", err)
	}
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(maxWindow))
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	t := tar.NewWriter(z)
	for _, e := range append([]entry{{manifestName, head}}, entries...) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.content)), Mode: 0o600, ModTime: m.Made.Truncate(time.Second)}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("backup: %s: %w", e.name, err)
		}
		if _, err := t.Write(e.content); err != nil {
			return fmt.Errorf("backup: %s: %w", e.name, err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// lines writes the records that may leave the machine, and counts them.
func lines(records []settings.Record) (text []byte, counts map[string]int, err error) {
	var b bytes.Buffer
	counts = map[string]int{}
	for _, r := range records {
		if r.Local() {
			continue
		}
		line, err := json.Marshal(r)
		if err != nil {
			return nil, nil, fmt.Errorf("backup: record %s %s: %w", r.Kind, r.Name, err)
		}
		b.Write(append(line, '\n'))
		counts[r.Kind]++
	}
	return b.Bytes(), counts, nil
}
