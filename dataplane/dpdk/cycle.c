// The hot crossing: copy, transmit, give back, receive. See Cycle in cycle.go for the contract.
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "cycle.h"

#define PINNED(field, offset) \
	_Static_assert(offsetof(struct rte_mbuf, field) == (offset), "rte_mbuf." #field " is not where Go expects it")

PINNED(buf_addr, FCR_MBUF_BUF_ADDR);
PINNED(data_off, FCR_MBUF_DATA_OFF);
PINNED(refcnt, FCR_MBUF_REFCNT);
PINNED(nb_segs, FCR_MBUF_NB_SEGS);
PINNED(port, FCR_MBUF_PORT);
PINNED(ol_flags, FCR_MBUF_OL_FLAGS);
PINNED(pkt_len, FCR_MBUF_PKT_LEN);
PINNED(data_len, FCR_MBUF_DATA_LEN);
PINNED(buf_len, FCR_MBUF_BUF_LEN);
PINNED(pool, FCR_MBUF_POOL);
_Static_assert(sizeof(struct rte_mbuf) == FCR_MBUF_BYTES, "rte_mbuf has another size");
_Static_assert(RTE_PKTMBUF_HEADROOM == FCR_HEADROOM, "libdpdk was built with another headroom");
_Static_assert(RTE_MAX_ETHPORTS < FCR_NO_PORT, "no port number is left to mean none");

// Mbuf headers are fetched this many frames ahead of the one being filled in: a ring hands over
// pointers whose headers another core wrote last.
enum { AHEAD = 4 };

static int too_much(const struct fcr_cycle *c)
{
	if (c->n_tx > FCR_TX_MAX || c->n_clone > FCR_CLONE_MAX || c->n_free > FCR_FREE_MAX)
		return 1;
	if (c->rx_port != FCR_NO_PORT && (c->rx_burst == 0 || c->rx_burst > FCR_BURST_MAX))
		return 1;
	if (c->n_rx > FCR_RX_MAX || (c->n_rx != 0 && (c->rx_first >= c->n_rx || c->rx_burst == 0 || c->rx_burst > FCR_BURST_MAX)))
		return 1;
	for (unsigned int i = 0; i < c->n_tx; i++)
		if (c->tx[i].n > FCR_TX_FRAMES_MAX)
			return 1;
	for (unsigned int i = 0; i < c->n_clone; i++)
		if (c->clone[i].tx >= c->n_tx)
			return 1;
	return 0;
}

// Makes copy, fresh from the pool, a copy of m. A short frame is copied: cheaper than a reference,
// whose release touches both mbufs. A long one is shared, at a cost that does not grow with it.
static void mirror(const struct fcr_cycle *c, struct rte_mbuf *copy, struct rte_mbuf *m)
{
	if (m->data_len > c->clone_copy_max || m->data_len > rte_pktmbuf_tailroom(copy)) {
		rte_pktmbuf_attach(copy, m);
		return;
	}
	copy->data_len = m->data_len;
	copy->pkt_len = m->data_len;
	rte_memcpy(rte_pktmbuf_mtod(copy, void *), rte_pktmbuf_mtod(m, void *), m->data_len);
}

// Takes n mbufs from the pool, or as many as there are.
static unsigned int take(struct rte_mempool *pool, struct rte_mbuf **m, unsigned int n)
{
	unsigned int got = 0;

	if (unlikely(pool == NULL))
		return 0;
	if (likely(rte_pktmbuf_alloc_bulk(pool, m, n) == 0))
		return n;
	while (got < n && (m[got] = rte_pktmbuf_alloc(pool)) != NULL)
		got++;
	return got;
}

static void append_clones(struct fcr_cycle *c)
{
	struct rte_mbuf *fresh[FCR_CLONE_MAX];
	unsigned int have = take(c->clone_pool, fresh, c->n_clone), used = 0;

	for (unsigned int i = 0; i < c->n_clone; i++) {
		struct fcr_tx *t = &c->tx[c->clone[i].tx];

		if (unlikely(used == have || t->n == FCR_TX_FRAMES_MAX)) {
			t->clone_failed++;
			continue;
		}
		mirror(c, fresh[used], c->clone[i].mbuf);
		t->mbuf[t->n++] = fresh[used++];
	}
	if (unlikely(used < have))
		rte_pktmbuf_free_bulk(fresh + used, have - used);
	c->n_clone = 0;
}

static void transmit(struct fcr_tx *t)
{
	uint64_t bytes = 0;
	uint16_t sent, rest;

	// The driver may free a frame at once, so lengths are added up before.
	for (uint16_t i = 0; i < t->n; i++)
		bytes += t->mbuf[i]->pkt_len;
	sent = rte_eth_tx_burst(t->port, t->queue, t->mbuf, t->n);
	rest = t->n - sent;
	if (unlikely(rest != 0)) {
		for (uint16_t i = sent; i < t->n; i++)
			bytes -= t->mbuf[i]->pkt_len;
		memmove(t->mbuf, t->mbuf + sent, rest * sizeof(t->mbuf[0]));
	}
	t->n = rest;
	t->sent += sent;
	t->sent_bytes += bytes;
}

static int gated(const struct fcr_cycle *c, uint32_t gate)
{
	for (; gate != 0; gate &= gate - 1) {
		unsigned int i = __builtin_ctz(gate);
		if (i < c->n_tx && c->tx[i].n != 0)
			return 1;
	}
	return 0;
}

static void receive(struct fcr_cycle *c, uint16_t port, uint16_t queue)
{
	uint16_t got, kept = 0;
	uint32_t bytes = 0;

	got = rte_eth_rx_burst(port, queue, c->rx, c->rx_burst);
	for (uint16_t i = 0; i < got && i < AHEAD; i++)
		rte_prefetch0(c->rx[i]);
	for (uint16_t i = 0; i < got; i++) {
		struct rte_mbuf *m = c->rx[i];

		if (i + AHEAD < got)
			rte_prefetch0(c->rx[i + AHEAD]);
		if (unlikely(m->nb_segs != 1)) {
			rte_pktmbuf_free(m);
			c->rx_multiseg++;
			continue;
		}
		c->rx[kept] = m;
		c->data[kept] = rte_pktmbuf_mtod(m, void *);
		c->len[kept] = m->data_len;
		rte_prefetch0(c->data[kept]);
		bytes += m->data_len;
		kept++;
	}
	c->rx_n = kept;
	c->rx_bytes = bytes;
}

static void poll(struct fcr_cycle *c, uint16_t port, uint16_t queue, uint32_t gate)
{
	if (port == FCR_NO_PORT)
		return;
	if (unlikely(gate != 0 && gated(c, gate)))
		c->rx_gated = 1;
	else
		receive(c, port, queue);
}

// A port that has nothing costs a call of its driver, not a crossing.
static void receive_any(struct fcr_cycle *c)
{
	unsigned int i = c->rx_first;

	for (unsigned int tried = 0; tried < c->n_rx; tried++) {
		const struct fcr_rx *r = &c->rx_list[i];

		c->rx_at = i;
		poll(c, r->port, r->queue, r->gate);
		if (c->rx_n != 0 || c->rx_multiseg != 0)
			return;
		i = i + 1 == c->n_rx ? 0 : i + 1;
	}
}

int fcr_cycle_run(uintptr_t cycle)
{
	struct fcr_cycle *c = (struct fcr_cycle *)cycle;

	if (unlikely(too_much(c)))
		return -1;
	c->rx_n = 0;
	c->rx_gated = 0;
	c->rx_multiseg = 0;
	c->rx_bytes = 0;
	if (c->n_clone != 0)
		append_clones(c);
	for (unsigned int i = 0; i < c->n_tx; i++)
		if (c->tx[i].n != 0 && c->tx[i].port != FCR_NO_PORT)
			transmit(&c->tx[i]);
	if (c->n_free != 0) {
		rte_pktmbuf_free_bulk(c->free, c->n_free);
		c->n_free = 0;
	}
	c->tsc_tx = rte_rdtsc();
	if (c->n_rx != 0)
		receive_any(c);
	else
		poll(c, c->rx_port, c->rx_queue, c->rx_gate);
	c->tsc_rx = rte_rdtsc();
	return 0;
}
