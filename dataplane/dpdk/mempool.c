// Mempools of mbufs, and single mbufs for the slow path.
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "shim.h"

int fcr_mempool_create(const char *name, unsigned n, unsigned cache, uint16_t room, int socket, uintptr_t *pool)
{
	struct rte_mempool *mp;

	rte_errno = 0;
	mp = rte_pktmbuf_pool_create(name, n, cache, 0, room, socket);
	if (mp == NULL)
		return rte_errno != 0 ? -rte_errno : -ENOMEM;
	*pool = (uintptr_t)mp;
	return 0;
}

void fcr_mempool_free(uintptr_t pool)
{
	rte_mempool_free((struct rte_mempool *)pool);
}

unsigned fcr_mempool_available(uintptr_t pool)
{
	return rte_mempool_avail_count((struct rte_mempool *)pool);
}

unsigned fcr_mempool_in_use(uintptr_t pool)
{
	return rte_mempool_in_use_count((struct rte_mempool *)pool);
}

uintptr_t fcr_mbuf_make(uintptr_t pool, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc((struct rte_mempool *)pool);

	if (m == NULL)
		return 0;
	if (len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return 0;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (len != 0)
		memcpy(rte_pktmbuf_mtod(m, void *), frame, len);
	return (uintptr_t)m;
}

void fcr_mbuf_free(uintptr_t m)
{
	rte_pktmbuf_free((struct rte_mbuf *)m);
}
