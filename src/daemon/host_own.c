/* As the owner of the base folder: the supervisor with this process's own systems (host.h). */
#include "base/alloc.h"
#include "daemon/host_internal.h"
#include "daemon/log.h"

static void job_found(
    void *ctx, const json_t *document, bool waiting, const struct pr_error *failed)
{
    host_found(ctx, document, waiting, failed ? failed->message : NULL);
}

static void job_finished(void *ctx)
{
    host_finished(ctx);
}

/* The supervisor's jobs become those that are wanted. */
static enum pr_code sync_jobs(struct pr_host *h, struct pr_error *e)
{
    for (size_t i = 0; i < h->n_jobs; i++) {
        struct host_job *j = &h->jobs[i];
        if (j->job && !j->wanted) {
            pr_supervisor_remove(h->supervisor, j->job);
            j->job = NULL;
        }
        if (j->job || !j->wanted || j->finished)
            continue;
        struct pr_job_options o = {.system = j->system,
            .interval_ms = h->o->system ? h->o->interval_ms : 0,
            .set = h->o->system ? h->o->set : NULL,
            .once = h->o->once,
            .found = job_found,
            .finished = job_finished,
            .ctx = j};
        enum pr_code code = pr_supervisor_add(h->supervisor, &o, &j->job, e);
        if (code)
            return pr_wrap(e, code, "%s", j->system->name);
    }
    return PR_OK;
}

static void on_fatal(void *ctx, const struct pr_error *why)
{
    struct pr_host *h = ctx;
    pr_log(PR_LOG_ERROR, "owner", "cannot-go-on", "why=%s", pr_log_quote(why->message));
    host_end(h, why->code ? why->code : PR_E_IO, "%s", why->message);
}

/* What is in the file now; a broken one leaves the configuration as it was. */
static bool read_config(struct pr_host *h)
{
    struct pr_config fresh;
    struct pr_error e;
    if (pr_config_load(h->config.base_dir, &fresh, &e)) {
        pr_log(PR_LOG_ERROR, "configuration", "not-read", "why=%s kept=%s", pr_log_quote(e.message),
            pr_log_quote("the configuration as it was"));
        return false;
    }
    pr_config_done(&h->config);
    h->config = fresh;
    host_choose_jobs(h);
    host_log(h);
    return true;
}

enum pr_code host_own(struct pr_host *h, struct pr_error *e)
{
    const struct pr_owner_events events = {host_guest_message, host_guest_left, h};
    enum pr_code code = pr_owner_new(h->config.base_dir, h->loop, &events, &h->owner, e);
    if (code)
        return code;
    if (h->settled_before)
        read_config(h); /* it may have changed while another was the owner */
    code = pr_supervisor_new(&h->config, h->loop, &h->supervisor, e);
    if (!code) {
        pr_supervisor_on_fatal(h->supervisor, on_fatal, h);
        code = sync_jobs(h, e);
    }
    if (code) {
        host_disown(h);
        /* A full table or disk is no owner elsewhere. */
        return code == PR_E_LIMIT ? PR_E_IO : code;
    }
    pr_log(PR_LOG_INFO, "owner", h->settled_before ? "took-over" : "started", "base_dir=%s",
        pr_log_quote(h->config.base_dir));
    host_settled(h, "owner of the base folder");
    return PR_OK;
}

void host_disown(struct pr_host *h)
{
    host_guests_free(h);
    for (size_t i = 0; i < h->n_jobs; i++) {
        if (h->supervisor && h->jobs[i].job)
            pr_supervisor_remove(h->supervisor, h->jobs[i].job);
        h->jobs[i].job = NULL;
    }
    /* The gradebook is closed before the lock lets the next one open it. */
    pr_supervisor_free(h->supervisor);
    h->supervisor = NULL;
    pr_owner_free(h->owner);
    h->owner = NULL;
}

void host_reload(struct pr_host *h)
{
    struct pr_error e;
    if (!h->supervisor) {
        if (h->server && read_config(h))
            pr_server_reload(h->server, &h->config);
        pr_log(PR_LOG_INFO, "configuration", "not-owner", "note=%s",
            pr_log_quote("the owner of the base folder reads the configuration"));
        return;
    }
    if (!read_config(h))
        return;
    pr_supervisor_reload(h->supervisor, &h->config);
    if (h->server)
        pr_server_reload(h->server, &h->config);
    if (sync_jobs(h, &e))
        pr_log(PR_LOG_ERROR, "configuration", "not-followed", "why=%s", pr_log_quote(e.message));
    pr_log(PR_LOG_INFO, "configuration", "read", "base_dir=%s", pr_log_quote(h->config.base_dir));
}
