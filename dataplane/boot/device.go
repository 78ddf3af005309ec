package boot

import (
	"fmt"
	"strconv"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

const afPacket = "net_af_packet"

// device reads the text of a device; what it must be is checked by devices.
func (p *parser) device(n *yamlconf.Node, what string) string {
	s, ok := p.report.Word(n, what+": device")
	if !ok {
		return ""
	}
	if len(s) > MaxDevice {
		p.report.Errorf(n.Span, "", "%s: device has %d characters, more than %d", what, len(s), MaxDevice)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			p.report.Errorf(n.Span, "Write it without spaces, as net_af_packet0,iface=eth1.", "%s: device %s holds a character that no device has", what, yamlconf.Quote(s))
			break
		}
	}
	return s
}

// devices checks what can be told about devices without touching one, and completes the
// arguments of net_af_packet.
func (p *parser) devices() {
	byName, byIface := map[string]string{}, map[string]string{}
	for i := range p.c.Ports {
		port, at := &p.c.Ports[i], p.drafts[i].device.Span
		name, args, _ := strings.Cut(port.Device, ",")
		if other, taken := byName[name]; taken {
			p.report.Errorf(at, "A device is one port; number virtual devices: net_af_packet0, net_af_packet1.", "ports %s and %s have the same device %s", other, port.Name, name)
			continue
		}
		byName[name] = port.Name
		if strings.HasPrefix(name, afPacket) {
			p.afPacket(port, at, args, byIface)
		}
		p.fitsMbuf(port, i)
	}
}

// fitsMbuf checks that a frame of the port's MTU fits into one packet buffer: chained
// buffers are not used, and what does not fit is dropped by the driver.
func (p *parser) fitsMbuf(port *Port, i int) {
	need := port.MTU + linkOverhead + mbufHeadroom
	if p.c.Mempool.Size >= need {
		return
	}
	at := p.drafts[i].at
	if n := p.drafts[i].mtu; n != nil {
		at = n.Span
	}
	p.report.Errorf(at, fmt.Sprintf("Set mempool: {size: %d} or more, or a smaller mtu.", need),
		"port %s has an MTU of %d, too much for packet buffers of %d bytes", port.Name, port.MTU, p.c.Mempool.Size)
}

// afPacket completes and checks the arguments of a net_af_packet device.
func (p *parser) afPacket(port *Port, at yamlconf.Span, args string, byIface map[string]string) {
	values := map[string]string{}
	for _, arg := range strings.Split(args, ",") {
		key, value, _ := strings.Cut(arg, "=")
		values[key] = value
	}
	iface := values["iface"]
	if iface == "" {
		p.report.Errorf(at, "Add ,iface= and the interface's name.", "port %s: device %s does not say which interface", port.Name, port.Device)
		return
	}
	if other, taken := byIface[iface]; taken {
		p.report.Errorf(at, "An interface is one port.", "ports %s and %s have the same interface %s", other, port.Name, iface)
	}
	byIface[iface] = port.Name
	least := port.MTU + linkOverhead + afPacketOverhead
	frame := afPacketFrame
	for frame < least {
		frame *= 2
	}
	if text, given := values["framesz"]; given {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n%afPacketAlign != 0 {
			p.report.Errorf(at, fmt.Sprintf("Remove framesz (then it is %d), or set a multiple of %d from %d on.", frame, afPacketAlign, least), "port %s: framesz=%s does not fit an MTU of %d", port.Name, text, port.MTU)
			return
		}
		frame = n
	} else {
		port.Device += fmt.Sprintf(",framesz=%d", frame)
	}
	if text, given := values["blocksz"]; !given {
		port.Device += fmt.Sprintf(",blocksz=%d", (frame+pageSize-1)/pageSize*pageSize)
	} else if n, err := strconv.Atoi(text); err != nil || n < frame || n%pageSize != 0 {
		p.report.Errorf(at, fmt.Sprintf("Remove blocksz, or set a multiple of %d from framesz, %d, on.", pageSize, frame), "port %s: blocksz=%s is no block of whole frames and pages", port.Name, text)
	}
	if _, given := values["framecnt"]; !given {
		port.Device += fmt.Sprintf(",framecnt=%d", afPacketFrames)
	}
	if need := frame + 2*mbufHeadroom; p.c.Mempool.Size < need {
		p.report.Errorf(at, fmt.Sprintf("Set mempool: {size: %d} or more: with smaller ones long frames vanish.", need),
			"port %s is a net_af_packet device with framesz=%d, and packet buffers have only %d bytes", port.Name, frame, p.c.Mempool.Size)
	}
}
