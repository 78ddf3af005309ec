// The hot crossing: copy, transmit, give back, receive. See Cycle in cycle.go for the contract.
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "cycle.h"

// The offsets that the Go struct Mbuf relies on.
_Static_assert(offsetof(struct rte_mbuf, buf_addr) == 0, "rte_mbuf.buf_addr moved");
_Static_assert(offsetof(struct rte_mbuf, data_off) == 16, "rte_mbuf.data_off moved");
_Static_assert(offsetof(struct rte_mbuf, refcnt) == 18, "rte_mbuf.refcnt moved");
_Static_assert(offsetof(struct rte_mbuf, nb_segs) == 20, "rte_mbuf.nb_segs moved");
_Static_assert(offsetof(struct rte_mbuf, port) == 22, "rte_mbuf.port moved");
_Static_assert(offsetof(struct rte_mbuf, ol_flags) == 24, "rte_mbuf.ol_flags moved");
_Static_assert(offsetof(struct rte_mbuf, pkt_len) == 36, "rte_mbuf.pkt_len moved");
_Static_assert(offsetof(struct rte_mbuf, data_len) == 40, "rte_mbuf.data_len moved");
_Static_assert(offsetof(struct rte_mbuf, buf_len) == 54, "rte_mbuf.buf_len moved");
_Static_assert(offsetof(struct rte_mbuf, pool) == 56, "rte_mbuf.pool moved");
_Static_assert(sizeof(struct rte_mbuf) == 128, "rte_mbuf grew");

// Mbuf headers are fetched this many frames ahead of the one being filled in: a ring hands over
// pointers whose headers another core wrote last.
enum { AHEAD = 4 };

static int fault(const struct fcr_cycle *c)
{
	if (unlikely(c->n_tx > FCR_TX_MAX))
		return FCR_FAULT_TX;
	if (unlikely(c->n_clone > FCR_CLONE_MAX))
		return FCR_FAULT_CLONE;
	if (unlikely(c->n_free > FCR_FREE_MAX))
		return FCR_FAULT_FREE;
	if (unlikely(c->rx_port != FCR_NO_PORT && (c->rx_burst == 0 || c->rx_burst > FCR_BURST_MAX)))
		return FCR_FAULT_BURST;
	for (unsigned int i = 0; i < c->n_tx; i++)
		if (unlikely(c->tx[i].n > FCR_TX_FRAMES_MAX))
			return FCR_FAULT_TX_FRAMES;
	for (unsigned int i = 0; i < c->n_clone; i++)
		if (unlikely(c->clone[i].tx >= c->n_tx))
			return FCR_FAULT_CLONE;
	return 0;
}

// A short frame is copied: cheaper than a reference, whose release touches both mbufs. A long one
// is shared, at a cost that does not grow with the frame.
static struct rte_mbuf *mirror(const struct fcr_cycle *c, struct rte_mbuf *m)
{
	if (m->pkt_len <= c->clone_copy_max)
		return rte_pktmbuf_copy(m, c->clone_pool, 0, UINT32_MAX);
	return rte_pktmbuf_clone(m, c->clone_pool);
}

static void append_clones(struct fcr_cycle *c)
{
	for (unsigned int i = 0; i < c->n_clone; i++) {
		struct fcr_tx *t = &c->tx[c->clone[i].tx];
		struct rte_mbuf *m = NULL;

		if (likely(t->n < FCR_TX_FRAMES_MAX && c->clone_pool != NULL))
			m = mirror(c, c->clone[i].mbuf);
		if (unlikely(m == NULL))
			t->clone_failed++;
		else
			t->mbuf[t->n++] = m;
	}
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

static int gated(const struct fcr_cycle *c)
{
	for (uint32_t gate = c->rx_gate; gate != 0; gate &= gate - 1) {
		unsigned int i = __builtin_ctz(gate);
		if (i < c->n_tx && c->tx[i].n != 0)
			return 1;
	}
	return 0;
}

static void receive(struct fcr_cycle *c)
{
	uint16_t got, kept = 0;
	uint32_t bytes = 0;

	got = rte_eth_rx_burst(c->rx_port, c->rx_queue, c->rx, c->rx_burst);
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

int fcr_cycle_run(uintptr_t cycle)
{
	struct fcr_cycle *c = (struct fcr_cycle *)cycle;
	int rc = fault(c);

	if (unlikely(rc != 0))
		return rc;
	c->rx_n = 0;
	c->rx_gated = 0;
	c->rx_multiseg = 0;
	c->rx_bytes = 0;
	if (c->n_clone != 0)
		append_clones(c);
	for (unsigned int i = 0; i < c->n_tx; i++)
		if (c->tx[i].n != 0)
			transmit(&c->tx[i]);
	if (c->n_free != 0) {
		rte_pktmbuf_free_bulk(c->free, c->n_free);
		c->n_free = 0;
	}
	c->tsc_tx = rte_rdtsc();
	if (c->rx_port != FCR_NO_PORT) {
		if (unlikely(c->rx_gate != 0 && gated(c)))
			c->rx_gated = 1;
		else
			receive(c);
	}
	c->tsc_rx = rte_rdtsc();
	return 0;
}
