package engine

import (
	"time"
	"unsafe"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// What other nodes know is entered here, one request at a time and so much of it each time as there is room for in the
// lcores' rings: who programs a million flows waits, and the frames do not.

// programmer is the request under way.
type programmer struct {
	op     command.Op // 0: none
	at     int        // items done
	ticket command.Ticket
	answer command.Programmed
	length int
	buffer [command.MaxRequest]byte
}

var _ = [1]struct{}{}[unsafe.Offsetof(programmer{}.buffer)%8] // command.Each reads words in it

func (e *Engine) makeProgrammer() {
	if e.clock != nil {
		return
	}
	for _, op := range []command.Op{command.OpProgram, command.OpForget, command.OpProgramFlows, command.OpForgetFlows} {
		e.commands.Handle(op, func(t command.Ticket, request []byte) { e.takeProgram(t, op, request) })
	}
}

// takeProgram keeps a request for doProgram.
func (e *Engine) takeProgram(t command.Ticket, op command.Op, request []byte) {
	p := &e.program
	ok := false
	switch op {
	case command.OpProgram:
		_, ok = command.Each[command.Login](request)
	case command.OpProgramFlows:
		_, ok = command.Each[command.FlowHint](request)
	default:
		_, ok = command.Each[uint64](request)
	}
	switch {
	case !ok:
		e.malformed(t)
	case e.pair.active():
		e.commands.Refuse(t, command.Active, "this node is the active one of its pair: it sees logins and flows itself")
	case p.op != 0:
		e.commands.Refuse(t, command.Busy, "another batch of logins or flows is being entered: try again")
	default:
		p.op, p.ticket, p.at, p.answer = op, t, 0, command.Programmed{}
		p.length = copy(p.buffer[:], request)
		e.doProgram()
	}
}

// doProgram goes on with the request under way.
func (e *Engine) doProgram() {
	p := &e.program
	request := p.buffer[:p.length]
	left := false
	switch p.op {
	case 0:
		return
	case command.OpProgram:
		logins, _ := command.Each[command.Login](request)
		left = doEach(e, logins, e.programLogin)
	case command.OpForget:
		addresses, _ := command.Each[uint64](request)
		left = doEach(e, addresses, func(a *uint64) { e.note(e.control.learner.Forget(login.Addr(*a), e.wall())) })
	case command.OpProgramFlows:
		hints, _ := command.Each[command.FlowHint](request)
		left = doEach(e, hints, e.programFlow)
	case command.OpForgetFlows:
		keys, _ := command.Each[uint64](request)
		left = doEach(e, keys, func(k *uint64) {
			if !possible(flow.Key(*k)) {
				p.answer.Refused++
				return
			}
			e.tellAll(lcore.Unhint, flow.Key(*k))
			p.answer.Done++
		})
	}
	if left {
		return
	}
	p.op = 0
	e.commands.Answer(p.ticket, unsafe.Slice((*byte)(unsafe.Pointer(&p.answer)), unsafe.Sizeof(p.answer)))
}

// doEach does items as long as there is room, and says whether some are left.
func doEach[T any](e *Engine, items []T, do func(*T)) (left bool) {
	p := &e.program
	for range programBatch {
		if p.at == len(items) {
			return false
		}
		if !e.roomInRings() {
			return true
		}
		do(&items[p.at])
		p.at++
	}
	return p.at < len(items)
}

// roomInRings says whether each lcore can be told of a login that is entered, or of a direction: a login may take the
// place of others.
func (e *Engine) roomInRings() bool {
	const most = 8
	for _, r := range e.control.commands {
		if r != nil && r.Free(most) < most {
			return false
		}
	}
	return true
}

func (e *Engine) note(a login.Answer) {
	switch a {
	case login.Done:
		e.program.answer.Done++
	case login.Better:
		e.program.answer.Better++
	default:
		e.program.answer.Refused++
	}
}

func (e *Engine) programLogin(n *command.Login) {
	e.note(e.control.learner.Program(login.Login{
		Addr: login.Addr(n.Addr), WWPN: frame.WWN(n.WWPN), WWNN: frame.WWN(n.WWNN), MAC: n.MAC, ENode: n.ENode, FCF: n.FCF,
		Port: e.portHere(n.Port), Claimed: login.Functions(n.Claimed), Observed: login.Functions(n.Observed), How: login.How(n.How),
		Flags: login.Flags(n.Flags), KeepAlive: time.Duration(n.KeepAlive) * time.Millisecond,
	}, e.wall()))
}

// portHere is a port that another node names, if it can be one of ours on which N_Ports are.
func (e *Engine) portHere(port uint8) uint8 {
	if int(port) >= len(e.infos) || e.infos[port].Role == shm.RoleService {
		return login.NoPort
	}
	return port
}

// possible says whether a direction can have this key. In a table others mean empty slots and tombstones.
func possible(key flow.Key) bool { return key.SID() != key.DID() }

func (e *Engine) programFlow(h *command.FlowHint) {
	key, port := flow.Key(h.Key), e.portHere(h.Port)
	if port == login.NoPort {
		if from, ok := e.control.view.Resolve(login.Addr(key.Source())); ok {
			port = e.portHere(from.Port)
		}
	}
	orient, owner := flow.Orient(h.Orient), e.ownerOf(port)
	if owner == nil || !possible(key) || orient != flow.FromInitiator && orient != flow.FromTarget {
		e.program.answer.Refused++
		return
	}
	tellLcore(owner, lcore.Command{What: lcore.Hint, Arg: uint64(key), Port: port, From: orient})
	e.program.answer.Done++
}
