/* The owner's peers: systems that other processes registered, and questions (docs/protocol.md).
 *
 * To add a message: a function, its line in `messages`, its section in docs/protocol.md. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "daemon/host_internal.h"
#include "daemon/log.h"

#define MAX_SYSTEMS     64 /* a peer registers */
#define MAX_INTERVAL_MS ((int64_t)7 * 86400 * 1000)

struct guest_job {
    struct guest *guest;
    const struct pr_system *system;
    struct pr_job *job;
    struct guest_job *next;
};

/* A peer that has registered something. */
struct guest {
    struct pr_host *host;
    struct pr_peer *peer;
    struct guest_job *jobs;
    size_t n_jobs;
    bool is_run; /* it is a `proctor run` */
    struct guest *next, *prev;
};

static void send_and_drop(struct pr_peer *p, json_t *m)
{
    pr_peer_send(p, m);
    json_decref(m);
}

/* What a guest's system found. */

static void job_found(
    void *ctx, const json_t *document, bool waiting, const struct pr_error *failed)
{
    struct guest_job *j = ctx;
    json_t *m = host_message("found");
    pr_json_set_str(m, "system", j->system->name);
    pr_json_set(m, "document", document ? json_incref((json_t *)(uintptr_t)document) : json_null());
    pr_json_set_bool(m, "waiting", waiting);
    pr_json_set_str(m, "failed", failed ? failed->message : NULL);
    send_and_drop(j->guest->peer, m);
}

static void job_finished(void *ctx)
{
    struct guest_job *j = ctx;
    json_t *m = host_message("finished");
    pr_json_set_str(m, "system", j->system->name);
    send_and_drop(j->guest->peer, m);
}

/* Registering. */

static struct guest *guest_of(struct pr_host *h, struct pr_peer *p)
{
    struct guest *g = pr_peer_data(p);
    if (g)
        return g;
    g = pr_zalloc(sizeof *g);
    g->host = h;
    g->peer = p;
    g->next = h->guests;
    if (g->next)
        g->next->prev = g;
    h->guests = g;
    pr_peer_set_data(p, g);
    return g;
}

/* The process that is this folder's `proctor run`, if one is. */
static pid_t run_pid(const struct pr_host *h, const struct pr_peer *but)
{
    if (host_is_run(h))
        return getpid();
    for (const struct guest *g = h->guests; g; g = g->next)
        if (g->is_run && g->peer != but)
            return pr_peer_pid(g->peer);
    return 0;
}

static bool takes_key(const struct pr_system *s, const char *key)
{
    for (size_t i = 0; i < s->n_options; i++)
        if (s->options[i].key && !strcmp(s->options[i].key, key))
            return true;
    return false;
}

/* A peer may say what the system's own options say, and nothing beside it. */
static enum pr_code check_set(
    const struct pr_host *h, const struct pr_system *s, const json_t *set, struct pr_error *e)
{
    if (!set || json_is_null(set))
        return PR_OK;
    if (!json_is_object(set))
        return pr_fail(
            e, PR_E_FORMAT, "\"set\" is %s, an object was expected", pr_json_type_name(set));
    struct pr_config trial;
    pr_config_copy(&h->config, &trial);
    enum pr_code code = PR_OK;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)set, key, value) {
        if (!takes_key(s, key))
            code = pr_fail(e, PR_E_USAGE, "%s has no setting '%.100s'", s->name, key);
        else if (!json_is_string(value))
            code = pr_fail(e, PR_E_FORMAT, "%s: a string was expected", key);
        else
            code = pr_config_set(&trial, key, json_string_value(value), e);
        if (code)
            break;
    }
    pr_config_done(&trial);
    return code;
}

static enum pr_code read_job(struct pr_host *h, const json_t *m, struct pr_job_options *o,
    bool *ret_is_run, struct pr_error *e)
{
    const char *name = NULL;
    enum pr_code code = pr_json_get_str(m, "system", true, &name, e);
    if (code)
        return code;
    o->system = pr_system_find(name);
    if (!o->system)
        return pr_fail(e, PR_E_USAGE, "this proctor has no system '%.100s'", name);
    o->set = json_object_get(m, "set");
    if (json_is_null(o->set))
        o->set = NULL;
    if ((code = pr_json_get_int(m, "interval_ms", false, 0, MAX_INTERVAL_MS, &o->interval_ms, e)) ||
        (code = pr_json_get_bool(m, "once", false, &o->once, e)) ||
        (code = pr_json_get_bool(m, "run", false, ret_is_run, e)))
        return code;
    return check_set(h, o->system, o->set, e);
}

static enum pr_code add_job(
    struct pr_host *h, struct pr_peer *p, const json_t *m, struct pr_error *e)
{
    struct pr_job_options o = {.found = job_found, .finished = job_finished};
    bool is_run = false;
    enum pr_code code = read_job(h, m, &o, &is_run, e);
    if (code)
        return code;
    pid_t other = is_run ? run_pid(h, p) : 0;
    if (other)
        return pr_fail(e, PR_E_LIMIT,
            "proctor run (process %d) looks after the base folder %s already: one instance per "
            "base "
            "folder",
            (int)other, h->config.base_dir);
    struct guest *g = guest_of(h, p);
    if (g->n_jobs >= MAX_SYSTEMS)
        return pr_fail(e, PR_E_LIMIT, "more than %d systems registered", MAX_SYSTEMS);
    struct guest_job *j = pr_zalloc(sizeof *j);
    *j = (struct guest_job){.guest = g, .system = o.system};
    o.ctx = j;
    code = pr_supervisor_add(h->supervisor, &o, &j->job, e);
    if (code) {
        pr_free(j);
        return code;
    }
    j->next = g->jobs;
    g->jobs = j;
    g->n_jobs++;
    g->is_run |= is_run;
    pr_log(PR_LOG_INFO, o.system->name, "registered", "pid=%d", (int)pr_peer_pid(p));
    return PR_OK;
}

static void on_register(struct pr_host *h, struct pr_peer *p, const json_t *m)
{
    struct pr_error e;
    json_t *answer;
    enum pr_code code = add_job(h, p, m, &e);
    const char *system = json_string_value(json_object_get(m, "system"));
    if (code) {
        answer = host_message("refused");
        pr_json_set_str(answer, "system", system);
        pr_json_set_str(answer, "code", pr_code_name(code));
        pr_json_set_str(answer, "message", e.message);
        pr_log(PR_LOG_WARN, "owner", "refused", "pid=%d why=%s", (int)pr_peer_pid(p),
            pr_log_quote(e.message));
    } else {
        answer = host_message("registered");
        pr_json_set_str(answer, "system", system);
    }
    send_and_drop(p, answer);
}

/* Questions. */

static void on_state(struct pr_host *h, struct pr_peer *p, const json_t *m)
{
    (void)m;
    json_t *answer = host_message("state");
    pr_json_set(answer, "state", pr_supervisor_state(h->supervisor));
    send_and_drop(p, answer);
}

static void on_scan(struct pr_host *h, struct pr_peer *p, const json_t *m)
{
    (void)m;
    pr_supervisor_scan(h->supervisor);
    send_and_drop(p, host_message("scanning"));
}

static void on_action(struct pr_host *h, struct pr_peer *p, const json_t *m)
{
    send_and_drop(p, pr_supervisor_act(h->supervisor, m));
}

static void on_ping(struct pr_host *h, struct pr_peer *p, const json_t *m)
{
    (void)h;
    (void)m;
    json_t *answer = host_message("pong");
    pr_json_set_int(answer, "pid", getpid());
    send_and_drop(p, answer);
}

static const struct {
    const char *type;
    void (*came)(struct pr_host *h, struct pr_peer *p, const json_t *m);
} messages[] = {
    {"register", on_register},
    {"state", on_state},
    {"scan", on_scan},
    {"action", on_action},
    {"ping", on_ping},
};

void host_guest_message(void *ctx, struct pr_peer *p, const json_t *message)
{
    struct pr_host *h = ctx;
    const char *type = json_string_value(json_object_get(message, "type"));
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (type && !strcmp(type, messages[i].type)) {
            if (h->supervisor)
                messages[i].came(h, p, message);
            return;
        }
    }
    pr_peer_refuse(p, "a message of type '%.64s' is not known", type ? type : "?");
}

/* Leaving. */

static void free_guest(struct guest *g)
{
    struct guest_job *next;
    for (struct guest_job *j = g->jobs; j; j = next) {
        next = j->next;
        pr_supervisor_remove(g->host->supervisor, j->job);
        pr_free(j);
    }
    *(g->prev ? &g->prev->next : &g->host->guests) = g->next;
    if (g->next)
        g->next->prev = g->prev;
    pr_free(g);
}

void host_guest_left(void *ctx, struct pr_peer *p)
{
    (void)ctx;
    struct guest *g = pr_peer_data(p);
    if (!g)
        return;
    pr_log(PR_LOG_INFO, "owner", "left", "pid=%d systems=%zu", (int)pr_peer_pid(p), g->n_jobs);
    pr_peer_set_data(p, NULL);
    free_guest(g);
}

void host_guests_free(struct pr_host *h)
{
    while (h->guests) {
        pr_peer_set_data(h->guests->peer, NULL);
        free_guest(h->guests);
    }
}
