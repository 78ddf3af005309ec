package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
	"fcredirect/mgmt/webhook"
)

// RestoreParts says what is brought back.
type RestoreParts struct {
	Policy   bool `json:"policy" doc:"The policy document that was in force becomes the pending configuration."`
	Pending  bool `json:"pending,omitempty" doc:"The document that was pending does, instead."`
	Accounts bool `json:"accounts,omitempty" doc:"Accounts that are not there come back with their passwords and tokens."`
	Webhooks bool `json:"webhooks,omitempty" doc:"Webhooks that are not there come back, disabled: they need a new secret."`
}

// String names the parts.
func (p RestoreParts) String() string {
	var names []string
	for _, n := range []struct {
		name string
		is   bool
	}{{"policy", p.Policy && !p.Pending}, {"pending policy", p.Pending}, {"accounts", p.Accounts}, {"webhooks", p.Webhooks}} {
		if n.is {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// RestoreOutcome is what a restore did, or would do.
type RestoreOutcome struct {
	Policy   bool     `json:"policy" doc:"A document became the pending configuration; not so where it is in force already."`
	Accounts []string `json:"accounts" doc:"that came back"`
	Tokens   int      `json:"tokens" doc:"of those accounts"`
	Webhooks []string `json:"webhooks" doc:"that came back"`
	Kept     []string `json:"kept" doc:"accounts and webhooks that were there already and stay as they are"`
	Notes    []string `json:"notes,omitempty"`
}

// The kinds of records that come back one by one.
const (
	userKind  = "user"
	tokenKind = "token"
)

// Restore brings parts of a backup back. With dry everything is checked and nothing is changed. What is wrong with the
// backup is found before anything is brought back; accounts and webhooks come first, in one step, then the policy.
func (k *Keeper) Restore(ctx context.Context, id string, parts RestoreParts, who string, dry bool, p *job.Progress) (*RestoreOutcome, error) {
	p.Phase("checking the backup")
	c, err := k.content(id)
	if err != nil {
		return nil, err
	}
	text := c.Active
	if parts.Pending {
		if text = c.Pending; text == nil {
			return nil, problem.New(problem.Invalid, "").At("body/pending", "nothing was pending when this backup was made")
		}
	}
	policy := parts.Policy || parts.Pending
	if policy {
		if err := k.o.Configuration.Put(ctx, who, text, true); err != nil {
			return nil, err
		}
	}
	o := &RestoreOutcome{Accounts: []string{}, Webhooks: []string{}, Kept: []string{}}
	if c.Manifest.Node != k.o.Node {
		o.Notes = append(o.Notes, "The backup is of another node: "+c.Manifest.Node+".")
	}
	if parts.Accounts || parts.Webhooks {
		p.Phase("bringing back records")
		if err := k.records(ctx, c, parts, o, dry); err != nil {
			return nil, err
		}
	}
	if policy && !dry {
		p.Phase("putting the policy")
		if err := k.o.Configuration.Put(ctx, who, text, false); err != nil {
			return nil, err
		}
	}
	if o.Policy = policy; policy {
		if active, _, pending, err := k.o.Configuration.Documents(ctx); err == nil && pending == nil && bytes.Equal(active, text) {
			o.Policy = false
			o.Notes = append(o.Notes, "The policy is the one that is in force: nothing is pending.")
		}
	}
	if !dry {
		k.tell(ctx, event.BackupRestored, event.Fields{
			"backup": id, "who": who, "parts": parts.String(), "records": len(o.Accounts) + o.Tokens + len(o.Webhooks),
		})
	}
	return o, nil
}

var errDry = errors.New("backup: nothing is changed")

// records brings accounts and webhooks back, all or nothing.
func (k *Keeper) records(ctx context.Context, c *Content, parts RestoreParts, o *RestoreOutcome, dry bool) error {
	empty := *o
	err := k.o.Settings.Update(ctx, func(tx *settings.Tx) error {
		*o = empty                 // the function may be called again
		new := map[string]string{} // accounts by name, with their ids
		for _, r := range c.Records {
			switch {
			case r.Kind == userKind && parts.Accounts:
				id, err := auth.CheckAccount(r.Name, r.Body)
				if err != nil {
					return bad("has an account that is not valid")
				}
				if back(tx, r, &o.Accounts, &o.Kept, "account ") {
					new[r.Name] = id
				}
			case r.Kind == webhook.Kind && parts.Webhooks:
				h := webhook.Hook{}
				if r.Decode(&h) != nil || h.Check(r.Name) != nil {
					return bad("has a webhook that is not valid")
				}
				h.Enabled = false
				if r.Body, _ = json.Marshal(h); back(tx, r, &o.Webhooks, &o.Kept, "webhook ") && len(tx.List(webhook.Kind)) > webhook.MaxHooks {
					return problem.New(problem.LimitReached, "There would be more than %d webhooks.", webhook.MaxHooks)
				}
			}
		}
		if forged := tokens(tx, c.Records, new, &o.Tokens); forged > 0 {
			o.Notes = append(o.Notes, fmt.Sprintf("%d tokens are not valid and do not come back.", forged))
		}
		if dry {
			return errDry
		}
		return nil
	})
	if dry && errors.Is(err, errDry) {
		return nil
	}
	if errors.Is(err, settings.ErrNoDatabase) {
		return problem.Wrap(problem.DatabaseUnavailable, err, "Nothing was brought back.")
	}
	if err != nil {
		return fmt.Errorf("backup: restore: %w", err)
	}
	return nil
}

// tokens brings back those of accounts that came back, by name with their ids. It counts the ones that are none, or not the
// account's: in a backup that somebody sent, one could be worth more than its owner and outlive the account.
func tokens(tx *settings.Tx, records []settings.Record, of map[string]string, came *int) (forged int) {
	for _, r := range records {
		var t struct {
			Owner string `json:"owner"`
		}
		if r.Kind != tokenKind || r.Decode(&t) != nil || of[t.Owner] == "" {
			continue
		}
		if auth.CheckToken(r.Name, r.Body, t.Owner, of[t.Owner]) != nil {
			forged++
		} else if _, there := tx.Get(r.Kind, r.Name); !there {
			tx.Put(r.Kind, r.Name, r.Body)
			*came++
		}
	}
	return forged
}

// back puts a record that is not there.
func back(tx *settings.Tx, r settings.Record, came, kept *[]string, what string) bool {
	if _, there := tx.Get(r.Kind, r.Name); there {
		*kept = append(*kept, what+r.Name)
		return false
	}
	tx.Put(r.Kind, r.Name, r.Body)
	*came = append(*came, r.Name)
	return true
}
