/* The same files on two sides: hashed by both, one while the other is at it. */
#include <string.h>

#include "base/alloc.h"
#include "transfer/fetch_internal.h"

static enum pr_code ask(struct pr_store *s, const char *checkpoint, const char *const *names,
    size_t n, bool *ret_known, char (*there)[PR_SHA256_HEX], struct pr_error *e)
{
    enum pr_code code = pr_store_sums_begin(s, checkpoint, names, n, e);
    return code ? code : pr_store_sums_end(s, ret_known, there, e);
}

static enum pr_code hash_here(int dir, const char *const *names, size_t n, const atomic_bool *stop,
    char (*here)[PR_SHA256_HEX], struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++)
        code = pr_file_sha256(dir, names[i], stop, here[i], e);
    return code;
}

enum pr_code pr_sums_compare(struct pr_store *s, const char *checkpoint, int dir,
    const char *const *names, size_t n, const atomic_bool *stop, struct pr_sums *ret,
    struct pr_error *e)
{
    char(*there)[PR_SHA256_HEX] = pr_zalloc((n + 1) * sizeof *there);
    char(*here)[PR_SHA256_HEX] = pr_zalloc((n + 1) * sizeof *here);
    *ret = (struct pr_sums){.known = true, .wrong = n};
    /* A connection that was idle for as long as the files came may be gone: it is made again. */
    bool asked = !n || !pr_store_sums_begin(s, checkpoint, names, n, NULL);
    enum pr_code code = hash_here(dir, names, n, stop, here, e);
    if (code)
        pr_store_hang_up(s); /* its answers are not waited for */
    else if (n && (!asked || (code = pr_store_sums_end(s, &ret->known, there, e)) == PR_E_IO))
        code = ask(s, checkpoint, names, n, &ret->known, there, e);
    for (size_t i = 0; i < n && !code && ret->known && ret->wrong == n; i++)
        if (strcmp(there[i], here[i]) != 0) {
            ret->wrong = i;
            memcpy(ret->here, here[i], sizeof here[i]);
            memcpy(ret->there, there[i], sizeof there[i]);
        }
    pr_free(there);
    pr_free(here);
    return code;
}
