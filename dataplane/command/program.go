package command

import (
	"context"
	"time"
	"unsafe"
)

// What a node knows from others is put into its data plane by these operations, so that the first frame after a takeover
// meets the right verdict. Each may be repeated: twice is the same as once. All are refused (Active) while the node is the
// active one of a pair, because what it sees itself is better than what anybody says.

// Login is a login of another node as it goes through a slot. The words are those of login.Login.
type Login struct {
	Addr      uint64 // login.Addr: fabric<<36 | VF<<24 | FC_ID
	WWPN      uint64
	WWNN      uint64
	MAC       [6]byte // source of its FCoE frames
	Port      uint8   // index of the port here, login.NoPort when the other node's ports are not laid out as ours
	Claimed   uint8   // login.Functions
	ENode     [6]byte
	Observed  uint8
	How       uint8 // login.How: what the other node knows it from
	FCF       [6]byte
	Flags     uint8 // login.Flags; FromPeer is added here
	_         uint8
	KeepAlive uint32 // ms
	_         uint32
	_         uint64
}

// FlowHint is a direction of a flow that another node has.
type FlowHint struct {
	Key    uint64 // flow.Key
	Port   uint8  // index of the port here on which it enters; login.NoPort: that of its source's login
	Orient uint8  // flow.FromInitiator or flow.FromTarget
	_      [6]byte
}

const (
	loginBytes = int(unsafe.Sizeof(Login{}))
	hintBytes  = int(unsafe.Sizeof(FlowHint{}))
)

// Programmed says what came of a batch.
type Programmed struct {
	Done    uint32 // in the tables now, or (Forget) no longer
	Better  uint32 // left as they are: this node has seen them itself
	Refused uint32 // no place in the table, or nothing that a table could hold
	_       uint32
}

// Plus adds up the answers to several requests.
func (p Programmed) Plus(q Programmed) Programmed {
	return Programmed{Done: p.Done + q.Done, Better: p.Better + q.Better, Refused: p.Refused + q.Refused}
}

// Program puts logins of another node into the login table. What a frame showed here is better and stays; the first frame
// of the N_Port itself, or one that contradicts it, makes such a login an ordinary one or another.
func (c *Client) Program(ctx context.Context, logins []Login) (Programmed, error) {
	return program(ctx, c, OpProgram, logins, MaxLogins)
}

// Forget takes logins out again, by their address, unless a frame showed them here since.
func (c *Client) Forget(ctx context.Context, addresses []uint64) (Programmed, error) {
	return program(ctx, c, OpForget, addresses, MaxAddresses)
}

// ProgramFlows makes directions ahead of their first frame, with the verdict of the policy that is active here. Those that
// are there stay as they are. Program their logins first.
func (c *Client) ProgramFlows(ctx context.Context, hints []FlowHint) (Programmed, error) {
	return program(ctx, c, OpProgramFlows, hints, MaxFlows)
}

// ForgetFlows takes directions out again, by their key, unless a frame came meanwhile.
func (c *Client) ForgetFlows(ctx context.Context, keys []uint64) (Programmed, error) {
	return program(ctx, c, OpForgetFlows, keys, MaxAddresses)
}

func program[T Login | FlowHint | uint64](ctx context.Context, c *Client, op Op, items []T, most int) (all Programmed, err error) {
	for len(items) > 0 {
		n := min(most, len(items))
		answer, err := c.Do(ctx, op, unsafe.Slice((*byte)(unsafe.Pointer(&items[0])), uintptr(n)*unsafe.Sizeof(items[0])))
		if err != nil {
			return all, err
		}
		var p Programmed
		copy(bytesOf(&p), answer)
		all, items = all.Plus(p), items[n:]
	}
	return all, nil
}

// Each is the items of a request of many; false when it has the size of no whole number of them. They lie where the
// request lies, and are only there as long as it is.
func Each[T Login | FlowHint | uint64](request []byte) (items []T, ok bool) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(request) == 0 || len(request)%size != 0 || uintptr(unsafe.Pointer(&request[0]))%8 != 0 {
		return nil, false
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&request[0])), len(request)/size), true
}

// ReadyRequest says whether this node could take over: it knows all that its partner knows (synced), and its tables do
// (programmed). It is to be repeated about once a second: a word older than ReadyFor does not count for a planned
// hand-over.
type ReadyRequest struct {
	Ready uint32 // 1 or 0
	_     uint32
	Known uint64 // for people: how many records the tables were programmed with
}

// ReadyFor is how long the word that a node is ready holds.
const ReadyFor = 5 * time.Second

// Ready tells the data plane, which tells its partner.
func (c *Client) Ready(ctx context.Context, ready bool, known uint64) error {
	r := ReadyRequest{Known: known}
	if ready {
		r.Ready = 1
	}
	_, err := c.Do(ctx, OpReady, bytesOf(&r))
	return err
}

// HandOverRequest asks the active node of a pair to give its work to the other.
type HandOverRequest struct {
	Force uint32 // 1: though the other is not ready, or has another policy. It must be alive all the same
	_     uint32
}

// HandOver gives the work to the partner, and returns when the partner has it. It is refused, with the reason in words,
// when this node is not active, when the partner is not there, and, unless forced, when the partner is not ready or has
// another policy or version, or a change of the policy waits for its confirmation on either. Nothing has changed then.
func (c *Client) HandOver(ctx context.Context, force bool) error {
	r := HandOverRequest{}
	if force {
		r.Force = 1
	}
	_, err := c.Do(ctx, OpHandOver, bytesOf(&r))
	return err
}
