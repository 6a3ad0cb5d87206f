/* What a training machine says lies there: any bytes are a listing whose names cannot leave the
 * folder, sorted, each once, within its limits; or are refused with a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/fetch.h"
#include "transfer/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_name(const char *name)
{
    must(*name && *name != '.' && !strchr(name, '/') && strlen(name) <= 255);
}

static size_t check(const struct pr_listed *l)
{
    char hash[PR_SHA256_HEX], again[PR_SHA256_HEX];
    check_name(l->name);
    for (size_t i = 0; i < l->n; i++) {
        const struct pr_listed_file *f = &l->files[i];
        check_name(f->name);
        must(!i || strcmp(l->files[i - 1].name, f->name) < 0);
        must(pr_listed_find(l, f->name) == f);
        must(f->kind == PR_LISTED_FILE || (!f->size && !f->mtime_ns));
    }
    struct pr_listed copy = pr_listed_copy(l);
    must(pr_listed_same(l, &copy));
    pr_listed_hash(l, hash);
    pr_listed_hash(&copy, again);
    must(!strcmp(hash, again));
    must(pr_fetch_bytes(l, false) <= pr_fetch_bytes(l, true));
    pr_listed_done(&copy);
    return l->n + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pr_listing_limits limits = {100, 10000};
    struct pr_error e = {0};
    struct pr_listing l = {0};
    if (pr_listing_parse((const char *)data, size, &limits, &l, &e)) {
        must(!l.v && *e.message);
        return 0;
    }
    size_t entries = 0;
    for (size_t i = 0; i < l.n; i++) {
        must(!i || strcmp(l.v[i - 1].name, l.v[i].name) < 0);
        must(pr_listing_find(&l, l.v[i].name) == &l.v[i]);
        entries += check(&l.v[i]);
    }
    must(entries <= limits.max_entries && size <= limits.max_bytes);
    pr_listing_done(&l);
    return 0;
}
