/* An answer's bytes with all that HTTP wants to know of them: made once, shared by all that are
 * sent it, never changed.  Counted by references; any thread may take and give back. */
#ifndef PR_API_BLOB_H
#define PR_API_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define PR_API_JSON "application/json"
#define PR_API_ETAG 40 /* with its quotes and the NUL */

/* How it is sent. */
enum pr_api_form {
    PR_API_PLAIN,
    PR_API_GZIP,
    PR_API_UNCHANGED,      /* 304 in place of the plain one */
    PR_API_UNCHANGED_GZIP, /* … of the compressed one */
    PR_API_FORMS
};

struct pr_api_blob {
    atomic_int refs;
    int status;       /* of HTTP */
    const char *type; /* static */
    const char *body; /* n bytes */
    size_t n;
    const char *gz; /* NULL: not worth it */
    size_t gz_n;
    char etag[PR_API_ETAG], etag_gz[PR_API_ETAG]; /* "": none (an error) */
    bool page;                                    /* a page or a part of it: a browser runs it */
    bool immutable;                               /* its address changes with its content */
    bool gz_borrowed;
    /* What the HTTP side makes of it, a form each, at first use. */
    _Atomic(void *) front[PR_API_FORMS];
    void (*front_free)(void *);
};

/* {"schema_version", "at", …content}: the first two come in front, whatever content says of them.
 *
 * The ETag is over all but what only tells the time: `at`, also where a part repeats it, and
 * members named `age_seconds`, `next_run_seconds` or `uptime_seconds` at any depth.  So a document
 * that says the same a second later has the same ETag; whoever keeps the older bytes shows an older
 * `at`, which is when that was looked at. */
struct pr_api_blob *pr_api_blob_json(const json_t *content, int64_t at_ms);
struct pr_api_blob *pr_api_blob_text(const char *type, const char *text, size_t n);
/* {"error": {"code", "message"}}; the code belongs to the status (see the table in blob.c). */
struct pr_api_blob *pr_api_blob_error(int status, const char *message);
/* Bytes that the program holds, compressed already; etag with its quotes. */
struct pr_api_blob *pr_api_blob_asset(
    const char *type, const void *gz, size_t gz_n, const char *etag, bool page, bool immutable);
struct pr_api_blob *pr_api_blob_ref(struct pr_api_blob *b);
void pr_api_blob_unref(struct pr_api_blob *b); /* NULL is fine */

/* The HTTP status of a failed handler. */
int pr_api_status_of(enum pr_code code);

#endif
