package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"fcredirect/mgmt/client"
)

// What chooses the appliance, the first that is said: --server, --context, FCR_SERVER, the current context of the file, and
// where none of these is said the daemon on this machine.
const (
	serverEnv = "FCR_SERVER"
	tokenEnv  = "FCR_TOKEN" // goes with FCR_SERVER and --server
	runRoot   = "/run/fc-redirect"
)

// remote is how the appliance was chosen.
type remote struct {
	server, context, ca, fingerprint string
}

// chosen is the context that is meant, false where nothing was said: then it is the daemon on this machine.
func (c *cli) chosen() (client.Context, bool, error) {
	if c.remote.server != "" || c.remote.context == "" && os.Getenv(serverEnv) != "" {
		server := c.remote.server
		if server == "" {
			server = os.Getenv(serverEnv)
		}
		return client.Context{Server: server, Token: os.Getenv(tokenEnv), CA: c.remote.ca, Fingerprint: c.remote.fingerprint}, true, nil
	}
	contexts, err := readContexts()
	if err != nil {
		return client.Context{}, false, err
	}
	name := c.remote.context
	if name == "" {
		name = contexts.Current
	}
	if name == "" {
		return client.Context{}, false, nil
	}
	x, err := contexts.Find(name)
	return x, true, err
}

func readContexts() (*client.Contexts, error) {
	path, err := client.ContextsPath()
	if err != nil {
		return &client.Contexts{}, nil // no home: no contexts
	}
	return client.ReadContexts(path)
}

// connect makes the client of the appliance that is meant.
func (c *cli) connect() (*client.Client, error) {
	x, said, err := c.chosen()
	if err != nil {
		return nil, usageError{err}
	}
	if !said {
		if x.Server, err = c.localSocket(); err != nil {
			return nil, err
		}
	}
	cl, err := client.New(x)
	if err != nil {
		return nil, usageError{err}
	}
	return cl, nil
}

// localSocket is where the daemon on this machine listens.
func (c *cli) localSocket() (string, error) {
	node := c.node
	if node == "" {
		found, err := filepath.Glob(filepath.Join(runRoot, "*", "api.sock"))
		if err != nil || len(found) == 0 {
			return "", fmt.Errorf("no management daemon listens under %s: is fcr-mgmtd running? --server or --context name another machine's", runRoot)
		}
		if len(found) > 1 {
			var names []string
			for _, path := range found {
				names = append(names, filepath.Base(filepath.Dir(path)))
			}
			return "", usageError{fmt.Errorf("there are several nodes on this machine: --node %s", strings.Join(names, ", --node "))}
		}
		node = filepath.Base(filepath.Dir(found[0]))
	}
	return "unix:" + filepath.Join(runRoot, node, "api.sock"), nil
}

// interruptible is a context that ends with Ctrl-C.
func interruptible(parent context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
}

// statusOf is the exit code of an error.
func statusOf(err error, running bool) int {
	var p *client.Problem
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usageError{}) || !running:
		return exitUsage
	case !errors.As(err, &p):
		return exitFailed
	}
	switch p.Status {
	case 404, 410:
		return exitAbsent
	case 401, 403:
		return exitForbidden
	case 409, 412, 428:
		return exitConflict
	case 400, 422:
		return exitUsage
	}
	return exitFailed
}
