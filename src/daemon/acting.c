/* Carrying actions out, and asking for them (acting.h). */
#include "daemon/acting.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/loop.h"
#include "daemon/owner.h"
#include "daemon/state.h"
#include "gradebook/actions.h"

#define MAX_WHO    128
#define MAX_TARGET 200
#define TRIES      3

/* ---- the table ---- */

struct doing {
    const struct pr_acting *x;
    const json_t *m;
    const char *who;
    char target[MAX_TARGET];
};

/* A member of the wrong type is the caller's mistake, not one of the gradebook. */
static enum pr_code misused(struct pr_error *e)
{
    return e->code = PR_E_USAGE;
}

static enum pr_code acknowledge(struct doing *d, struct pr_error *e)
{
    int64_t id = 0;
    if (pr_json_get_int(d->m, "alert", true, 1, INT64_MAX, &id, e))
        return misused(e);
    snprintf(d->target, sizeof d->target, "alert %lld", (long long)id);
    return pr_gradebook_acknowledge(d->x->g, id, d->x->now_ms, e);
}

/* By its id, or as a person names it. */
static enum pr_code checkpoint_of(struct doing *d, int64_t *ret, struct pr_error *e)
{
    const json_t *v = json_object_get(d->m, "checkpoint");
    enum pr_code code = PR_OK;
    if (json_is_string(v)) {
        snprintf(d->target, sizeof d->target, "checkpoint '%.150s'", json_string_value(v));
        code = pr_which_checkpoint(d->x->g, json_string_value(v), ret, e);
    } else if (pr_json_get_int(d->m, "checkpoint", true, 1, INT64_MAX, ret, e)) {
        return misused(e);
    }
    if (!code)
        snprintf(d->target, sizeof d->target, "checkpoint %lld", (long long)*ret);
    return code;
}

static enum pr_code pin(struct doing *d, struct pr_error *e)
{
    int64_t id = 0;
    enum pr_code code = checkpoint_of(d, &id, e);
    return code ? code : pr_gradebook_pin(d->x->g, id, d->who, d->x->now_ms, e);
}

static enum pr_code unpin(struct doing *d, struct pr_error *e)
{
    int64_t id = 0;
    enum pr_code code = checkpoint_of(d, &id, e);
    return code ? code : pr_gradebook_unpin(d->x->g, id, e);
}

static enum pr_code run(struct doing *d, struct pr_error *e)
{
    const char *system = NULL;
    if (pr_json_get_str(d->m, "system", true, &system, e))
        return misused(e);
    snprintf(d->target, sizeof d->target, "system %.100s", system);
    if (!d->x->run)
        return pr_fail(e, PR_E_UNSUPPORTED, "no watch runs here");
    return d->x->run(d->x->ctx, system, e);
}

static enum pr_code scan(struct doing *d, struct pr_error *e)
{
    if (!d->x->scan)
        return pr_fail(e, PR_E_UNSUPPORTED, "no watch runs here");
    return d->x->scan(d->x->ctx, e);
}

static enum pr_code not_installed(struct doing *d, struct pr_error *e)
{
    const char *what = json_string_value(json_object_get(d->m, "action"));
    return pr_fail(e, PR_E_UNSUPPORTED, "%s: not installed", what);
}

static const struct {
    const char *name;
    enum pr_code (*carry_out)(struct doing *d, struct pr_error *e);
} actions[] = {
    {"acknowledge", acknowledge},
    {"pin", pin},
    {"unpin", unpin},
    {"run", run},
    {"scan", scan},
    {"deploy", not_installed},
    {"rollback", not_installed},
};

static enum pr_code carry_out(struct doing *d, const char *name, struct pr_error *e)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (!strcmp(actions[i].name, name))
            return actions[i].carry_out(d, e);
    return pr_fail(e, PR_E_USAGE, "there is no action '%.64s'", name);
}

/* ---- noting ---- */

/* A short text of the message for the audit, without control characters; "?" where it has none. */
static void text_of(const json_t *m, const char *key, char ret[MAX_WHO])
{
    struct pr_error clean;
    const char *s = json_string_value(json_object_get(m, key));
    pr_fail(&clean, PR_E_USAGE, "%.100s", s && *s ? s : "?");
    snprintf(ret, MAX_WHO, "%s", clean.message);
}

/* Anything else is a failure of the gradebook. */
static bool is_refusal(enum pr_code code)
{
    return code == PR_E_USAGE || code == PR_E_NOT_FOUND || code == PR_E_UNSUPPORTED;
}

enum pr_code pr_act(const struct pr_acting *x, const json_t *message, bool *ret_done,
    struct pr_error *refused, struct pr_error *e)
{
    char who[MAX_WHO], origin[MAX_WHO], name[MAX_WHO];
    text_of(message, "who", who);
    text_of(message, "origin", origin);
    text_of(message, "action", name);
    struct doing d = {.x = x, .m = message, .who = who};
    bool done = !carry_out(&d, name, refused);
    if (!done && !is_refusal(refused->code)) {
        *e = *refused;
        return e->code;
    }
    struct pr_error target;
    pr_fail(&target, PR_E_USAGE, "%s", d.target); /* as for text_of */
    struct pr_action_row row = {.at_ms = x->now_ms,
        .who = who,
        .origin = origin,
        .action = name,
        .target = *d.target ? target.message : NULL,
        .outcome = (char *)(uintptr_t)(done ? "done" : "refused"),
        .reason = done ? NULL : refused->message};
    *ret_done = done;
    return pr_gradebook_put_action(x->g, &row, NULL, e);
}

json_t *pr_act_message(const char *action, const char *origin)
{
    char buf[4096], name[MAX_WHO];
    struct passwd pw, *found = NULL;
    if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) || !found)
        snprintf(name, sizeof name, "uid %ld", (long)geteuid());
    else
        snprintf(name, sizeof name, "%s", pw.pw_name);
    json_t *m = json_object();
    pr_json_set_str(m, "type", "action");
    pr_json_set_str(m, "action", action);
    pr_json_set_str(m, "who", name);
    pr_json_set_str(m, "origin", origin);
    return m;
}

json_t *pr_act_answer(const json_t *message, bool done, const struct pr_error *refused)
{
    json_t *m = json_object();
    pr_json_set_str(m, "type", done ? "done" : "refused");
    pr_json_set_str(m, "action", json_string_value(json_object_get(message, "action")));
    if (!done) {
        pr_json_set_str(m, "code", pr_code_name(refused->code));
        pr_json_set_str(m, "message", refused->message);
    }
    return m;
}

/* ---- asking ---- */

static enum pr_code code_named(const char *name)
{
    for (enum pr_code c = PR_OK; c <= PR_E_NUMBER; c++)
        if (name && c != PR_OK && !strcmp(pr_code_name(c), name))
            return c;
    return PR_E_USAGE;
}

/* What the owner answered; *ret_none: there is no owner. */
static enum pr_code ask(
    const char *base_dir, const json_t *message, bool *ret_none, struct pr_error *e)
{
    json_t *m = NULL;
    enum pr_code code = pr_owner_exchange(base_dir, message, PR_ACT_MS, &m, e);
    *ret_none = code == PR_E_NOT_FOUND;
    if (code)
        return code;
    const char *type = json_string_value(json_object_get(m, "type")),
               *why = json_string_value(json_object_get(m, "message"));
    if (!type || strcmp(type, "done"))
        code = pr_fail(e, code_named(json_string_value(json_object_get(m, "code"))), "%s",
            why ? why : "refused without a reason");
    json_decref(m);
    return code;
}

enum pr_code pr_act_ask(const char *base_dir, const json_t *message, struct pr_error *e)
{
    bool none;
    enum pr_code code = ask(base_dir, message, &none, e);
    if (none)
        return pr_fail(e, PR_E_CANCELLED,
            "no proctor runs on the base folder, so there is nobody who could do it");
    if (code == PR_E_LIMIT || code == PR_E_IO)
        code = e->code = PR_E_CANCELLED;
    return code;
}

static enum pr_code act_on(struct pr_gradebook *g, const json_t *message, struct pr_error *e)
{
    struct pr_acting x = {.g = g, .now_ms = pr_clock_utc_ms()};
    struct pr_error refused;
    bool done = false;
    enum pr_code code = pr_gradebook_begin(g, e);
    if (code)
        return code;
    if ((code = pr_act(&x, message, &done, &refused, e))) {
        pr_gradebook_rollback(g);
        return code;
    }
    if ((code = pr_gradebook_commit(g, e)))
        return code;
    if (!done)
        *e = refused;
    return done ? PR_OK : refused.code;
}

static void nothing(void *ctx, struct pr_peer *p, const json_t *message)
{
    (void)ctx;
    (void)message;
    pr_peer_refuse(p, "a command holds the base folder for a moment");
}

static void nobody(void *ctx, struct pr_peer *p)
{
    (void)ctx;
    (void)p;
}

/* *ret_taken: another process became the owner meanwhile. */
static enum pr_code act_as_owner(
    const char *base_dir, const json_t *message, bool *ret_taken, struct pr_error *e)
{
    const struct pr_owner_events events = {.message = nothing, .left = nobody};
    struct pr_loop *loop = NULL;
    struct pr_owner *owner = NULL;
    struct pr_gradebook *g = NULL;
    char *path = pr_path_join(base_dir, "proctor.db");
    enum pr_code code = PR_OK;
    *ret_taken = false;
    if (!pr_path_exists(path))
        code = pr_fail(
            e, PR_E_NOT_FOUND, "nothing was graded in %s yet: there is no proctor.db", base_dir);
    else if (!(code = pr_loop_new(&loop, e))) {
        code = pr_owner_new(base_dir, loop, &events, &owner, e);
        *ret_taken = code == PR_E_LIMIT;
    }
    if (!code && !(code = pr_gradebook_open(path, PR_GRADEBOOK_OWN, &g, e)))
        code = act_on(g, message, e);
    pr_gradebook_close(g);
    pr_owner_free(owner);
    pr_loop_free(loop);
    pr_free(path);
    return code;
}

enum pr_code pr_act_here(const char *base_dir, const json_t *message, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    bool none = true, taken = true;
    for (int i = 0; i < TRIES && taken; i++) {
        code = ask(base_dir, message, &none, e);
        if (!none)
            return code;
        code = act_as_owner(base_dir, message, &taken, e);
    }
    return code;
}
