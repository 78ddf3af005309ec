package operation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/backup"
	"fcredirect/mgmt/bundle"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/settings"
	"fcredirect/mgmt/webhook"
)

// Registry is who runs which role: a *registry.Registry.
type Registry interface {
	List() []registry.Instance
	Members() []registry.Process
	Command(role string, shard int, c registry.Command) ([]registry.Order, error)
	Fulfilled(o registry.Order) (bool, registry.Instance)
}

// Caller asks a role: a *bus.Bus.
type Caller interface {
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

// Live is the segment: an *attach.Live.
type Live interface {
	Use(do func(*attach.Segment) error) error
}

// Deps is what the operations need.
type Deps struct {
	Config      *config.Config
	Version     string
	Started     time.Time
	Registry    Registry // nil: nobody knows of roles
	Bus         Caller   // nil: no role can be asked
	Live        Live
	DB          *postgres.DB // nil: there is none
	Settings    *settings.Store
	Jobs        *job.Manager
	Backups     *backup.Keeper
	Bundles     *bundle.Maker
	Webhooks    *webhook.Service
	Certificate func() time.Time // when the one that is shown ends; nil or zero: none is
	Log         *slog.Logger
}

// noun is the handlers.
type noun struct {
	Deps
	api       *rest.API
	downloads atomic.Int32
	asked     askedDatabase
}

const root = "/api/v1/"

// Register adds the operations.
func Register(a *rest.API, d Deps) {
	n := &noun{Deps: d, api: a}
	for _, register := range []func(*rest.API){n.roles, n.alarms, n.mutes, n.events, n.webhooks, n.jobs, n.backups, n.bundles, n.peers, n.system} {
		register(a)
	}
}

// who is the name of whoever asks.
func who(ctx context.Context) string {
	if a := auth.From(ctx); a != nil {
		return a.Name
	}
	return ""
}

// ask asks a role. Its errors are problems.
func ask[A any](ctx context.Context, c Caller, role, method string, request any) (answer A, err error) {
	if c == nil {
		return answer, problem.New(problem.RoleUnavailable, "Role %s does not run.", role)
	}
	b, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	reply, err := c.Call(ctx, role, method, b)
	var said *bus.Error
	switch {
	case err == nil:
	case errors.Is(err, bus.ErrNoRole), errors.Is(err, bus.ErrNoMethod), errors.Is(err, bus.ErrGone):
		return answer, problem.Wrap(problem.RoleUnavailable, err, "Role %s does not run.", role)
	case errors.Is(err, bus.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return answer, problem.Wrap(problem.Timeout, err, "Role %s does not answer in time.", role)
	case errors.As(err, &said) && said.Code != "":
		return answer, err
	default:
		return answer, problem.Wrap(problem.RoleUnavailable, err, "Role %s cannot answer.", role)
	}
	return answer, json.Unmarshal(reply, &answer)
}

// stored makes a problem of what the settings say.
func stored(err error) error {
	if errors.Is(err, settings.ErrNoDatabase) {
		return problem.Wrap(problem.DatabaseUnavailable, err, "Nothing was changed.")
	}
	return err
}

// page sorts what is in memory as a whole by one of its keys, and cuts a page. A key is told apart from equal ones by the
// last one, which is the name.
func page[T any](a *rest.API, p rest.Page, filter string, all []T, usual string, keys map[string]func(*T) string, name func(*T) string) (*rest.List[T], error) {
	allowed := []string{usual}
	for k := range keys {
		if k != strings.TrimPrefix(usual, "-") {
			allowed = append(allowed, k)
		}
	}
	slices.Sort(allowed[1:])
	field, down, err := p.By(allowed...)
	if err != nil {
		return nil, err
	}
	key := func(v *T) string { return keys[field](v) + "\x00" + name(v) }
	slices.SortFunc(all, func(x, y T) int {
		order := strings.Compare(key(&x), key(&y))
		if down {
			return -order
		}
		return order
	})
	return rest.Cut(a.Cursor, p, field+strconv.FormatBool(down)+filter, all, down, key)
}

// number and moment are keys of which the order of the texts is that of the values.
func number(n int64) string {
	return strings.Repeat("0", 20-len(strconv.FormatInt(n, 10))) + strconv.FormatInt(n, 10)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }

// download sends a file.
func (n *noun) download(w http.ResponseWriter, r *http.Request, name string, open func() (io.ReadSeekCloser, int64, error)) error {
	defer n.downloads.Add(-1)
	if n.downloads.Add(1) > maxDownloads {
		return problem.New(problem.Busy, "As many files are being downloaded as can be at a time.")
	}
	f, size, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", archiveType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`.tar.zst"`)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = io.CopyN(&patient{w, http.NewResponseController(w)}, f, size)
	return err
}

const archiveType = "application/zstd"

// patient gives a client the same time for each write.
type patient struct {
	w io.Writer
	c *http.ResponseController
}

// Write writes within writeTime.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}
