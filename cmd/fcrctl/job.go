package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"fcredirect/mgmt/client"
)

// jobPause is how often a job is looked at.
const jobPause = 200 * time.Millisecond

// follow waits until a job has ended. Its progress goes to standard error, what became of it to standard output.
func (o *operation) follow(ctx context.Context, cl *client.Client, location string) error {
	said := ""
	for {
		answer, err := cl.Do(ctx, client.Request{Method: http.MethodGet, Path: location})
		if err != nil {
			return err
		}
		var job struct {
			State    string `json:"state"`
			Phase    string `json:"phase"`
			Failure  string `json:"failure"`
			Progress int64  `json:"progress"`
			Total    int64  `json:"total"`
		}
		if err := answer.Decode(&job); err != nil {
			return err
		}
		if now := fmt.Sprintf("%s %s %d/%d", job.State, job.Phase, job.Progress, job.Total); now != said {
			fmt.Fprintln(o.complaints, "fcrctl:", printable(now))
			said = now
		}
		switch job.State {
		case "done":
			return o.renderOne(nil, answer.Body)
		case "failed", "cancelled", "interrupted":
			return errors.Join(errors.New(strings.TrimSuffix("the job is "+job.State+": "+job.Failure, ": ")), o.renderOne(nil, json.RawMessage(answer.Body)))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the job goes on without us: %s", location)
		case <-time.After(jobPause):
		}
	}
}
