/* What one of this process's systems found: to whoever runs the host, and a line of the log where
 * it is another than the last (host.h). */
#include <string.h>

#include "base/alloc.h"
#include "daemon/host_internal.h"
#include "daemon/log.h"

#define MAX_SHOWN 8
#define MAX_TEXT  60 /* longer ones explain; they are in the status file */

/* Said elsewhere in the line, or for programs. */
static const char *const hidden[] = {"schema_version", "system", "state", "state_reason",
    "last_run", "last_update", "proctor_version", "suite", "path", "run", "options"};

static bool is_hidden(const char *key, const json_t *v)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (!strcmp(key, hidden[i]))
            return true;
    return json_is_null(v) || json_is_object(v) || json_is_array(v) ||
           (n >= 11 && !strcmp(key + n - 11, "fingerprint")) || json_string_length(v) > MAX_TEXT;
}

static void put_member(struct pr_str *out, const char *key, const json_t *v)
{
    if (json_is_string(v))
        pr_str_printf(out, " %s=%s", key, pr_log_quote(json_string_value(v)));
    else if (json_is_real(v))
        pr_str_printf(out, " %s=%.6g", key, json_real_value(v));
    else if (json_is_integer(v))
        pr_str_printf(out, " %s=%lld", key, (long long)json_integer_value(v));
    else
        pr_str_printf(out, " %s=%s", key, json_is_true(v) ? "true" : "false");
}

/* state=ok and the first plain members, which are those that docs/systems.md promises. */
static void put_line(struct pr_str *out, const json_t *document)
{
    const char *key, *why = json_string_value(json_object_get(document, "state_reason"));
    const char *state = json_string_value(json_object_get(document, "state"));
    size_t n = 0;
    json_t *v;
    pr_str_printf(out, "state=%s", state ? state : "?");
    if (why)
        pr_str_printf(out, " reason=%s", pr_log_quote(why));
    json_object_foreach ((json_t *)(uintptr_t)document, key, v) {
        if (n == MAX_SHOWN || is_hidden(key, v))
            continue;
        put_member(out, key, v);
        n++;
    }
}

void host_found(struct host_job *j, const json_t *document, bool waiting, const char *failed)
{
    struct pr_host *h = j->host;
    struct pr_str line = PR_STR_INIT(4096);
    if (document)
        put_line(&line, document);
    else
        pr_str_printf(&line, "state=failed reason=%s", pr_log_quote(failed ? failed : "not said"));
    if (!j->said || strcmp(j->said, pr_str_cstr(&line)) != 0) {
        pr_log(document ? PR_LOG_INFO : PR_LOG_ERROR, j->system->name, "found", "%s",
            pr_str_cstr(&line));
        pr_free(j->said);
        j->said = pr_str_take(&line);
    }
    pr_str_done(&line);
    if (h->o->found)
        h->o->found(h->o->ctx, j->system, document, waiting, failed);
    if (h->o->wanted && !h->o->wanted(h->o->ctx))
        host_end(h, PR_OK, NULL);
}
