package operation

import (
	"context"
	"io"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bundle"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
)

type oneBundle struct {
	ID string `path:"id" pattern:"^sb-[0-9]{8}t[0-9]{6}z-[a-z2-7]{6}$" doc:"The bundle's id."`
}

func (n *noun) bundles(a *rest.API) {
	const all, one = root + "bundles", root + "bundles/{id}"
	missing := []problem.Code{problem.NotFound}
	rest.Register(a, rest.Operation{
		ID: "list-bundles", Method: http.MethodGet, Path: all, Tag: "bundle", Permission: auth.BundleRead, Errors: []problem.Code{problem.BadCursor}, Summary: "All support bundles",
	}, func(_ context.Context, in *struct{ rest.Page }) (*rest.List[bundle.Bundle], error) {
		return page(n.api, in.Page, "", n.Bundles.List(), "-made", map[string]func(*bundle.Bundle) string{
			"made": func(i *bundle.Bundle) string { return moment(i.Made) },
			"size": func(i *bundle.Bundle) string { return number(i.Size) },
		}, func(i *bundle.Bundle) string { return i.ID })
	})
	rest.Register(a, rest.Operation{
		ID: "create-bundle", Method: http.MethodPost, Path: all, Tag: "bundle", Permission: auth.BundleWrite, Audit: "bundle.create", Status: http.StatusAccepted,
		Errors: []problem.Code{problem.LimitReached}, Summary: "Make a support bundle",
		Description: "A job does it. It has logs, settings in outline, counters, alarms, events, what PostgreSQL and the kernel say; no secrets and not the audit log. The newest 5 are kept.",
	}, func(ctx context.Context, _ *struct{}) (*rest.Item[job.Job], error) {
		by := who(ctx)
		return n.begin(ctx, "bundle", "support bundle", func(ctx context.Context, p *job.Progress) (*job.JobResult, error) {
			i, err := n.Bundles.Make(ctx, by, p)
			if err != nil {
				return nil, err
			}
			return &job.JobResult{Link: all + "/" + i.ID, Summary: "bundle " + i.ID, Figures: map[string]int64{"bytes": i.Size}}, nil
		})
	})
	rest.Register(a, rest.Operation{
		ID: "get-bundle", Method: http.MethodGet, Path: one, Tag: "bundle", Permission: auth.BundleRead, Errors: missing, Summary: "One support bundle",
	}, func(_ context.Context, in *oneBundle) (*rest.Item[bundle.Bundle], error) {
		i, err := n.Bundles.Get(in.ID)
		if err != nil {
			return nil, err
		}
		return rest.One(i, 0), nil
	})
	rest.Serve(a, rest.Operation{
		ID: "download-bundle", Method: http.MethodGet, Path: one + "/content", Tag: "bundle", Permission: auth.BundleRead, Errors: missing, Timeout: -1, Summary: "A support bundle as a file",
		Description: "A tar archive, compressed with zstd; index.json in it lists what was collected.",
	}, archiveType, func(w http.ResponseWriter, r *http.Request, in *oneBundle) error {
		return n.download(w, r, in.ID, func() (io.ReadSeekCloser, int64, error) { return n.Bundles.Open(in.ID) })
	})
	rest.Register(a, rest.Operation{
		ID: "delete-bundle", Method: http.MethodDelete, Path: one, Tag: "bundle", Permission: auth.BundleWrite, Audit: "bundle.delete", Summary: "Remove a support bundle",
	}, func(ctx context.Context, in *oneBundle) (*rest.Nothing, error) {
		audit.Object(ctx, "bundle/"+in.ID)
		if err := n.Bundles.Delete(in.ID); err != nil {
			return nil, err
		}
		return &rest.Nothing{}, nil
	})
}
