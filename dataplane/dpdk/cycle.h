// One iteration of an lcore. Go sees this memory as the struct Cycle of cycle.go; the offsets are
// pinned on both sides.
#ifndef FCR_CYCLE_H
#define FCR_CYCLE_H

#include <stdint.h>
#include <stddef.h>

enum {
	FCR_BURST_MAX = 64,
	FCR_TX_MAX = 16,
	FCR_TX_FRAMES_MAX = 160,
	FCR_CLONE_MAX = 64,
	FCR_FREE_MAX = 256,
	FCR_NO_PORT = 0xffff,
	FCR_CACHE_LINE = 64,
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

struct fcr_cycle {
	// the request
	uint16_t rx_port, rx_queue, rx_burst, n_tx;
	uint32_t rx_gate;
	uint16_t n_clone, n_free;
	uint32_t clone_copy_max;
	uint32_t reserved;
	struct rte_mempool *clone_pool;
	// the answer
	uint16_t rx_n, rx_gated;
	uint16_t rx_multiseg;
	uint16_t reserved2;
	uint32_t rx_bytes;
	uint32_t reserved3;
	uint64_t tsc_tx, tsc_rx;

	struct rte_mbuf *rx[FCR_BURST_MAX]; // at 64
	void *data[FCR_BURST_MAX];
	uint32_t len[FCR_BURST_MAX];
	struct fcr_tx tx[FCR_TX_MAX];
	struct fcr_clone clone[FCR_CLONE_MAX];
	struct rte_mbuf *free[FCR_FREE_MAX];
};

// Runs one iteration. Returns 0, or the FCR_FAULT_* of a request that cannot be right, untouched.
enum {
	FCR_FAULT_BURST = 1,
	FCR_FAULT_TX,
	FCR_FAULT_TX_FRAMES,
	FCR_FAULT_CLONE,
	FCR_FAULT_FREE,
};

int fcr_cycle_run(uintptr_t cycle);

#endif
