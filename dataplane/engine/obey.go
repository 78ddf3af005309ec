package engine

import (
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/revision"
)

// makeCommands makes the server of requests from other processes, and says who does which. A replay has none.
func (e *Engine) makeCommands() (err error) {
	if e.clock != nil {
		return nil
	}
	if e.commands, err = command.NewServer(e.seg.State, e.seg.Ctl); err != nil {
		return err
	}
	e.commands.Handle(command.OpInstall, func(t command.Ticket, request []byte) {
		if r, ok := command.Decode[command.InstallRequest](request); ok {
			e.keeper.Install(t, r)
			return
		}
		e.malformed(t)
	})
	for op, do := range map[command.Op]func(*revision.Keeper, command.Ticket, uint64){
		command.OpConfirm: (*revision.Keeper).Confirm, command.OpRevert: (*revision.Keeper).Revert,
	} {
		e.commands.Handle(op, func(t command.Ticket, request []byte) {
			if r, ok := command.Decode[command.RevisionRequest](request); ok {
				do(e.keeper, t, r.Revision)
				return
			}
			e.malformed(t)
		})
	}
	return nil
}

func (e *Engine) malformed(t command.Ticket) {
	e.commands.Refuse(t, command.Malformed, "the request has the wrong size")
}

// obey takes up the requests that were posted, and what became of those that take longer.
func (e *Engine) obey() {
	if e.commands != nil {
		e.commands.Poll(command.Now())
		e.keeper.Tick()
	}
}
