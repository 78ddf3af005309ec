package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/capture"
	"fcredirect/mgmt/problem"
)

// Deps is what the operations need.
type Deps struct {
	Captures *capture.Manager
}

const (
	path      = "/api/v1/captures"
	onePath   = path + "/{id}"
	mediaType = "application/x-pcapng"
)

type oneInput struct {
	ID string `path:"id" pattern:"^[0-9a-f]{16}$" doc:"The capture's id." example:"4fa0c3e19b7d2260"`
}

type listInput struct {
	rest.Page
	State string `query:"state" enum:"running,stopping,complete,interrupted" doc:"Only captures in this state."`
}

// CaptureStart is what a capture is started with.
type CaptureStart struct {
	Filter     capture.FrameFilter   `json:"filter,omitempty" doc:"Which frames. Without one, all."`
	Note       string                `json:"note,omitempty" maxLength:"256" doc:"What for."`
	SnapLength int                   `json:"snap_length,omitempty" minimum:"64" maximum:"9600" doc:"Bytes that are kept of each frame; whole FCoE frames if it is not said."`
	AsSent     bool                  `json:"as_sent,omitempty" doc:"Capture frames also as they were sent, after rewriting, on the port that they left by."`
	Limits     capture.CaptureLimits `json:"limits,omitempty" doc:"When it is enough."`
}

type startInput struct {
	rest.DryRun
	Body CaptureStart
}

// Register adds the operations.
func Register(a *rest.API, d Deps) {
	n := &noun{captures: d.Captures, api: a}
	rest.Register(a, rest.Operation{
		ID: "list-captures", Method: http.MethodGet, Path: path, Tag: "capture", Permission: auth.CaptureRead, Errors: []problem.Code{problem.BadCursor},
		Summary: "All captures", Description: "Captures that run, and those that are kept. Sorted by `started`, newest first if nothing else is asked for.",
	}, n.list)
	rest.Register(a, rest.Operation{
		ID: "get-capture", Method: http.MethodGet, Path: onePath, Tag: "capture", Permission: auth.CaptureRead, Errors: []problem.Code{problem.NotFound},
		Summary: "One capture",
	}, n.get)
	rest.Register(a, rest.Operation{
		ID: "start-capture", Method: http.MethodPost, Path: path, Tag: "capture", Permission: auth.CaptureStart, Audit: "capture.start",
		Status: http.StatusCreated, Errors: []problem.Code{problem.LimitReached, problem.DataplaneUnavailable, problem.DataplaneRefused, problem.RoleUnavailable},
		Summary: "Start a capture",
		Description: "The data plane copies the frames that the filter wants, within a budget that leaves its own work alone: what is beyond it is " +
			"counted as `missed`. A capture ends at the first of its limits, and does not survive a restart of the appliance's processes.",
	}, n.start)
	rest.Register(a, rest.Operation{
		ID: "stop-capture", Method: http.MethodPost, Path: onePath + "/stop", Tag: "capture", Permission: auth.CaptureStart, Audit: "capture.stop",
		Status: http.StatusOK, Errors: []problem.Code{problem.NotFound}, Timeout: stopTime, Summary: "Stop a capture",
		Description: "Answers when the file is whole. One that has ended stays as it is.",
	}, n.stop)
	rest.Register(a, rest.Operation{
		ID: "delete-capture", Method: http.MethodDelete, Path: onePath, Tag: "capture", Permission: auth.CaptureStart, Audit: "capture.delete",
		Timeout: stopTime, Summary: "Stop a capture and remove its file",
	}, n.remove)
	rest.Serve(a, rest.Operation{
		ID: "download-capture", Method: http.MethodGet, Path: onePath + "/pcapng", Tag: "capture", Permission: auth.CaptureRead,
		Errors: []problem.Code{problem.NotFound}, Timeout: -1, Summary: "The frames of a capture",
		Description: "A file in the pcapng format, for Wireshark and tshark. While the capture runs the answer goes on as the file grows, and ends with it.",
	}, mediaType, n.download)
}

// noun is the handlers.
type noun struct {
	captures  *capture.Manager
	api       *rest.API
	downloads atomic.Int32
}

func (n *noun) list(_ context.Context, in *listInput) (*rest.List[capture.Capture], error) {
	field, down, err := in.By("-started", "id", "owner", "state")
	if err != nil {
		return nil, err
	}
	if in.Sort == "" {
		down = true
	}
	var all []capture.Capture
	for _, c := range n.captures.List() {
		if in.State == "" || string(c.State) == in.State {
			all = append(all, c)
		}
	}
	key := func(c *capture.Capture) string {
		switch field {
		case "owner":
			return c.Owner + " " + c.ID
		case "state":
			return string(c.State) + " " + c.ID
		case "id":
			return c.ID
		}
		return fmt.Sprintf("%020d %s", c.Started.UnixNano(), c.ID)
	}
	sortBy(all, key, down)
	return rest.Cut(n.api.Cursor, in.Page, field+strconv.FormatBool(down)+in.State, all, down, key)
}

func (n *noun) get(_ context.Context, in *oneInput) (*rest.Item[capture.Capture], error) {
	c, err := n.captures.Get(in.ID)
	if err != nil {
		return nil, err
	}
	return rest.One(c, 0), nil
}

func (n *noun) start(ctx context.Context, in *startInput) (*rest.Item[capture.Capture], error) {
	b := &in.Body
	r := capture.Request{Filter: b.Filter, Note: b.Note, SnapLength: b.SnapLength, AsSent: b.AsSent, Limits: b.Limits}
	if actor := auth.From(ctx); actor != nil {
		r.Owner = actor.Name
	}
	if in.DryRun.DryRun {
		c, err := n.captures.Check(r)
		if err != nil {
			return nil, err
		}
		i := rest.One(c, 0)
		i.Status = http.StatusOK
		return i, nil
	}
	c, err := n.captures.Start(ctx, r)
	if err != nil {
		return nil, err
	}
	audit.Object(ctx, "capture/"+c.ID)
	audit.After(ctx, c)
	return rest.One(c, 0).Created(path + "/" + c.ID), nil
}

func (n *noun) stop(ctx context.Context, in *oneInput) (*rest.Item[capture.Capture], error) {
	audit.Object(ctx, "capture/"+in.ID)
	c, err := n.captures.Stop(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	audit.After(ctx, c)
	return rest.One(c, 0), nil
}

func (n *noun) remove(ctx context.Context, in *oneInput) (*rest.Nothing, error) {
	audit.Object(ctx, "capture/"+in.ID)
	if c, err := n.captures.Get(in.ID); err == nil {
		audit.Before(ctx, c)
	}
	if err := n.captures.Remove(ctx, in.ID); err != nil {
		return nil, err
	}
	return &rest.Nothing{}, nil
}

// download sends the file, and follows it while it grows.
func (n *noun) download(w http.ResponseWriter, r *http.Request, in *oneInput) error {
	defer n.downloads.Add(-1)
	if n.downloads.Add(1) > maxDownloads {
		return problem.New(problem.Busy, "As many captures are being downloaded as can be at a time.")
	}
	d, err := n.captures.Open(in.ID)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", `attachment; filename="capture-`+in.ID+`.pcapng"`)
	h.Set("Cache-Control", "no-store")
	if d.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(d.Size, 10))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return d.Close()
	}
	c := http.NewResponseController(w)
	out := &patient{w: w, c: c}
	return d.Follow(r.Context(), out, func() { _ = c.Flush() })
}

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
