package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// Command is what an admin wants of a role.
type Command uint32

// The commands. Start and Stop last until the other; a stopped role stays stopped when its process starts anew.
const (
	Start Command = iota
	Stop
	Restart
)

var commandNames = [...]string{"start", "stop", "restart"}

// String is the command as the command line spells it.
func (c Command) String() string { return commandNames[min(int(c), len(commandNames)-1)] }

// Order is a command that was given to one (role, shard).
type Order struct {
	Role    string
	Shard   int
	Command Command
	restart uint32
}

// AllShards gives a command to every shard of a role.
const AllShards = -1

// Command leaves a command for the instances of (role, shard); whoever owns them sees it in Claim.Wanted. Fulfilled says
// what became of it.
func (t *Table) Command(role string, shard int, c Command) ([]Order, error) {
	var orders []Order
	var names []string
	for _, in := range t.List() {
		if !slices.Contains(names, in.Role) {
			names = append(names, in.Role)
		}
		if in.Role != role || shard != AllShards && in.Shard != shard || slices.ContainsFunc(orders, func(o Order) bool { return o.Shard == in.Shard }) {
			continue
		}
		head := t.find(role, in.Shard, 0)
		if head < 0 {
			continue
		}
		h := &t.slots[head]
		o := Order{Role: role, Shard: in.Shard, Command: c}
		switch c {
		case Stop:
			atomic.StoreUint32(&h.Wanted, uint32(Stop))
		case Restart:
			o.restart = atomic.AddUint32(&h.Restart, 1)
			fallthrough
		default:
			atomic.StoreUint32(&h.Wanted, uint32(Start))
		}
		orders = append(orders, o)
	}
	if len(orders) == 0 && slices.Contains(names, role) {
		return nil, fmt.Errorf("%w: %s has no shard %d", ErrNoRole, role, shard)
	}
	if len(orders) == 0 {
		return nil, fmt.Errorf("%w: %s; there are: %s", ErrNoRole, role, cmp.Or(strings.Join(names, ", "), "none"))
	}
	return orders, nil
}

// Fulfilled says whether what was ordered has happened, and which instance acts for the (role, shard): one that is not
// alive has nobody to obey.
func (t *Table) Fulfilled(o Order) (bool, Instance) {
	head := t.find(o.Role, o.Shard, 0)
	if head < 0 {
		return false, Instance{Role: o.Role, Shard: o.Shard, Member: -1}
	}
	i := t.active(head)
	if i < 0 {
		return o.Command == Stop, Instance{Role: o.Role, Shard: o.Shard, Member: -1, State: Stopped}
	}
	in := t.instance(i)
	switch o.Command {
	case Stop:
		return !in.Alive || in.State == Stopped, in
	case Restart:
		// Counted modulo 2^32, so that the order of two wishes survives the overflow.
		if int32(atomic.LoadUint32(&t.slots[i].Done)-o.restart) < 0 {
			return false, in
		}
	}
	return in.Alive && in.State == Running, in
}
