package change

import (
	"context"
	"errors"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/problem"
)

// Plane is the data plane as change control sees it.
type Plane interface {
	Status() (command.Status, error)
	Install(context.Context, command.Install) (command.Status, error)
	Confirm(ctx context.Context, revision uint64) (command.Status, error)
	Revert(ctx context.Context, revision uint64) (command.Status, error)
	Text(document [32]byte) ([]byte, error)
}

// Dataplane is the Plane of a segment.
type Dataplane struct{ Live *attach.Live }

// Status is what it does now.
func (d Dataplane) Status() (st command.Status, err error) {
	err = d.Live.Use(func(s *attach.Segment) (err error) {
		if !s.State.Alive() {
			return problem.New(problem.DataplaneUnavailable, "The data plane does not run.")
		}
		st, err = command.Read(s.State)
		return err
	})
	return st, err
}

// Install makes a document decide.
func (d Dataplane) Install(ctx context.Context, i command.Install) (command.Status, error) {
	return d.ask(func(c *command.Client) (command.Status, error) { return c.Install(ctx, i) })
}

// Confirm keeps the revision that waits.
func (d Dataplane) Confirm(ctx context.Context, revision uint64) (command.Status, error) {
	return d.ask(func(c *command.Client) (command.Status, error) { return c.Confirm(ctx, revision) })
}

// Revert takes the revision that waits back.
func (d Dataplane) Revert(ctx context.Context, revision uint64) (command.Status, error) {
	return d.ask(func(c *command.Client) (command.Status, error) { return c.Revert(ctx, revision) })
}

func (d Dataplane) ask(do func(*command.Client) (command.Status, error)) (st command.Status, err error) {
	err = d.Live.Use(func(s *attach.Segment) (err error) {
		st, err = do(command.New(s.State, s.Ctl))
		return err
	})
	return st, err
}

// Text is the text of what it runs.
func (d Dataplane) Text(document [32]byte) (text []byte, err error) {
	err = d.Live.Use(func(s *attach.Segment) (err error) {
		text, err = command.Text(s.State, document)
		return err
	})
	return text, err
}

// refusal is the problem of a command that was not done, nil when nobody knows whether it was.
func refusal(err error) *problem.Problem {
	var c *command.Error
	var p *problem.Problem
	if errors.As(err, &p) && (p.Code == problem.Conflict || p.Code == problem.ConfirmWindowOpen || p.Code == problem.Invalid || p.Code == problem.Busy) {
		return p // of a plane that is many nodes'
	}
	if !errors.As(err, &c) {
		return nil
	}
	switch c.Code {
	case command.Gone:
		return nil
	case command.Busy, command.Full:
		return problem.Wrap(problem.Busy, err, "The data plane says: %s", c.Error())
	case command.WindowOpen:
		return problem.Wrap(problem.ConfirmWindowOpen, err, "A revision waits to be confirmed.")
	case command.NoWindow, command.WrongRevision:
		return problem.Wrap(problem.NothingToConfirm, err, "The data plane says: %s", c.Error())
	}
	return problem.Wrap(problem.DataplaneRefused, err, "The data plane says: %s", c.Error())
}
