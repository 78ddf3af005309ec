package backup

import (
	"bytes"
	"context"
	"crypto/rand"
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

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Options of a Keeper.
type Options struct {
	Dir           string
	Settings      *settings.Store
	Configuration Configuration
	Roles         []byte // how the daemon is configured, without secrets
	Node, Version string
	Events        event.Appender
	Log           *slog.Logger
}

// Keeper keeps backups in a folder.
type Keeper struct {
	o Options

	mu    sync.Mutex // of the folder
	known map[string]Backup
}

// Backup is what there is to know of a backup.
type Backup struct {
	ID       string         `json:"id"`
	Size     int64          `json:"size" doc:"in bytes"`
	Uploaded bool           `json:"uploaded,omitempty" doc:"It was not made here."`
	Manifest BackupManifest `json:"manifest"`
}

const (
	suffix   = ".tar.zst"
	partial  = ".part"
	uploaded = "up-"
)

var idForm = regexp.MustCompile(`^(bk|up)-[0-9]{8}t[0-9]{6}z-[a-z2-7]{6}$`)

// IDPattern is the form of an id, for whoever declares a parameter.
const IDPattern = `^(bk|up)-[0-9]{8}t[0-9]{6}z-[a-z2-7]{6}$`

func newID(prefix string, now time.Time) string {
	return prefix + strings.ToLower(now.UTC().Format("20060102T150405Z")) + "-" + strings.ToLower(rand.Text()[:6])
}

// New opens the folder, and removes what was not finished.
func New(o Options) (*Keeper, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	parts, err := filepath.Glob(filepath.Join(o.Dir, "*"+partial))
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
	}
	return &Keeper{o: o, known: map[string]Backup{}}, nil
}

func (k *Keeper) path(id string) string { return filepath.Join(k.o.Dir, id+suffix) }

// Make makes a backup of now.
func (k *Keeper) Make(ctx context.Context, by string, p *job.Progress) (Backup, error) {
	p.Phase("reading settings and policy")
	m := BackupManifest{
		Format: Format, Product: product, Version: k.o.Version, ABI: shm.ABI, Node: k.o.Node, Made: time.Now().UTC(), By: by,
		Settings: k.o.Settings.Revision(), Lineage: k.o.Settings.Lineage(),
	}
	records, counts, err := lines(k.o.Settings.List(""))
	if err != nil {
		return Backup{}, err
	}
	m.Records = counts
	active, revision, pending, err := k.o.Configuration.Documents(ctx)
	if err != nil {
		return Backup{}, err
	}
	m.Revision = revision
	entries := []entry{{settingsName, records}, {activeName, active}}
	if pending != nil {
		entries = append(entries, entry{pendingName, pending})
	}
	entries = append(entries, entry{rolesName, k.o.Roles})
	p.Phase("reading the history")
	history, err := k.o.Configuration.History(ctx)
	if err != nil {
		k.o.Log.Warn("a backup lacks the history", "error", err)
		m.Notes = append(m.Notes, "The history could not be read and is not in it.")
	}
	p.Phase("writing")
	var b bytes.Buffer
	if err := write(&b, m, append(slices.Clone(entries), entry{historyName, history})); err != nil {
		return Backup{}, err
	}
	if b.Len() > MaxFile && len(history) > 0 {
		m.Notes = append(m.Notes, "The history did not fit and is not in it.")
		b.Reset()
		if err := write(&b, m, entries); err != nil {
			return Backup{}, err
		}
	}
	if b.Len() > MaxFile {
		return Backup{}, problem.New(problem.TooLarge, "The backup would have %d bytes; %d are the most.", b.Len(), MaxFile)
	}
	if err := ctx.Err(); err != nil {
		return Backup{}, err
	}
	id := newID("bk-", m.Made)
	if err := k.keep(id, b.Bytes()); err != nil {
		return Backup{}, err
	}
	k.retain()
	k.tell(ctx, event.BackupMade, event.Fields{"backup": id, "who": by, "bytes": b.Len(), "records": sum(counts)})
	return k.Get(id)
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// Add keeps an archive that was made elsewhere, if it is whole.
func (k *Keeper) Add(archive []byte) (Backup, error) {
	if len(archive) > MaxFile {
		return Backup{}, problem.New(problem.TooLarge, "A backup may have %d bytes.", MaxFile)
	}
	if _, err := Read(bytes.NewReader(archive)); err != nil {
		return Backup{}, err
	}
	n := 0
	for _, i := range k.List() {
		if i.Uploaded {
			n++
		}
	}
	if n >= keepUploaded {
		return Backup{}, problem.New(problem.LimitReached, "%d uploaded backups are kept already.", n)
	}
	id := newID(uploaded, time.Now())
	if err := k.keep(id, archive); err != nil {
		return Backup{}, err
	}
	return k.Get(id)
}

// keep writes a file, durably and as a whole.
func (k *Keeper) keep(id string, archive []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	part := k.path(id) + partial
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = f.Write(archive)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, k.path(id))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("backup: write: %w", err), os.Remove(part))
	}
	return nil
}

// retain removes the oldest that were made here beyond Keep.
func (k *Keeper) retain() {
	made := slices.DeleteFunc(k.List(), func(i Backup) bool { return i.Uploaded })
	for _, i := range made[min(Keep, len(made)):] {
		if err := k.Delete(i.ID); err != nil {
			k.o.Log.Warn("an old backup stays", "backup", i.ID, "error", err)
		}
	}
}

// List gives all backups, the newest first. A file that cannot be read is left out and logged.
func (k *Keeper) List() []Backup {
	names, err := os.ReadDir(k.o.Dir)
	if err != nil {
		k.o.Log.Error("backups cannot be listed", "error", err)
		return nil
	}
	var list []Backup
	for _, n := range names {
		id, ok := strings.CutSuffix(n.Name(), suffix)
		if !ok || !idForm.MatchString(id) {
			continue
		}
		i, err := k.Get(id)
		if err != nil {
			k.o.Log.Warn("a backup cannot be read", "backup", id, "error", err)
			continue
		}
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b Backup) int { return strings.Compare(b.ID[3:], a.ID[3:]) })
	return list
}

// Get finds a backup.
func (k *Keeper) Get(id string) (Backup, error) {
	f, size, err := k.Open(id)
	if err != nil {
		return Backup{}, err
	}
	defer f.Close()
	k.mu.Lock()
	i, known := k.known[id]
	k.mu.Unlock()
	if known && i.Size == size {
		return i, nil
	}
	i = Backup{ID: id, Size: size, Uploaded: strings.HasPrefix(id, uploaded)}
	if i.Manifest, err = readManifest(f); err != nil {
		return Backup{}, fmt.Errorf("backup: %s: %w", id, err)
	}
	k.mu.Lock()
	k.known[id] = i
	k.mu.Unlock()
	return i, nil
}

// Open gives the archive, for a download.
func (k *Keeper) Open(id string) (io.ReadSeekCloser, int64, error) {
	if !idForm.MatchString(id) {
		return nil, 0, problem.New(problem.NotFound, "There is no such backup.")
	}
	f, err := os.Open(k.path(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, problem.New(problem.NotFound, "There is no such backup.")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("backup: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("backup: %w", err), f.Close())
	}
	return f, st.Size(), nil
}

// Delete removes a backup. One that is not there is no error.
func (k *Keeper) Delete(id string) error {
	if !idForm.MatchString(id) {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, id)
	if err := os.Remove(k.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// content reads a whole backup.
func (k *Keeper) content(id string) (*Content, error) {
	f, _, err := k.Open(id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f)
}

// tell makes an event, without waiting.
func (k *Keeper) tell(ctx context.Context, t event.Type, f event.Fields) {
	full, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	if err := k.o.Events.Append(full, t, f); err != nil {
		k.o.Log.Warn("event does not get into the log", "type", t.String(), "error", err)
	}
}
