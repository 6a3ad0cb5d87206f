/* See book.h. */
#include "api/book.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

void pr_api_book_init(struct pr_api_book *b, const char *base_dir)
{
    struct pr_str log = PR_STR_INIT(1 << 16);
    *b = (struct pr_api_book){.path = pr_path_join(base_dir, "proctor.db")};
    pr_str_printf(&log, "%s-wal", b->path);
    b->log = pr_str_take(&log);
}

static void shut(struct pr_api_book *b)
{
    pr_gradebook_close(b->g);
    b->g = NULL;
}

void pr_api_book_done(struct pr_api_book *b)
{
    shut(b);
    pr_free(b->path);
    pr_free(b->log);
}

static void look_at(const struct pr_api_book *b, uint64_t seen[6])
{
    struct stat st;
    memset(seen, 0, 6 * sizeof *seen);
    for (int i = 0; i < 2; i++) {
        if (stat(i ? b->log : b->path, &st))
            continue;
        seen[3 * i] = st.st_ino;
        seen[3 * i + 1] = (uint64_t)st.st_size;
        seen[3 * i + 2] = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    }
}

/* The file at the path is another than the one that is open, or an unchanging one did change. */
static bool is_stale(const struct pr_api_book *b)
{
    uint64_t now[6];
    look_at(b, now);
    if (now[0] != b->seen[0])
        return true;
    return pr_gradebook_is_fixed(b->g) && memcmp(now, b->seen, sizeof now) != 0;
}

enum pr_code pr_api_book_look(struct pr_api_book *b, bool *ret_changed, struct pr_error *e)
{
    bool changed = false, had = b->g != NULL;
    int64_t version = 0;
    enum pr_code code;
    if (b->g && is_stale(b))
        shut(b);
    if (!b->g) {
        look_at(b, b->seen);
        code = b->seen[0] ? pr_gradebook_open(b->path, PR_GRADEBOOK_LOOK, &b->g, e) : PR_OK;
        if (code && code != PR_E_NOT_FOUND)
            return code;
        changed = had || b->g;
    }
    if (b->g) {
        code = pr_gradebook_data_version(b->g, &version, e);
        if (code) {
            shut(b);
            return code;
        }
        changed = changed || version != b->version;
        b->version = version;
    }
    if (ret_changed)
        *ret_changed = changed;
    return PR_OK;
}

enum pr_code pr_api_book_begin(struct pr_api_book *b, int64_t deadline_ns, struct pr_error *e)
{
    if (!b->g)
        return PR_OK;
    pr_gradebook_set_deadline(b->g, deadline_ns);
    enum pr_code code = pr_gradebook_begin(b->g, e);
    if (code)
        shut(b);
    return code;
}

enum pr_code pr_api_book_end(struct pr_api_book *b, struct pr_error *e)
{
    if (!b->g)
        return PR_OK;
    pr_gradebook_rollback(b->g);
    pr_gradebook_set_deadline(b->g, 0);
    if (pr_gradebook_is_fixed(b->g) && is_stale(b)) {
        shut(b);
        return pr_fail(e, PR_E_CHANGED, "%s changed while it was being read", b->path);
    }
    return PR_OK;
}
