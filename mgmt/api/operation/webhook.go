package operation

import (
	"context"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/webhook"
)

// Webhook is a receiver of events.
type Webhook struct {
	Name string `json:"name"`
	webhook.Hook
	State  webhook.HookState `json:"state" readOnly:"true"`
	Secret string            `json:"secret,omitempty" secret:"true" doc:"Shown once, in the answer that made it: what receivers check signatures with."`
}

// WebhookSecret is a new secret.
type WebhookSecret struct {
	Secret string `json:"secret" secret:"true" doc:"Shown once: what receivers check signatures with."`
}

// WebhookTest is what came of a test.
type WebhookTest struct {
	Taken   bool                `json:"taken" doc:"The receiver took it."`
	Attempt webhook.HookAttempt `json:"attempt"`
}

func webhookOf(v webhook.View) *rest.Item[Webhook] {
	return rest.One(Webhook{Name: v.Name, Hook: v.Hook, State: v.State}, v.Version)
}

type oneWebhook struct {
	Name string `path:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"The webhook's name." example:"ops"`
}

type putWebhook struct {
	Name string `path:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"The webhook's name." example:"ops"`
	rest.Precondition
	rest.DryRun
	Body webhook.Hook
}

type deleteWebhook struct {
	Name string `path:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"The webhook's name." example:"ops"`
	rest.Precondition
	rest.DryRun
}

func (n *noun) webhooks(a *rest.API) {
	const one = root + "webhooks/{name}"
	missing := []problem.Code{problem.NotFound}
	rest.Register(a, rest.Operation{
		ID: "list-webhooks", Method: http.MethodGet, Path: root + "webhooks", Tag: "webhook", Permission: auth.WebhookRead, Summary: "Who is told of events",
		Errors: []problem.Code{problem.BadCursor},
	}, func(_ context.Context, in *struct{ rest.Page }) (*rest.List[Webhook], error) {
		var all []Webhook
		for _, v := range n.Webhooks.List() {
			all = append(all, webhookOf(v).Body)
		}
		name := func(w *Webhook) string { return w.Name }
		return page(n.api, in.Page, "", all, "name", map[string]func(*Webhook) string{"name": name}, name)
	})
	rest.Register(a, rest.Operation{
		ID: "get-webhook", Method: http.MethodGet, Path: one, Tag: "webhook", Permission: auth.WebhookRead, Errors: missing, Summary: "One webhook, and how it fares",
	}, func(_ context.Context, in *oneWebhook) (*rest.Item[Webhook], error) {
		v, err := n.Webhooks.Get(in.Name)
		if err != nil {
			return nil, err
		}
		return webhookOf(v), nil
	})
	rest.Register(a, rest.Operation{
		ID: "put-webhook", Method: http.MethodPut, Path: one, Tag: "webhook", Permission: auth.WebhookWrite, Audit: "webhook.put", Secret: true,
		Errors: []problem.Code{problem.PreconditionFailed, problem.PreconditionRequired, problem.LimitReached}, Summary: "Make or replace a webhook",
		Description: "Events are posted as JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com) has it, in the order of the log, and again until they are " +
			"taken or a day old. A new webhook gets a secret, which is in this answer alone.",
	}, n.putWebhook)
	rest.Register(a, rest.Operation{
		ID: "delete-webhook", Method: http.MethodDelete, Path: one, Tag: "webhook", Permission: auth.WebhookWrite, Audit: "webhook.delete",
		Errors: []problem.Code{problem.PreconditionFailed, problem.PreconditionRequired}, Summary: "Remove a webhook, and what waits for it",
	}, n.deleteWebhook)
	rest.Register(a, rest.Operation{
		ID: "rotate-webhook-secret", Method: http.MethodPost, Path: one + "/rotate-secret", Tag: "webhook", Permission: auth.WebhookWrite, Audit: "webhook.rotate-secret",
		Status: http.StatusOK, Errors: missing, Secret: true, Summary: "Give a webhook a new secret", Description: "The old one is of no use from then on.",
	}, func(ctx context.Context, in *oneWebhook) (*rest.Item[WebhookSecret], error) {
		audit.Object(ctx, "webhook/"+in.Name)
		secret, err := n.Webhooks.Rotate(ctx, in.Name)
		if err != nil {
			return nil, stored(err)
		}
		return rest.One(WebhookSecret{secret}, 0), nil
	})
	rest.Register(a, rest.Operation{
		ID: "test-webhook", Method: http.MethodPost, Path: one + "/test", Tag: "webhook", Permission: auth.WebhookWrite, Audit: "webhook.test",
		Status: http.StatusOK, Errors: missing, Summary: "Post a test, and say what came of it", Description: "It does not wait behind events. That the receiver did not take it is no problem of this request: see `taken`.",
	}, func(ctx context.Context, in *oneWebhook) (*rest.Item[WebhookTest], error) {
		audit.Object(ctx, "webhook/"+in.Name)
		attempt, err := n.Webhooks.Test(ctx, in.Name)
		if err != nil {
			return nil, err
		}
		return rest.One(WebhookTest{attempt.Taken(), attempt}, 0), nil
	})
}

func (n *noun) putWebhook(ctx context.Context, in *putWebhook) (*rest.Item[Webhook], error) {
	audit.Object(ctx, "webhook/"+in.Name)
	var version uint64
	was, err := n.Webhooks.Get(in.Name)
	if err == nil {
		version = was.Version
		audit.Before(ctx, was.Hook)
	}
	if in.DryRun.DryRun {
		if err := in.Body.Check(in.Name); err != nil {
			return nil, err
		}
		if err := in.Check(version); err != nil {
			return nil, err
		}
		return rest.One(Webhook{Name: in.Name, Hook: in.Body, State: was.State}, version), nil
	}
	v, secret, err := n.Webhooks.Put(ctx, in.Name, in.Body, in.Check)
	if err != nil {
		return nil, stored(err)
	}
	audit.After(ctx, v.Hook)
	i := webhookOf(v)
	if i.Body.Secret = secret; secret != "" {
		i.Created(root + "webhooks/" + in.Name)
	}
	return i, nil
}

func (n *noun) deleteWebhook(ctx context.Context, in *deleteWebhook) (*rest.Nothing, error) {
	audit.Object(ctx, "webhook/"+in.Name)
	was, err := n.Webhooks.Get(in.Name)
	if err != nil {
		return &rest.Nothing{}, nil // it is not there: that is what was asked for
	}
	audit.Before(ctx, was.Hook)
	if in.DryRun.DryRun {
		if err := in.Check(was.Version); err != nil {
			return nil, err
		}
		return &rest.Nothing{}, nil
	}
	if err := n.Webhooks.Delete(ctx, in.Name, in.Check); err != nil {
		return nil, stored(err)
	}
	return &rest.Nothing{}, nil
}
