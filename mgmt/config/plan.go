package config

import (
	"fmt"
	"slices"
	"strings"
)

// Instance is one instance of a role in a process.
type Instance struct {
	Role   *Role
	Shard  int
	Number int // among the instances of its shard; AnyNumber: the first that is free
}

// AnyNumber is an instance that takes the first number of its shard that no other process has.
const AnyNumber = -1

// Name is how logs call it.
func (i *Instance) Name() string {
	name := i.Role.Name
	if i.Role.Shards > 1 {
		name += fmt.Sprintf("/%d", i.Shard)
	}
	if i.Number > 0 {
		name += fmt.Sprintf("#%d", i.Number)
	}
	return name
}

// Instances says what a process runs, in the order in which it is started.
func (c *Config) Instances(process string) []Instance {
	var all []Instance
	for _, role := range c.Order() {
		for i, dealt := range role.deal() {
			if dealt == process {
				all = append(all, Instance{Role: role, Shard: i % role.Shards, Number: i / role.Shards})
			}
		}
	}
	return all
}

// deal gives each replica one of the role's processes in turn, passing over those that have an instance of its shard
// already; none when all have.
func (r *Role) deal() []string {
	dealt := make([]string, r.Replicas)
	for i := range dealt {
		for k := range r.Processes {
			process := r.Processes[(i+k)%len(r.Processes)]
			taken := false
			for j := i % r.Shards; j < i; j += r.Shards {
				taken = taken || dealt[j] == process
			}
			if !taken {
				dealt[i] = process
				break
			}
		}
	}
	return dealt
}

// Here says what a process runs that was told on the command line which roles are its own: one instance for each shard,
// whatever processes the file names. Where the file allows for standbys it takes a number that is free.
func (c *Config) Here(roles []string) ([]Instance, error) {
	for i, name := range roles {
		switch role := c.Role(name); {
		case role == nil && KindOf(name) == nil:
			return nil, fmt.Errorf("there is no role %q: %s", name, suggest(name, kindNames()))
		case role == nil:
			return nil, fmt.Errorf("role %s is not in the configuration: add it to roles", name)
		case slices.Contains(roles[:i], name):
			return nil, fmt.Errorf("role %s is named twice", name)
		}
	}
	var all []Instance
	for _, role := range c.Order() {
		if !slices.Contains(roles, role.Name) {
			continue
		}
		for shard := range role.Shards {
			instance := Instance{Role: role, Shard: shard}
			if role.Standbys() {
				instance.Number = AnyNumber
			}
			all = append(all, instance)
		}
	}
	return all, nil
}

// Numbers is how many instances a shard may have.
func (r *Role) Numbers(shard int) int {
	n := r.Replicas / r.Shards
	if shard < r.Replicas%r.Shards {
		n++
	}
	return n
}

// Cores are the CPUs that a process with these instances is bound to: those of its roles together, none as soon as one
// of them names none.
func Cores(instances []Instance) []int {
	var cores []int
	for _, i := range instances {
		if len(i.Role.Cores) == 0 {
			return nil
		}
		for _, core := range i.Role.Cores {
			if !slices.Contains(cores, core) {
				cores = append(cores, core)
			}
		}
	}
	slices.Sort(cores)
	return cores
}

// Memory is the limit of a process with these instances: what its roles have together, 0 (none) as soon as one of them has no limit.
func Memory(instances []Instance) int64 {
	var sum int64
	seen := map[*Role]bool{}
	for _, i := range instances {
		if i.Role.Memory == 0 {
			return 0
		}
		if !seen[i.Role] {
			seen[i.Role] = true
			sum += i.Role.Memory
		}
	}
	return sum
}

// SplitRoles reads the list of the command line: names, with commas; all is every role, which is nil.
func SplitRoles(list string) []string {
	if list == "" || list == "all" {
		return nil
	}
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}
