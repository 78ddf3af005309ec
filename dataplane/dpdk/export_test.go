package dpdk

import "unsafe"

// Chain makes two mbufs one frame of two segments, as a port with scattered receive would.
func Chain(first, second *Mbuf) {
	const next = 64 // struct rte_mbuf: the first field of its second line
	*(**Mbuf)(unsafe.Add(unsafe.Pointer(first), next)) = second
	first.nbSegs = 2
	first.pktLen += second.pktLen
}

var (
	Devargs   = devargs
	PortName  = portName
	IsPCI     = isPCI
	EALArgv   = ealArgv
	InitHint  = initHint
	ProbeHint = probeHint
	ParseLog  = parseLog
	Detail    = detail
)
