// Threads of Go as lcores of DPDK, and the clock.
#include <errno.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "shim.h"

int fcr_thread_register(void)
{
	if (rte_lcore_id() != LCORE_ID_ANY)
		return -EEXIST;
	rte_errno = 0;
	if (rte_thread_register() != 0)
		return rte_errno != 0 ? -rte_errno : -EINVAL;
	return 0;
}

void fcr_thread_unregister(void)
{
	rte_thread_unregister();
}

int fcr_thread_lcore(void)
{
	return rte_lcore_id() == LCORE_ID_ANY ? -1 : (int)rte_lcore_id();
}

uint64_t fcr_tsc(void)
{
	return rte_rdtsc();
}

uint64_t fcr_tsc_hz(void)
{
	return rte_get_tsc_hz();
}
