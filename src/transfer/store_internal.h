/* What the kinds of sources share; not for others than src/transfer. */
#ifndef PR_TRANSFER_STORE_INTERNAL_H
#define PR_TRANSFER_STORE_INTERNAL_H

#include "transfer/ssh.h"
#include "transfer/store.h"
#include "transfer/talk.h"

struct pr_store_kind {
    enum pr_code (*list)(struct pr_store *s, struct pr_listing *ret, struct pr_error *e);
    enum pr_code (*heads)(struct pr_store *s, const char *checkpoint, struct pr_store_want *wants,
        size_t n_wants, struct pr_error *e);
    enum pr_code (*sums_begin)(struct pr_store *s, const char *checkpoint, const char *const *names,
        size_t n_names, struct pr_error *e);
    enum pr_code (*sums_end)(
        struct pr_store *s, bool *ret_known, char (*ret)[PR_SHA256_HEX], struct pr_error *e);
    void (*hang_up)(struct pr_store *s);
};
extern const struct pr_store_kind pr_store_local, pr_store_ssh;

struct pr_store {
    const struct pr_store_kind *kind;
    char *name; /* for messages */
    char *dir;  /* ssh: absolute, or from the home with a leading "./" */
    struct pr_ssh ssh;
    int timeout_s;
    struct pr_listing_limits limits;
    const atomic_bool *stop;
    /* asked for by sums_begin */
    char **sum_paths;
    size_t n_sums;
    struct pr_talk talk; /* ssh: the connection */
};

/* Over ssh, for push.c: an operation of the script that changes something there; `to` NULL: it has
 * one name.  The names are paths in s->dir.  ret: its answer. */
PR_MUST_CHECK enum pr_code pr_store_ssh_do(struct pr_store *s, const char *op, const char *path,
    const char *to, char ret[16], struct pr_error *e);
/* Likewise: the folders of a folder there, as pr_store_list those of s->dir.  PR_E_NOT_FOUND: there
 * is none, and the connection is kept. */
PR_MUST_CHECK enum pr_code pr_store_ssh_list(
    struct pr_store *s, const char *path, struct pr_listing *ret, struct pr_error *e);
bool pr_store_is_local(const struct pr_store *s);
/* SHA-256 of a file; PR_E_CANCELLED when stopped. */
PR_MUST_CHECK enum pr_code pr_file_sha256(int dir_fd, const char *name, const atomic_bool *stop,
    char ret[PR_SHA256_HEX], struct pr_error *e);

#endif
