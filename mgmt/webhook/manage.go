package webhook

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// View is a hook as admins see it.
type View struct {
	Name    string
	Version uint64
	Hook    Hook
	State   HookState
}

// secretRecord is what stands in the settings.
type secretRecord struct {
	Secret string `json:"secret" secret:"true"`
}

// List gives all hooks, by name.
func (s *Service) List() []View {
	var list []View
	for _, rec := range s.o.Settings.List(Kind) {
		if v, err := s.view(rec); err == nil {
			list = append(list, v)
		}
	}
	return list
}

// Get finds a hook.
func (s *Service) Get(name string) (View, error) {
	rec, ok := s.o.Settings.Get(Kind, name)
	if !ok {
		return View{}, problem.New(problem.NotFound, "There is no webhook of that name.")
	}
	return s.view(rec)
}

func (s *Service) view(rec settings.Record) (View, error) {
	v := View{Name: rec.Name, Version: rec.Version}
	if err := rec.Decode(&v.Hook); err != nil {
		return v, err
	}
	s.adjust(nil) // Run may not have seen the record yet
	s.mu.Lock()
	r := s.all[rec.Name]
	s.mu.Unlock()
	if r != nil {
		v.State = r.state()
	}
	return v, nil
}

// Put makes or replaces a hook, if check agrees to the version that is there (0: none). A new one gets a secret, which is
// given this once.
func (s *Service) Put(ctx context.Context, name string, h Hook, check func(current uint64) error) (v View, secret string, err error) {
	if err := h.Check(name); err != nil {
		return v, "", err
	}
	err = s.o.Settings.Update(ctx, func(tx *settings.Tx) error {
		rec, there := tx.Get(Kind, name)
		if err := check(rec.Version); err != nil {
			return err
		}
		if !there && len(tx.List(Kind)) >= MaxHooks {
			return problem.New(problem.LimitReached, "There are %d webhooks.", MaxHooks)
		}
		secret = ""
		if !there {
			secret = newSecret()
			tx.Put(SecretKind, name, secretRecord{secret})
		}
		tx.Put(Kind, name, h)
		return nil
	})
	if err != nil {
		return v, "", err
	}
	v, err = s.Get(name)
	return v, secret, err
}

// Delete removes a hook and what waits for it. One that is not there is no error.
func (s *Service) Delete(ctx context.Context, name string, check func(current uint64) error) error {
	return s.o.Settings.Update(ctx, func(tx *settings.Tx) error {
		rec, there := tx.Get(Kind, name)
		if !there {
			return nil
		}
		if err := check(rec.Version); err != nil {
			return err
		}
		tx.Delete(Kind, name)
		tx.Delete(SecretKind, name)
		return nil
	})
}

// Rotate gives a hook a new secret; the old one is of no use from then on.
func (s *Service) Rotate(ctx context.Context, name string) (secret string, err error) {
	secret = newSecret()
	err = s.o.Settings.Update(ctx, func(tx *settings.Tx) error {
		if _, there := tx.Get(Kind, name); !there {
			return problem.New(problem.NotFound, "There is no webhook of that name.")
		}
		tx.Put(SecretKind, name, secretRecord{secret})
		return nil
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Test posts a message that says that it is a test, beside the queue, and says what came of it.
func (s *Service) Test(ctx context.Context, name string) (HookAttempt, error) {
	v, err := s.Get(name)
	if err != nil {
		return HookAttempt{}, err
	}
	client := newClient(&v.Hook)
	defer client.CloseIdleConnections()
	m := &Message{ID: "test_" + strings.ToLower(rand.Text()), Type: "webhook.test", Time: time.Now().UTC(), Node: s.o.Node}
	return post(ctx, client, v.Hook.URL, s.secret(name), s.agent, m), nil
}
