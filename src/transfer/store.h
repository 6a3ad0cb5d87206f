/* Where checkpoints come from: a folder of this machine (or mounted there), or of a host by ssh.
 *
 * Both are one interface, a table of functions each (store_internal.h); nothing is ever written on
 * that side.  Over ssh nothing is needed there but a POSIX shell, find or stat, head, and rsync for
 * fetching; openssl or sha256sum where hashes are wanted.  The command that ssh is given is one
 * constant text (store_ssh.c); folder and file names follow on its stdin, each byte that is not a
 * letter, digit, or one of "._/-" as an octal escape, and are only ever used as quoted variables.
 * So a name may hold anything.
 *
 * The user's own ~/.ssh/config, keys, agent and known_hosts count, as for `ssh HOST`; there is
 * never a question at a terminal (BatchMode).  A connection is made when something is asked first
 * and serves all that follows until pr_store_hang_up; after a failure the next call makes a new
 * one.
 *
 * Errors name the host, what was asked, and what to do.  PR_E_USAGE: a person must act (wrong or
 * unknown host key, login refused, program missing there).  PR_E_IO, PR_E_LIMIT: the connection
 * failed or was too slow; trying again later makes sense.  PR_E_NOT_FOUND: no such folder there.
 * PR_E_CANCELLED: `stop`.
 *
 * To add a kind of source: a table in a file of its own, a line in kinds[] of store.c. */
#ifndef PR_TRANSFER_STORE_H
#define PR_TRANSFER_STORE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"
#include "transfer/listing.h"

struct pr_store_options {
    const char *host; /* NULL: dir is of this machine */
    const char *user; /* NULL: as ssh's configuration says */
    int port;         /* 0: likewise */
    /* "Name=value" each, as after ssh's -o; the user's own, and taken as they are. */
    const char *const *ssh_options;
    size_t n_ssh_options;
    const char *dir;       /* that holds the checkpoints; over ssh "~/x" and "x" are of the home */
    int connect_timeout_s; /* 0: 10 */
    int timeout_s;         /* for the answer to one question, hashes excepted; 0: 60 */
    struct pr_listing_limits limits; /* zeroed: PR_LISTING_LIMITS */
    const atomic_bool *stop;         /* set by another thread: gives up; NULL: never */
};

struct pr_store;

/* Checks the options and copies them (stop is borrowed); connects to nothing.  PR_E_USAGE for a
 * host or user with a leading '-' or bytes that no host name has, an option without '=', an empty
 * dir. */
PR_MUST_CHECK enum pr_code pr_store_open(
    const struct pr_store_options *o, struct pr_store **ret, struct pr_error *e);
void pr_store_free(struct pr_store *s);
/* Ends the connection, where there is one; what is asked next makes another. */
void pr_store_hang_up(struct pr_store *s);

/* "user@host:dir" or "dir", for messages.  Part of a checkpoint's identity, see ready.h. */
const char *pr_store_name(const struct pr_store *s);

/* The candidates in the folder.  A look that finds nothing changed costs this alone. */
PR_MUST_CHECK enum pr_code pr_store_list(
    struct pr_store *s, struct pr_listing *ret, struct pr_error *e);

/* The first bytes of files of one checkpoint: fills each want's `bytes` (pr_free, NUL-terminated).
 * A file that is not there, cannot be read or is a link leaves it NULL.  A file that is shorter is
 * filled up with zeros: `n` is to come from a listing, and who reads believes nothing before the
 * next listing says that nothing changed. */
struct pr_store_want {
    const char *name; /* as listed */
    size_t n;         /* bytes, at most PR_STORE_MAX_HEAD */
    char *bytes;
};
#define PR_STORE_MAX_HEAD ((size_t)104857600)
PR_MUST_CHECK enum pr_code pr_store_heads(struct pr_store *s, const char *checkpoint,
    struct pr_store_want *wants, size_t n_wants, struct pr_error *e);

/* SHA-256 of files of one checkpoint, in two halves, so that the other side can be at it while this
 * one is: begin asks, end waits (for as long as the connection lives) and fills n_names of
 * ret, lower-case hex; "" where a file could not be read.  *ret_known false: that side has no
 * program for it.  Nothing else may be asked in between. */
PR_MUST_CHECK enum pr_code pr_store_sums_begin(struct pr_store *s, const char *checkpoint,
    const char *const *names, size_t n_names, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_store_sums_end(
    struct pr_store *s, bool *ret_known, char (*ret)[PR_SHA256_HEX], struct pr_error *e);

#endif
