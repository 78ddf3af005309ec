package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fcredirect/dataplane/shm"
)

// Overrides is what the command line and the environment say. What is empty leaves the file as it is.
type Overrides struct {
	Node, Segment, StateDir, RunDir string
	DSN                             string
	Listen                          string // of role api, with commas between; none: its socket alone
}

// Complete applies the overrides and fills in what follows from the machine. Without a name the node is the one whose
// data plane is the only one here: state of ours must not land under a guessed name.
func (c *Config) Complete(o Overrides) error {
	for _, set := range []struct {
		to   *string
		from string
	}{{&c.Node, o.Node}, {&c.Segment, o.Segment}, {&c.StateDir, o.StateDir}, {&c.RunDir, o.RunDir}, {&c.Database.DSN, o.DSN}} {
		if set.from != "" {
			*set.to = set.from
		}
	}
	if err := c.API.listenOn(o.Listen); err != nil {
		return err
	}
	if c.Node == "" {
		node, err := nodeOf(c.Segment)
		if err != nil {
			return fmt.Errorf("which node is this? Say so with --node, or node: in the configuration (%w)", err)
		}
		c.Node = node
	}
	if cure := badName(c.Node, MaxNodeName); cure != "" {
		return fmt.Errorf("node cannot be %q: %s", c.Node, cure)
	}
	if err := c.Peer.check(c.Node); err != nil {
		return err
	}
	state, run := folders(c.Node)
	if c.StateDir == "" {
		c.StateDir = state
	}
	if c.RunDir == "" {
		c.RunDir = run
	}
	for _, dir := range []*string{&c.Segment, &c.StateDir, &c.RunDir} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return fmt.Errorf("folder %s: %w", *dir, err)
		}
		*dir = abs
	}
	if len(c.RunDir) > MaxUnixPath {
		return fmt.Errorf("run folder %s has %d characters; sockets can only be made in folders of up to %d: choose one with --run-dir", c.RunDir, len(c.RunDir), MaxUnixPath)
	}
	if c.Database.DataDir == "" {
		c.Database.DataDir = filepath.Join(c.StateDir, "pg")
	}
	return nil
}

// nodeOf reads the name of the node from the segment in dir, or from the only one on this machine.
func nodeOf(dir string) (string, error) {
	dir, err := shm.Find(dir, "")
	if err != nil {
		return "", err
	}
	f, err := shm.Open(filepath.Join(dir, "state"), false)
	if err != nil {
		return "", err
	}
	defer f.Close()
	name := shm.Text(f.Header().Node[:])
	if name == "" {
		return "", errors.New("the segment names no node")
	}
	return strings.Clone(name), nil
}

// folders are the state and the run folder of a node; an ordinary user has some of their own.
func folders(node string) (state, run string) {
	const project = "fc-redirect"
	uid := os.Getuid()
	if uid == 0 {
		return filepath.Join("/var/lib", project, node), filepath.Join("/run", project, node)
	}
	base := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); base == "" && err == nil {
		base = filepath.Join(home, ".local", "state")
	}
	if base == "" {
		base = filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", project, uid))
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if runtime == "" {
		runtime = filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d-run", project, uid))
	}
	return filepath.Join(base, project, node), filepath.Join(runtime, project, node)
}
