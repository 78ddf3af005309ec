package engine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/revision"
	"fcredirect/dataplane/shm"
)

// makeKeeper brings the configuration to where the data plane before left off, and publishes it. A replay has none.
func (e *Engine) makeKeeper(o Options) error {
	if e.clock != nil {
		e.publish(nil, shm.NoPolicy)
		return nil
	}
	page := command.PageOf(e.seg.State)
	if page == nil {
		return errors.New("change: the segment has no page for it")
	}
	boot, err := bootID()
	if err != nil {
		return err
	}
	if o.Compile == nil {
		o.Compile = compiler(o.Folder)
	}
	e.keeper = revision.New(revision.Options{
		Page: page, Slots: [2][]byte{e.policySlot(0), e.policySlot(1)}, Adopted: e.seg.Adopted, Boot: boot,
		Folder: o.Folder, Log: e.log, Now: command.Now, Wall: e.wall, Compile: o.Compile,
		Check:   func(p *policy.Snapshot) error { return check(p, e.boot) },
		Publish: e.publish,
		Acknowledged: func() error {
			if late := e.late(); late >= 0 {
				return e.lateError(late)
			}
			return nil
		},
		Tell:   e.tellChange,
		Answer: e.commands.Reply,
	})
	return e.keeper.Begin(o.Seed)
}

// bootID names the machine's boot: CLOCK_BOOTTIME means nothing in another one.
func bootID() (id [16]byte, err error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, fmt.Errorf("boot id: %w", err)
	}
	if _, err = hex.Decode(id[:], []byte(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))); err != nil {
		return id, fmt.Errorf("boot id: %w", err)
	}
	return id, nil
}

// Reload begins to install the file that the admin at the console names, as the next revision and confirmed at once. The
// log says what came of it. It is called through Run's reload.
func (e *Engine) Reload(path string) error { return e.keeper.InstallFile(path) }
