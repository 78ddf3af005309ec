package client

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml"
)

// Context says which appliance, and as whom.
type Context struct {
	Name        string `yaml:"name"`
	Server      string `yaml:"server"`                // https://host:port, or unix: and a path
	Token       string `yaml:"token,omitempty"`       // not needed on the socket
	CA          string `yaml:"ca,omitempty"`          // file with the certificate that signs the server's
	Fingerprint string `yaml:"fingerprint,omitempty"` // instead: SHA-256 of the server's certificate
}

// Contexts is the file of contexts.
type Contexts struct {
	Current  string    `yaml:"current,omitempty"`
	Contexts []Context `yaml:"contexts"`

	path string
}

var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ContextsPath is where the file is: FCRCTL_CONFIG, or fcrctl/contexts.yaml among the user's configuration.
func ContextsPath() (string, error) {
	if path := os.Getenv("FCRCTL_CONFIG"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("file of contexts: %w", err)
	}
	return filepath.Join(dir, "fcrctl", "contexts.yaml"), nil
}

// ReadContexts reads the file. One that is not there has no contexts. A file that others may read is refused, since it
// holds tokens.
func ReadContexts(path string) (*Contexts, error) {
	c := &Contexts{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("file of contexts: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("file of contexts: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("file of contexts: others may read %s, which holds tokens: chmod 600 it", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("longer than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("file of contexts: %s: %w", path, err)
	}
	if err := yaml.UnmarshalWithOptions(text, c, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("file of contexts: %s: it cannot be read as one", path) // the library's error shows lines, and so tokens
	}
	return c, nil
}

// Find is the context of a name.
func (c *Contexts) Find(name string) (Context, error) {
	i := slices.IndexFunc(c.Contexts, func(x Context) bool { return x.Name == name })
	if i < 0 {
		return Context{}, fmt.Errorf("there is no context %q in %s", name, c.path)
	}
	return c.Contexts[i], nil
}

// Put adds a context, or replaces the one of its name.
func (c *Contexts) Put(x Context) error {
	if !contextName.MatchString(x.Name) {
		return fmt.Errorf("context %q: a name has 1 to 64 letters, digits, dots, dashes", x.Name)
	}
	if _, err := New(x); err != nil {
		return err
	}
	c.Contexts = slices.DeleteFunc(c.Contexts, func(old Context) bool { return old.Name == x.Name })
	if len(c.Contexts) >= maxContexts {
		return fmt.Errorf("there are %d contexts already", maxContexts)
	}
	c.Contexts = append(c.Contexts, x)
	slices.SortFunc(c.Contexts, func(a, b Context) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// Delete removes a context. One that is not there stays so.
func (c *Contexts) Delete(name string) {
	c.Contexts = slices.DeleteFunc(c.Contexts, func(x Context) bool { return x.Name == name })
	if c.Current == name {
		c.Current = ""
	}
}

// Write puts the file in place of the old one.
func (c *Contexts) Write() error {
	text, err := yaml.Marshal(c)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(c.path), 0o700)
	}
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(filepath.Dir(c.path), ".contexts-*") // mode 0600
	}
	if err != nil {
		return fmt.Errorf("file of contexts: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		return fmt.Errorf("file of contexts: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
