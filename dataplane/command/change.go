package command

import (
	"context"
	"time"
	"unsafe"
)

// Install asks for a document to become the active configuration.
type Install struct {
	Revision uint64        // above the one that is confirmed
	Document []byte        // the YAML text
	Window   time.Duration // in which it must be confirmed, or it is taken back; 0: it is confirmed at once
}

// InstallRequest is Install as it goes through a slot: the text is in the folder of documents.
type InstallRequest struct {
	Revision uint64
	Window   int64 // ns
	Document [32]byte
}

// RevisionRequest is Confirm or Revert as it goes through a slot.
type RevisionRequest struct{ Revision uint64 }

// Flow names a flow: one initiator, one target, one virtual fabric.
type Flow struct {
	Fabric            uint8
	VSAN              uint16
	Initiator, Target uint64 // WWPN
}

// FlowRequest is a Flow as it goes through a slot.
type FlowRequest struct {
	Initiator, Target uint64
	VSAN              uint16
	Fabric            uint8
	_                 [5]byte
}

// Install has a document compiled and made the active configuration; it returns when every lcore decides by it. An error
// changes nothing (but see Do).
func (c *Client) Install(ctx context.Context, i Install) (Status, error) {
	folder := Folder(c.state)
	if folder == "" {
		return Status{}, &Error{Refused, "the data plane has no folder for documents: see state-dir of its boot file"}
	}
	sha, err := Keep(folder, i.Document)
	if err != nil {
		return Status{}, err
	}
	r := InstallRequest{Revision: i.Revision, Window: int64(i.Window), Document: sha}
	return c.change(ctx, OpInstall, bytesOf(&r))
}

// Confirm keeps the revision that waits: it is what a reboot finds when Confirm returns.
func (c *Client) Confirm(ctx context.Context, revision uint64) (Status, error) {
	return c.change(ctx, OpConfirm, bytesOf(&RevisionRequest{revision}))
}

// Revert takes the revision that waits back.
func (c *Client) Revert(ctx context.Context, revision uint64) (Status, error) {
	return c.change(ctx, OpRevert, bytesOf(&RevisionRequest{revision}))
}

func (c *Client) change(ctx context.Context, op Op, request []byte) (Status, error) {
	if _, err := c.Do(ctx, op, request); err != nil {
		return Status{}, err
	}
	return Read(c.state)
}

// CreateFlow has a flow stand before its first frame, as soon as both ends are logged in, for as long as nobody deletes
// it. Twice is the same as once.
func (c *Client) CreateFlow(ctx context.Context, f Flow) error {
	return c.flow(ctx, OpCreateFlow, f)
}

// DeleteFlow ends a flow, created ahead or not. Its next frame makes it anew. A flow that does not exist is deleted.
func (c *Client) DeleteFlow(ctx context.Context, f Flow) error {
	return c.flow(ctx, OpDeleteFlow, f)
}

func (c *Client) flow(ctx context.Context, op Op, f Flow) error {
	r := FlowRequest{Initiator: f.Initiator, Target: f.Target, VSAN: f.VSAN, Fabric: f.Fabric}
	_, err := c.Do(ctx, op, bytesOf(&r))
	return err
}

func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// Decode reads a fixed-size request, false when it has another size.
func Decode[T InstallRequest | RevisionRequest | FlowRequest | ReadyRequest | HandOverRequest](request []byte) (v T, ok bool) {
	if uintptr(len(request)) != unsafe.Sizeof(v) {
		return v, false
	}
	copy(bytesOf(&v), request)
	return v, true
}
