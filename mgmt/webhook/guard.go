package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// errForbidden is an address that a hook may not lead to.
var errForbidden = errors.New("webhook: an address of this node, loopback or link-local")

// Addresses under which clouds give out the credentials of a machine, beside the link-local ones.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")}

// Networks whose addresses carry one of IPv4.
var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixToV4 = netip.MustParsePrefix("2002::/16")
)

// forbidden says why an address is not called: behind it are services that trust whoever comes from this node.
func forbidden(a netip.Addr) error {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case nat64.Contains(a):
		a = netip.AddrFrom4([4]byte(b[12:16]))
	case sixToV4.Contains(a):
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	if a.IsUnspecified() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return errForbidden
	}
	if a.Is4() && a.As4()[0] == 0 {
		return errForbidden
	}
	for _, m := range metadata {
		if a == m {
			return errForbidden
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("webhook: the addresses of this node: %w", err)
	}
	for _, o := range own {
		if n, ok := o.(*net.IPNet); ok {
			if mine, ok := netip.AddrFromSlice(n.IP); ok && mine.Unmap() == a {
				return errForbidden
			}
		}
	}
	return nil
}

// guard looks at the address that is called in the end: a name may lead anywhere, and elsewhere each time it is looked up.
func guard(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errForbidden
	}
	return forbidden(ap.Addr())
}
