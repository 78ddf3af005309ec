package auth

import (
	"context"
	"regexp"
	"time"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Account is somebody who can sign in.
type Account struct {
	Name            string
	Role            Role
	Disabled        bool
	Description     string
	Created         time.Time
	PasswordChanged time.Time
	Version         uint64
}

// Draft is what an account is to be.
type Draft struct {
	Role        Role
	Disabled    bool
	Description string
	Password    string // empty: it stays as it is
}

// userRecord is an account as it is kept.
type userRecord struct {
	ID              string    `json:"id"` // another one when the name is given to somebody else
	Role            Role      `json:"role"`
	Disabled        bool      `json:"disabled,omitempty"`
	Description     string    `json:"description,omitempty"`
	Hash            string    `json:"hash" secret:"true"`
	Passwords       uint64    `json:"passwords"` // how often it was set: a session is of one
	Created         time.Time `json:"created"`
	PasswordChanged time.Time `json:"password_changed"`
}

func (u *userRecord) account(name string, version uint64) Account {
	return Account{name, u.Role, u.Disabled, u.Description, u.Created, u.PasswordChanged, version}
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// ValidName says whether an account may be called so: lower case, so that no two names differ by case alone.
func ValidName(name string) bool { return len(name) <= MaxName && nameForm.MatchString(name) }

// reader is a settings.Store or a settings.Tx.
type reader interface {
	Get(kind, name string) (settings.Record, bool)
	List(kind string) []settings.Record
}

// user finds an account; nil if there is none.
func user(from reader, name string) (*userRecord, uint64, error) {
	r, ok := from.Get(kindUser, name)
	if !ok {
		return nil, 0, nil
	}
	u := &userRecord{}
	if err := r.Decode(u); err != nil {
		return nil, 0, err
	}
	return u, r.Version, nil
}

// Account finds one.
func (s *Service) Account(name string) (Account, error) {
	u, version, err := user(s.settings, name)
	if err == nil && u == nil {
		err = problem.New(problem.NotFound, "There is no account of that name.")
	}
	if err != nil {
		return Account{}, err
	}
	return u.account(name, version), nil
}

// Accounts gives all of them, by name.
func (s *Service) Accounts() ([]Account, error) {
	records := s.settings.List(kindUser)
	list := make([]Account, 0, len(records))
	for _, r := range records {
		var u userRecord
		if err := r.Decode(&u); err != nil {
			return nil, err
		}
		list = append(list, u.account(r.Name, r.Version))
	}
	return list, nil
}

// Installed says whether there is an account at all.
func (s *Service) Installed() bool { return len(s.settings.List(kindUser)) > 0 }

// PutAccount makes or replaces an account. check judges the version that is there (0: none) in the same change. With try
// everything is checked and nothing is done. It gives what was (nil: nothing) and what is.
func (s *Service) PutAccount(ctx context.Context, name string, d Draft, check func(uint64) error, try bool) (was *Account, is Account, err error) {
	if err := d.check(name); err != nil {
		return nil, is, err
	}
	hash := ""
	if d.Password != "" && !try {
		if hash, err = s.hasher.hash(ctx, d.Password); err != nil {
			return nil, is, err
		}
	}
	var version uint64
	err = s.update(ctx, func(t *settings.Tx) error {
		was = nil
		u, old, err := user(t, name)
		if err != nil {
			return err
		}
		if err := check(old); err != nil {
			return err
		}
		if u != nil {
			a := u.account(name, old)
			was = &a
		} else {
			u = &userRecord{ID: random(idBytes), Created: s.clock.now()}
			if d.Password == "" {
				return problem.New(problem.Invalid, "A new account needs a password.").At("body/password", "is missing")
			}
			if len(t.List(kindUser)) >= MaxAccounts {
				return problem.New(problem.LimitReached, "There are %d accounts.", MaxAccounts)
			}
		}
		u.Role, u.Disabled, u.Description = d.Role, d.Disabled, d.Description
		if d.Password != "" {
			u.Hash, u.PasswordChanged = hash, s.clock.now()
			u.Passwords++
		}
		t.Put(kindUser, name, u)
		is, version = u.account(name, old), old
		if err := keepsAdmin(t, was != nil); err != nil {
			return err
		}
		if try {
			return errTry
		}
		return nil
	})
	if err == errTry {
		is.Version = version
		return was, is, nil
	}
	if err != nil {
		return was, is, err
	}
	is, err = s.Account(name)
	return was, is, err
}

// errTry ends a change that is only tried.
var errTry = problem.New(problem.Internal, "This was only tried.")

// check says what is wrong with a draft. The password is named and never shown.
func (d *Draft) check(name string) error {
	p := problem.New(problem.Invalid, "The account cannot be so.")
	if !ValidName(name) {
		p.At("path/name", "has 1 to %d lower case letters, digits, dots, dashes or underscores, and begins with a letter or digit", MaxName)
	}
	if !d.Role.Valid() {
		p.At("body/role", "is one of viewer, operator, policy-admin, admin")
	}
	if !isLine(d.Description, MaxDescription) {
		p.At("body/description", "is one line of at most %d bytes", MaxDescription)
	}
	if d.Password != "" {
		if what := weakness(name, d.Password); what != "" {
			p.At("body/password", "%s", what)
		}
	}
	if len(p.Fields) > 0 {
		return p
	}
	return nil
}

// isLine says whether a text is one line that can be shown anywhere.
func isLine(s string, limit int) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == '\ufffd' || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
			return false
		}
	}
	return len(s) <= limit
}

// keepsAdmin refuses a change after which nobody could administer. The first account may be any, for the unix socket makes
// it.
func keepsAdmin(t *settings.Tx, had bool) error {
	for _, r := range t.List(kindUser) {
		var u userRecord
		if err := r.Decode(&u); err != nil {
			return err
		}
		if u.Role == Admin && !u.Disabled {
			return nil
		}
	}
	if !had && len(t.List(kindUser)) == 1 {
		return problem.New(problem.LastAdmin, "The first account is an administrator's.").At("body/role", "must be admin")
	}
	return problem.New(problem.LastAdmin, "After that nobody could administer.")
}

// DeleteAccount removes an account with its sessions and tokens. It gives what was; nil if there was nothing.
func (s *Service) DeleteAccount(ctx context.Context, name string, check func(uint64) error, try bool) (was *Account, err error) {
	err = s.update(ctx, func(t *settings.Tx) error {
		was = nil
		u, version, err := user(t, name)
		if err != nil || u == nil {
			return err
		}
		if err := check(version); err != nil {
			return err
		}
		a := u.account(name, version)
		was = &a
		t.Delete(kindUser, name)
		t.Delete(kindLockout, name)
		if err := keepsAdmin(t, true); err != nil {
			return err
		}
		if err := deleteTokens(t, u.ID); err != nil {
			return err
		}
		if try {
			return errTry
		}
		return nil
	})
	if err == errTry {
		return was, nil
	}
	if err == nil && was != nil {
		s.lock.forget(name)
		s.dropSessions(ctx, func(one *session) bool { return one.record.User == name })
	}
	return was, err
}

// ChangePassword sets one's own password, if one knows the old one. All other sessions of the account end.
func (s *Service) ChangePassword(ctx context.Context, a *Actor, from Source, old, password string) error {
	if a.Door == DoorSocket {
		return problem.New(problem.NotFound, "Who comes by the unix socket has no password.")
	}
	if what := weakness(a.Name, password); what != "" {
		return problem.New(problem.Invalid, "That is no good password.").At("body/password", "%s", what)
	}
	if old == password {
		return problem.New(problem.Invalid, "That is the old password.").At("body/password", "is the old one")
	}
	u, err := s.prove(ctx, a.Name, old, from)
	if err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(t *settings.Tx) error {
		now, _, err := user(t, a.Name)
		if err != nil {
			return err
		}
		if now == nil || now.ID != u.ID || now.Passwords != u.Passwords || now.Disabled {
			return problem.New(problem.Conflict, "The account has changed meanwhile.")
		}
		now.Hash, now.PasswordChanged = hash, s.clock.now()
		now.Passwords++
		t.Put(kindUser, a.Name, now)
		return s.carryOver(t, a.Session, now.Passwords)
	})
	if err != nil {
		return err
	}
	s.carried(a.Session, u.Passwords+1)
	s.dropSessions(ctx, func(one *session) bool { return one.record.User == a.Name && one.id != a.Session })
	return nil
}
