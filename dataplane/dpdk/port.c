// Ports: find, configure, start, ask.
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "shim.h"

// Through which the kernel is asked for an interface's link, 1 more than the descriptor; 0: none yet. One a port, for ports
// may be of different network namespaces. Go's lock of ports guards them.
static int sockets[RTE_MAX_ETHPORTS];

int fcr_port_find(const char *name)
{
	uint16_t port;

	if (rte_eth_dev_get_port_by_name(name, &port) != 0)
		return -ENODEV;
	return port;
}

int fcr_port_probe(const char *devargs)
{
	return rte_dev_probe(devargs);
}

// The first port of the device that devargs names; a PCI device may carry its port under another name.
int fcr_port_match(const char *devargs)
{
	struct rte_dev_iterator it;
	uint16_t port, found = RTE_MAX_ETHPORTS;

	RTE_ETH_FOREACH_MATCHING_DEV(port, devargs, &it) {
		found = port;
		rte_eth_iterator_cleanup(&it);
		break;
	}
	return found == RTE_MAX_ETHPORTS ? -ENODEV : found;
}

// The largest MTU, up to the wish, that configure accepts for this device.
static uint32_t configured_mtu(const struct rte_eth_dev_info *info, uint32_t wish)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t most = info->max_mtu;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	if (info->max_rx_pktlen > overhead && info->max_rx_pktlen - overhead < most)
		most = info->max_rx_pktlen - overhead;
	return wish < most ? wish : most;
}

static int configure_queues(uint16_t port, const struct rte_eth_dev_info *info, const struct fcr_port_config *cfg,
			    uint16_t rx_desc, uint16_t tx_desc, const char **op)
{
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	int socket = rte_eth_dev_socket_id(port);
	int rc;

	// No fast free: mirror copies are indirect mbufs and may come from another pool.
	rx.offloads = 0;
	tx.offloads = 0;
	*op = "rte_eth_rx_queue_setup";
	for (uint16_t q = 0; q < cfg->rx_queues; q++) {
		rc = rte_eth_rx_queue_setup(port, q, rx_desc, socket, &rx, (struct rte_mempool *)cfg->pool);
		if (rc != 0)
			return rc;
	}
	*op = "rte_eth_tx_queue_setup";
	for (uint16_t q = 0; q < cfg->tx_queues; q++) {
		rc = rte_eth_tx_queue_setup(port, q, tx_desc, socket, &tx);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int fcr_port_configure(uint16_t port, const struct fcr_port_config *cfg, const char **op)
{
	struct rte_eth_conf conf;
	struct rte_eth_dev_info info;
	uint16_t rx_desc = cfg->rx_descriptors, tx_desc = cfg->tx_descriptors;
	int rc;

	*op = "rte_eth_dev_info_get";
	rc = rte_eth_dev_info_get(port, &info);
	if (rc != 0)
		return rc;
	// All zero: one queue by default, no offload, no VLAN stripping, no scattered receive.
	memset(&conf, 0, sizeof(conf));
	if (cfg->mtu != 0)
		conf.rxmode.mtu = configured_mtu(&info, cfg->mtu);
	*op = "rte_eth_dev_configure";
	rc = rte_eth_dev_configure(port, cfg->rx_queues, cfg->tx_queues, &conf);
	if (rc != 0)
		return rc;
	*op = "rte_eth_dev_adjust_nb_rx_tx_desc";
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx_desc, &tx_desc);
	if (rc != 0)
		return rc;
	return configure_queues(port, &info, cfg, rx_desc, tx_desc, op);
}

int fcr_port_set_mtu(uint16_t port, uint16_t mtu)
{
	uint16_t now;
	int rc = rte_eth_dev_get_mtu(port, &now);

	if (rc != 0)
		return rc;
	return now == mtu ? 0 : rte_eth_dev_set_mtu(port, mtu);
}

int fcr_port_start(uint16_t port)
{
	return rte_eth_dev_start(port);
}

int fcr_port_stop(uint16_t port)
{
	return rte_eth_dev_stop(port);
}

// Priority flow control both ways: we honour pauses, and a full receive queue pauses the sender.
int fcr_port_pfc(uint16_t port, uint8_t priority)
{
	struct rte_eth_pfc_conf conf = { .fc = { .mode = RTE_ETH_FC_FULL }, .priority = priority };

	return rte_eth_dev_priority_flow_ctrl_set(port, &conf);
}

int fcr_port_promiscuous(uint16_t port)
{
	return rte_eth_promiscuous_enable(port);
}

int fcr_port_allmulticast(uint16_t port)
{
	return rte_eth_allmulticast_enable(port);
}

int fcr_port_close(uint16_t port, int remove, const char **op)
{
	struct rte_eth_dev_info info;
	int rc;

	if (sockets[port] != 0)
		close(sockets[port] - 1);
	sockets[port] = 0;
	*op = "rte_eth_dev_info_get";
	rc = rte_eth_dev_info_get(port, &info);
	if (rc != 0)
		return rc;
	*op = "rte_eth_dev_close";
	rc = rte_eth_dev_close(port);
	if (rc != 0 || !remove)
		return rc;
	*op = "rte_dev_remove";
	return rte_dev_remove((struct rte_device *)(uintptr_t)info.device);
}

int fcr_port_info(uint16_t port, struct fcr_port_info *out)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	char name[RTE_ETH_NAME_MAX_LEN] = "";
	int rc;

	memset(out, 0, sizeof(*out));
	rc = rte_eth_dev_info_get(port, &info);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_get_name_by_port(port, name);
	if (rc != 0)
		return rc;
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(out->driver, sizeof(out->driver), "%s", info.driver_name != NULL ? info.driver_name : "");
	if (rte_eth_macaddr_get(port, &mac) == 0)
		memcpy(out->mac, mac.addr_bytes, sizeof(out->mac));
	out->max_rx_queues = info.max_rx_queues;
	out->max_tx_queues = info.max_tx_queues;
	out->socket = rte_eth_dev_socket_id(port);
	out->if_index = info.if_index;
	return rte_eth_dev_get_mtu(port, &out->mtu);
}

// Whether the kernel's interface has a link; what cannot be found out is taken to have one. Control asks ten times a second,
// so the socket stays open. In C, for it is one answer with the driver's, and Go's standard library has no struct ifreq.
static int interface_runs(uint16_t port, uint32_t if_index)
{
	struct ifreq request = { .ifr_ifindex = if_index };

	if (sockets[port] == 0)
		sockets[port] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) + 1;
	if (sockets[port] == 0)
		return 1;
	if (ioctl(sockets[port] - 1, SIOCGIFNAME, &request) != 0) // it may have got another name
		return errno != ENODEV; // it is gone
	if (ioctl(sockets[port] - 1, SIOCGIFFLAGS, &request) != 0)
		return 1;
	return (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

int fcr_port_link(uint16_t port, uint32_t if_index, struct fcr_port_link *out)
{
	struct rte_eth_link link;
	int rc;

	memset(&link, 0, sizeof(link));
	rc = rte_eth_link_get_nowait(port, &link);
	if (rc != 0)
		return rc;
	out->mbps = link.link_speed;
	out->up = link.link_status == RTE_ETH_LINK_UP && (if_index == 0 || interface_runs(port, if_index));
	out->full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	out->autoneg = link.link_autoneg == RTE_ETH_LINK_AUTONEG;
	return 0;
}

int fcr_port_stats(uint16_t port, struct fcr_port_stats *out)
{
	struct rte_eth_stats s;
	int rc;

	memset(&s, 0, sizeof(s));
	rc = rte_eth_stats_get(port, &s);
	if (rc != 0)
		return rc;
	out->rx_frames = s.ipackets;
	out->rx_bytes = s.ibytes;
	out->rx_missed = s.imissed;
	out->rx_errors = s.ierrors;
	out->rx_nombuf = s.rx_nombuf;
	out->tx_frames = s.opackets;
	out->tx_bytes = s.obytes;
	out->tx_errors = s.oerrors;
	return 0;
}

// With n == 0: how many there are. Else fills at most n and returns how many it filled.
int fcr_port_xstats(uint16_t port, struct fcr_xstat *out, unsigned n)
{
	int have = rte_eth_xstats_get(port, NULL, 0);

	if (have < 0 || n == 0)
		return have;
	struct rte_eth_xstat values[have > 0 ? have : 1];
	struct rte_eth_xstat_name names[have > 0 ? have : 1];
	int got = rte_eth_xstats_get(port, values, have);

	if (got < 0)
		return got;
	if (rte_eth_xstats_get_names(port, names, have) != have || got > have)
		return -EAGAIN; // the set changed in between
	if ((unsigned)got > n)
		got = n;
	for (int i = 0; i < got; i++) {
		out[i].id = values[i].id;
		out[i].value = values[i].value;
		snprintf(out[i].name, sizeof(out[i].name), "%s",
			 values[i].id < (uint64_t)have ? names[values[i].id].name : "");
	}
	return got;
}

// Drivers name their pause counters as they like: rx_xon_packets, tx_priority3_pause, rx_pfc_xoff_pkts. What is received
// paused us, what is sent paused others.
int fcr_port_pauses(uint16_t port, uint64_t *rx, uint64_t *tx)
{
	int n = rte_eth_xstats_get_names(port, NULL, 0);
	struct rte_eth_xstat_name *names;
	struct rte_eth_xstat *values;

	*rx = *tx = 0;
	if (n <= 0)
		return n;
	names = calloc(n, sizeof(*names));
	values = calloc(n, sizeof(*values));
	if (names != NULL && values != NULL && rte_eth_xstats_get_names(port, names, n) == n &&
	    rte_eth_xstats_get(port, values, n) == n) {
		for (int i = 0; i < n; i++) {
			const char *name = names[i].name;

			if (strstr(name, "pause") == NULL && strstr(name, "xon") == NULL && strstr(name, "xoff") == NULL)
				continue;
			if (strncmp(name, "rx", 2) == 0)
				*rx += values[i].value;
			else if (strncmp(name, "tx", 2) == 0)
				*tx += values[i].value;
		}
	}
	free(names);
	free(values);
	return 0;
}
