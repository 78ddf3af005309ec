package operation

import (
	"context"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
)

type listJobs struct {
	rest.Page
	Kind  string `query:"kind" maxLength:"32" doc:"Only jobs of this kind."`
	State string `query:"state" enum:"queued,running,done,failed,cancelled,interrupted" doc:"Only jobs in this state."`
}

type oneJob struct {
	ID string `path:"id" pattern:"^job-[a-z2-7]{16}$" doc:"The job's id."`
}

func (n *noun) jobs(a *rest.API) {
	missing := []problem.Code{problem.NotFound}
	rest.Register(a, rest.Operation{
		ID: "list-jobs", Method: http.MethodGet, Path: root + "jobs", Tag: "job", Permission: auth.JobRead, Summary: "Long work, under way and ended",
		Errors: []problem.Code{problem.BadCursor}, Description: "Ended jobs are kept for an hour at least.",
	}, n.listJobs)
	rest.Register(a, rest.Operation{
		ID: "get-job", Method: http.MethodGet, Path: root + "jobs/{id}", Tag: "job", Permission: auth.JobRead, Errors: missing, Summary: "One job, and how far it is",
	}, func(_ context.Context, in *oneJob) (*rest.Item[job.Job], error) {
		j, ok := n.Jobs.Get(in.ID)
		if !ok {
			return nil, problem.New(problem.NotFound, "There is no such job; ended ones are kept for an hour at least.")
		}
		return rest.One(j, 0), nil
	})
	rest.Register(a, rest.Operation{
		ID: "cancel-job", Method: http.MethodPost, Path: root + "jobs/{id}/cancel", Tag: "job", Permission: auth.JobWrite, Audit: "job.cancel",
		Status: http.StatusOK, Errors: missing, Summary: "Tell a job to end", Description: "It may have done its work all the same; one that has ended is a conflict.",
	}, func(ctx context.Context, in *oneJob) (*rest.Item[job.Job], error) {
		audit.Object(ctx, "job/"+in.ID)
		j, err := n.Jobs.Cancel(in.ID)
		if err != nil {
			return nil, err
		}
		return rest.One(j, 0), nil
	})
}

func (n *noun) listJobs(_ context.Context, in *listJobs) (*rest.List[job.Job], error) {
	var all []job.Job
	for _, j := range n.Jobs.List() {
		if (in.Kind == "" || j.Kind == in.Kind) && (in.State == "" || string(j.State) == in.State) {
			all = append(all, j)
		}
	}
	return page(n.api, in.Page, in.Kind+"/"+in.State, all, "-created", map[string]func(*job.Job) string{
		"created": func(j *job.Job) string { return moment(j.Created) },
		"kind":    func(j *job.Job) string { return j.Kind },
		"state":   func(j *job.Job) string { return string(j.State) },
		"by":      func(j *job.Job) string { return j.By },
	}, func(j *job.Job) string { return j.ID })
}

// begin queues a job on behalf of whoever asks.
func (n *noun) begin(ctx context.Context, kind, title string, w job.Work) (*rest.Item[job.Job], error) {
	j, err := n.Jobs.Start(job.Spec{Kind: kind, Title: title, By: who(ctx)}, w)
	if err != nil {
		return nil, err
	}
	return rest.One(j, 0).Accepted(root + "jobs/" + j.ID), nil
}
