// Package revision keeps the configuration of the data plane: which revision is active, which one is confirmed, and until
// when the active one may be confirmed before the confirmed one comes back.
//
//	Install   a child compiles the document into the policy slot that nobody uses; the revision becomes active
//	window    until its deadline it must be confirmed; the deadline stands in the segment, by a clock that nobody sets
//	Confirm   flat form and text are written to disk, and only then is it confirmed
//	Revert    or the deadline: the confirmed revision, which still lies in the other slot, is active again
//
// Who may import it: engine, and cmd/fcr-dataplane for the folder.
//
// Ownership: a Keeper belongs to the control goroutine, which must never wait for a disk or a compiler; Work does both in
// a goroutine of its own, one job at a time. While a job runs, the slot that it fills or reads belongs to it.
//
// Invariants: at any moment, also after kill -9, the disk holds one whole confirmed revision (once there was one), and the
// page of the segment says which slot is active. The disk is the truth for what is confirmed: a reboot and a cold start
// boot it. In a window both slots are in use, so nothing else can be installed. A slot is written only when every lcore
// has acknowledged the configuration that is published.
//
// Known limit: exchanges that are open at a switch are not spared; their next frame goes the new way.
package revision
