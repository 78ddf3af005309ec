/*
 * ref_main.c: the program around the loop of ref.c: arguments, ports, the policy file, measuring, the result as JSON.
 *
 *   ref EAL-ARGUMENTS -- --pair EDGE,FABRIC,SERVICE ... --flows FILE --service-mac MAC [--directions N] [--mbufs N]
 *       [--mbuf-bytes N] [--cache N] ( --seconds S [--warmup S] | --frames N )
 *
 * Each --pair names three ethdevs and takes one worker lcore; the first is fabric 0, the next fabric 1. --seconds measures between two moments while the loop
 * runs; --frames counts N frames in all, spread evenly over the workers (rounded up to bursts), and stops: for counting
 * instructions. The file has a line per direction: fabric, VLAN or VF_ID, S_ID, D_ID in hex, and forward, steer,
 * mirror-commands or drop.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "ref.h"

#define MAX_WORKERS 8
#define DESCRIPTORS 512

static const char *const reason_names[REASONS] = {
	"ok", "runt", "not_fcoe", "nested_tag", "fip", "old_format", "bad_version", "bad_sof", "bad_eof", "invalid_eof",
	"bad_length", "oversize", "bad_ext_header", "loop", "unkeyed",
};

static const char *const verdict_names[VERDICTS] = {"forward", "steer", "mirror-commands", "drop"};

static struct worker *workers[MAX_WORKERS];
static char *pair_names[MAX_WORKERS];
static unsigned worker_count;

static struct {
	const char *flows;
	uint64_t frames;
	double seconds, warmup;
	unsigned directions, mbufs, mbuf_bytes, cache;
} options = {
	.seconds = 1, .warmup = 1, .directions = 24000, .mbufs = 65535, .mbuf_bytes = RTE_MBUF_DEFAULT_BUF_SIZE,
	.cache = RTE_MEMPOOL_CACHE_MAX_SIZE,
};

#define die(...) rte_exit(EXIT_FAILURE, "ref: " __VA_ARGS__)

/* ---- arguments and policy --------------------------------------------------------------------------------------- */

static uint64_t parse_mac(const char *s)
{
	unsigned b[6];
	uint64_t mac = 0;

	if (sscanf(s, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		die("service-mac %s: want six bytes in hex with colons\n", s);
	for (int i = 5; i >= 0; i--)
		mac = mac << 8 | (b[i] & 0xFF);
	return mac;
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"pair", required_argument, NULL, 'p'},	      {"flows", required_argument, NULL, 'f'},
		{"service-mac", required_argument, NULL, 'm'}, {"directions", required_argument, NULL, 'd'},
		{"mbufs", required_argument, NULL, 'n'},      {"mbuf-bytes", required_argument, NULL, 'b'},
		{"cache", required_argument, NULL, 'c'},      {"seconds", required_argument, NULL, 's'},
		{"warmup", required_argument, NULL, 'w'},     {"frames", required_argument, NULL, 'N'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (o) {
		case 'p':
			if (worker_count == MAX_WORKERS)
				die("pair %s: no more than %d pairs\n", optarg, MAX_WORKERS);
			pair_names[worker_count++] = optarg;
			break;
		case 'f': options.flows = optarg; break;
		case 'm': policy.service_mac = parse_mac(optarg); break;
		case 'd': options.directions = strtoul(optarg, NULL, 10); break;
		case 'n': options.mbufs = strtoul(optarg, NULL, 10); break;
		case 'b': options.mbuf_bytes = strtoul(optarg, NULL, 10); break;
		case 'c': options.cache = strtoul(optarg, NULL, 10); break;
		case 's': options.seconds = strtod(optarg, NULL); break;
		case 'w': options.warmup = strtod(optarg, NULL); break;
		case 'N': options.frames = strtoull(optarg, NULL, 10); break;
		default: die("see the head of ref_main.c for the arguments\n");
		}
	}
	if (worker_count == 0)
		die("no --pair given\n");
}

static uint8_t parse_verdict(const char *s)
{
	for (unsigned v = 0; v < VERDICTS; v++)
		if (strcmp(s, verdict_names[v]) == 0)
			return v;
	die("flows %s: unknown verdict %s\n", options.flows, s);
}

static void load_policy(void)
{
	FILE *f = fopen(options.flows, "r");
	size_t room = 0;
	unsigned fabric, vf, sid, did;
	char verdict[32];
	int fields;

	if (f == NULL)
		die("open %s: %s\n", options.flows, strerror(errno));
	while ((fields = fscanf(f, "%x %x %x %x %31s", &fabric, &vf, &sid, &did, verdict)) == 5) {
		if (policy.count == room) {
			room = room ? 2 * room : 4096;
			policy.rows = realloc(policy.rows, room * sizeof(policy.rows[0]));
			if (policy.rows == NULL)
				die("flows %s: no memory for %zu rows\n", options.flows, room);
		}
		policy.rows[policy.count++] = (struct row){
			.key = (uint64_t)fabric << 60 | (uint64_t)vf << 48 | (uint64_t)sid << 24 | did,
			.verdict = parse_verdict(verdict),
		};
	}
	if (fields != EOF)
		die("flows %s: row %zu is not: fabric vf s_id d_id verdict\n", options.flows, policy.count + 1);
	fclose(f);
	qsort(policy.rows, policy.count, sizeof(policy.rows[0]), by_key);
}

/* ---- ports and workers ------------------------------------------------------------------------------------------ */

static uint16_t open_port(const char *name, struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};
	uint16_t port;
	int err;

	err = rte_eth_dev_get_port_by_name(name, &port);
	if (err != 0)
		die("port %s: there is no such device\n", name);
	err = rte_eth_dev_configure(port, 1, 1, &conf);
	if (err == 0)
		err = rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool);
	if (err == 0)
		err = rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	if (err == 0)
		err = rte_eth_dev_start(port);
	if (err != 0)
		die("port %s: %s\n", name, rte_strerror(-err));
	return port;
}

static struct worker *make_worker(unsigned index, char *names, struct rte_mempool *pool)
{
	struct worker *w = rte_zmalloc("worker", sizeof(*w), RTE_CACHE_LINE_SIZE);
	const uint64_t slots = rte_align64pow2(2 * (uint64_t)options.directions); /* at most half full */
	char *rest = names;

	if (w == NULL)
		die("worker: no memory\n");
	w->table = rte_zmalloc("directions", (slots + 1) * sizeof(struct entry), RTE_PGSIZE_2M);
	if (w->table == NULL)
		die("table: no memory for %" PRIu64 " slots\n", slots);
	w->mask = slots - 1;
	w->fabric_bits = (uint64_t)index << 60;
	w->pool = pool;
	w->limit = options.frames ? (options.frames + worker_count - 1) / worker_count : UINT64_MAX;
	for (unsigned i = 0; i < PORTS; i++) {
		char *name = strsep(&rest, ",");

		if (name == NULL)
			die("pair: want EDGE,FABRIC,SERVICE\n");
		w->port[i] = open_port(name, pool);
	}
	return w;
}

static void start_workers(void)
{
	unsigned lcore = -1;

	for (unsigned i = 0; i < worker_count; i++) {
		lcore = rte_get_next_lcore(lcore, 1, 0);
		if (lcore == RTE_MAX_LCORE)
			die("%u pairs need as many worker lcores\n", worker_count);
		rte_eal_remote_launch(run, workers[i], lcore);
	}
}

/* ---- measuring -------------------------------------------------------------------------------------------------- */

/* A copy of what the workers counted so far, and when. The workers go on; a field may be one burst older than its
 * neighbour. */
struct moment {
	uint64_t ns, tsc;
	uint64_t ran, waited; /* ns that the workers had a core, and that they waited for one */
	struct counters count;
	struct histogram latency;
};

static void look_at_schedule(int tid, struct moment *at)
{
	uint64_t ran = 0, waited = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
	f = fopen(path, "r");
	if (f == NULL)
		return; /* the worker has not started: it has not waited */
	if (fscanf(f, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2) {
		at->ran += ran;
		at->waited += waited;
	}
	fclose(f);
}

static void look(struct moment *at)
{
	struct timespec now;

	memset(at, 0, sizeof(*at));
	clock_gettime(CLOCK_MONOTONIC, &now);
	at->tsc = rte_rdtsc();
	at->ns = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	for (unsigned i = 0; i < worker_count; i++) {
		const volatile uint64_t *from = (const volatile uint64_t *)&workers[i]->count;
		uint64_t *to = (uint64_t *)&at->count;

		for (size_t k = 0; k < sizeof(at->count) / sizeof(*to); k++)
			to[k] += from[k];
		for (size_t k = 0; k < BUCKETS; k++)
			at->latency.buckets[k] += ((const volatile uint64_t *)workers[i]->latency.buckets)[k];
		look_at_schedule(__atomic_load_n(&workers[i]->tid, __ATOMIC_RELAXED), at);
		at->latency.max = RTE_MAX(at->latency.max, workers[i]->latency.max);
	}
}

/* What happened from one moment to the other, in place of the later one. */
static void subtract(struct moment *later, const struct moment *earlier)
{
	uint64_t *a = (uint64_t *)&later->count;
	const uint64_t *b = (const uint64_t *)&earlier->count;

	later->ns -= earlier->ns;
	later->tsc -= earlier->tsc;
	later->ran -= earlier->ran;
	later->waited -= earlier->waited;
	for (size_t k = 0; k < sizeof(later->count) / sizeof(*a); k++)
		a[k] -= b[k];
	for (size_t k = 0; k < BUCKETS; k++)
		later->latency.buckets[k] -= earlier->latency.buckets[k];
}

static void pause_for(double seconds)
{
	struct timespec t = {.tv_sec = (time_t)seconds};

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static void measure(struct moment *result)
{
	static struct moment before;

	if (options.frames) {
		look(&before);
		start_workers();
		rte_eal_mp_wait_lcore();
		look(result);
	} else {
		start_workers();
		pause_for(options.warmup);
		look(&before);
		pause_for(options.seconds);
		look(result);
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		rte_eal_mp_wait_lcore();
	}
	subtract(result, &before);
}

/* ---- the result ------------------------------------------------------------------------------------------------- */

static uint64_t received(const struct moment *m)
{
	return m->count.in[EDGE] + m->count.in[FABRIC];
}

static double quantile_ns(const struct moment *m, double q)
{
	const double ns = (double)m->ns / m->tsc; /* per cycle; EAL's own estimate is rounded to 10 MHz */
	uint64_t seen = 0, want = (uint64_t)(q * received(m));

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += m->latency.buckets[i];
		if (seen > want)
			return RTE_MIN(ceiling(i), m->latency.max) * ns;
	}
	return m->latency.max * ns;
}

static void print_result(const struct moment *m)
{
	const double seconds = m->ns / 1e9;
	const struct counters *c = &m->count;
	uint64_t live = 0, slots = 0, probe = 0;

	for (unsigned i = 0; i < worker_count; i++) {
		live += workers[i]->live;
		slots += workers[i]->mask + 1;
		probe = RTE_MAX(probe, workers[i]->longest_probe);
	}
	printf("{\"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"seconds\": %.6f, \"mpps\": %.4f, \"waited\": %.4f,\n", received(m),
	       c->in_bytes[EDGE] + c->in_bytes[FABRIC], seconds, received(m) / seconds / 1e6,
	       m->ran + m->waited ? (double)m->waited / (m->ran + m->waited) : 0);
	printf(" \"sent\": {\"edge\": %" PRIu64 ", \"fabric\": %" PRIu64 ", \"service\": %" PRIu64 "},\n",
	       c->sent[EDGE], c->sent[FABRIC], c->sent[SERVICE]);
	printf(" \"copies\": %" PRIu64 ", \"dropped\": %" PRIu64 ", \"stalled\": %" PRIu64 ", \"copies_failed\": %" PRIu64 ",\n",
	       c->copies, c->sent[DISCARD], c->stalled, c->copies_failed);
	printf(" \"burst_ns\": {\"p50\": %.0f, \"p90\": %.0f, \"p99\": %.0f, \"p999\": %.0f, \"p9999\": %.0f, \"max\": %.0f},\n",
	       quantile_ns(m, .5), quantile_ns(m, .9), quantile_ns(m, .99), quantile_ns(m, .999), quantile_ns(m, .9999),
	       quantile_ns(m, 1));
	printf(" \"bursts\": %" PRIu64 ", \"directions\": %" PRIu64 ", \"longest_probe\": %" PRIu64 ", \"table_bytes\": %" PRIu64 ",\n",
	       c->bursts, live, probe, slots * sizeof(struct entry));
	printf(" \"reasons\": {");
	for (unsigned r = 1, first = 1; r < REASONS; r++)
		if (c->reasons[r] != 0) {
			printf("%s\"%s\": %" PRIu64, first ? "" : ", ", reason_names[r], c->reasons[r]);
			first = 0;
		}
	printf("}}\n");
}

int main(int argc, char **argv)
{
	static struct moment result;
	struct rte_mempool *pool;
	int used = rte_eal_init(argc, argv);

	if (used < 0)
		die("EAL: %s\n", rte_strerror(rte_errno));
	parse_options(argc - used, argv + used);
	if (options.flows != NULL)
		load_policy();
	pool = rte_pktmbuf_pool_create("mbufs", options.mbufs, options.cache, 0, options.mbuf_bytes, SOCKET_ID_ANY);
	if (pool == NULL)
		die("mempool of %u mbufs of %u bytes: %s\n", options.mbufs, options.mbuf_bytes, rte_strerror(rte_errno));
	for (unsigned i = 0; i < worker_count; i++)
		workers[i] = make_worker(i, pair_names[i], pool);
	measure(&result);
	print_result(&result);
	for (unsigned i = 0; i < worker_count; i++)
		for (unsigned k = 0; k < PORTS; k++)
			rte_eth_dev_stop(workers[i]->port[k]);
	rte_eal_cleanup();
	return 0;
}
