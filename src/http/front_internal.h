/* What the files of the front share. */
#ifndef PR_HTTP_FRONT_INTERNAL_H
#define PR_HTTP_FRONT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http/front.h"

#define FRONT_THREADS 2   /* that serve */
#define FRONT_TURN_MS 500 /* between two looks at the deadlines */
#define FRONT_LINGER  64  /* closed connections at once that are read empty */
#define SECOND_NS     1000000000LL

struct front_conn {
    struct pr_front_conn pub; /* first: callers have this */
    struct pr_front *f;
    struct front_conn *before, *after; /* guarded by f->lock */
    int fd;
    _Atomic int64_t deadline_ns; /* 0: none; past it the socket is shut down */
    atomic_bool sending;         /* not to make room for others */
    int64_t since_ns;
    bool watched, linger; /* of the thread that serves it */
    pthread_mutex_t lock; /* guards what follows; taken after f->lock */
    bool parked, woken, gone;
};

/* A thread that waits for descriptors. */
struct front_thread {
    pthread_t id;
    int wake; /* eventfd */
    bool started;
    atomic_bool over;
};

struct front_linger {
    int fd; /* −1: free */
    int64_t until_ns;
    size_t left; /* bytes */
};

struct pr_front {
    struct pr_front_options o; /* its strings are gone */
    struct MHD_Daemon *daemons[FRONT_THREADS];
    char *certificate, *key; /* PEM; NULL: no TLS */
    int listening[PR_FRONT_PORTS], ports[PR_FRONT_PORTS];
    struct front_thread accepting, watching;
    size_t max_connections;
    int epoll;                /* of the watched connections */
    atomic_bool ending;       /* nothing is parked any more */
    pthread_mutex_t lock;     /* guards what follows, and that no watched descriptor is closed */
    struct front_conn *conns; /* those that libmicrohttpd has begun with */
    size_t n_conns;           /* accepted and not closed */
    struct front_linger lingering[FRONT_LINGER];
};

/* conn.c */
void pr_front_on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
    enum MHD_ConnectionNotificationCode code);
struct front_conn *pr_front_conn_of(struct MHD_Connection *c);
/* Shuts down what is past its deadline; when `full`, also the one that has been waiting longest for
 * a request to come, if that is a second or more. */
void pr_front_reap(struct pr_front *f, bool full);

/* listen.c */
PR_MUST_CHECK enum pr_code pr_front_listen(
    struct pr_front *f, const struct pr_front_options *o, struct pr_error *e);
void *pr_front_accept(void *f); /* a thread */

/* park.c */
void pr_front_unwatch(struct front_conn *k);
void pr_front_cut_all(struct pr_front *f);
void *pr_front_watch_all(void *f); /* a thread */

/* linger.c */
void pr_front_linger_begin(
    struct pr_front *f, int fd); /* under f->lock; fd is about to be closed */
/* Reads what came, and gives up those whose time is over.  Are there any? */
bool pr_front_linger_turn(struct pr_front *f);
void pr_front_linger_done(struct pr_front *f);

/* tls.c */
PR_MUST_CHECK enum pr_code pr_front_read_tls(
    struct pr_front *f, const struct pr_front_options *o, struct pr_error *e);

#endif
