package shm

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// folder is where segments lie under a mount, one folder a node.
const folder = "fc-redirect"

// HugeMount is where hugetlbfs with 2 MiB pages is mounted, empty when it is not.
func HugeMount() string {
	f, err := os.Open("/proc/mounts")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) >= 4 && fields[2] == "hugetlbfs" && !strings.Contains(fields[3], "pagesize=1024M") {
			return fields[1]
		}
	}
	return ""
}

// HugeDir is the folder of a node's segment on hugepages, empty when there is no mount.
func HugeDir(node string) string {
	if mount := HugeMount(); mount != "" {
		return filepath.Join(mount, folder, node)
	}
	return ""
}

// PlainDir is the folder of a node's segment on tmpfs. Each ordinary user has one of their own.
func PlainDir(node string) string {
	if uid := os.Getuid(); uid != 0 {
		return filepath.Join("/dev/shm", fmt.Sprintf("%s-%d", folder, uid), node)
	}
	return filepath.Join("/dev/shm", folder, node)
}

// Find gives the folder of the segment that a reader means: dir when it is given, else that of the node, else the only
// one on this machine.
func Find(dir, node string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	var found []string
	for _, base := range []string{HugeDir("*"), PlainDir("*"), filepath.Join("/dev/shm", folder, "*")} {
		pattern := filepath.Join(strings.TrimSuffix(base, "*"), "*", "state")
		if node != "" {
			pattern = filepath.Join(strings.TrimSuffix(base, "*"), node, "state")
		}
		if base == "" {
			continue
		}
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("segment: %w", err)
		}
		for _, m := range matches {
			if d := filepath.Dir(m); len(found) == 0 || found[len(found)-1] != d {
				found = append(found, d)
			}
		}
	}
	switch len(found) {
	case 0:
		return "", errors.New("segment: none found: is fcr-dataplane running? Else say where with --segment")
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("segment: there are several, choose one with --segment or --node: %s", strings.Join(found, ", "))
}
