/* See sync_places.h. */
#include "systems/sync_places.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"

#define MAX_OPTIONS 64

/* A folder of this machine, absolute, since what is remembered holds for a place, from wherever it
 * is named.  `resolved`: the configuration has put the base folder in front. */
static char *here(const char *base_dir, const char *dir, bool resolved)
{
    const char *home = getenv("HOME");
    if (!strncmp(dir, "~/", 2) && home)
        return pr_path_join(home, dir + 2);
    if (resolved || *dir == '/')
        return pr_path_absolute(dir);
    char *path = pr_path_join(base_dir, dir), *ret = pr_path_absolute(path);
    pr_free(path);
    return ret;
}

char *pr_sync_local_dir(const struct pr_sync_settings *s, const char *base_dir)
{
    if (s->local_dir || s->current)
        return here(base_dir, s->local_dir ? s->local_dir : s->current, true);
    return here(base_dir, "models/current_model", false);
}

char *pr_sync_mounted_dir(const struct pr_sync_settings *s, const char *base_dir)
{
    return here(base_dir, s->remote_dir, false);
}

enum pr_code pr_sync_open_remote(const struct pr_sync_settings *s, const char *base_dir,
    int connect_s, int answer_s, const atomic_bool *stop, struct pr_store **ret, struct pr_error *e)
{
    const char *options[MAX_OPTIONS];
    size_t n = 0, i;
    json_t *x;
    json_array_foreach (s->ssh_options, i, x) {
        if (n == MAX_OPTIONS)
            return pr_fail(e, PR_E_USAGE, "sync.ssh_options: more than %d of them", MAX_OPTIONS);
        if (!json_is_string(x))
            return pr_fail(e, PR_E_USAGE, "sync.ssh_options: a list of texts was expected");
        options[n++] = json_string_value(x);
    }
    char *dir = s->remote_host ? pr_strdup(s->remote_dir) : pr_sync_mounted_dir(s, base_dir);
    enum pr_code code = pr_store_open(&(struct pr_store_options){.host = s->remote_host,
                                          .user = s->remote_user,
                                          .port = (int)s->remote_port,
                                          .ssh_options = options,
                                          .n_ssh_options = n,
                                          .dir = dir,
                                          .connect_timeout_s = connect_s,
                                          .timeout_s = answer_s,
                                          .stop = stop},
        ret, e);
    pr_free(dir);
    return code;
}
