package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Open opens the interface for all frames, promiscuous, in the network namespace of that
// name ("" is the present one). It needs CAP_NET_RAW. Received frames come through a
// TPACKET_V2 ring: version 3 hands over whole blocks, which delays a lone frame; plain
// recvmmsg costs a copy and a control message per frame for the tag. Frames go out by
// sendmmsg, from a queue of ours.
func Open(iface, netns string) (*Packet, error) {
	p := &Packet{name: iface, fd: -1, event: -1}
	err := inNamespace(netns, func() error { return p.open() })
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Packet is an AF_PACKET wire.
type Packet struct {
	name    string
	fd      int
	event   int // eventfd of Wake
	mtu     int
	ring    []byte
	slot    int // next to read
	n       Counters
	waiting bool // frames are queued that the interface did not take

	buf      []byte // queueFrames slots of MaxFrame
	iov      [queueFrames]unix.Iovec
	msg      [queueFrames]unix.Mmsghdr
	head, n0 int // first queued slot, number queued
}

func (p *Packet) open() (err error) {
	link, err := net.InterfaceByName(p.name)
	if err != nil {
		return fmt.Errorf("open interface %s: %w (create it, or name another)", p.name, err)
	}
	if p.mtu = link.MTU; p.mtu < MinMTU {
		return fmt.Errorf("open interface %s: MTU %d is too small for FCoE: ip link set %s mtu %d", p.name, p.mtu, p.name, MinMTU)
	}
	// Protocol 0: nothing is received until bind, when the ring stands.
	p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("open packet socket on %s: %w (run as root or with CAP_NET_RAW)", p.name, err)
	}
	if err != nil {
		return fmt.Errorf("open packet socket on %s: %w", p.name, err)
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("open eventfd for %s: %w", p.name, err)
	}
	if err := p.setOptions(link.Index); err != nil {
		return err
	}
	p.buf = make([]byte, queueFrames*MaxFrame)
	for i := range p.msg {
		p.iov[i].Base = &p.buf[i*MaxFrame]
		p.msg[i].Hdr.Iov = &p.iov[i]
		p.msg[i].Hdr.Iovlen = 1
	}
	return nil
}

func (p *Packet) setOptions(index int) error {
	fail := func(what string, err error) error {
		return fmt.Errorf("set up packet socket on %s: %s: %w", p.name, what, err)
	}
	ints := []struct {
		what       string
		opt, value int
	}{
		{"PACKET_VERSION", unix.PACKET_VERSION, unix.TPACKET_V2},
		{"PACKET_RESERVE", unix.PACKET_RESERVE, tagReserve},
		// Else every frame we send would come back as one received.
		{"PACKET_IGNORE_OUTGOING", unix.PACKET_IGNORE_OUTGOING, 1},
	}
	for _, o := range ints {
		if err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, o.opt, o.value); err != nil {
			return fail(o.what, err)
		}
	}
	req := unix.TpacketReq{Block_size: ringBlockBytes, Block_nr: ringBlocks, Frame_size: ringSlotBytes, Frame_nr: ringSlots}
	if err := unix.SetsockoptTpacketReq(p.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return fail("PACKET_RX_RING", err)
	}
	var err error
	if p.ring, err = unix.Mmap(p.fd, 0, ringBlocks*ringBlockBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fail("mmap", err)
	}
	mreq := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(p.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq); err != nil {
		return fail("PACKET_MR_PROMISC", err)
	}
	// Without the privilege for more the default holds some 100 long frames: it works.
	_ = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20)
	const all = unix.ETH_P_ALL&0xff<<8 | unix.ETH_P_ALL>>8 // network byte order
	if err := unix.Bind(p.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
		return fail("bind", err)
	}
	return nil
}

// Send implements Wire.
func (p *Packet) Send(frame []byte) {
	if len(frame) > MaxFrame || (p.n0 == queueFrames && p.tryFlush() == 0) {
		p.n.SendDropped++
		return
	}
	i := (p.head + p.n0) % queueFrames
	copy(p.buf[i*MaxFrame:], frame)
	p.iov[i].SetLen(len(frame))
	p.n0++
}

func (p *Packet) tryFlush() int {
	before := p.n0
	_ = p.Flush() // the error comes again at the next Flush
	return before - p.n0
}

// Queued implements Wire.
func (p *Packet) Queued() int { return p.n0 }

// Room implements Wire.
func (p *Packet) Room() int { return queueFrames - p.n0 }

// Flush implements Wire.
func (p *Packet) Flush() error {
	p.waiting = false
	for p.n0 > 0 {
		run := min(p.n0, queueFrames-p.head, BatchFrames)
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.msg[p.head])), uintptr(run), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			p.n.Sent += uint64(sent)
			p.take(int(sent))
		case unix.EINTR:
		case unix.EAGAIN:
			p.waiting = true
			return nil
		case unix.ENOBUFS, unix.EMSGSIZE, unix.ENETDOWN: // the first of the run is refused for good
			p.n.SendDropped++
			p.take(1)
		default:
			return fmt.Errorf("send on %s: %w", p.name, errno)
		}
	}
	return nil
}

func (p *Packet) take(n int) {
	p.head, p.n0 = (p.head+n)%queueFrames, p.n0-n
}

// Receive implements Wire.
func (p *Packet) Receive(wait time.Duration, deliver func([]byte)) error {
	if wait != 0 && !p.ready() {
		if err := p.poll(wait); err != nil {
			return err
		}
	}
	for range BatchFrames {
		if !p.ready() {
			return nil
		}
		p.deliver(deliver)
	}
	return nil
}

func (p *Packet) header() *unix.Tpacket2Hdr {
	return (*unix.Tpacket2Hdr)(unsafe.Pointer(&p.ring[p.slot*ringSlotBytes]))
}

func (p *Packet) ready() bool {
	return atomic.LoadUint32(&p.header().Status)&unix.TP_STATUS_USER != 0
}

// deliver hands over the frame of the present slot and gives the slot back.
func (p *Packet) deliver(deliver func([]byte)) {
	h := p.header()
	p.n.Received++
	if h.Snaplen < h.Len {
		p.n.ReceiveTooLarge++
	} else {
		at := p.slot*ringSlotBytes + int(h.Mac)
		frame := p.ring[at : at+int(h.Len)]
		if h.Status&unix.TP_STATUS_VLAN_VALID != 0 && h.Len >= 12 {
			frame = p.ring[at-tagReserve : at+int(h.Len)]
			copy(frame, frame[tagReserve:tagReserve+12])
			tpid := uint16(0x8100)
			if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				tpid = h.Vlan_tpid
			}
			binary.BigEndian.PutUint16(frame[12:], tpid)
			binary.BigEndian.PutUint16(frame[14:], h.Vlan_tci)
		}
		deliver(frame)
	}
	atomic.StoreUint32(&h.Status, unix.TP_STATUS_KERNEL)
	p.slot = (p.slot + 1) % ringSlots
}

// poll waits for a frame, for room to send if something is queued, or for Wake.
func (p *Packet) poll(wait time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, {Fd: int32(p.event), Events: unix.POLLIN}}
	if p.waiting {
		fds[0].Events |= unix.POLLOUT
	}
	var timeout *unix.Timespec
	if wait > 0 {
		t := unix.NsecToTimespec(int64(wait))
		timeout = &t
	}
	if _, err := unix.Ppoll(fds, timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait on %s: %w", p.name, err)
	}
	if fds[1].Revents != 0 {
		var b [8]byte
		_, _ = unix.Read(p.event, b[:]) // resets it; nothing to read is as good
	}
	if fds[0].Revents&unix.POLLERR != 0 {
		code, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 && unix.Errno(code) != unix.ENETDOWN { // it may come up again
			return fmt.Errorf("receive on %s: %w", p.name, unix.Errno(code))
		}
	}
	if fds[0].Revents&unix.POLLOUT != 0 {
		return p.Flush()
	}
	return nil
}

// Wake implements Wire.
func (p *Packet) Wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.event, one[:]) // full means a wake-up is already waiting
}

// Counters implements Wire. The kernel resets its own when they are read.
func (p *Packet) Counters() Counters {
	if st, err := unix.GetsockoptTpacketStats(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		p.n.ReceiveDropped += uint64(st.Drops)
	}
	return p.n
}

// Close implements Wire.
func (p *Packet) Close() error {
	var errs []error
	if p.ring != nil {
		errs = append(errs, unix.Munmap(p.ring))
		p.ring = nil
	}
	for _, fd := range []*int{&p.fd, &p.event} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// inNamespace runs f on a thread that has entered the named network namespace. A socket
// stays in the namespace it was made in.
func inNamespace(name string, f func() error) error {
	if name == "" {
		return f()
	}
	path := "/run/netns/" + name
	ns, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	defer ns.Close()
	result := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, which is now elsewhere, ends with the goroutine.
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter network namespace %s: %w", name, err)
			return
		}
		result <- f()
	}()
	return <-result
}
