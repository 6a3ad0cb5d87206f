/* Registered with an owner: this process's systems run there, and what they find comes back over
 * the connection (host.h, docs/protocol.md). */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "daemon/host_internal.h"
#include "daemon/log.h"

#define MAX_KEPT ((size_t)1 << 20)

static struct host_job *job_named(struct pr_host *h, const json_t *m)
{
    const char *name = json_string_value(json_object_get(m, "system"));
    for (size_t i = 0; name && i < h->n_jobs; i++)
        if (!strcmp(h->jobs[i].system->name, name))
            return &h->jobs[i];
    return NULL;
}

/* What the owner says. */

static void on_hello(struct pr_host *h, const json_t *m)
{
    struct pr_error e;
    if (pr_owner_check_hello(m, &e))
        host_end(h, e.code, "%s", e.message);
}

static void on_registered(struct pr_host *h, const json_t *m)
{
    (void)m;
    host_settled(h, "registered with the owner of the base folder");
}

static void on_found(struct pr_host *h, const json_t *m)
{
    struct host_job *j = job_named(h, m);
    const json_t *document = json_object_get(m, "document");
    const char *failed = json_string_value(json_object_get(m, "failed"));
    if (j)
        host_found(j, json_is_object(document) ? document : NULL,
            json_is_true(json_object_get(m, "waiting")), failed);
}

static void on_finished(struct pr_host *h, const json_t *m)
{
    struct host_job *j = job_named(h, m);
    if (j && h->o->once)
        host_finished(j);
}

static void on_state(struct pr_host *h, const json_t *m)
{
    if (h->o->state)
        h->o->state(h->o->ctx, json_object_get(m, "state"));
}

/* An error ends the connection as well.  A system refused stays so: another try gives no other
 * answer. */
static void on_refused(struct pr_host *h, const json_t *m)
{
    const char *why = json_string_value(json_object_get(m, "message"));
    const char *code = json_string_value(json_object_get(m, "code"));
    host_end(h, code && !strcmp(code, pr_code_name(PR_E_LIMIT)) ? PR_E_LIMIT : PR_E_USAGE, "%s",
        why ? why : "the owner of the base folder refused without a reason");
}

static void on_nothing(struct pr_host *h, const json_t *m)
{
    (void)h;
    (void)m;
}

static const struct {
    const char *type;
    void (*came)(struct pr_host *h, const json_t *m);
} messages[] = {
    {"hello", on_hello},
    {"registered", on_registered},
    {"found", on_found},
    {"finished", on_finished},
    {"state", on_state},
    {"refused", on_refused},
    {"error", on_refused},
    {"pong", on_nothing},
    {"scanning", on_nothing},
};

static void take(struct pr_host *h, const json_t *m)
{
    const char *type = json_string_value(json_object_get(m, "type"));
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (type && !strcmp(type, messages[i].type))
            messages[i].came(h, m);
}

/* The connection. */

static void lost(struct pr_host *h, const char *why)
{
    if (h->stopping)
        return;
    pr_log(PR_LOG_WARN, "owner", "lost", "why=%s", pr_log_quote(why));
    host_unlink(h);
    host_unsettled(h);
}

static void ready(void *ctx, int fd, unsigned what);

static enum pr_code watch(struct pr_host *h, struct pr_error *e)
{
    return pr_loop_watch(h->loop, h->link_fd,
        PR_LOOP_READ | (pr_frames_waiting(&h->link) ? PR_LOOP_WRITE : 0u), ready, h, e);
}

static void ready(void *ctx, int fd, unsigned what)
{
    struct pr_host *h = ctx;
    struct pr_error e;
    (void)fd;
    enum pr_code code = what & PR_LOOP_WRITE ? pr_frames_flush(&h->link, &e) : PR_OK;
    if (!code || what & PR_LOOP_READ) /* what it said before it went is still to be read */
        code = pr_frames_read(&h->link, &e);
    while (!code && !h->stopping) {
        json_t *m = NULL;
        code = pr_frames_take(&h->link, &m, &e);
        if (code || !m)
            break;
        take(h, m);
        json_decref(m);
    }
    if (!code && !h->link.eof)
        code = watch(h, &e);
    if (code == PR_E_UNSUPPORTED)
        host_end(h, code, "the owner of the base folder: %s", e.message);
    else if (code || h->link.eof)
        lost(h, h->link.eof ? "the owner of the base folder ended" : e.message);
}

static enum pr_code send_registration(struct pr_host *h, struct host_job *j, struct pr_error *e)
{
    json_t *m = host_message("register");
    pr_json_set_str(m, "system", j->system->name);
    pr_json_set_int(m, "interval_ms", h->o->system ? h->o->interval_ms : 0);
    if (h->o->system && h->o->set)
        pr_json_set(m, "set", json_deep_copy(h->o->set));
    pr_json_set_bool(m, "once", h->o->once);
    pr_json_set_bool(m, "run", host_is_run(h));
    enum pr_code code = pr_frames_put(&h->link, m, e);
    json_decref(m);
    return code;
}

enum pr_code host_link(struct pr_host *h, struct pr_error *e)
{
    enum pr_code code = pr_owner_connect(h->config.base_dir, &h->link_fd, e);
    if (code)
        return code;
    pr_frames_init(&h->link, h->link_fd, h->link_fd, MAX_KEPT);
    for (size_t i = 0; i < h->n_jobs && !code; i++)
        if (h->jobs[i].wanted && !h->jobs[i].finished)
            code = send_registration(h, &h->jobs[i], e);
    if (!code)
        code = watch(h, e);
    if (code)
        host_unlink(h);
    return code;
}

void host_unlink(struct pr_host *h)
{
    if (h->link_fd < 0)
        return;
    pr_loop_unwatch(h->loop, h->link_fd);
    pr_frames_done(&h->link);
    close(h->link_fd);
    h->link_fd = -1;
}

void host_link_ask_state(struct pr_host *h)
{
    struct pr_error e;
    json_t *m = host_message("state");
    if (!pr_frames_waiting(&h->link) && (pr_frames_put(&h->link, m, &e) || watch(h, &e)))
        lost(h, e.message);
    json_decref(m);
}
