/* Connections over libmicrohttpd, for whoever answers requests: listening sockets, the thread that
 * accepts, a limit of connections, absolute deadlines, TLS, and waiting for an answer that another
 * thread computes while its client may go away.
 *
 * What is asked for and what is answered is the caller's: see api/http.h and serve/http.h. */
#ifndef PR_HTTP_FRONT_H
#define PR_HTTP_FRONT_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PR_FRONT_ADDRESS 64
#define PR_FRONT_PORTS   2

/* An absolute time for each part of a request, since a client that sends or reads a byte a second
 * is active for ever.  In seconds. */
#define PR_FRONT_ARRIVE_S 10 /* headers; callers give a body a deadline of its own */
#define PR_FRONT_IDLE_S   30 /* between two requests, until the next one's headers are complete */
#define PR_FRONT_QUIET_S  60 /* without a byte either way: libmicrohttpd's own timeout */

struct pr_front;

/* A connection, as the thread that serves it sees it. */
struct pr_front_conn {
    void *ctx; /* of the options */
    struct MHD_Connection *c;
    char peer[PR_FRONT_ADDRESS], local[PR_FRONT_ADDRESS];
    char *uri;     /* of its request, as it came; NULL before */
    bool complete; /* the caller's; false at each request's begin */
    void *request; /* the caller's; NULL at first */
    void *sending; /* … */
};

struct pr_front_options {
    const char *bind;
    struct {
        int port;           /* 0: a free one */
        const char *key;    /* what it is called in messages: "api.port" */
        const char *remedy; /* what takes another one: "api.port of proctor.yaml (or --port)" */
    } ports[PR_FRONT_PORTS];
    int n_ports;
    const char *bind_key;                            /* in messages: "api.bind" */
    const char *tls_certificate, *tls_key;           /* files in PEM; NULL, NULL: no TLS */
    const char *tls_certificate_name, *tls_key_name; /* in messages */
    size_t max_connections, max_header;              /* bytes of a request's headers */
    int send_buffer; /* bytes that the kernel keeps of an answer; 0: as it likes */
    void *ctx;
    /* As MHD_AccessHandlerCallback. */
    enum MHD_Result (*request)(
        struct pr_front_conn *k, const char *method, const char *upload, size_t *upload_n);
    /* The request is over, answered or not: what the caller has of it is to be freed. */
    void (*completed)(struct pr_front_conn *k);
    void (*tick)(void *ctx); /* about twice a second until pr_front_stop; NULL */
};

/* Listens and serves.  Options are copied, their strings must stay during the call alone.  PR_E_IO
 * with EADDRINUSE names the port; PR_E_USAGE: an address, or files of TLS, that cannot be used. */
PR_MUST_CHECK enum pr_code pr_front_new(
    const struct pr_front_options *o, struct pr_front **ret, struct pr_error *e);
/* Takes no more connections, ticks no more; those that there are go on. */
void pr_front_stop(struct pr_front *f);
/* Cuts those that are left.  One that the caller suspended by itself must have been resumed. */
void pr_front_free(struct pr_front *f); /* NULL is fine */
int pr_front_port(const struct pr_front *f, int which);
bool pr_front_tls(const struct pr_front *f);
/* Fewer than were asked for where the limit of descriptors is too low. */
size_t pr_front_max_connections(const struct pr_front *f);

/* Past it the socket is shut down; 0: none.  On the thread that serves it.  Where there is no room
 * for a new connection, the one whose deadline is next makes room; not one that is `sending`. */
void pr_front_set_deadline(struct pr_front_conn *k, int seconds);
void pr_front_set_deadline_sending(struct pr_front_conn *k, int seconds);
/* What comes on it is read and thrown away for a moment after libmicrohttpd has closed it: a client
 * that still sends its body would else lose the answer to a reset.  Before the answer is queued. */
void pr_front_linger(struct pr_front_conn *k);

/* ---- waiting for another thread (park.c) ----
 *
 *   do {
 *       if (!pr_front_look(k)) → MHD_NO, or MHD_CONTENT_READER_END_WITH_ERROR
 *       is there something?    → send it
 *   } while (!pr_front_park(k));
 *   → MHD_YES, or 0 bytes: libmicrohttpd asks again after pr_front_wake
 *
 * No wake between look and park is lost. */

/* From here to the request's end: is its client still there?  One that goes away, or ends its side,
 * is found while its request is parked too. */
void pr_front_watch(struct pr_front_conn *k);
/* false: the client went away, or the front ends: there is nobody to answer. */
bool pr_front_look(struct pr_front_conn *k);
/* Suspends the connection; false: something happened since the look. */
bool pr_front_park(struct pr_front_conn *k);
/* From any thread, from pr_front_watch to `completed`. */
void pr_front_wake(struct pr_front_conn *k);

/* ---- headers that say how long a request is (lengths.c) ---- */

struct pr_front_lengths {
    size_t bytes;           /* of all headers */
    int lengths, encodings; /* how often they came */
    unsigned long long length;
    bool bad_length, chunked;
};
void pr_front_lengths_take(struct pr_front_lengths *l, const char *key, const char *value);
/* 0: fine; 431: more than max_header bytes of headers; 400: lengths that contradict each other or
 * are no numbers (PR_FRONT_BAD_LENGTH says so); 413: a body of more than max_body bytes. */
int pr_front_lengths_check(const struct pr_front_lengths *l, size_t max_header, size_t max_body);
#define PR_FRONT_BAD_LENGTH                                                                        \
    "Content-Length is given twice, together with Transfer-Encoding, or is no number"
/* Is there a body? */
bool pr_front_lengths_body(const struct pr_front_lengths *l);

#endif
