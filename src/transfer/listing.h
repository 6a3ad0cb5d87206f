/* What lies in a folder of checkpoints, on this machine or another: names, sizes, times.
 *
 * A listing is plain data.  It comes from a source (store.h) or from the bytes that one's remote
 * side wrote (pr_listing_parse), and says nothing about contents; ready.h reads headers.  Hidden
 * names (with a leading dot) are in no listing: that is where trainers and rsync keep what is half
 * written. */
#ifndef PR_TRANSFER_LISTING_H
#define PR_TRANSFER_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"

enum pr_listed_kind {
    PR_LISTED_FILE,
    PR_LISTED_FOLDER, /* in a checkpoint's folder: never fetched */
    PR_LISTED_LINK,   /* a symbolic link: never followed, never fetched */
    PR_LISTED_OTHER,  /* a device, socket or FIFO */
};

struct pr_listed_file {
    char *name; /* plain: no '/', not hidden, at most NAME_MAX bytes; any other byte but NUL */
    enum pr_listed_kind kind;
    uint64_t size;    /* bytes; 0 for all that is no file */
    int64_t mtime_ns; /* by the clock of the side that it lies on: compare with itself alone */
};

/* One folder, its entries sorted by the bytes of their names. */
struct pr_listed {
    char *name; /* as of a file */
    struct pr_listed_file *files;
    size_t n, cap;
};

/* The candidates: folders named checkpoint-N, or holding config.json, adapter_config.json or
 * weights.  Sorted by the bytes of their names.  Zero-initialise; pr_listing_done frees. */
struct pr_listing {
    struct pr_listed *v;
    size_t n, cap;
};

struct pr_listing_limits {
    size_t max_entries; /* of all folders together */
    size_t max_bytes;   /* of the text that a remote side sends */
};
#define PR_LISTING_LIMITS ((struct pr_listing_limits){50000, (size_t)8 << 20})

/* The remote side's text: entries that end in NUL, each "K SIZE MTIME PATH" with K one of find's
 * letters (d f l, others), SIZE in bytes, MTIME in seconds since 1970 with or without a fraction,
 * and PATH of one or two components.  PR_E_FORMAT with the byte offset for anything else: a path
 * with "..", an absolute or hidden one, numbers out of range, the same name twice, a file
 * that does not follow its folder.  PR_E_LIMIT past `limits`. */
PR_MUST_CHECK enum pr_code pr_listing_parse(const char *bytes, size_t n,
    const struct pr_listing_limits *limits, struct pr_listing *ret, struct pr_error *e);
void pr_listing_done(struct pr_listing *l);

/* Borrowed; NULL where there is none of that name. */
const struct pr_listed *pr_listing_find(const struct pr_listing *l, const char *name);
const struct pr_listed_file *pr_listed_find(const struct pr_listed *l, const char *name);

/* Two looks at one checkpoint: the same names, kinds, sizes and times?  False where either is NULL.
 */
bool pr_listed_same(const struct pr_listed *a, const struct pr_listed *b);
/* The same as a value to keep: SHA-256 over names, kinds, sizes and times, lower-case hex.  Equal
 * for pr_listed_same; the folder's own name is not in it. */
void pr_listed_hash(const struct pr_listed *l, char ret[PR_SHA256_HEX]);

/* A copy of its own: pr_listed_done. */
struct pr_listed pr_listed_copy(const struct pr_listed *l);
void pr_listed_done(struct pr_listed *l);

/* For those who make listings (store_local.c, pr_listing_parse): is this a name that listings
 * hold?  Sorts, refuses repeated names, and drops the folders that are no candidates. */
bool pr_listing_is_name(const char *name, size_t n);
PR_MUST_CHECK enum pr_code pr_listing_finish(struct pr_listing *l, struct pr_error *e);

#endif
