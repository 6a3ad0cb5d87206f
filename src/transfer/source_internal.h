/* What the kinds of sources share; not for others than src/transfer. */
#ifndef PR_TRANSFER_SOURCE_INTERNAL_H
#define PR_TRANSFER_SOURCE_INTERNAL_H

#include "transfer/source.h"
#include "transfer/ssh.h"
#include "transfer/talk.h"

struct pr_source_kind {
    enum pr_code (*list)(struct pr_source *s, struct pr_listing *ret, struct pr_error *e);
    enum pr_code (*heads)(struct pr_source *s, const char *checkpoint, struct pr_source_want *wants,
        size_t n_wants, struct pr_error *e);
    enum pr_code (*sums_begin)(struct pr_source *s, const char *checkpoint,
        const char *const *names, size_t n_names, struct pr_error *e);
    enum pr_code (*sums_end)(
        struct pr_source *s, bool *ret_known, char (*ret)[PR_SHA256_HEX], struct pr_error *e);
    void (*hang_up)(struct pr_source *s);
};
extern const struct pr_source_kind pr_source_local, pr_source_ssh;

struct pr_source {
    const struct pr_source_kind *kind;
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

bool pr_source_is_local(const struct pr_source *s);
/* SHA-256 of a file; PR_E_CANCELLED when stopped. */
PR_MUST_CHECK enum pr_code pr_file_sha256(int dir_fd, const char *name, const atomic_bool *stop,
    char ret[PR_SHA256_HEX], struct pr_error *e);

#endif
