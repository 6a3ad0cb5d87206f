/* What the files of the server share.
 *
 * Locks: the server's guards the models and the places for answers; an exchange's what is to be
 * read of it; the tally's its counts; a model's what it is asked for.  With one of the first three
 * held none of the others of them is taken, and no `wake` called.  None is held while a model
 * computes: who serves many clients never waits for a pass. */
#ifndef PR_SERVE_SERVER_INTERNAL_H
#define PR_SERVE_SERVER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/json.h"
#include "base/rng.h"
#include "model/memory.h"
#include "serve/metrics.h"
#include "serve/request.h"
#include "serve/server.h"

#define PR_SERVE_ALIAS "default" /* a model's name that is always right */
#define PR_SERVE_JSON  "application/json"

/* A model that is loaded: the one that serves, or an older one whose answers go on. */
struct pr_serve_loaded {
    struct pr_serve_model *model;
    char *dir;
    int64_t since_s;             /* UTC */
    struct pr_model_memory size; /* kv is taken as it is needed */
    size_t n_users;              /* requests under way */
    struct pr_serve_server *server;
    struct pr_serve_loaded *next;
};

struct pr_serve_server {
    struct pr_serve_server_options o;
    char *name, *key, *bind; /* copies */
    struct pr_serve_tally tally;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct pr_serve_loaded *current, *old; /* old: linked by next */
    uint64_t closing_bytes;                /* of those whose memory is being let go */
    size_t n_answers, n_threads;           /* threads: that load or close */
    size_t n_exchanges;                    /* not yet freed by who asks */
    bool swapping;
    atomic_bool draining; /* written under the lock; who loads looks at it without */
    atomic_bool ended;    /* what is under way breaks off */
    struct pr_rng rng;    /* of ids and of seeds that nobody gave */
    uint64_t n_swaps;
    struct pr_batcher_counts past; /* of models that were closed: the running totals */
};

/* ---- routes (server.c) ---- */

struct pr_serve_exchange;
struct pr_serve_route {
    const char *method, *path; /* a path that ends with '/' is the beginning of one */
    bool open;                 /* needs no key */
    void (*answer)(
        struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n);
};
/* The route of the request's path, NULL where there is none, also of one that is refused: then
 * false, and e says why.  405: the route's method is what is allowed. */
bool pr_serve_route_of(struct pr_serve_server *s, const struct pr_serve_head *h, uint64_t length,
    const struct pr_serve_route **ret, struct pr_serve_error *e);
/* What its requests are counted as; r may be NULL. */
const char *pr_serve_route_label(const struct pr_serve_route *r);

/* ---- models (swap.c) ---- */

/* The model that serves, kept from being let go until it is released. */
struct pr_serve_loaded *pr_serve_take(struct pr_serve_server *s);
/* The same for a request of n choices, whose places are counted.  One that alone asks for more
 * than there are is taken when nothing else is under way.  NULL: e says why (404, 429, 503). */
struct pr_serve_loaded *pr_serve_take_places(
    struct pr_serve_server *s, const char *name, size_t n, struct pr_serve_error *e);
void pr_serve_give_back(struct pr_serve_loaded *l, size_t n_places);
/* Is it what clients may call it?  e: 404. */
bool pr_serve_is_named(const struct pr_serve_loaded *l, const char *name, struct pr_serve_error *e);
const char *pr_serve_name_of(const struct pr_serve_loaded *l);

struct pr_serve_swapped {
    bool unchanged; /* it is what served already */
    char from[65], to[65];
};
PR_MUST_CHECK enum pr_code pr_serve_swap(
    struct pr_serve_server *s, const char *dir, struct pr_serve_swapped *ret, struct pr_error *e);
/* The first one, and the end of all. */
PR_MUST_CHECK enum pr_code pr_serve_load_first(struct pr_serve_server *s, struct pr_error *e);
void pr_serve_let_go_of_all(struct pr_serve_server *s);

/* ---- exchanges (exchange.c) ---- */

struct pr_serve_server *pr_serve_exchange_server(struct pr_serve_exchange *x);
int64_t pr_serve_exchange_begun_ns(const struct pr_serve_exchange *x);

/* The whole answer; o is stolen.  fingerprint: NULL where no model was asked. */
void pr_serve_answer_json(
    struct pr_serve_exchange *x, int status, const char *fingerprint, json_t *o);
void pr_serve_answer_text(struct pr_serve_exchange *x, int status, const char *fingerprint,
    const char *type, const char *text, size_t n);
void pr_serve_answer_error(
    struct pr_serve_exchange *x, const char *fingerprint, const struct pr_serve_error *e);
/* A stream: bytes as they come, then its end, which counts as `status`. */
void pr_serve_stream_put(
    struct pr_serve_exchange *x, const char *fingerprint, const char *bytes, size_t n);
void pr_serve_stream_over(struct pr_serve_exchange *x, int status);
bool pr_serve_stream_begun(struct pr_serve_exchange *x);

/* Who answers later keeps the exchange, and lets it go after the last bytes. */
void pr_serve_exchange_keep(struct pr_serve_exchange *x);
void pr_serve_exchange_let_go(struct pr_serve_exchange *x);
/* Work that is cancelled when the exchange is freed before pr_serve_exchange_end_work.  `cancel` is
 * called under the exchange's lock, so that the work cannot end meanwhile: it leaves word and
 * returns at once. */
void pr_serve_exchange_set_work(
    struct pr_serve_exchange *x, void *work, void (*cancel)(void *work));
/* From here on it is not cancelled; false: it was, and nobody waits for what comes of it. */
bool pr_serve_exchange_end_work(struct pr_serve_exchange *x);

/* ---- what the routes do ---- */

#define PR_SERVE_ANSWERS(X)                                                                        \
    X(models) X(model) X(chat) X(completion) X(tokenize) X(detokenize) X(health) X(metrics) X(load)
#define PR_X(name)                                                                                 \
    void pr_serve_do_##name(                                                                       \
        struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n);
PR_SERVE_ANSWERS(PR_X)
#undef PR_X

#endif
