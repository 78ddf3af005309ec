package engine

import "fcredirect/dataplane/dpdk"

// Hold has the lcores receive nothing any more, for good; all else goes on. It brings a data plane to rest whose ports,
// as those of a bench, always have a frame. Any goroutine may call it while Run runs.
//
// It writes what an lcore reads at the next crossing. In this order, because without a list the single port is polled.
func (e *Engine) Hold() {
	for _, c := range e.cycles {
		c.RxPort = dpdk.NoPort
		c.NRx = 0
	}
}
