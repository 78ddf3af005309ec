// One iteration of an lcore. Go sees this memory as the struct Cycle of cycle.go; the offsets are
// pinned on both sides.
#ifndef FCR_CYCLE_H
#define FCR_CYCLE_H

#include <stdint.h>
#include <stddef.h>

enum {
	FCR_BURST_MAX = 64,
	FCR_TX_MAX = 16,
	FCR_TX_FRAMES_MAX = 256,
	FCR_RX_MAX = 16,
	FCR_CLONE_MAX = 64,
	FCR_FREE_MAX = 256,
	FCR_NO_PORT = 0xffff,
	FCR_CACHE_LINE = 64,
};

// Where Go's Mbuf expects the fields of DPDK's struct rte_mbuf. Both sides assert it.
enum {
	FCR_MBUF_BUF_ADDR = 0,
	FCR_MBUF_DATA_OFF = 16,
	FCR_MBUF_REFCNT = 18,
	FCR_MBUF_NB_SEGS = 20,
	FCR_MBUF_PORT = 22,
	FCR_MBUF_OL_FLAGS = 24,
	FCR_MBUF_PKT_LEN = 36,
	FCR_MBUF_DATA_LEN = 40,
	FCR_MBUF_BUF_LEN = 54,
	FCR_MBUF_POOL = 56,
	FCR_MBUF_BYTES = 128,
	FCR_HEADROOM = 128,
};

struct rte_mbuf;
struct rte_mempool;

struct fcr_tx {
	uint16_t port, queue, n, reserved;
	uint64_t sent, sent_bytes, clone_failed;
	uint64_t reserved2[4];
	struct rte_mbuf *mbuf[FCR_TX_FRAMES_MAX]; // its own lines, aligned
};

struct fcr_clone {
	struct rte_mbuf *mbuf;
	uint16_t tx;
	uint16_t reserved[3];
};

struct fcr_rx {
	uint16_t port, queue;
	uint32_t gate;
};

struct fcr_cycle {
	// the request
	uint16_t rx_port, rx_queue, rx_burst, n_tx;
	uint32_t rx_gate;
	uint16_t n_clone, n_free;
	uint32_t clone_copy_max;
	uint16_t n_rx, rx_first;
	struct rte_mempool *clone_pool;
	// the answer
	uint16_t rx_n, rx_gated;
	uint16_t rx_multiseg;
	uint16_t rx_at;
	uint32_t rx_bytes;
	uint32_t reserved3;
	uint64_t tsc_tx, tsc_rx;

	struct rte_mbuf *rx[FCR_BURST_MAX]; // at 64
	void *data[FCR_BURST_MAX];
	uint32_t len[FCR_BURST_MAX];
	struct fcr_tx tx[FCR_TX_MAX];
	struct fcr_clone clone[FCR_CLONE_MAX];
	struct rte_mbuf *free[FCR_FREE_MAX];
	struct fcr_rx rx_list[FCR_RX_MAX];
};

// Runs one iteration and returns 0; -1, with nothing done, when the request is beyond its limits.
int fcr_cycle_run(uintptr_t cycle);

#endif
