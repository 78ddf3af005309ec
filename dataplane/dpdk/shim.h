// What Go calls of DPDK, and nothing else: thin functions with plain types, so that no DPDK struct,
// macro or inline function has to be understood by cgo. Return values: 0 or more, or -errno.
#ifndef FCR_SHIM_H
#define FCR_SHIM_H

#include <stddef.h>
#include <stdint.h>

// eal.c
int fcr_eal_init(int argc, char **argv);
int fcr_eal_cleanup(void);
const char *fcr_eal_runtime_dir(void);
const char *fcr_strerror(int code);
const char *fcr_version(void);
// Takes the messages kept so far: records of one level byte and a zero-terminated line. Returns the
// bytes written to buf; *dropped is how many messages did not fit since the last call.
size_t fcr_log_take(char *buf, size_t size, uint64_t *dropped);

// mempool.c
int fcr_mempool_create(const char *name, unsigned n, unsigned cache, uint16_t room, int socket, uintptr_t *pool);
void fcr_mempool_free(uintptr_t pool);
unsigned fcr_mempool_available(uintptr_t pool);
unsigned fcr_mempool_in_use(uintptr_t pool);
uintptr_t fcr_mbuf_make(uintptr_t pool, const uint8_t *frame, uint32_t len);
void fcr_mbuf_free(uintptr_t m);

// port.c
struct fcr_port_config {
	uint16_t rx_queues, tx_queues;
	uint16_t rx_descriptors, tx_descriptors;
	uint32_t mtu;
	uintptr_t pool;
};
struct fcr_port_info {
	char name[64];
	char driver[64];
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t max_rx_queues, max_tx_queues;
	uint16_t rx_descriptors, tx_descriptors;
	int32_t socket;
	uint32_t if_index; // of the kernel's interface underneath; 0 none
};
struct fcr_port_link {
	uint32_t mbps;
	uint8_t up, full_duplex, autoneg;
};
struct fcr_port_stats {
	uint64_t rx_frames, rx_bytes, rx_missed, rx_errors, rx_nombuf;
	uint64_t tx_frames, tx_bytes, tx_errors;
};
struct fcr_xstat {
	uint64_t id, value;
	char name[64];
};
int fcr_port_find(const char *name);
int fcr_port_probe(const char *devargs);
int fcr_port_match(const char *devargs);
int fcr_port_configure(uint16_t port, const struct fcr_port_config *cfg, const char **op);
int fcr_port_set_mtu(uint16_t port, uint16_t mtu);
int fcr_port_start(uint16_t port);
int fcr_port_stop(uint16_t port);
int fcr_port_promiscuous(uint16_t port);
int fcr_port_pfc(uint16_t port, uint8_t priority);
int fcr_port_allmulticast(uint16_t port);
int fcr_port_close(uint16_t port, int remove, const char **op);
int fcr_port_info(uint16_t port, struct fcr_port_info *info);
int fcr_port_link(uint16_t port, uint32_t if_index, struct fcr_port_link *link); // if_index: whose link counts too; 0 nobody's
int fcr_port_stats(uint16_t port, struct fcr_port_stats *stats);
int fcr_port_pauses(uint16_t port, uint64_t *rx, uint64_t *tx);
int fcr_port_xstats(uint16_t port, struct fcr_xstat *out, unsigned n);

// ring.c
int fcr_ring_create(const char *name, unsigned size, int socket, uintptr_t *ring);
void fcr_ring_free(uintptr_t ring);
unsigned fcr_ring_count(uintptr_t ring);
unsigned fcr_ring_room(uintptr_t ring);
int fcr_ring_enqueue(uintptr_t ring, uintptr_t pool, const uint8_t *frames, const uint32_t *len, unsigned n);
unsigned fcr_ring_dequeue(uintptr_t ring, uint8_t *buf, size_t size, uint32_t *len, unsigned n, unsigned *cut);
int fcr_ring_port(const char *name, const uintptr_t *rx, unsigned n_rx, const uintptr_t *tx, unsigned n_tx, int socket);

// thread.c
int fcr_thread_register(void);
void fcr_thread_unregister(void);
int fcr_thread_lcore(void);
uint64_t fcr_tsc(void);
uint64_t fcr_tsc_hz(void);

#endif
