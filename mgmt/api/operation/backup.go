package operation

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/backup"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
)

type oneBackup struct {
	ID string `path:"id" pattern:"^(bk|up)-[0-9]{8}t[0-9]{6}z-[a-z2-7]{6}$" doc:"The backup's id."`
}

type uploadBackup struct {
	RawBody []byte `contentType:"application/zstd" doc:"A backup, as it was downloaded."`
}

type restoreBackup struct {
	ID string `path:"id" pattern:"^(bk|up)-[0-9]{8}t[0-9]{6}z-[a-z2-7]{6}$" doc:"The backup's id."`
	rest.DryRun
	Body backup.RestoreParts
}

// Restored is what came of a request to restore: the job that does it, or of a dry run what it would do.
type Restored struct {
	Job     *job.Job               `json:"job,omitempty"`
	Outcome *backup.RestoreOutcome `json:"outcome,omitempty" doc:"Of a dry run: what would come back."`
}

func (n *noun) backups(a *rest.API) {
	const all, one = root + "backups", root + "backups/{id}"
	missing := []problem.Code{problem.NotFound}
	rest.Register(a, rest.Operation{
		ID: "list-backups", Method: http.MethodGet, Path: all, Tag: "backup", Permission: auth.BackupRead, Errors: []problem.Code{problem.BadCursor}, Summary: "All backups",
	}, n.listBackups)
	rest.Register(a, rest.Operation{
		ID: "create-backup", Method: http.MethodPost, Path: all, Tag: "backup", Permission: auth.BackupWrite, Audit: "backup.create", Status: http.StatusAccepted,
		Errors: []problem.Code{problem.LimitReached}, Summary: "Make a backup",
		Description: "A job does it. It has settings, accounts (as hashes) and policies; not statistics, events, nor secrets of webhooks. It is not encrypted. The newest 20 are kept.",
	}, func(ctx context.Context, _ *struct{}) (*rest.Item[job.Job], error) {
		by := who(ctx)
		return n.begin(ctx, "backup", "backup of settings and policies", func(ctx context.Context, p *job.Progress) (*job.JobResult, error) {
			i, err := n.Backups.Make(ctx, by, p)
			if err != nil {
				return nil, err
			}
			return &job.JobResult{Link: all + "/" + i.ID, Summary: "backup " + i.ID, Figures: map[string]int64{"bytes": i.Size}, Notes: i.Manifest.Notes}, nil
		})
	})
	rest.Register(a, rest.Operation{
		ID: "upload-backup", Method: http.MethodPost, Path: all + "/upload", Tag: "backup", Permission: auth.BackupWrite, Audit: "backup.upload",
		Status: http.StatusCreated, MaxBody: backup.MaxFile, Errors: []problem.Code{problem.LimitReached}, Summary: "Bring a backup from elsewhere",
		Description: "It is checked and kept, and nothing of it is used: see restore.",
	}, func(ctx context.Context, in *uploadBackup) (*rest.Item[backup.Backup], error) {
		i, err := n.Backups.Add(in.RawBody)
		if err != nil {
			return nil, err
		}
		audit.Object(ctx, "backup/"+i.ID)
		audit.After(ctx, i.Manifest)
		return rest.One(i, 0).Created(all + "/" + i.ID), nil
	})
	rest.Register(a, rest.Operation{
		ID: "get-backup", Method: http.MethodGet, Path: one, Tag: "backup", Permission: auth.BackupRead, Errors: missing, Summary: "What is in a backup",
	}, func(_ context.Context, in *oneBackup) (*rest.Item[backup.Backup], error) {
		i, err := n.Backups.Get(in.ID)
		if err != nil {
			return nil, err
		}
		return rest.One(i, 0), nil
	})
	rest.Serve(a, rest.Operation{
		ID: "download-backup", Method: http.MethodGet, Path: one + "/content", Tag: "backup", Permission: auth.BackupRead, Errors: missing, Timeout: -1, Summary: "A backup as a file",
		Description: "A tar archive, compressed with zstd. It has hashes of passwords: keep it where keys are kept.",
	}, archiveType, func(w http.ResponseWriter, r *http.Request, in *oneBackup) error {
		return n.download(w, r, in.ID, func() (io.ReadSeekCloser, int64, error) { return n.Backups.Open(in.ID) })
	})
	rest.Register(a, rest.Operation{
		ID: "delete-backup", Method: http.MethodDelete, Path: one, Tag: "backup", Permission: auth.BackupWrite, Audit: "backup.delete", Summary: "Remove a backup",
	}, func(ctx context.Context, in *oneBackup) (*rest.Nothing, error) {
		audit.Object(ctx, "backup/"+in.ID)
		if err := n.Backups.Delete(in.ID); err != nil {
			return nil, err
		}
		return &rest.Nothing{}, nil
	})
	rest.Register(a, rest.Operation{
		ID: "restore-backup", Method: http.MethodPost, Path: one + "/restore", Tag: "backup", Permission: auth.BackupWrite, Audit: "backup.restore",
		Status: http.StatusAccepted, Errors: []problem.Code{problem.NotFound, problem.LimitReached, problem.Locked, problem.ConfirmWindowOpen}, Summary: "Bring parts of a backup back",
		Description: "A job does it. The policy arrives as the pending configuration: validate, diff and apply it like any change. Accounts and webhooks come back when they are " +
			"asked for, and only those that are not there. With `dry_run` everything is checked, and the answer says what would come back.",
	}, n.restoreBackup)
}

func (n *noun) listBackups(_ context.Context, in *struct{ rest.Page }) (*rest.List[backup.Backup], error) {
	return page(n.api, in.Page, "", n.Backups.List(), "-made", map[string]func(*backup.Backup) string{
		"made": func(i *backup.Backup) string { return moment(i.Manifest.Made) },
		"size": func(i *backup.Backup) string { return number(i.Size) },
		"node": func(i *backup.Backup) string { return i.Manifest.Node },
	}, func(i *backup.Backup) string { return i.ID })
}

func (n *noun) restoreBackup(ctx context.Context, in *restoreBackup) (*rest.Item[Restored], error) {
	audit.Object(ctx, "backup/"+in.ID)
	audit.After(ctx, in.Body)
	if in.Body == (backup.RestoreParts{}) {
		return nil, problem.New(problem.Invalid, "").At("body", "must name what is to come back")
	}
	if _, err := n.Backups.Get(in.ID); err != nil {
		return nil, err
	}
	if in.DryRun.DryRun {
		o, err := n.Backups.Restore(ctx, in.ID, in.Body, who(ctx), true, nil)
		if err != nil {
			return nil, err
		}
		i := rest.One(Restored{Outcome: o}, 0)
		i.Status = http.StatusOK
		return i, nil
	}
	by := who(ctx)
	j, err := n.begin(ctx, "restore", "restore of "+in.Body.String(), func(ctx context.Context, p *job.Progress) (*job.JobResult, error) {
		o, err := n.Backups.Restore(ctx, in.ID, in.Body, by, false, p)
		if err != nil {
			return nil, err
		}
		r := &job.JobResult{Summary: fmt.Sprintf("%d accounts and %d webhooks came back", len(o.Accounts), len(o.Webhooks)), Notes: o.Notes}
		if o.Policy {
			r.Link = root + "change"
			r.Notes = append(r.Notes, "The policy is pending: apply and confirm it.")
		}
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	return rest.One(Restored{Job: &j.Body}, 0).Accepted(j.Location), nil
}
