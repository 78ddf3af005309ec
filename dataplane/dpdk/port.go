package dpdk

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
	"unsafe"
)

// PortConfig is how a port is set up. Offloads, VLAN stripping and scattered receive stay off.
type PortConfig struct {
	RxQueues, TxQueues uint16 // default 1 each
	// RxDescriptors and TxDescriptors are wishes; the driver's limits win. Default 1024.
	RxDescriptors, TxDescriptors uint16
	Mempool                      *Mempool // where received frames go; required unless NoRx
	// MTU is the longest payload wanted; FCoE needs 2,500. 0 leaves the device as it is. A device
	// that cannot is used as it is, with a warning.
	MTU          uint16
	Promiscuous  bool
	AllMulticast bool
	NoRx         bool // no receive queue: a port that only sends
	// PFC lists the priorities on which the port pauses and is paused. A device that cannot is refused at Start: without
	// it a lossless fabric loses frames.
	PFC []uint8
}

// Port is one Ethernet device.
type Port struct {
	id       uint16
	device   string // what Open was asked for
	name     string // DPDK's name
	driver   string
	cfg      PortConfig
	mtu      int
	linkOf   C.uint32_t // the interface of the kernel whose link is the port's; 0: the driver knows
	probed   bool       // we brought the device in, so we take it out
	started  bool
	closed   bool
	warnings []error
}

// Open finds or brings in a device and configures it. device is the name of an existing port
// ("net_null0"), a PCI address ("0000:01:00.0", "01:00.0"), or the description of a virtual device
// ("net_af_packet0,iface=e0"), which is created. What a device cannot do but can live without (MTU)
// is in Warnings.
func Open(device string, cfg PortConfig) (*Port, error) {
	control.Lock()
	defer control.Unlock()
	const op = "rte_dev_probe"
	if err := needEAL(op, device); err != nil {
		return nil, err
	}
	if strings.ContainsRune(device, 0) || device == "" {
		return nil, refused(op, device, syscall.EINVAL, "not a device")
	}
	clearLog()
	p := &Port{device: device, name: portName(device)}
	rc := p.find(p.name)
	if rc >= 0 && device != p.name && !isPCI(device) {
		return nil, refused(op, p.name, syscall.EEXIST, "the port exists already; its arguments cannot be changed")
	}
	if rc < 0 {
		if rc = p.probe(devargs(device)); rc < 0 {
			e := probeError(p.name, rc)
			e.Hint = probeHint(device, e)
			return nil, e
		}
	}
	p.id = uint16(rc)
	if err := p.setUp(cfg); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

func (p *Port) find(name string) C.int {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.fcr_port_find(c)
}

// probe brings the device in and returns the number of its first port.
func (p *Port) probe(args string) C.int {
	c := C.CString(args)
	defer C.free(unsafe.Pointer(c))
	if rc := C.fcr_port_probe(c); rc < 0 {
		return rc
	}
	p.probed = true
	if rc := p.find(p.name); rc >= 0 {
		return rc
	}
	return C.fcr_port_match(c)
}

// setUp configures the queues and then what the device may lack.
func (p *Port) setUp(cfg PortConfig) error {
	p.cfg = withDefaults(cfg)
	c := C.struct_fcr_port_config{
		rx_queues: C.uint16_t(p.cfg.RxQueues), tx_queues: C.uint16_t(p.cfg.TxQueues),
		rx_descriptors: C.uint16_t(p.cfg.RxDescriptors), tx_descriptors: C.uint16_t(p.cfg.TxDescriptors),
		mtu: C.uint32_t(p.cfg.MTU),
	}
	if p.cfg.Mempool == nil && p.cfg.RxQueues > 0 {
		return refused("rte_eth_rx_queue_setup", p.name, syscall.EINVAL, "no mempool given")
	}
	if p.cfg.Mempool != nil {
		c.pool = p.cfg.Mempool.c()
	}
	var op *C.char
	if rc := C.fcr_port_configure(C.uint16_t(p.id), &c, &op); rc != 0 {
		return failed(C.GoString(op), p.name, rc)
	}
	info, err := p.info()
	if err != nil {
		return err
	}
	p.name, p.driver = C.GoString(&info.name[0]), C.GoString(&info.driver[0])
	p.mtu = int(info.mtu)
	if p.driver == "net_af_packet" {
		p.linkOf = info.if_index
	}
	if p.cfg.MTU != 0 {
		return p.setMTU(int(info.if_index))
	}
	return nil
}

// setMTU asks for the MTU and finds out what became of it. A driver on top of an interface of the
// kernel may refuse what the interface can do (net_af_packet), or agree and do nothing (net_pcap):
// there the interface has the last word.
func (p *Port) setMTU(ifIndex int) error {
	const op = "rte_eth_dev_set_mtu"
	clearLog()
	var warning *Error
	if rc := C.fcr_port_set_mtu(C.uint16_t(p.id), C.uint16_t(p.cfg.MTU)); rc != 0 {
		warning = failed(op, p.name, rc)
	}
	info, err := p.info()
	if err != nil {
		return err
	}
	p.mtu = int(info.mtu)
	if ifIndex != 0 {
		if i, err := net.InterfaceByIndex(ifIndex); err == nil {
			p.mtu, warning = i.MTU, nil
			if i.MTU < int(p.cfg.MTU) {
				warning = refused(op, p.name, syscall.EMSGSIZE, "interface %s has MTU %d", i.Name, i.MTU)
				warning.Hint = fmt.Sprintf("ip link set dev %s mtu %d", i.Name, p.cfg.MTU)
			}
		}
	}
	if warning != nil {
		p.warnings = append(p.warnings, warning)
	}
	return nil
}

func withDefaults(cfg PortConfig) PortConfig {
	if cfg.RxQueues == 0 && !cfg.NoRx {
		cfg.RxQueues = 1
	}
	if cfg.TxQueues == 0 {
		cfg.TxQueues = 1
	}
	if cfg.RxDescriptors == 0 {
		cfg.RxDescriptors = 1024
	}
	if cfg.TxDescriptors == 0 {
		cfg.TxDescriptors = 1024
	}
	return cfg
}

// discard takes a device out again whose set-up failed; the error that counts is that one.
func (p *Port) discard() {
	var op *C.char
	C.fcr_port_close(C.uint16_t(p.id), boolC(p.probed), &op)
	clearLog()
}

func boolC(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

var pciAddress = regexp.MustCompile(`^([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$`)

func isPCI(device string) bool {
	name, _, _ := strings.Cut(device, ",")
	return pciAddress.MatchString(name)
}

// portName is the name that DPDK gives to the port of a device.
func portName(device string) string {
	name, _, _ := strings.Cut(device, ",")
	if isPCI(device) && strings.Count(name, ":") == 1 {
		name = "0000:" + name
	}
	return name
}

// devargs completes the description of a device. net_af_packet cuts its receive ring into frames of
// 2,048 bytes unless told otherwise, and then full FCoE frames vanish without a trace.
func devargs(device string) string {
	name, args, _ := strings.Cut(device, ",")
	if isPCI(device) {
		full := "pci:" + portName(device)
		if args != "" {
			full += "," + args
		}
		return full
	}
	if strings.HasPrefix(name, "net_af_packet") {
		if !strings.Contains(args, "framesz=") {
			device += ",framesz=4096"
		}
		if !strings.Contains(args, "blocksz=") {
			device += ",blocksz=4096"
		}
	}
	return device
}

// probeError makes sense of drivers that return -1, which reads as EPERM, whatever went wrong.
func probeError(name string, rc C.int) *Error {
	e := failed("rte_dev_probe", name, rc)
	if e.Errno == syscall.EPERM && !permission.MatchString(e.Detail) {
		e.Errno = syscall.ENODEV
	}
	return e
}

var permission = regexp.MustCompile(`(?i)not permitted|permission denied`)

// probeHint says what to do about a device that could not be brought in.
func probeHint(device string, e *Error) string {
	switch {
	case strings.Contains(e.Detail, "SIOCGIFINDEX"):
		return "no such interface in this network namespace"
	case e.Errno == syscall.EPERM || e.Errno == syscall.EACCES || permission.MatchString(e.Detail):
		return "raw sockets and devices need privileges: run as root"
	case isPCI(device):
		return "no such PCI device, or it is not bound to vfio-pci (dpdk-devbind.py --status)"
	}
	return ""
}

// Warnings lists, each as an *Error, what the device was asked for and cannot do.
func (p *Port) Warnings() []error { return p.warnings }

// ID is DPDK's number of the port: what Cycle wants.
func (p *Port) ID() uint16 { return p.id }

// Name is DPDK's name of the port.
func (p *Port) Name() string { return p.name }

// Driver is the name of its driver, such as "net_af_packet".
func (p *Port) Driver() string { return p.driver }

// Queues returns how many receive and transmit queues were configured.
func (p *Port) Queues() (rx, tx uint16) { return p.cfg.RxQueues, p.cfg.TxQueues }

// Start starts the port, then turns on promiscuous and all-multicast mode if asked to; a device
// that knows neither gets a warning.
func (p *Port) Start() error {
	control.Lock()
	defer control.Unlock()
	const op = "rte_eth_dev_start"
	if p.closed {
		return refused(op, p.name, syscall.ENODEV, "port is closed")
	}
	clearLog()
	if rc := C.fcr_port_start(C.uint16_t(p.id)); rc != 0 {
		return failed(op, p.name, rc)
	}
	p.started = true
	for _, priority := range p.cfg.PFC {
		if rc := C.fcr_port_pfc(C.uint16_t(p.id), C.uint8_t(priority)); rc != 0 {
			e := failed("rte_eth_dev_priority_flow_ctrl_set", p.name, rc)
			e.Hint = "this device has no priority flow control: say pfc: none for the port, and give it deep queues"
			return e
		}
	}
	if p.cfg.Promiscuous {
		if rc := C.fcr_port_promiscuous(C.uint16_t(p.id)); rc != 0 {
			p.warnings = append(p.warnings, failed("rte_eth_promiscuous_enable", p.name, rc))
		}
	}
	if p.cfg.AllMulticast {
		if rc := C.fcr_port_allmulticast(C.uint16_t(p.id)); rc != 0 {
			p.warnings = append(p.warnings, failed("rte_eth_allmulticast_enable", p.name, rc))
		}
	}
	return nil
}

// Stop stops the port. No Cycle may name it while it is stopped.
func (p *Port) Stop() error {
	control.Lock()
	defer control.Unlock()
	return p.stop()
}

func (p *Port) stop() error {
	if !p.started {
		return nil
	}
	clearLog()
	if rc := C.fcr_port_stop(C.uint16_t(p.id)); rc != 0 {
		return failed("rte_eth_dev_stop", p.name, rc)
	}
	p.started = false
	return nil
}

// Close stops the port and gives its device back: a virtual one that Open created is destroyed. The
// frames in its queues go back to their mempools.
func (p *Port) Close() error {
	control.Lock()
	defer control.Unlock()
	if p.closed {
		return refused("rte_eth_dev_close", p.name, syscall.ENODEV, "port is closed")
	}
	if err := p.stop(); err != nil {
		return err
	}
	clearLog()
	var op *C.char
	if rc := C.fcr_port_close(C.uint16_t(p.id), boolC(p.probed), &op); rc != 0 {
		return failed(C.GoString(op), p.name, rc)
	}
	p.closed = true
	return nil
}

func (p *Port) info() (info C.struct_fcr_port_info, err error) {
	if p.closed {
		return info, refused("rte_eth_dev_info_get", p.name, syscall.ENODEV, "port is closed")
	}
	if rc := C.fcr_port_info(C.uint16_t(p.id), &info); rc != 0 {
		return info, failed("rte_eth_dev_info_get", p.name, rc)
	}
	return info, nil
}

// MAC is the address of the port.
func (p *Port) MAC() (net.HardwareAddr, error) {
	control.Lock()
	defer control.Unlock()
	info, err := p.info()
	if err != nil {
		return nil, err
	}
	mac := make(net.HardwareAddr, len(info.mac))
	for i, b := range info.mac {
		mac[i] = byte(b)
	}
	return mac, nil
}

// MTU is the longest payload that the port carries, as found when it was opened.
func (p *Port) MTU() int { return p.mtu }

// Socket is the NUMA node of the port, or AnySocket.
func (p *Port) Socket() (int, error) {
	control.Lock()
	defer control.Unlock()
	info, err := p.info()
	return int(info.socket), err
}
