/* Protecting the suites that lie in a folder; see known.h. */
#include "base/file.h"
#include "queue/known.h"

static enum pr_code protect(struct pr_known *k, const char *path, size_t *n, struct pr_error *e)
{
    /* What is only compared may name commands, and may repeat ids. */
    struct pr_suite_options o = {.allow_commands = true, .keep_repeated = true};
    struct pr_suite *s = NULL;
    enum pr_code code = pr_suite_load(&path, 1, &o, &s, e);
    if (!code)
        code = pr_known_protect(k, s, path, e);
    if (!code)
        *n += s->n;
    pr_suite_free(s);
    return code;
}

enum pr_code pr_known_protect_path(
    struct pr_known *k, const char *path, size_t *ret_n, struct pr_error *e)
{
    struct pr_suite_dir *dirs = NULL;
    size_t n_dirs = 0, n = 0;
    enum pr_code code;
    if (pr_path_is_dir(path)) {
        code = pr_suite_dirs(path, &dirs, &n_dirs, e);
        for (size_t i = 0; !code && i < n_dirs; i++)
            code = protect(k, dirs[i].path, &n, e);
        pr_suite_dirs_free(dirs, n_dirs);
    } else {
        code = protect(k, path, &n, e);
    }
    if (!code && ret_n)
        *ret_n = n;
    return code;
}
