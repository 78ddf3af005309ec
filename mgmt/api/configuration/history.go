package configuration

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strconv"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

type historyInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"next_cursor of the page before."`
}

// RevisionPage is a page of revisions.
type RevisionPage struct {
	Items      []change.Revision `json:"items"`
	NextCursor string            `json:"next_cursor,omitempty" doc:"Cursor of the next page. It is absent on the last one."`
	Complete   bool              `json:"complete" doc:"false: the database does not answer, and older revisions are missing."`
}

// OfRevision names a revision. It is exported because huma does not see into embedded structs that are not.
type OfRevision struct {
	Revision uint64 `path:"revision" minimum:"1" doc:"The number of the revision."`
}

func registerHistory(a *rest.API, c *change.Service) {
	get := func(id, path, summary string) rest.Operation {
		return rest.Operation{
			ID: id, Method: http.MethodGet, Path: "/api/v1/change/history" + path, Tag: "change", Summary: summary, Permission: auth.ChangeRead,
			Errors: []problem.Code{problem.NotFound, problem.Gone, problem.BadCursor, problem.Conflict, problem.DatabaseUnavailable},
		}
	}
	rest.Register(a, get("list-revisions", "", "All revisions, the newest first"), func(ctx context.Context, in *historyInput) (*rest.Item[RevisionPage], error) {
		below := uint64(0)
		if in.Cursor != "" {
			if err := a.Cursor.Decode(in.Cursor, "history", &below); err != nil {
				return nil, err
			}
		}
		page, err := c.History(ctx, below, in.Limit)
		if err != nil {
			return nil, err
		}
		out := RevisionPage{Items: page.Revisions, Complete: page.Complete}
		if out.Items == nil {
			out.Items = []change.Revision{}
		}
		if page.More {
			out.NextCursor = a.Cursor.Encode(out.Items[len(out.Items)-1].Revision, "history")
		}
		return rest.One(out, 0), nil
	})
	rest.Register(a, get("get-revision", "/{revision}", "One revision"), func(ctx context.Context, in *OfRevision) (*rest.Item[change.Revision], error) {
		r, err := c.Revision(ctx, in.Revision)
		if err != nil {
			return nil, err
		}
		return rest.One(r, 0), nil
	})
	rest.Register(a, get("get-revision-document", "/{revision}/document", "The document of a revision"),
		func(ctx context.Context, in *struct {
			OfRevision
			Form
		}) (*rest.Item[PolicyDocument], error) {
			text, err := c.Text(ctx, in.Revision)
			if err != nil {
				return nil, err
			}
			d, err := draft.Parse("revision", text)
			if err != nil {
				return nil, problem.Wrap(problem.Conflict, err, "This version cannot read the document of that revision.")
			}
			return rest.One(document(d, in.Form, text), 0), nil
		})
	restore := onChange("restore-revision", "history/{revision}/restore", "Make a former revision the pending configuration", auth.ChangeWrite,
		problem.NotFound, problem.Gone, problem.Locked, problem.ConfirmWindowOpen)
	restore.Audit = "change.restore"
	rest.Register(a, restore, func(ctx context.Context, in *struct {
		OfRevision
		rest.DryRun
	}) (*rest.Item[Change], error) {
		audit.Object(ctx, "revision/"+strconv.FormatUint(in.Revision, 10))
		_, err := c.Restore(ctx, who(ctx), in.Revision, in.DryRun.DryRun)
		return then(c, err)
	})
}

// Form says how a document is answered.
type Form struct {
	Form string `query:"form" enum:"json,yaml" default:"json" doc:"As objects, or as the text of a policy file."`
}

// PolicyDocument is a whole configuration in one of two forms.
type PolicyDocument struct {
	Objects *draft.Objects `json:"document,omitempty" doc:"As objects."`
	YAML    string         `json:"yaml,omitempty" maxLength:"8388608" doc:"As the text of a policy file."`
}

func document(d *draft.Draft, f Form, text []byte) PolicyDocument {
	if f.Form == "yaml" {
		if text == nil {
			text = d.YAML()
		}
		return PolicyDocument{YAML: string(text)}
	}
	return PolicyDocument{Objects: d.Objects()}
}

// versionOf is the entity tag of a whole configuration.
func versionOf(d *draft.Draft) uint64 {
	sum := sha256.Sum256(d.YAML())
	return binary.BigEndian.Uint64(sum[:8])&(1<<53-1) | 1<<52
}

func registerDocument(a *rest.API, c *change.Service) {
	rest.Register(a, rest.Operation{
		ID: "get-document", Method: http.MethodGet, Path: "/api/v1/change/document", Tag: "change", Summary: "The whole configuration", Permission: auth.ChangeRead,
	}, func(_ context.Context, in *struct {
		On
		Form
	}) (*rest.Item[PolicyDocument], error) {
		v := look(c, in.On.On)
		return rest.One(document(v.draft, in.Form, nil), versionOf(v.draft)), nil
	})
	rest.Register(a, rest.Operation{
		ID: "put-document", Method: http.MethodPut, Path: "/api/v1/change/document", Tag: "change", Summary: "Replace the whole pending configuration",
		Description: "Send a document as objects, or the text of a policy file. It must be right; whether its services are on ports that there are is said by validate.",
		Permission:  auth.ChangeWrite, Audit: "change.document", MaxBody: rest.MaxBody, Errors: edits,
	}, func(ctx context.Context, in *documentInput) (*rest.Item[PolicyDocument], error) {
		return putDocument(ctx, c, in)
	})
}

type documentInput struct {
	rest.Precondition
	rest.DryRun
	Form
	Body PolicyDocument
}

func putDocument(ctx context.Context, c *change.Service, in *documentInput) (*rest.Item[PolicyDocument], error) {
	audit.Object(ctx, "document")
	var d *draft.Draft
	var err error
	switch b := &in.Body; {
	case (b.Objects == nil) == (b.YAML == ""):
		return nil, problem.New(problem.Invalid, "Send one of document and yaml.").At("body", "must hold one of document and yaml")
	case b.Objects != nil:
		d, err = draft.FromObjects(b.Objects)
	default:
		d, err = draft.ParseSent([]byte(b.YAML))
	}
	if err != nil {
		return nil, err
	}
	next, err := c.Put(ctx, who(ctx), d, in.DryRun.DryRun, func(on *draft.Draft) error { return in.Check(versionOf(on)) })
	if err != nil {
		return nil, err
	}
	return rest.One(document(next, in.Form, nil), versionOf(next)), nil
}
