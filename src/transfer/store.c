/* Sources: options checked and copied, calls handed to the kind's table. */
#include "transfer/store.h"

#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/store_internal.h"

bool pr_store_is_local(const struct pr_store *s)
{
    return s->kind == &pr_store_local;
}

/* "~/x" and "x" are of the home, where ssh's command begins; no path may look like an option. */
static char *remote_dir(const char *dir)
{
    if (!strcmp(dir, "~"))
        return pr_strdup(".");
    if (!strncmp(dir, "~/", 2))
        dir += 2 + strspn(dir + 2, "/");
    return *dir == '/' ? pr_strdup(dir) : pr_path_join(".", *dir ? dir : ".");
}

static char *name_of(const struct pr_store_options *o)
{
    struct pr_str s = PR_STR_INIT(16384);
    if (o->host && o->user)
        pr_str_printf(&s, "%s@", o->user);
    if (o->host)
        pr_str_printf(&s, "%s:", o->host);
    pr_str_puts(&s, o->dir);
    return pr_str_take(&s);
}

static void copy_ssh(struct pr_ssh *to, const struct pr_store_options *o)
{
    size_t cap = 0;
    to->host = pr_strdup(o->host);
    to->user = o->user ? pr_strdup(o->user) : NULL;
    to->port = o->port;
    to->connect_timeout_s = o->connect_timeout_s > 0 ? o->connect_timeout_s : 10;
    for (size_t i = 0; i < o->n_ssh_options; i++)
        PR_PUSH(to->options, to->n_options, cap, pr_strdup(o->ssh_options[i]));
}

enum pr_code pr_store_open(
    const struct pr_store_options *o, struct pr_store **ret, struct pr_error *e)
{
    if (!o->dir || !*o->dir || strlen(o->dir) > 4000)
        return pr_fail(e, PR_E_USAGE, "no folder to take checkpoints from was given");
    struct pr_store *s = pr_zalloc(sizeof *s);
    s->kind = o->host ? &pr_store_ssh : &pr_store_local;
    s->name = name_of(o);
    s->dir = o->host ? remote_dir(o->dir) : pr_strdup(o->dir);
    s->timeout_s = o->timeout_s > 0 ? o->timeout_s : 60;
    s->limits = o->limits.max_entries ? o->limits : PR_LISTING_LIMITS;
    s->stop = o->stop;
    if (o->host) {
        copy_ssh(&s->ssh, o);
        enum pr_code code = pr_ssh_check(&s->ssh, e);
        if (code) {
            pr_store_free(s);
            return code;
        }
    }
    *ret = s;
    return PR_OK;
}

static void forget_sums(struct pr_store *s)
{
    pr_names_free(s->sum_paths, s->n_sums);
    s->sum_paths = NULL;
    s->n_sums = 0;
}

void pr_store_hang_up(struct pr_store *s)
{
    s->kind->hang_up(s);
    forget_sums(s);
}

void pr_store_free(struct pr_store *s)
{
    if (!s)
        return;
    pr_store_hang_up(s);
    pr_free(s->name);
    pr_free(s->dir);
    pr_free(s->ssh.host);
    pr_free(s->ssh.user);
    pr_names_free(s->ssh.options, s->ssh.n_options);
    pr_free(s);
}

const char *pr_store_name(const struct pr_store *s)
{
    return s->name;
}

/* After a failure what the other side still sends belongs to an old question. */
static enum pr_code after(struct pr_store *s, enum pr_code code)
{
    if (code)
        pr_store_hang_up(s);
    return code;
}

enum pr_code pr_store_list(struct pr_store *s, struct pr_listing *ret, struct pr_error *e)
{
    return after(s, s->kind->list(s, ret, e));
}

enum pr_code pr_store_heads(struct pr_store *s, const char *checkpoint, struct pr_store_want *wants,
    size_t n_wants, struct pr_error *e)
{
    for (size_t i = 0; i < n_wants; i++) {
        wants[i].bytes = NULL;
        if (wants[i].n > PR_STORE_MAX_HEAD)
            return pr_fail(e, PR_E_LIMIT, "%s: %.200s: %zu bytes of it are too many", s->name,
                wants[i].name, wants[i].n);
    }
    enum pr_code code = s->kind->heads(s, checkpoint, wants, n_wants, e);
    for (size_t i = 0; i < n_wants && code; i++) {
        pr_free(wants[i].bytes);
        wants[i].bytes = NULL;
    }
    return after(s, code);
}

enum pr_code pr_store_sums_begin(struct pr_store *s, const char *checkpoint,
    const char *const *names, size_t n_names, struct pr_error *e)
{
    char *dir = pr_path_join(s->dir, checkpoint);
    size_t cap = 0;
    forget_sums(s);
    for (size_t i = 0; i < n_names; i++)
        PR_PUSH(s->sum_paths, s->n_sums, cap, pr_path_join(dir, names[i]));
    pr_free(dir);
    return after(s, s->kind->sums_begin(s, checkpoint, names, n_names, e));
}

enum pr_code pr_store_sums_end(
    struct pr_store *s, bool *ret_known, char (*ret)[PR_SHA256_HEX], struct pr_error *e)
{
    enum pr_code code = s->kind->sums_end(s, ret_known, ret, e);
    forget_sums(s);
    return after(s, code);
}
