/* The text in which a remote side tells what it has: see pr_listing_parse.  It comes from another
 * machine, so nothing of it is believed before it was looked at. */
#include <string.h>

#include "base/alloc.h"
#include "transfer/listing.h"

#define MAX_SECONDS ((int64_t)1 << 33) /* year 2242; before 1970 down to as far */
#define MAX_SIZE    ((uint64_t)1 << 60)

struct cursor {
    const char *p, *end;
};

/* Digits up to a space, at least one; the space is taken too. */
static bool take_size(struct cursor *c, uint64_t *ret)
{
    const char *start = c->p;
    for (*ret = 0; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        *ret = *ret * 10 + (uint64_t)(*c->p - '0');
        if (*ret > MAX_SIZE)
            return false;
    }
    return c->p > start && c->p < c->end && *c->p++ == ' ';
}

/* "-12.3450" and a space, as nanoseconds; digits past the ninth of a fraction are dropped. */
static bool take_time(struct cursor *c, int64_t *ret)
{
    bool negative = c->p < c->end && *c->p == '-';
    int64_t seconds = 0, ns = 0, unit = 100000000;
    c->p += negative;
    const char *start = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        seconds = seconds * 10 + (*c->p - '0');
        if (seconds > MAX_SECONDS)
            return false;
    }
    if (c->p == start)
        return false;
    if (c->p < c->end && *c->p == '.')
        for (c->p++; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, unit /= 10)
            ns += unit * (*c->p - '0');
    *ret = (seconds * 1000000000 + ns) * (negative ? -1 : 1);
    return c->p < c->end && *c->p++ == ' ';
}

static enum pr_listed_kind kind_of(char letter)
{
    return letter == 'f'   ? PR_LISTED_FILE
           : letter == 'd' ? PR_LISTED_FOLDER
           : letter == 'l' ? PR_LISTED_LINK
                           : PR_LISTED_OTHER;
}

/* The folder named last, if that is its name: a folder is named before what is in it, and all of
 * that follows at once. */
static struct pr_listed *folder_of(struct pr_listing *l, const char *name, size_t n)
{
    struct pr_listed *d = l->n ? &l->v[l->n - 1] : NULL;
    return d && strlen(d->name) == n && !memcmp(d->name, name, n) ? d : NULL;
}

static enum pr_code take_path(struct pr_listing *l, const char *path, size_t n,
    struct pr_listed_file f, int64_t offset, struct pr_error *e)
{
    const char *slash = memchr(path, '/', n);
    size_t head = slash ? (size_t)(slash - path) : n;
    if (!pr_listing_is_name(path, head) || (slash && !pr_listing_is_name(slash + 1, n - head - 1)))
        return pr_fail_at(e, PR_E_FORMAT, offset, "'%.*s' is no path of folder and file",
            (int)(n < 200 ? n : 200), path);
    if (!slash) {
        if (f.kind == PR_LISTED_FOLDER) {
            struct pr_listed d = {.name = pr_strndup(path, n)};
            PR_PUSH(l->v, l->n, l->cap, d);
        }
        return PR_OK; /* files beside the checkpoints are of no interest */
    }
    struct pr_listed *d = folder_of(l, path, head);
    if (!d)
        return pr_fail_at(e, PR_E_FORMAT, offset,
            "'%.*s' is in another folder than the one named last", (int)(n < 200 ? n : 200), path);
    f.name = pr_strndup(slash + 1, n - head - 1);
    PR_PUSH(d->files, d->n, d->cap, f);
    return PR_OK;
}

static enum pr_code take_entry(
    struct pr_listing *l, struct cursor c, int64_t offset, struct pr_error *e)
{
    struct pr_listed_file f = {0};
    char letter = c.p < c.end ? *c.p++ : 0;
    bool ok = letter >= 'A' && letter <= 'z' && c.p < c.end && *c.p++ == ' ' &&
              take_size(&c, &f.size) && take_time(&c, &f.mtime_ns);
    if (!ok)
        return pr_fail_at(e, PR_E_FORMAT, offset, "no 'kind size time path'");
    f.kind = kind_of(letter);
    if (f.kind != PR_LISTED_FILE)
        f.size = 0, f.mtime_ns = 0; /* a folder's time changes with what is in it */
    return take_path(l, c.p, (size_t)(c.end - c.p), f, offset, e);
}

enum pr_code pr_listing_parse(const char *bytes, size_t n, const struct pr_listing_limits *limits,
    struct pr_listing *ret, struct pr_error *e)
{
    struct pr_listing l = {0};
    enum pr_code code = PR_OK;
    if (n > limits->max_bytes)
        return pr_fail(e, PR_E_LIMIT, "a listing of more than %zu bytes", limits->max_bytes);
    size_t entries = 0;
    for (const char *p = bytes, *end = bytes + n; p < end && !code;) {
        const char *nul = memchr(p, 0, (size_t)(end - p));
        if (!nul)
            code = pr_fail_at(e, PR_E_FORMAT, p - bytes, "an entry without an end");
        else if (++entries > limits->max_entries)
            code = pr_fail(e, PR_E_LIMIT, "more than %zu entries", limits->max_entries);
        else
            code = take_entry(&l, (struct cursor){p, nul}, p - bytes, e);
        p = nul ? nul + 1 : end;
    }
    if (!code)
        code = pr_listing_finish(&l, e);
    if (code)
        pr_listing_done(&l);
    else
        *ret = l;
    return code;
}
