/*
 * ref.h: what the loop (ref.c) and the program around it (ref_main.c) share.
 */
#ifndef REF_H
#define REF_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>

#define BURST 32
#define MAX_PROBE 64 /* as dataplane/flow; a longer run crosses without an entry */
#define DROP_TIMEOUT_MS 500
#define COPY_MAX 256 /* bytes; longer frames are mirrored by reference */
#define SUB_BITS 4 /* of the histogram, as dataplane/shm: a value is known to 6 % */
#define BUCKETS ((64 - SUB_BITS + 1) << SUB_BITS)

/* The names and their order are those of dataplane/frame.Reason. Up to FIP a frame crosses; from there on it is dropped. */
enum reason {
	OK, RUNT, NOT_FCOE, NESTED_TAG, FIP,
	OLD_FORMAT, BAD_VERSION, BAD_SOF, BAD_EOF, INVALID_EOF, BAD_LENGTH, OVERSIZE, BAD_EXT_HEADER, LOOP,
	UNKEYED, /* ours: a well-known address, or 0 to 0: crosses without an entry */
	REASONS
};

enum verdict { FORWARD, STEER, MIRROR_COMMANDS, DROP, VERDICTS };

/*
 * A direction. One line, and all that a frame needs. The verdict is unpacked into what the act does, so that acting is
 * the same few instructions for every verdict: a third of the frames each are forwarded, steered and mirrored in random
 * order, and a branch on that would be mispredicted every second time.
 */
struct entry {
	uint64_t key; /* 0: free */
	uint64_t frames;
	uint64_t bytes;
	uint64_t last_seen; /* TSC of the burst */
	uint64_t mac;       /* new destination, in the low 6 bytes as they stand in the frame; 0: leave it */
	uint32_t generation;
	uint8_t out;          /* where storage frames go: index into worker.out */
	uint8_t mirror_kind;  /* kinds that are copied to the service */
	uint8_t verdict;
	uint8_t direct;       /* where all other frames go */
	uint8_t true_mac[12]; /* destination and source of a steered frame, for its way back */
	uint16_t incarnation;
	uint16_t errors;
} __rte_cache_aligned;

static_assert(sizeof(struct entry) == RTE_CACHE_LINE_SIZE, "an entry is one cache line");

/* One row of the policy: what the file given with --flows says about a direction, sorted by key. */
struct row {
	uint64_t key;
	uint8_t verdict;
};

struct policy {
	struct row *rows;
	size_t count;
	uint64_t service_mac; /* as entry.mac */
	uint32_t generation;  /* picked up between bursts */
};

enum { EDGE, FABRIC, SERVICE, PORTS, DISCARD = PORTS, OUTS };

/*
 * What waits to be transmitted on one port. A burst adds at most BURST frames to each, and is only received when all
 * are empty. DISCARD is freed instead: to whoever acts it is a port like the others.
 */
struct out {
	uint32_t count;
	struct rte_mbuf *mbufs[BURST];
};

struct counters {
	uint64_t in[PORTS], in_bytes[PORTS];
	uint64_t sent[OUTS], sent_bytes[OUTS];
	uint64_t reasons[REASONS];
	uint64_t copies, copies_failed, stalled, full;
	uint64_t bursts;
};

struct histogram { /* TSC cycles from received to sent, counted by frames */
	uint64_t buckets[BUCKETS];
	uint64_t max;
};

struct worker {
	struct entry *table; /* slots, and one more that stays empty, so that every slot has a next */
	uint64_t mask;       /* slots - 1 */
	uint64_t fabric_bits;
	uint64_t now;   /* TSC at which the burst was received */
	uint64_t limit; /* frames to receive, then stop */
	struct rte_mempool *pool;
	uint64_t live, longest_probe;
	uint32_t generation;
	uint16_t port[PORTS];
	int tid; /* of its thread, once it runs */
	struct out out[OUTS];
	struct counters count;
	struct histogram latency;
} __rte_cache_aligned;

extern struct policy policy; /* written before the workers start */
extern bool stop;            /* set by the main lcore */

int by_key(const void *row, const void *other);
int run(void *worker); /* until stop, or worker.limit frames */

/* Of the histogram: the largest value that lands in a bucket. */
static inline uint64_t ceiling(unsigned bucket)
{
	const unsigned shift = (bucket >> SUB_BITS) - 1;

	if (bucket < 1 << SUB_BITS)
		return bucket;
	return ((uint64_t)((1 << SUB_BITS) + (bucket & ((1 << SUB_BITS) - 1)) + 1) << shift) - 1;
}

#endif
