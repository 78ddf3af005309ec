package engine

import "fcredirect/dataplane/command"

// makeCommands makes the server of requests from other processes, and says who does which. A replay has none.
func (e *Engine) makeCommands() (err error) {
	if e.clock != nil {
		return nil
	}
	if e.commands, err = command.NewServer(e.seg.State, e.seg.Ctl); err != nil {
		return err
	}
	return nil
}

// obey takes up the requests that were posted.
func (e *Engine) obey() {
	if e.commands != nil {
		e.commands.Poll(command.Now())
	}
}
