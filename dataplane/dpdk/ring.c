// Rings of mbufs and the ports made of them.
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "shim.h"

enum { BURST = 256, QUEUES = 16 };

int fcr_ring_create(const char *name, unsigned size, int socket, uintptr_t *ring)
{
	struct rte_ring *r;

	rte_errno = 0;
	r = rte_ring_create(name, size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (r == NULL)
		return rte_errno != 0 ? -rte_errno : -ENOMEM;
	*ring = (uintptr_t)r;
	return 0;
}

// Frames left in the ring go back to their pools.
void fcr_ring_free(uintptr_t ring)
{
	struct rte_ring *r = (struct rte_ring *)ring;
	void *m;

	while (rte_ring_sc_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

unsigned fcr_ring_count(uintptr_t ring)
{
	return rte_ring_count((struct rte_ring *)ring);
}

unsigned fcr_ring_room(uintptr_t ring)
{
	return rte_ring_free_count((struct rte_ring *)ring);
}

// Copies n frames that stand one behind the other into mbufs and enqueues them in order. Returns
// how many: fewer when the ring is full or the pool empty. A frame longer than an mbuf: -EMSGSIZE,
// and nothing is enqueued.
int fcr_ring_enqueue(uintptr_t ring, uintptr_t pool, const uint8_t *frames, const uint32_t *len, unsigned n)
{
	struct rte_ring *r = (struct rte_ring *)ring;
	struct rte_mempool *mp = (struct rte_mempool *)pool;
	struct rte_mbuf *m[BURST];
	unsigned room = rte_ring_free_count(r), made = 0;
	uint32_t most = rte_pktmbuf_data_room_size(mp) - RTE_PKTMBUF_HEADROOM;

	for (unsigned i = 0; i < n; i++)
		if (len[i] > most)
			return -EMSGSIZE;
	if (n > BURST)
		n = BURST;
	if (n > room)
		n = room;
	for (; made < n; made++) {
		m[made] = (struct rte_mbuf *)fcr_mbuf_make(pool, frames, len[made]);
		if (m[made] == NULL)
			break;
		frames += len[made];
	}
	// The only producer sees at least the room it saw before.
	return made == 0 ? 0 : (int)rte_ring_sp_enqueue_bulk(r, (void **)m, made, NULL);
}

// Copies frames out, one behind the other, until n are out, buf cannot hold a frame of the longest
// kind any more, or the ring is empty. Segmented frames are joined. *cut counts frames that were
// longer than that and were shortened.
unsigned fcr_ring_dequeue(uintptr_t ring, uint8_t *buf, size_t size, uint32_t *len, unsigned n, unsigned *cut)
{
	struct rte_ring *r = (struct rte_ring *)ring;
	struct rte_mbuf *m;
	unsigned got = 0;

	*cut = 0;
	while (got < n) {
		uint32_t want, room = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
		const void *data;

		// With less room than the longest frame needs, only the first frame is worth a try.
		if (got > 0 && room < 9216)
			break;
		if (rte_ring_sc_dequeue(r, (void **)&m) != 0)
			break;
		want = rte_pktmbuf_pkt_len(m);
		if (want > room) {
			want = room;
			(*cut)++;
		}
		data = rte_pktmbuf_read(m, 0, want, buf);
		if (data != NULL && data != buf)
			memcpy(buf, data, want);
		rte_pktmbuf_free(m);
		len[got++] = want;
		buf += want;
		size -= want;
	}
	return got;
}

int fcr_ring_port(const char *name, const uintptr_t *rx, unsigned n_rx, const uintptr_t *tx, unsigned n_tx, int socket)
{
	int port;

	if (n_rx > QUEUES || n_tx > QUEUES)
		return -EINVAL;
	rte_errno = 0;
	port = rte_eth_from_rings(name, (struct rte_ring *const *)rx, n_rx, (struct rte_ring *const *)tx, n_tx,
				  socket < 0 ? 0 : (unsigned)socket);
	if (port < 0)
		return rte_errno != 0 ? -rte_errno : -EINVAL;
	return port;
}
