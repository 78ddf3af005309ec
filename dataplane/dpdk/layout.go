package dpdk

// #include "cycle.h"
import "C"

import "unsafe"

// What C and Go both lay out is compared here when the package is compiled: an index other than 0
// into an array of one does not compile. That C agrees with DPDK about struct rte_mbuf is asserted
// in cycle.c in the same way.

var (
	same = [1]struct{}{}

	goCycle *Cycle
	goTx    *Tx
	goClone *Clone
	goRx    *RxFrom
	goMbuf  *Mbuf
	cCycle  *C.struct_fcr_cycle
	cTx     *C.struct_fcr_tx
	cClone  *C.struct_fcr_clone
	cRx     *C.struct_fcr_rx
)

var (
	_ = same[unsafe.Sizeof(*goCycle)-unsafe.Sizeof(*cCycle)]
	_ = same[unsafe.Offsetof(goCycle.RxPort)-unsafe.Offsetof(cCycle.rx_port)]
	_ = same[unsafe.Offsetof(goCycle.RxQueue)-unsafe.Offsetof(cCycle.rx_queue)]
	_ = same[unsafe.Offsetof(goCycle.RxBurst)-unsafe.Offsetof(cCycle.rx_burst)]
	_ = same[unsafe.Offsetof(goCycle.NTx)-unsafe.Offsetof(cCycle.n_tx)]
	_ = same[unsafe.Offsetof(goCycle.RxGate)-unsafe.Offsetof(cCycle.rx_gate)]
	_ = same[unsafe.Offsetof(goCycle.NClone)-unsafe.Offsetof(cCycle.n_clone)]
	_ = same[unsafe.Offsetof(goCycle.NFree)-unsafe.Offsetof(cCycle.n_free)]
	_ = same[unsafe.Offsetof(goCycle.CloneCopyMax)-unsafe.Offsetof(cCycle.clone_copy_max)]
	_ = same[unsafe.Offsetof(goCycle.clonePool)-unsafe.Offsetof(cCycle.clone_pool)]
	_ = same[unsafe.Offsetof(goCycle.RxN)-unsafe.Offsetof(cCycle.rx_n)]
	_ = same[unsafe.Offsetof(goCycle.RxGated)-unsafe.Offsetof(cCycle.rx_gated)]
	_ = same[unsafe.Offsetof(goCycle.RxMultiSeg)-unsafe.Offsetof(cCycle.rx_multiseg)]
	_ = same[unsafe.Offsetof(goCycle.RxBytes)-unsafe.Offsetof(cCycle.rx_bytes)]
	_ = same[unsafe.Offsetof(goCycle.TSCTx)-unsafe.Offsetof(cCycle.tsc_tx)]
	_ = same[unsafe.Offsetof(goCycle.TSCRx)-unsafe.Offsetof(cCycle.tsc_rx)]
	_ = same[unsafe.Offsetof(goCycle.Rx)-unsafe.Offsetof(cCycle.rx)]
	_ = same[unsafe.Offsetof(goCycle.Data)-unsafe.Offsetof(cCycle.data)]
	_ = same[unsafe.Offsetof(goCycle.Len)-unsafe.Offsetof(cCycle.len)]
	_ = same[unsafe.Offsetof(goCycle.Tx)-unsafe.Offsetof(cCycle.tx)]
	_ = same[unsafe.Offsetof(goCycle.Clone)-unsafe.Offsetof(cCycle.clone)]
	_ = same[unsafe.Offsetof(goCycle.Free)-unsafe.Offsetof(cCycle.free)]
	_ = same[unsafe.Offsetof(goCycle.NRx)-unsafe.Offsetof(cCycle.n_rx)]
	_ = same[unsafe.Offsetof(goCycle.RxFirst)-unsafe.Offsetof(cCycle.rx_first)]
	_ = same[unsafe.Offsetof(goCycle.RxAt)-unsafe.Offsetof(cCycle.rx_at)]
	_ = same[unsafe.Offsetof(goCycle.RxList)-unsafe.Offsetof(cCycle.rx_list)]
	_ = same[unsafe.Sizeof(*goRx)-unsafe.Sizeof(*cRx)]
	_ = same[unsafe.Offsetof(goRx.Gate)-unsafe.Offsetof(cRx.gate)]
	// The arrays of the burst and each transmit queue start on a cache line of their own.
	_ = same[unsafe.Offsetof(goCycle.Rx)%C.FCR_CACHE_LINE]
	_ = same[unsafe.Offsetof(goCycle.Tx)%C.FCR_CACHE_LINE]
	_ = same[unsafe.Sizeof(*goTx)%C.FCR_CACHE_LINE]
	_ = same[unsafe.Sizeof(*goCycle)%C.FCR_CACHE_LINE]
)

var (
	_ = same[unsafe.Sizeof(*goTx)-unsafe.Sizeof(*cTx)]
	_ = same[unsafe.Offsetof(goTx.Port)-unsafe.Offsetof(cTx.port)]
	_ = same[unsafe.Offsetof(goTx.Queue)-unsafe.Offsetof(cTx.queue)]
	_ = same[unsafe.Offsetof(goTx.N)-unsafe.Offsetof(cTx.n)]
	_ = same[unsafe.Offsetof(goTx.Sent)-unsafe.Offsetof(cTx.sent)]
	_ = same[unsafe.Offsetof(goTx.SentBytes)-unsafe.Offsetof(cTx.sent_bytes)]
	_ = same[unsafe.Offsetof(goTx.CloneFailed)-unsafe.Offsetof(cTx.clone_failed)]
	_ = same[unsafe.Offsetof(goTx.Mbuf)-unsafe.Offsetof(cTx.mbuf)]

	_ = same[unsafe.Sizeof(*goClone)-unsafe.Sizeof(*cClone)]
	_ = same[unsafe.Offsetof(goClone.Mbuf)-unsafe.Offsetof(cClone.mbuf)]
	_ = same[unsafe.Offsetof(goClone.Tx)-unsafe.Offsetof(cClone.tx)]

	_ = same[unsafe.Offsetof(goMbuf.bufAddr)-C.FCR_MBUF_BUF_ADDR]
	_ = same[unsafe.Offsetof(goMbuf.dataOff)-C.FCR_MBUF_DATA_OFF]
	_ = same[unsafe.Offsetof(goMbuf.refcnt)-C.FCR_MBUF_REFCNT]
	_ = same[unsafe.Offsetof(goMbuf.nbSegs)-C.FCR_MBUF_NB_SEGS]
	_ = same[unsafe.Offsetof(goMbuf.port)-C.FCR_MBUF_PORT]
	_ = same[unsafe.Offsetof(goMbuf.olFlags)-C.FCR_MBUF_OL_FLAGS]
	_ = same[unsafe.Offsetof(goMbuf.pktLen)-C.FCR_MBUF_PKT_LEN]
	_ = same[unsafe.Offsetof(goMbuf.dataLen)-C.FCR_MBUF_DATA_LEN]
	_ = same[unsafe.Offsetof(goMbuf.bufLen)-C.FCR_MBUF_BUF_LEN]
	_ = same[unsafe.Offsetof(goMbuf.pool)-C.FCR_MBUF_POOL]
)

var (
	_ = same[BurstMax-C.FCR_BURST_MAX]
	_ = same[TxMax-C.FCR_TX_MAX]
	_ = same[TxFramesMax-C.FCR_TX_FRAMES_MAX]
	_ = same[CloneMax-C.FCR_CLONE_MAX]
	_ = same[FreeMax-C.FCR_FREE_MAX]
	_ = same[NoPort-C.FCR_NO_PORT]
	_ = same[MbufBytes-C.FCR_MBUF_BYTES]
	_ = same[Headroom-C.FCR_HEADROOM]
)
