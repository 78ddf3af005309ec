// EAL start and stop, and where DPDK's messages go.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_version.h>

#include "shim.h"

// DPDK writes messages to a stream. Ours keeps them in memory, bounded, until Go takes them: an
// appliance has nothing to print to, and an error is only useful with the line that explains it.
enum { LOG_BYTES = 16 << 10, LINE_BYTES = 1024 };

static struct {
	pthread_mutex_t lock;
	char buf[LOG_BYTES]; // records: level byte, text, zero
	size_t used;
	char line[LINE_BYTES]; // the message being written, until its newline
	size_t line_used;
	uint64_t dropped;
} messages = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void keep_line(char level)
{
	size_t need = messages.line_used + 2;

	if (messages.line_used == 0)
		return;
	if (messages.used + need > LOG_BYTES) {
		messages.dropped++;
	} else {
		messages.buf[messages.used] = level;
		memcpy(messages.buf + messages.used + 1, messages.line, messages.line_used);
		messages.buf[messages.used + need - 1] = '\0';
		messages.used += need;
	}
	messages.line_used = 0;
}

static ssize_t write_message(void *cookie, const char *text, size_t n)
{
	int level = rte_log_cur_msg_loglevel();

	(void)cookie;
	pthread_mutex_lock(&messages.lock);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			keep_line((char)level);
		else if (text[i] != '\0' && messages.line_used < LINE_BYTES)
			messages.line[messages.line_used++] = text[i];
	}
	pthread_mutex_unlock(&messages.lock);
	return (ssize_t)n;
}

size_t fcr_log_take(char *buf, size_t size, uint64_t *dropped)
{
	size_t n;

	pthread_mutex_lock(&messages.lock);
	n = messages.used < size ? messages.used : size;
	memcpy(buf, messages.buf, n);
	messages.used = 0;
	*dropped = messages.dropped;
	messages.dropped = 0;
	pthread_mutex_unlock(&messages.lock);
	return n;
}

int fcr_eal_init(int argc, char **argv)
{
	cookie_io_functions_t io = { .write = write_message };
	cpu_set_t before;
	FILE *stream;
	int rc;

	stream = fopencookie(NULL, "w", io);
	if (stream == NULL || rte_openlog_stream(stream) != 0)
		return -ENOMEM;
	if (sched_getaffinity(0, sizeof(before), &before) != 0)
		return -errno;
	rte_errno = 0;
	rc = rte_eal_init(argc, argv);
	if (rc < 0)
		rc = rte_errno != 0 ? -rte_errno : -EINVAL;
	// EAL pinned this thread to its main lcore, and Go would clone new threads from it with that
	// mask. The thread goes back to being any thread of Go: no lcore, no mempool cache, all CPUs.
	sched_setaffinity(0, sizeof(before), &before);
	if (rc >= 0)
		rte_thread_unregister();
	return rc;
}

int fcr_eal_cleanup(void)
{
	return rte_eal_cleanup();
}

const char *fcr_eal_runtime_dir(void)
{
	return rte_eal_get_runtime_dir();
}

const char *fcr_strerror(int code)
{
	return rte_strerror(code);
}

const char *fcr_version(void)
{
	return rte_version();
}
