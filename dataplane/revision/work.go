package revision

import (
	"errors"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Work does what control must not wait for, until Stop. It is a goroutine of its own.
func (k *Keeper) Work() {
	defer close(k.ended)
	for j := range k.jobs {
		k.work(&j)
		k.done <- j
	}
}

// Stop ends Work, waits for what it is doing, at most so long, and takes it up: a revision that was being written to disk
// is confirmed then. Tick may not be called any more.
func (k *Keeper) Stop(most time.Duration) error {
	close(k.jobs)
	select {
	case <-k.ended:
	case <-time.After(most):
		return errors.New("change: a compiler or a disk does not come to an end")
	}
	for len(k.done) > 0 {
		if j := <-k.done; j.what == saving && j.err == nil {
			k.keep()
		}
	}
	return nil
}

func (k *Keeper) work(j *job) {
	switch j.what {
	case compiling:
		k.compile(j)
	case saving:
		if err := k.o.Folder.Save(&j.saved, shm.PolicyBytes(k.o.Slots[j.slot])); err != nil {
			j.err = &command.Error{Code: command.Refused, Text: err.Error()}
		}
	case cleaning:
		if err := k.o.Folder.Clean(time.Now(), j.inUse[:]...); err != nil {
			j.err = &command.Error{Code: command.Refused, Text: err.Error()}
		}
	}
}

func (k *Keeper) compile(j *job) {
	if j.document, j.err = k.o.Compile(j.source, k.o.Slots[j.slot]); j.err != nil {
		return
	}
	p, err := k.open(j.slot)
	if err != nil {
		j.err = &command.Error{Code: command.Compile, Text: err.Error()}
	}
	j.policy = p
}

// open checks what lies in a slot.
func (k *Keeper) open(slot uint32) (*policy.Snapshot, error) {
	p, err := policy.Open(shm.PolicyBytes(k.o.Slots[slot]))
	if err == nil {
		err = k.o.Check(p)
	}
	return p, err
}
