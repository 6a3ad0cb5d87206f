/* What changed, as server-sent events: a ring of the last ones, and streams that read from it.
 * Knows nothing of sockets: a stream that has nothing to send is parked, and woken when there is.
 *
 * One lock guards all; `park` and `wake` are called with it held and must not call back. */
#ifndef PR_API_EVENTS_H
#define PR_API_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/json.h"

#define PR_API_RING         4096
#define PR_API_HEARTBEAT_MS 15000

struct pr_api_events;
struct pr_api_stream;

/* boot: names this start of the program; version is for `hello`. */
struct pr_api_events *pr_api_events_new(const char *boot, const char *version, size_t max_streams);
/* After the last stream has gone. */
void pr_api_events_free(struct pr_api_events *v);
void pr_api_events_publish(struct pr_api_events *v, const char *type, const json_t *data);
/* Wakes the streams that were silent for PR_API_HEARTBEAT_MS; about once a second. */
void pr_api_events_tick(struct pr_api_events *v);
/* Every stream ends at its next read, and is woken for it. */
void pr_api_events_end(struct pr_api_events *v);
size_t pr_api_events_streams(struct pr_api_events *v);

struct pr_api_stream_calls {
    void (*park)(void *ctx);
    void (*wake)(void *ctx);
    bool (*alive)(void *ctx); /* may it go on? asked every PR_API_HEARTBEAT_MS; NULL: yes */
};
/* last: Last-Event-ID, or NULL.  NULL: there are max_streams already.  calls is borrowed. */
struct pr_api_stream *pr_api_stream_new(
    struct pr_api_events *v, const char *last, const struct pr_api_stream_calls *calls, void *ctx);
/* Bytes to send next, at most max; 0: it is parked; -1: it is over (the end, or it fell behind by
 * more than the ring holds: its client comes back with what it saw last). */
ssize_t pr_api_stream_read(struct pr_api_stream *s, char *buf, size_t max);
void pr_api_stream_free(struct pr_api_stream *s);

#endif
