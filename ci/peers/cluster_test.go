package peers

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// standing is the part of a node's view of the cluster's configuration that is judged.
type standing struct {
	Version struct {
		Term     uint64 `json:"term"`
		Revision uint64 `json:"revision"`
	} `json:"version"`
	Document string   `json:"document"`
	Apart    []string `json:"apart"`
	Members  []struct {
		Node    string `json:"node"`
		Reached bool   `json:"reached"`
		Same    bool   `json:"same"`
	} `json:"members"`
}

// running is the part of a node's change control that is judged.
type running struct {
	Active struct {
		Document string `json:"document"`
	} `json:"active"`
}

// same waits until a node stands by the version of another, which its data plane decides by, and all see each other.
func (n *node) same(as *standing) error {
	var s standing
	var r running
	if err := n.get("cluster", &s); err != nil {
		return err
	}
	if err := n.get("change", &r); err != nil {
		return err
	}
	if s.Version != as.Version || s.Document != as.Document || as.Document != "" && r.Active.Document != as.Document {
		return fmt.Errorf("%s stands at %v with %.8s and decides by %.8s, not at %v with %.8s", n.name, s.Version, s.Document, r.Active.Document, as.Version, as.Document)
	}
	for _, m := range s.Members {
		if !m.Reached || !m.Same {
			return fmt.Errorf("%s says of %s: reached %v, same %v", n.name, m.Node, m.Reached, m.Same)
		}
	}
	return nil
}

// policy is a document with one policy of that name.
func policy(name string) string { return strings.Replace(policyFile, "watch", name, 1) }

func TestAConfigurationIsMadeOnAllNodesOrOnNone(t *testing.T) {
	p := newPlace(t)
	must(t, os.Chmod(p.dir, 0o755)) // the server runs as another user
	p.each((*node).prepare)
	first, last := p.nodes[0], p.nodes[2]
	first.write("mgmtd.yaml", strings.Replace(first.configuration(), "roles: [", "roles: [{name: database}, ", 1)) // who edits needs one
	p.found()
	must(t, waitFor(startLimit, func() error { return first.same(&standing{}) }))
	socket := "unix:" + first.path("run/api.sock")
	apply := func(name string) error {
		first.write("next.yaml", policy(name))
		_, err := first.try("--server", socket, "apply", "-f", first.path("next.yaml"), "--yes")
		return err
	}
	var now standing
	agreed := func(limit time.Duration) {
		t.Helper()
		must(t, first.get("cluster", &now))
		for _, n := range p.nodes {
			must(t, waitFor(limit, func() error { return n.same(&now) }))
		}
	}

	must(t, waitFor(startLimit, func() error { return apply("one") })) // the database may have just begun
	first.ctl("--server", socket, "change", "confirm")
	agreed(10 * time.Second)
	if now.Version.Revision != 1 {
		t.Errorf("the first change made version %v", now.Version)
	}

	// A node is away: nothing is changed, unless it is named.
	must(t, last.daemon.signal(syscall.SIGKILL))
	<-last.daemon.ended
	before := now
	err := apply("two")
	if err == nil || !strings.Contains(err.Error(), last.name) {
		t.Errorf("a change without %s: %v", last.name, err)
	}
	must(t, p.nodes[1].get("cluster", &now))
	if now.Version != before.Version {
		t.Errorf("a change that was refused made version %v", now.Version)
	}
	first.ctl("--server", socket, "change", "apply", "--without", last.name)
	first.ctl("--server", socket, "change", "confirm")
	must(t, first.get("cluster", &now))
	if now.Version.Term == 0 || len(now.Apart) != 1 || now.Apart[0] != last.name {
		t.Errorf("without a node: %+v", now)
	}
	last.startDaemon()
	agreed(30 * time.Second)
	must(t, waitFor(10*time.Second, func() error {
		now.Apart = nil
		if err := first.get("cluster", &now); err != nil || len(now.Apart) == 0 {
			return err
		}
		return fmt.Errorf("%v are still said to be apart", now.Apart)
	}))
}
