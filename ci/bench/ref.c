/*
 * ref: the yardstick of the redirect fast path.
 *
 * A C program that does for each frame what fcr-dataplane does, as fast as we know how to do it in C on DPDK. The bench
 * divides our rate by this one's. It is no strawman: EAL threads, mempool caches, two passes with prefetches, no branch
 * on a verdict. If you can make it faster without leaving out work, do: the yardstick only gets better.
 *
 * A port pair (edge, fabric) and a service port belong to one lcore. It polls the three in turn, 32 frames at a time:
 *
 *   1. receive    one rte_eth_rx_burst per port
 *   2. parse      Ethernet, one 802.1Q tag, FCoE, SOF, EOF, FC header with or without VFT; every check that dataplane/frame
 *                 makes, in its order; the 64-bit key; the home slot, which is prefetched
 *   3. look up    open addressing over entries of one cache line: home slot, next slot, the rest in a function. A miss
 *                 makes the entry; one whose generation is old is evaluated again
 *   4. account    frames, bytes, last seen, errors
 *   5. act        forward; steer (destination MAC of the service); mirror commands (forward, and a copy to the service);
 *                 drop
 *   6. transmit   one rte_eth_tx_burst per port; a remainder is kept, and the ports that feed it are not polled until
 *                 it is gone or 500 ms are over
 *
 * Two clock reads per burst: received, and handed to the drivers. The difference goes into a log-linear histogram, by
 * frames. What is left out: the learner, reports to other processes, hand-backs from the service. None of them has
 * anything to do in this traffic.
 *
 * Ownership: a struct worker is written by its lcore alone; the main lcore copies counters from it while it runs.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "ref.h"

struct policy policy = {.generation = 1};
bool stop;

/* ---- what a frame is -------------------------------------------------------------------------------------------- */

/* What the verdict needs to know of a frame besides its key. */
enum { STORAGE = 1, COMMAND = 2, ERROR = 4 };

struct parsed {
	uint64_t key; /* fabric 4, VF_ID or VLAN 12, S_ID 24, D_ID 24 */
	uint8_t kind;
	uint8_t reason; /* set only when there is no key */
};

#define BE16(v) RTE_STATIC_BSWAP16(v)
#define BE32(v) RTE_STATIC_BSWAP32(v)

/* The delimiters that are let through, as bits: SOFs by value, EOFs by value - 64. */
#define BIT(v) (UINT64_C(1) << ((v) & 63))
#define SOFS (BIT(0x28) | BIT(0x29) | BIT(0x2D) | BIT(0x2E) | BIT(0x31) | BIT(0x35) | BIT(0x36) | BIT(0x39))
#define EOFS (BIT(0x41) | BIT(0x42) | BIT(0x44) | BIT(0x46))

static inline uint16_t raw16(const uint8_t *b) { uint16_t v; memcpy(&v, b, 2); return v; }
static inline uint32_t raw32(const uint8_t *b) { uint32_t v; memcpy(&v, b, 4); return v; }
static inline uint64_t raw64(const uint8_t *b) { uint64_t v; memcpy(&v, b, 8); return v; }

static inline bool is_tag(uint16_t raw) { return raw == BE16(0x8100) || raw == BE16(0x88A8) || raw == BE16(0x9100); }

static inline bool well_known(uint32_t id) { return id >= 0xFFFFF0 || id >> 8 == 0xFFFC; }

/* The kind of a frame by TYPE and R_CTL. */
static inline uint8_t kind_of(uint8_t type, uint8_t r_ctl)
{
	if (likely((type & ~0x20) == 0x08)) /* 0x08 FCP, 0x28 FC-NVMe */
		return STORAGE | (r_ctl == 0x06 ? COMMAND : 0);
	if (type == 0x00 && (r_ctl == 0x81 || r_ctl == 0x85 || r_ctl == 0xC2 || r_ctl == 0xC3)) /* ABTS, BA_RJT, P_RJT, F_RJT */
		return ERROR;
	return 0;
}

/*
 * The whole of parsing for the frames that a fabric is full of: every check of parse_exactly, folded into few
 * comparisons, and no word about which one failed. False also for what is rare but good (VFT, well-known addresses).
 */
static inline bool parse(const uint8_t *b, uint32_t len, uint64_t fabric_bits, struct parsed *p)
{
	uint64_t vf = 0, ids;
	uint32_t sid, did, sof, eof, quads;

	if (unlikely(len < 60))
		return false;
	eof = b[len - 4];
	if (raw16(b + 12) == BE16(0x8100)) {
		vf = rte_bswap16(raw16(b + 14)) & 0xFFF;
		b += 4; /* from here on, b is where an untagged frame would begin */
		len -= 4;
	}
	/* EtherType, version, and the byte that only the old format sets */
	if (unlikely((raw32(b + 12) & BE32(0xFFFFF0FF)) != BE32(0x89060000)))
		return false;
	sof = b[27];
	if (unlikely((sof >> 6 | (eof >> 6 ^ 1)) != 0 || !(SOFS >> (sof & 63) & EOFS >> (eof & 63) & 1)))
		return false;
	/* Rotated by two, a length that is no multiple of 4, or less than 60, is a huge number of quads. */
	quads = (len - 60) >> 2 | (len - 60) << 30;
	if (unlikely(quads > 2112 / 4))
		return false;
	ids = rte_bswap64(raw64(b + 28)); /* R_CTL 8, D_ID 24, CS_CTL 8, S_ID 24 */
	did = ids >> 32 & 0xFFFFFF;
	sid = ids & 0xFFFFFF;
	if (unlikely(ids >> 60 == 5 || did >= 0xFFFC00 || sid >= 0xFFFC00 || sid == did))
		return false;
	p->key = fabric_bits | vf << 48 | (uint64_t)sid << 24 | did;
	p->kind = kind_of(b[36], ids >> 56);
	return true;
}

/* The length and the extended header; fc is where the FC frame begins. On OK *fc stands on the FC header proper. */
static enum reason check_fc(const uint8_t **fc, int32_t len, uint64_t *vf)
{
	const uint8_t *b = *fc;
	int32_t payload = len - 24;

	if (payload < 0 || payload % 4 != 0)
		return BAD_LENGTH;
	if (b[0] >> 4 != 5)
		return payload > 2112 ? OVERSIZE : OK;
	if (payload > 2112 + 8) /* VFT of version 0 is the only extended header that we look behind */
		return OVERSIZE;
	if (b[0] != 0x50 || b[1] >> 6 != 0)
		return BAD_EXT_HEADER;
	if (payload < 8)
		return BAD_LENGTH;
	if (b[8] >> 4 == 5)
		return BAD_EXT_HEADER;
	*vf = rte_bswap16(raw16(b + 2)) >> 1 & 0xFFF;
	*fc = b + 8;
	return OK;
}

/* As dataplane/frame.Decode, check by check and in its order: what parse did not take. */
static __rte_noinline enum reason parse_exactly(const uint8_t *b, uint32_t len, uint64_t fabric_bits, struct parsed *p)
{
	const uint8_t *fcoe = b + 14, *fc;
	uint16_t type;
	uint64_t vf = 0;
	uint32_t sid, did;
	uint8_t sof, eof;
	enum reason r;

	if (len < 60)
		return RUNT;
	type = raw16(b + 12);
	if (is_tag(type)) {
		if (is_tag(raw16(b + 16)))
			return NESTED_TAG;
		if (type == BE16(0x8100)) {
			vf = rte_bswap16(raw16(b + 14)) & 0xFFF;
			type = raw16(b + 16);
			fcoe += 4;
		}
	}
	if (type != BE16(0x8906))
		return type == BE16(0x8914) ? FIP : NOT_FCOE;
	if (fcoe[1] != 0)
		return OLD_FORMAT;
	if (fcoe[0] >> 4 != 0)
		return BAD_VERSION;
	sof = fcoe[13];
	if (sof >= 64 || !(SOFS >> sof & 1))
		return BAD_SOF;
	eof = b[len - 4];
	if (eof >> 6 != 1 || !(EOFS >> (eof & 63) & 1))
		return eof == 0x49 || eof == 0x4E || eof == 0x4F || eof == 0x50 ? INVALID_EOF : BAD_EOF;
	fc = fcoe + 14;
	r = check_fc(&fc, (int32_t)(b + len - 8 - fc), &vf);
	if (r != OK)
		return r;
	did = rte_bswap32(raw32(fc)) & 0xFFFFFF;
	sid = rte_bswap32(raw32(fc + 4)) & 0xFFFFFF;
	if (well_known(sid) || well_known(did))
		return UNKEYED;
	if (sid == did)
		return sid != 0 ? LOOP : UNKEYED;
	p->key = fabric_bits | vf << 48 | (uint64_t)sid << 24 | did;
	p->kind = kind_of(fc[8], fc[0]);
	return OK;
}

/* ---- the table of directions ------------------------------------------------------------------------------------ */

static inline uint64_t hash(uint64_t key)
{
	const unsigned __int128 p = (unsigned __int128)(key ^ UINT64_C(0x2545F4914F6CDD1D)) * UINT64_C(0x9E3779B97F4A7C15);

	return (uint64_t)(p >> 64) ^ (uint64_t)p;
}

int by_key(const void *a, const void *b)
{
	const uint64_t x = ((const struct row *)a)->key, y = ((const struct row *)b)->key;

	return (x > y) - (x < y);
}

/* The slow way: what the policy says, unpacked into the entry. Once per direction and generation. */
static __rte_noinline void evaluate(struct worker *w, struct entry *e, unsigned in, const uint8_t *frame)
{
	const struct row want = {.key = e->key};
	const struct row *row = policy.count ? bsearch(&want, policy.rows, policy.count, sizeof(want), by_key) : NULL;

	e->verdict = row ? row->verdict : FORWARD;
	e->direct = in == EDGE ? FABRIC : EDGE;
	e->out = e->direct;
	e->mac = 0;
	e->mirror_kind = 0;
	switch (e->verdict) {
	case STEER:
		e->out = SERVICE;
		e->mac = policy.service_mac;
		memcpy(e->true_mac, frame, sizeof(e->true_mac));
		break;
	case MIRROR_COMMANDS:
		e->mirror_kind = COMMAND;
		break;
	case DROP:
		e->out = DISCARD;
		break;
	}
	e->generation = w->generation;
}

/* Neither the home slot nor the next holds the key: probe, and make the entry if there is none. NULL when the table is full. */
static __rte_noinline struct entry *find_or_make(struct worker *w, uint64_t key)
{
	uint64_t at = hash(key);

	for (unsigned probe = 0; probe < MAX_PROBE; probe++, at++) {
		struct entry *e = &w->table[at & w->mask];

		if (e->key == key)
			return e;
		if (e->key != 0)
			continue;
		if (w->live > w->mask / 2)
			break;
		w->live++;
		w->longest_probe = RTE_MAX(w->longest_probe, (uint64_t)probe);
		e->key = key;
		e->incarnation += 2;
		e->generation = 0;
		return e;
	}
	w->count.full++;
	return NULL;
}

/* ---- the burst -------------------------------------------------------------------------------------------------- */

static inline void put(struct worker *w, unsigned out, struct rte_mbuf *m)
{
	struct out *o = &w->out[out];

	o->mbufs[o->count++] = m;
}

/* Neither storage traffic nor an entry: it crosses, or it is malformed and goes no further. */
static __rte_noinline void odd(struct worker *w, unsigned in, struct rte_mbuf *m, enum reason reason)
{
	w->count.reasons[reason]++;
	put(w, reason >= OLD_FORMAT && reason <= LOOP ? DISCARD : in == EDGE ? FABRIC : EDGE, m);
}

/* A short frame is copied: that is cheaper than a reference, whose release touches both mbufs. */
static inline struct rte_mbuf *mirror(struct worker *w, struct rte_mbuf *m)
{
	if (likely(m->pkt_len <= COPY_MAX))
		return rte_pktmbuf_copy(m, w->pool, 0, UINT32_MAX);
	return rte_pktmbuf_clone(m, w->pool);
}

static inline void act(struct worker *w, struct entry *e, struct rte_mbuf *m, uint8_t kind)
{
	uint8_t *dst = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned out = e->out;
	uint64_t head;

	if (unlikely(kind & e->mirror_kind)) {
		struct rte_mbuf *copy = mirror(w, m);

		if (likely(copy != NULL)) {
			w->count.copies++;
			put(w, SERVICE, copy);
		} else {
			w->count.copies_failed++;
		}
	}
	if (unlikely(!(kind & STORAGE))) /* link services take the direct way, whatever the verdict */
		out = e->direct;
	else { /* the new destination, or the old one again: no branch. Bytes 6 and 7 belong to the source. */
		head = raw64(dst);
		head = e->mac ? (head & UINT64_C(0xFFFF) << 48) | e->mac : head;
		memcpy(dst, &head, sizeof(head));
	}
	put(w, out, m);
}

static inline void process(struct worker *w, unsigned in, struct rte_mbuf **m, unsigned n)
{
	struct parsed p[BURST];
	struct entry *home[BURST];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(m[i], const uint8_t *);

		bytes += m[i]->pkt_len;
		home[i] = NULL;
		if (unlikely(!parse(frame, m[i]->data_len, w->fabric_bits, &p[i]))) {
			p[i].reason = parse_exactly(frame, m[i]->data_len, w->fabric_bits, &p[i]);
			if (p[i].reason != OK)
				continue;
		}
		home[i] = &w->table[hash(p[i].key) & w->mask];
		rte_prefetch0(home[i]);
	}
	w->count.in_bytes[in] += bytes;
	/*
	 * In a table half full, one look-up in four does not end at home. Those step on here, without a branch and all at
	 * once: else each would be a mispredicted branch and a cache miss of its own. At a million directions a frame is
	 * through in 34 ns instead of 41, receiving not counted.
	 */
	for (unsigned i = 0; i < n; i++) {
		if (unlikely(home[i] == NULL))
			continue;
		home[i] += home[i]->key != p[i].key;
		rte_prefetch0(home[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = home[i];

		if (unlikely(e == NULL)) {
			odd(w, in, m[i], p[i].reason);
			continue;
		}
		if (unlikely(e->key != p[i].key)) {
			e = find_or_make(w, p[i].key);
			if (e == NULL) {
				odd(w, in, m[i], UNKEYED);
				continue;
			}
		}
		if (unlikely(e->generation != w->generation))
			evaluate(w, e, in, rte_pktmbuf_mtod(m[i], const uint8_t *));
		e->frames++;
		e->bytes += m[i]->pkt_len;
		e->last_seen = w->now;
		if (unlikely(p[i].kind & ERROR))
			e->errors += e->errors != UINT16_MAX;
		act(w, e, m[i], p[i].kind);
	}
}

/* Hands over what waits. True when nothing is left: back-pressure is answered by not receiving. */
static inline bool transmit(struct worker *w)
{
	bool empty = true;

	for (unsigned i = 0; i < PORTS; i++) {
		struct out *o = &w->out[i];
		uint64_t bytes = 0;
		uint16_t sent;

		if (o->count == 0)
			continue;
		for (unsigned k = 0; k < o->count; k++) /* now: what is sent may be freed at once */
			bytes += o->mbufs[k]->pkt_len;
		sent = rte_eth_tx_burst(w->port[i], 0, o->mbufs, o->count);
		o->count -= sent;
		if (unlikely(o->count != 0)) {
			memmove(o->mbufs, o->mbufs + sent, o->count * sizeof(o->mbufs[0]));
			for (unsigned k = 0; k < o->count; k++)
				bytes -= o->mbufs[k]->pkt_len;
			empty = false;
		}
		w->count.sent[i] += sent;
		w->count.sent_bytes[i] += bytes;
	}
	if (unlikely(w->out[DISCARD].count != 0)) {
		w->count.sent[DISCARD] += w->out[DISCARD].count;
		rte_pktmbuf_free_bulk(w->out[DISCARD].mbufs, w->out[DISCARD].count);
		w->out[DISCARD].count = 0;
	}
	return empty;
}

/* A port has not taken what we have: wait with it, and give it up when that lasts. */
static __rte_noinline void wait_for_room(struct worker *w)
{
	const uint64_t since = rte_rdtsc(), most = rte_get_tsc_hz() / 1000 * DROP_TIMEOUT_MS;

	while (!transmit(w)) {
		if (rte_rdtsc() - since < most)
			continue;
		for (unsigned i = 0; i < PORTS; i++) {
			w->count.stalled += w->out[i].count;
			rte_pktmbuf_free_bulk(w->out[i].mbufs, w->out[i].count);
			w->out[i].count = 0;
		}
	}
}

static inline void observe(struct histogram *h, uint64_t v, unsigned n)
{
	unsigned bucket = v;

	if (likely(v >= 1 << SUB_BITS)) {
		const unsigned shift = 63 - SUB_BITS - __builtin_clzll(v);

		bucket = ((shift + 1) << SUB_BITS) + (v >> shift & ((1 << SUB_BITS) - 1));
	}
	h->buckets[bucket] += n;
	h->max = RTE_MAX(h->max, v);
}

int run(void *arg)
{
	struct worker *w = arg;
	struct rte_mbuf *m[BURST];
	uint64_t received = 0;

	__atomic_store_n(&w->tid, rte_sys_gettid(), __ATOMIC_RELAXED);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) && received < w->limit) {
		w->generation = __atomic_load_n(&policy.generation, __ATOMIC_ACQUIRE);
		for (unsigned in = 0; in < PORTS; in++) {
			const uint16_t n = rte_eth_rx_burst(w->port[in], 0, m, BURST);

			if (n == 0)
				continue;
			w->now = rte_rdtsc();
			received += n;
			w->count.in[in] += n;
			if (likely(in != SERVICE))
				process(w, in, m, n);
			else /* a hand-back, which this traffic does not have */
				for (unsigned i = 0; i < n; i++)
					put(w, DISCARD, m[i]);
			if (unlikely(!transmit(w)))
				wait_for_room(w);
			observe(&w->latency, rte_rdtsc() - w->now, n);
			w->count.bursts++;
		}
	}
	return 0;
}
