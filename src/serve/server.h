/* The inference server without its sockets: from a request's head and body to the bytes of its
 * answer.
 *
 *   GET  /v1/models, /v1/models/{name}    POST /v1/chat/completions, /v1/completions
 *   POST /tokenize, /detokenize           GET  /health, /metrics
 *   POST /v1/load                         swaps the model: {"path": FOLDER}
 *
 * The routes are a table (server.c).  An exchange is one request and its answer; exchanges begin,
 * are read and freed on any thread, each by one at a time. */
#ifndef PR_SERVE_SERVER_H
#define PR_SERVE_SERVER_H

#include "serve/model.h"

struct pr_serve_server;

struct pr_serve_server_options {
    const char *dir; /* the first checkpoint */
    const char
        *name;       /* what clients call the model; NULL: its folder's name, whichever is loaded */
    const char *key; /* NULL: none is asked for */
    /* The address that is listened at: without a key, requests must name it, loopback or the
     * address that they came in at as their Host, so that a page of a rebound name is nobody.
     * NULL: any Host. */
    const char *bind;
    struct pr_serve_model_options model;
    size_t most_waiting;   /* answers (choices) under way and waiting together, over all models;
                            * more: 429; 0: 1024 */
    int deadline_s;        /* of an answer, from the end of its request; 0: none */
    size_t most_unread;    /* bytes of a stream that its reader is behind; more: it is ended */
    uint64_t memory_bytes; /* that the models may take together; 0: what the machine has free */
    bool allow_load; /* may POST /v1/load swap the model?  It needs the key where there is one */
    struct pr_stop stop; /* loading ends when it says so, the first too: PR_E_CANCELLED */
};

PR_MUST_CHECK enum pr_code pr_serve_server_new(
    const struct pr_serve_server_options *o, struct pr_serve_server **ret, struct pr_error *e);
/* No new answers: /health says 503, and a checkpoint that is being loaded is given up; returns when
 * those under way are over and their exchanges freed, or `wait_ms` is over: what is still under way
 * then breaks off. */
void pr_serve_server_drain(struct pr_serve_server *s, int wait_ms);
void pr_serve_server_free(struct pr_serve_server *s); /* no exchange may be alive */

/* Loads a checkpoint beside the one that serves, then new requests go to it; the old one is let go
 * when its last answer is over, on a thread of its own.  One at a time: PR_E_USAGE while another
 * goes on.  PR_E_LIMIT: there is not memory for both.  PR_E_CANCELLED: the server ends.  Nothing
 * changes unless PR_OK.  Blocks while it loads. */
PR_MUST_CHECK enum pr_code pr_serve_server_swap(
    struct pr_serve_server *s, const char *dir, struct pr_error *e);

/* The model that serves now. */
struct pr_serve_now {
    char name[256], fingerprint[65], numerics[PR_NUMERICS_MAX];
};
void pr_serve_server_now(struct pr_serve_server *s, struct pr_serve_now *ret);

struct pr_serve_head {
    const char *method, *path;                       /* the path as it came, without a query */
    const char *authorization, *content_type, *host; /* NULL: not there */
    const char *local;                               /* the address that it came in at; NULL */
    const char *peer;                                /* for the log */
};
#define PR_SERVE_MAX_BODY ((size_t)8 << 20)

/* What is answered to a request before its body is read. */
struct pr_serve_refusal {
    int status;         /* 401, 403, 404, 405, 413, 415; 0: it is not refused */
    const char *allow;  /* of 405: the header Allow; NULL */
    struct pr_str body; /* the error's document; the caller's */
};
/* Is it to be refused before a body is read, so that strangers send no megabytes?  `length`: of the
 * body where it is known, else 0. */
bool pr_serve_server_check(struct pr_serve_server *s, const struct pr_serve_head *h,
    uint64_t length, struct pr_serve_refusal *ret);

struct pr_serve_exchange;
/* Begins to answer; head and body need not outlive the call.  `wake` is called, from any thread and
 * possibly before this returns, whenever there may be more to read; not after free, which waits for
 * one that goes on: free is not called within it. */
struct pr_serve_exchange *pr_serve_exchange_new(struct pr_serve_server *s,
    const struct pr_serve_head *h, const char *body, size_t n, void (*wake)(void *ctx), void *ctx);

/* Known as soon as the first byte is: 0 until then (wake comes). */
struct pr_serve_answer_head {
    int status;
    const char *type;        /* Content-Type */
    bool stream;             /* its length is not known; events */
    size_t n;                /* bytes of one that is no stream */
    int retry_after_s;       /* 0: none */
    const char *allow;       /* of 405; NULL */
    const char *fingerprint; /* header X-Model-Fingerprint; NULL: no model was asked */
    bool authenticate;       /* of 401 */
};
bool pr_serve_exchange_head(struct pr_serve_exchange *x, struct pr_serve_answer_head *ret);
/* Bytes of the answer: > 0; 0: none yet, wake comes; −1: that was all; −2: it broke off (the reader
 * was too slow, the server ends): the connection is to be cut. */
int pr_serve_exchange_read(struct pr_serve_exchange *x, char *to, size_t max);
/* Also of one that is not over: its answer is cancelled, without waiting for the model. */
void pr_serve_exchange_free(struct pr_serve_exchange *x);

#endif
