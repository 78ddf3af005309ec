package metrics

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"fcredirect/mgmt/registry"
)

var (
	roleUp       = gauge("fcr_role_up", "1 when an instance of the role acts for it and runs.", "role", "shard")
	roleState    = gauge("fcr_role_state", "1 for the state in which an instance is, 0 for the others; dead when its process is gone.", "role", "shard", "replica", "state")
	roleHealthy  = gauge("fcr_role_healthy", "1 unless the instance says that it does not work well.", "role", "shard", "replica")
	roleRestarts = counter("fcr_role_restarts_total", "Times that the instance was started anew.", "role", "shard", "replica")
	roleAge      = gauge("fcr_role_heartbeat_age_seconds", "Since the instance's last heartbeat.", "role", "shard", "replica")
	roleStopped  = gauge("fcr_role_stopped_by_hand", "1 when somebody has ordered that the role shall not run.", "role", "shard")

	processInfo   = gauge("fcr_process_info", "Always 1. A management process that lives.", "process", "version")
	processMemory = gauge("fcr_process_anonymous_memory_bytes", "Memory that a management process has for itself; the segment, which all share, is not counted.", "process")
)

// dead is the state of an instance whose process is gone.
const dead = "dead"

var states = func() []string {
	names := []string{dead}
	for s := registry.New; s.String() != "unknown"; s++ {
		names = append(names, s.String())
	}
	return names
}()

// roles tells what stands in the registry.
func (c *collector) roles(out sink, list []registry.Instance) {
	if c.o.Registry == nil {
		return
	}
	type of struct {
		role  string
		shard int
	}
	up, stopped := map[of]bool{}, map[of]bool{}
	for i := range list {
		in := &list[i]
		shard, number := strconv.Itoa(in.Shard), strconv.Itoa(in.Number)
		state := in.State.String()
		if in.PID != 0 && !in.Alive {
			state = dead
		}
		for _, s := range states {
			out.is(roleState, s == state, in.Role, shard, number, s)
		}
		out.is(roleHealthy, in.Health == "", in.Role, shard, number)
		out.count(roleRestarts, uint64(in.Restarts), in.Role, shard, number)
		out.put(roleAge, in.Heartbeat.Seconds(), in.Role, shard, number)
		whole := of{in.Role, in.Shard}
		up[whole] = up[whole] || in.Active && in.Alive && in.State == registry.Running
		stopped[whole] = stopped[whole] || in.Stop
	}
	for whole, is := range up {
		out.is(roleUp, is, whole.role, strconv.Itoa(whole.shard))
		out.is(roleStopped, stopped[whole], whole.role, strconv.Itoa(whole.shard))
	}
	for _, p := range c.o.Registry.Members() {
		if !p.Alive || !strings.HasPrefix(p.Name, managementName) {
			continue // a command that asks something is among them for an instant
		}
		out.put(processInfo, 1, p.Name, p.Version)
		if own, ok := anonymous(p.PID); ok {
			out.put(processMemory, float64(own), p.Name)
		}
	}
}

// managementName begins the names of the processes that run roles.
const managementName = "fcr-mgmtd"

// anonymous is the memory of a process that is neither a file's nor shared.
func anonymous(pid int) (bytes int64, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(b), "\nRssAnon:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	return kb << 10, err == nil
}
