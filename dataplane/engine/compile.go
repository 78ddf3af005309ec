package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/revision"
	"fcredirect/dataplane/shm"
)

// The policy document is parsed and compiled in a short-lived child: parsing allocates, and this process's heap does not
// grow (its garbage collector is off). The child is this program. It prints the SHA-256 of the text and the flat form
// into a file in memory, from where the flat form is read straight into its slot, and explains itself on standard error.

// self is this program, also after an upgrade has put another one in its place: the two may not agree on the flat form.
const self = "/proc/self/exe"

// shaBytes is what stands before the flat form in the child's output.
const shaBytes = 32

// childSettings: it lives for a tenth of a second, so that collecting garbage costs more than it gives; the limit is for
// documents that are made to cost much.
var childSettings = []string{"GOGC=off", "GOMEMLIMIT=400MiB"}

// output is what a child has printed.
type output struct {
	file *os.File
	size int64 // of the flat form
	sha  [32]byte
}

// runCompiler runs the child to its end. The error says what it complained of.
func runCompiler(args ...string) (o output, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), compileTimeout)
	defer cancel()
	out, err := memoryFile("policy")
	if err != nil {
		return o, err
	}
	defer func() {
		if err != nil {
			out.Close()
		}
	}()
	complaint, err := memoryFile("complaint")
	if err != nil {
		return o, err
	}
	defer complaint.Close()
	cmd := exec.CommandContext(ctx, self, append([]string{"compile"}, args...)...)
	cmd.Args[0] = os.Args[0] // what ps shows, and what the tests' binary knows its part by
	cmd.Stdout, cmd.Stderr = out, complaint
	cmd.Env = append(os.Environ(), childSettings...)
	if err := cmd.Run(); err != nil {
		text, _ := io.ReadAll(io.NewSectionReader(complaint, 0, command.MaxReply))
		if len(text) > 0 && ctx.Err() == nil {
			return o, errors.New(strings.TrimSpace(string(text)))
		}
		return o, fmt.Errorf("policy: compiler: %w", errors.Join(err, ctx.Err()))
	}
	st, err := out.Stat()
	if err != nil {
		return o, fmt.Errorf("policy: compiler: %w", err)
	}
	o.file, o.size = out, st.Size()-shaBytes
	if o.size <= 0 || o.size > policySlotBytes-8 {
		return o, fmt.Errorf("policy: compiled to %d bytes, the segment has room for %d", o.size, policySlotBytes-8)
	}
	if _, err := out.ReadAt(o.sha[:], 0); err != nil {
		return o, fmt.Errorf("policy: compiler: %w", err)
	}
	return o, nil
}

func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("policy: compiler: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// CompileInChild compiles the file at path before there is a segment. Its text is put into the folder of documents, where
// there is one. With the boot file's path the child can say where in the policy what does not fit it stands.
func CompileInChild(path, boot string, folder *revision.Folder) (*revision.Seed, error) {
	args := fileArgs(path, folder)
	if boot != "" {
		args = append(args, "--boot", boot)
	}
	o, err := runCompiler(args...)
	if err != nil {
		return nil, err
	}
	defer o.file.Close()
	seed := &revision.Seed{Flat: make([]byte, o.size)}
	if folder != nil {
		seed.Document = o.sha
	}
	if _, err := o.file.ReadAt(seed.Flat, shaBytes); err != nil {
		return nil, fmt.Errorf("policy: compiler: %w", err)
	}
	return seed, nil
}

func fileArgs(path string, folder *revision.Folder) []string {
	args := []string{"--policy", path}
	if folder != nil {
		args = append(args, "--into", folder.Documents())
	}
	return args
}

// compiler is a Keeper's: what a source says, compiled into a slot.
func compiler(folder *revision.Folder) func(revision.Source, []byte) ([32]byte, *command.Error) {
	return func(from revision.Source, slot []byte) (sha [32]byte, wrong *command.Error) {
		args := fileArgs(from.Path, folder)
		if from.Path == "" {
			args = []string{"--document", hex.EncodeToString(from.Document[:]), "--from", folder.Documents()}
		}
		o, err := runCompiler(args...)
		if err != nil {
			return sha, &command.Error{Code: command.Compile, Text: err.Error()}
		}
		defer o.file.Close()
		if err := shm.ReadPolicy(slot, io.NewSectionReader(o.file, shaBytes, o.size)); err != nil {
			return sha, &command.Error{Code: command.Refused, Text: err.Error()}
		}
		if folder != nil {
			sha = o.sha
		}
		return sha, nil
	}
}
