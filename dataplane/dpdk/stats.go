package dpdk

/*
#include "shim.h"

// Asked ten times a second for hours: the answers stay on the stack.
#cgo noescape fcr_port_link
#cgo nocallback fcr_port_link
#cgo noescape fcr_port_stats
#cgo nocallback fcr_port_stats
#cgo noescape fcr_port_pauses
#cgo nocallback fcr_port_pauses
*/
import "C"

import "syscall"

// Link is the state of a port's wire.
type Link struct {
	Up         bool
	Mbps       uint32 // 0 unknown
	FullDuplex bool
	Autoneg    bool
}

// Link asks the driver, without waiting for a negotiation to end. net_af_packet always says that it has a link: there the
// interface of the kernel has the last word.
func (p *Port) Link() (Link, error) {
	control.Lock()
	defer control.Unlock()
	const op = "rte_eth_link_get_nowait"
	if p.closed {
		return Link{}, refused(op, p.name, syscall.ENODEV, "port is closed")
	}
	var l C.struct_fcr_port_link
	clearLog()
	if rc := C.fcr_port_link(C.uint16_t(p.id), p.linkOf, &l); rc != 0 {
		return Link{}, failed(op, p.name, rc)
	}
	return Link{Up: l.up != 0, Mbps: uint32(l.mbps), FullDuplex: l.full_duplex != 0, Autoneg: l.autoneg != 0}, nil
}

// Stats are the driver's totals since the port was started.
type Stats struct {
	RxFrames, RxBytes uint64
	RxMissed          uint64 // the receive queue was full
	RxErrors          uint64
	RxNoMbuf          uint64 // the mempool was empty
	TxFrames, TxBytes uint64
	TxErrors          uint64
}

// Stats reads the driver's totals.
func (p *Port) Stats() (Stats, error) {
	control.Lock()
	defer control.Unlock()
	const op = "rte_eth_stats_get"
	if p.closed {
		return Stats{}, refused(op, p.name, syscall.ENODEV, "port is closed")
	}
	var s C.struct_fcr_port_stats
	clearLog()
	if rc := C.fcr_port_stats(C.uint16_t(p.id), &s); rc != 0 {
		return Stats{}, failed(op, p.name, rc)
	}
	return Stats{
		RxFrames: uint64(s.rx_frames), RxBytes: uint64(s.rx_bytes), RxMissed: uint64(s.rx_missed),
		RxErrors: uint64(s.rx_errors), RxNoMbuf: uint64(s.rx_nombuf),
		TxFrames: uint64(s.tx_frames), TxBytes: uint64(s.tx_bytes), TxErrors: uint64(s.tx_errors),
	}, nil
}

// XStat is one of the statistics that a driver keeps beyond Stats, pause frames among them.
type XStat struct {
	Name  string
	Value uint64
}

// XStats reads all of them, at most 4,096.
func (p *Port) XStats() ([]XStat, error) {
	control.Lock()
	defer control.Unlock()
	const op = "rte_eth_xstats_get"
	if p.closed {
		return nil, refused(op, p.name, syscall.ENODEV, "port is closed")
	}
	clearLog()
	n := C.fcr_port_xstats(C.uint16_t(p.id), nil, 0)
	if n < 0 {
		return nil, failed(op, p.name, n)
	}
	if n == 0 {
		return nil, nil
	}
	values := make([]C.struct_fcr_xstat, min(int(n), xstatsMax))
	n = C.fcr_port_xstats(C.uint16_t(p.id), &values[0], C.unsigned(len(values)))
	if n < 0 {
		return nil, failed(op, p.name, n)
	}
	out := make([]XStat, n)
	for i, v := range values[:n] {
		out[i] = XStat{Name: C.GoString(&v.name[0]), Value: uint64(v.value)}
	}
	return out, nil
}

// Pauses sums up what the driver counts of flow control, under whatever names: pause frames that stopped us, and those
// by which we stopped others. Zero where it counts none.
func (p *Port) Pauses() (rx, tx uint64, err error) {
	control.Lock()
	defer control.Unlock()
	const op = "rte_eth_xstats_get"
	if p.closed {
		return 0, 0, refused(op, p.name, syscall.ENODEV, "port is closed")
	}
	var in, out C.uint64_t
	clearLog()
	if rc := C.fcr_port_pauses(C.uint16_t(p.id), &in, &out); rc < 0 {
		return 0, 0, failed(op, p.name, rc)
	}
	return uint64(in), uint64(out), nil
}
