package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// setupFile has the code for the first administrator, for whoever can read it on the machine.
const setupFile = "setup-code"

// setupName is what failures with the code are counted under; no account can be called so.
const setupName = "set-up code"

// codeLength is that of the code: 16 letters have 80 bits.
const codeLength = 16

// openSetup writes the code while there is no account, or finds it, and takes it away once there is one.
func (s *Service) openSetup() error {
	if s.Installed() {
		return s.removeSetup()
	}
	code, err := readCode(s.code.path)
	if err != nil {
		return fmt.Errorf("auth: the set-up code: %w", err)
	}
	if code == "" {
		if code, err = writeCode(s.code.path); err != nil {
			return fmt.Errorf("auth: the set-up code: %w", err)
		}
	}
	s.code.mu.Lock()
	defer s.code.mu.Unlock()
	s.code.text = code
	s.log.Info("there is no account yet: the first administrator is made with the code in a file", "file", s.code.path)
	return nil
}

// readCode is empty when there is no file. Whoever put another's file there would know the code, so it is refused.
func readCode(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o077 != 0 || st.Uid != uint32(os.Getuid()) {
		return "", fmt.Errorf("%s is not a file that only this user can read: remove it", path)
	}
	b := make([]byte, codeLength+2)
	n, _ := f.Read(b) // a short file is no code
	code := strings.TrimSpace(string(b[:n]))
	if len(code) != codeLength {
		return "", os.Remove(path) // torn when it was written
	}
	return code, nil
}

func writeCode(path string) (string, error) {
	code := random(idBytes) // 16 letters
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(code + "\n")
	return code, errors.Join(err, f.Sync(), f.Close())
}

func (s *Service) removeSetup() error {
	s.code.mu.Lock()
	defer s.code.mu.Unlock()
	s.code.text = ""
	if err := os.Remove(s.code.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("auth: the set-up code: %w", err)
	}
	return nil
}

// endSetup takes the code away when an account came by another way.
func (s *Service) endSetup() {
	if s.code.path == "" || !s.Installed() {
		return
	}
	s.code.mu.Lock()
	there := s.code.text != ""
	s.code.mu.Unlock()
	if !there {
		return
	}
	if err := s.removeSetup(); err != nil {
		s.log.Warn("auth: the set-up code stays, and is worth nothing", "error", err)
	}
}

// SetUp makes the first administrator. By the unix socket (local) it needs no code.
func (s *Service) SetUp(ctx context.Context, code, name, password string, from Source, local bool) (Account, error) {
	if s.Installed() {
		return Account{}, alreadyInstalled()
	}
	if !local {
		if err := s.checkCode(code, from); err != nil {
			return Account{}, err
		}
	}
	d := Draft{Role: Admin, Password: password}
	if err := d.check(name); err != nil {
		return Account{}, bodyName(err)
	}
	if password == "" {
		return Account{}, problem.New(problem.Invalid, "An account needs a password.").At("body/password", "is missing")
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	err = s.update(ctx, func(t *settings.Tx) error {
		if len(t.List(kindUser)) > 0 {
			return alreadyInstalled()
		}
		now := s.clock.now()
		t.Put(kindUser, name, &userRecord{ID: random(idBytes), Role: Admin, Hash: hash, Passwords: 1, Created: now, PasswordChanged: now})
		return nil
	})
	if err != nil {
		return Account{}, err
	}
	s.endSetup()
	return s.Account(name)
}

func alreadyInstalled() error {
	return problem.New(problem.Conflict, "There is an administrator already.")
}

// bodyName moves a complaint about the name to where set-up has it.
func bodyName(err error) error {
	p := problem.Of(err)
	for i := range p.Fields {
		if p.Fields[i].Location == "path/name" {
			p.Fields[i].Location = "body/name"
		}
	}
	return p
}

// checkCode counts failures as sign-in does.
func (s *Service) checkCode(code string, from Source) error {
	at, err := s.lock.begin(setupName, from.Address)
	if err != nil {
		return err
	}
	s.code.mu.Lock()
	want := s.code.text
	s.code.mu.Unlock()
	code = strings.ToLower(strings.TrimSpace(code))
	if want != "" && subtle.ConstantTimeCompare([]byte(code), []byte(want)) == 1 {
		at.succeeded()
		return nil
	}
	at.failed()
	return problem.New(problem.BadCredentials, "The set-up code is another one.").At("body/code", "is not the one in the file")
}

// IsLocal says whether a request came over the unix socket from root or the daemon's own user.
func (s *Service) IsLocal(ctx context.Context) bool {
	p, ok := peerOf(ctx)
	return ok && p.UID != nobody && (p.UID == 0 || p.UID == s.uid)
}
