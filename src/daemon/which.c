/* Which checkpoint is meant by what a person typed (state.h). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/state.h"
#include "daemon/state_internal.h"

#define MIN_HEX 6

enum how { NOT, BY_FINGERPRINT, BY_STEP, BY_NAME }; /* the last goes first */

static bool all_of(const char *text, const char *set)
{
    return *text && text[strspn(text, set)] == 0;
}

static enum how fits(
    const struct pr_checkpoint_row *c, const char *which, const char *real, long long step)
{
    size_t n = strlen(which);
    if (!strcmp(c->name, which) || !strcmp(c->path, which) || (real && !strcmp(c->path, real)))
        return BY_NAME;
    if (step >= 0 && c->step == step)
        return BY_STEP;
    if (n >= MIN_HEX && c->model && all_of(which, "0123456789abcdef") &&
        !strncmp(c->fingerprint, which, n))
        return BY_FINGERPRINT;
    return NOT;
}

static enum pr_code none_fits(
    const struct pr_checkpoint_row *rows, size_t n, const char *which, struct pr_error *e)
{
    struct pr_str names = PR_STR_INIT(1 << 16);
    size_t listed = 0;
    for (size_t i = n; i-- && listed < 8;)
        if (rows[i].state != PR_CHECKPOINT_GONE) {
            pr_str_printf(&names, "%s%s", listed ? ", " : "", rows[i].name);
            listed++;
        }
    enum pr_code code = pr_fail(e, PR_E_NOT_FOUND, "no checkpoint '%s' is known; %s%s", which,
        listed ? "the newest are " : "there is none yet", pr_str_cstr(&names));
    pr_str_done(&names);
    return code;
}

static enum pr_code several_fit(
    const struct pr_checkpoint_row *const *v, size_t n, const char *which, struct pr_error *e)
{
    struct pr_str paths = PR_STR_INIT(1 << 16);
    for (size_t i = 0; i < n && i < 8; i++)
        pr_str_printf(&paths, "%s%s", i ? ", " : "", v[i]->path);
    enum pr_code code = pr_fail(e, PR_E_USAGE, "'%s' fits %zu checkpoints: %s; give the path",
        which, n, pr_str_cstr(&paths));
    pr_str_done(&paths);
    return code;
}

/* Those that fit best; of a place that was rewritten the present state, of what is gone the last.
 */
enum pr_code pr_which_row(const struct pr_checkpoint_row *rows, size_t n, const char *given,
    const struct pr_checkpoint_row **ret, struct pr_error *e)
{
    char buf[PATH_MAX], which[PATH_MAX];
    size_t len = strlen(given), found = 0, cap = 0;
    if (len >= sizeof which)
        return pr_fail(e, PR_E_USAGE, "a name of %zu bytes", len);
    memcpy(which, given, len + 1);
    for (; len > 1 && which[len - 1] == '/'; len--)
        which[len - 1] = 0;
    const char *real = strchr(given, '/') ? realpath(which, buf) : NULL;
    long long step = all_of(which, "0123456789") && len < 18 ? strtoll(which, NULL, 10) : -1;
    const struct pr_checkpoint_row **best = NULL;
    enum how how = NOT;
    bool present = false;
    for (size_t i = 0; i < n; i++) {
        enum how is = fits(&rows[i], which, real, step);
        bool here = rows[i].state != PR_CHECKPOINT_GONE;
        if (is == NOT || is < how || (is == how && present && !here))
            continue;
        if (is > how || (here && !present) || !here) /* better, or the later of those gone */
            found = 0;
        how = is;
        present = here;
        PR_PUSH(best, found, cap, &rows[i]);
    }
    enum pr_code code = !found      ? none_fits(rows, n, which, e)
                        : found > 1 ? several_fit(best, found, which, e)
                                    : PR_OK;
    if (!code)
        *ret = best[0];
    pr_free(best);
    return code;
}

enum pr_code pr_which_checkpoint(
    struct pr_gradebook *g, const char *which, int64_t *ret, struct pr_error *e)
{
    static const struct pr_checkpoint_filter all = {.gone = true};
    struct pr_checkpoint_row *rows;
    const struct pr_checkpoint_row *found;
    size_t n;
    enum pr_code code = pr_gradebook_checkpoints(g, &all, &rows, &n, e);
    if (code)
        return code;
    code = pr_which_row(rows, n, which, &found, e);
    if (!code)
        *ret = found->id;
    pr_checkpoint_rows_free(rows, n);
    return code;
}
