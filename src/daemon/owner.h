/* Who owns the base folder: a lock on proctor.lock, and proctor.sock at which the others register
 * (docs/protocol.md). */
#ifndef PR_DAEMON_OWNER_H
#define PR_DAEMON_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/loop.h"
#include "grader/frame.h"

struct pr_owner;
struct pr_peer; /* one that is connected */

struct pr_owner_events {
    /* A message from a peer that has said hello (borrowed).  Answer with pr_peer_send, at once or
     * later. */
    void (*message)(void *ctx, struct pr_peer *p, const json_t *message);
    /* It went, was dropped or closed: the last that is heard of it.  Always from the loop, never
     * from within pr_peer_send or pr_peer_close; not from pr_owner_free. */
    void (*left)(void *ctx, struct pr_peer *p);
    void *ctx;
};

/* Tries to become the owner of base_dir: PR_OK with *ret, or PR_E_LIMIT when another process is
 * (message names its pid and since when).  The lock file holds pid and start time for people; the
 * lock itself is the kernel's (flock) and cannot outlive the process.  The socket (mode 0600, peers
 * of the same user only, checked by SO_PEERCRED) is there when this returns; a path too long for a
 * socket is reached through /proc/self/fd. */
PR_MUST_CHECK enum pr_code pr_owner_new(const char *base_dir, struct pr_loop *loop,
    const struct pr_owner_events *events, struct pr_owner **ret, struct pr_error *e);
/* Closes the socket, then lets go of the lock. */
void pr_owner_free(struct pr_owner *o);

/* Queues a message; a peer that does not read is dropped at 8 MiB. */
void pr_peer_send(struct pr_peer *p, const json_t *message);
/* {"type": "error","message"}, then the end. */
void pr_peer_refuse(struct pr_peer *p, const char *fmt, ...) PR_PRINTF(2, 3);
void pr_peer_close(struct pr_peer *p);
pid_t pr_peer_pid(const struct pr_peer *p);
void *pr_peer_data(struct pr_peer *p);
void pr_peer_set_data(struct pr_peer *p, void *data);
size_t pr_owner_peers(const struct pr_owner *o);

/* The other side: connects to the owner and says hello.  PR_E_NOT_FOUND when nobody owns the
 * folder. *ret_fd is non-blocking, for pr_frames_init(fd, fd); the owner's own hello comes first
 * (pr_owner_check_hello). */
PR_MUST_CHECK enum pr_code pr_owner_connect(const char *base_dir, int *ret_fd, struct pr_error *e);
/* PR_E_UNSUPPORTED when message is a hello of another protocol version, PR_E_FORMAT when it is
 * none. */
PR_MUST_CHECK enum pr_code pr_owner_check_hello(const json_t *message, struct pr_error *e);
/* One question, one answer, which may be "refused": connects, sends, waits.  *ret a new reference.
 * PR_E_NOT_FOUND: nobody owns the folder, or it went before it answered. */
PR_MUST_CHECK enum pr_code pr_owner_exchange(
    const char *base_dir, const json_t *question, int timeout_ms, json_t **ret, struct pr_error *e);
/* One question, one answer: connects, sends, waits.  *ret a new reference.  An answer of type
 * "error" or "refused" is a failure with its message. */
PR_MUST_CHECK enum pr_code pr_owner_ask(
    const char *base_dir, const json_t *question, int timeout_ms, json_t **ret, struct pr_error *e);

#endif
