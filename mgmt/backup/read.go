package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Content is an archive that was read and found whole.
type Content struct {
	Manifest BackupManifest
	Records  []settings.Record
	Active   []byte
	Pending  []byte // nil: nothing was pending
}

// bad is what is wrong with an archive, as whoever sent it is told.
func bad(format string, args ...any) error {
	return problem.New(problem.Invalid, "").At("body", format, args...)
}

// Read reads an archive. Its errors are problems.
func Read(r io.Reader) (*Content, error) {
	z, err := zstd.NewReader(&bounded{r: r, left: MaxFile}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(MaxContent))
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	defer z.Close()
	in := &bounded{r: z, left: MaxContent}
	t := tar.NewReader(in)
	c := &Content{}
	members, err := c.read(t)
	if err == nil {
		_, err = io.Copy(io.Discard, in) // what stands behind the end is looked at too
	}
	switch {
	case err == nil:
	case errors.Is(err, errBound):
		return nil, bad("is longer than a backup may be")
	case problem.Is(err, problem.Invalid):
		return nil, err
	default:
		return nil, bad("is no backup, or was damaged")
	}
	return c, c.take(members)
}

// read takes the entries, and checks them against the manifest.
func (c *Content) read(t *tar.Reader) (members map[string][]byte, err error) {
	members = map[string][]byte{}
	for first := true; ; first = false {
		h, err := t.Next()
		if err == io.EOF && !first {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case h.Typeflag != tar.TypeReg:
			return nil, bad("has an entry that is no file")
		case first != (h.Name == manifestName):
			return nil, bad("does not begin with its manifest")
		case first && h.Size > maxManifest || h.Size > MaxContent:
			return nil, errBound
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		if first {
			if err := c.manifest(b); err != nil {
				return nil, err
			}
			continue
		}
		at := slices.IndexFunc(c.Manifest.Members, func(m BackupMember) bool { return m.Name == h.Name })
		if at < 0 || members[h.Name] != nil {
			return nil, bad("has an entry that is not in its manifest, or one twice")
		}
		if memberOf(h.Name, b) != c.Manifest.Members[at] {
			return nil, bad("was damaged or changed: an entry is not what the manifest says")
		}
		members[h.Name] = b
	}
	for _, m := range c.Manifest.Members {
		if members[m.Name] == nil {
			return nil, bad("was cut off: an entry of its manifest is missing")
		}
	}
	return members, nil
}

// manifest reads the first entry. A newer format is refused before anything else of it is judged.
func (c *Content) manifest(b []byte) error {
	var head struct {
		Format  int    `json:"format"`
		Product string `json:"product"`
	}
	if json.Unmarshal(b, &head) != nil || head.Product != product || head.Format < 1 {
		return bad("is no backup of this product")
	}
	if head.Format > Format {
		return bad("was made by a newer version: its format is %d, this version reads up to %d; install that version first", head.Format, Format)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if d.Decode(&c.Manifest) != nil {
		return bad("has a manifest that cannot be read")
	}
	for i, m := range c.Manifest.Members {
		if !slices.Contains(memberNames, m.Name) || slices.ContainsFunc(c.Manifest.Members[:i], func(o BackupMember) bool { return o.Name == m.Name }) {
			return bad("has an entry that is not known, or one twice")
		}
	}
	return nil
}

// take reads what the entries say.
func (c *Content) take(members map[string][]byte) error {
	if members[settingsName] == nil || members[activeName] == nil {
		return bad("has no settings or no policy")
	}
	c.Active, c.Pending = members[activeName], members[pendingName]
	seen := map[[2]string]bool{}
	for n, line := range bytes.Split(bytes.TrimSuffix(members[settingsName], []byte("\n")), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var r settings.Record
		if err := json.Unmarshal(line, &r); err != nil {
			return bad("has settings that cannot be read, in line %d", n+1)
		}
		key := [2]string{r.Kind, r.Name}
		switch {
		case r.Kind == "" || r.Name == "" || len(r.Kind) > settings.MaxName || len(r.Name) > settings.MaxName || len(r.Body) == 0 || len(r.Body) > settings.MaxBody:
			return bad("has a setting that is none, in line %d", n+1)
		case r.Local() || strings.HasPrefix(r.Kind, "local"):
			return bad("has a setting that never leaves a machine, in line %d", n+1)
		case seen[key] || len(seen) >= maxRecords:
			return bad("has a setting twice, or too many, in line %d", n+1)
		}
		seen[key] = true
		c.Records = append(c.Records, r)
	}
	return nil
}

var errBound = errors.New("backup: too long")

// bounded ends with an error where a limit is passed, so that what is cut is not taken for whole.
type bounded struct {
	r    io.Reader
	left int64
}

// Read reads what the bound leaves.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		var one [1]byte
		if n, err := b.r.Read(one[:]); n == 0 && err == io.EOF {
			return 0, io.EOF
		}
		return 0, errBound
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// readManifest reads no more than the first entry.
func readManifest(r io.Reader) (m BackupManifest, err error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(MaxContent))
	if err != nil {
		return m, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	h, err := t.Next()
	if err != nil {
		return m, err
	}
	if h.Name != manifestName || h.Size > maxManifest {
		return m, errBound
	}
	b, err := io.ReadAll(t)
	if err != nil {
		return m, err
	}
	var c Content
	err = c.manifest(b)
	return c.Manifest, err
}
