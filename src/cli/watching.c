/* proctor run and proctor <system>: from a command line to a host, and from findings to lines. */
#include "cli/watching.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "daemon/host.h"

struct watching {
    const char *command;
    bool once, json;
    json_t *last;   /* by system: its last document */
    json_t *failed; /* by system: why its last run failed */
    struct pr_progress progress;
    char label[80];
    bool showing;
};

/* What the host tells. */

static void found(
    void *ctx, const struct pr_system *s, const json_t *document, bool waiting, const char *failed)
{
    struct watching *w = ctx;
    (void)waiting;
    if (document) {
        json_object_set(w->last, s->name, (json_t *)(uintptr_t)document);
        json_object_del(w->failed, s->name);
    } else {
        pr_json_set_str(w->failed, s->name, failed ? failed : "it failed without a reason");
    }
    if (document && w->json && !w->once)
        pr_out_json(document);
}

static bool wanted(void *ctx)
{
    const struct watching *w = ctx;
    return !w->json || pr_out_open();
}

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* The checkpoint that is graded now, of the examples ordered so far. */
static void state(void *ctx, const json_t *s)
{
    struct watching *w = ctx;
    const json_t *grader = json_object_get(s, "grader"), *tokens = json_object_get(s, "tokens"), *o;
    const char *name = json_string_value(json_object_get(grader, "name"));
    double done = 0, all = 0;
    size_t i;
    json_array_foreach (json_object_get(grader, "orders"), i, o) {
        done += number(o, "graded");
        all += number(o, "examples");
    }
    if (!name || all <= 0)
        return;
    struct pr_str label = PR_STR_INIT(sizeof w->label - 1);
    pr_term_clean(&label, name, strlen(name), 30);
    if (!w->showing || strcmp(w->label, pr_str_cstr(&label)) != 0) {
        if (w->showing)
            pr_progress_end(&w->progress);
        memcpy(w->label, pr_str_cstr(&label), label.len + 1);
        pr_progress_start(&w->progress, w->label, false);
        w->showing = true;
    }
    pr_str_done(&label);
    pr_progress_show(
        &w->progress, done, all, number(tokens, "scored") + number(tokens, "generated"), "tokens");
}

/* What was found, for reading. */

static const char *const hidden[] = {"schema_version", "system", "state", "state_reason",
    "proctor_version", "last_run", "last_update", "measured_by", "score_rule", "tie_rule", "rule",
    "path", "run", "options"};

static bool is_hidden(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (!strcmp(key, hidden[i]))
            return true;
    return (n > 7 && !strcmp(key + n - 7, "_reason")) ||
           (n >= 11 && !strcmp(key + n - 11, "fingerprint"));
}

static void put_value(struct pr_str *out, const json_t *v)
{
    if (json_is_string(v))
        pr_term_clean(out, json_string_value(v), json_string_length(v), 120);
    else if (json_is_integer(v))
        pr_str_printf(out, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        pr_str_printf(out, "%.4g", json_real_value(v));
    else if (json_is_boolean(v))
        pr_str_puts(out, json_is_true(v) ? "yes" : "no");
}

/* A null is shown with its reason where it has one, and left out where not. */
static void put_null(struct pr_str *out, const json_t *doc, const char *key)
{
    char name[128];
    snprintf(name, sizeof name, "%.100s_reason", key);
    const char *why = json_string_value(json_object_get(doc, name));
    if (!why)
        return;
    pr_str_printf(out, "  %-24s unknown: ", key);
    pr_term_clean(out, why, strlen(why), 120);
    pr_str_putc(out, '\n');
}

/* "easy 0.91, medium 0.8" of an object of numbers. */
static void put_numbers(struct pr_str *out, const char *name, const json_t *o)
{
    const char *key;
    json_t *v;
    size_t n = 0;
    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        if (json_is_object(v) || json_is_array(v))
            return;
    json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
        if (!json_is_number(v))
            continue;
        if (!n++)
            pr_str_printf(out, "  %-24s ", name);
        else
            pr_str_puts(out, ", ");
        pr_term_clean(out, key, strlen(key), 40);
        pr_str_putc(out, ' ');
        put_value(out, v);
    }
    if (n)
        pr_str_putc(out, '\n');
}

/* Lists that are worth their lines: which members of their items are shown. */
static const struct {
    const char *list, *members[7];
} lists[] = {
    {"rankings", {"checkpoint", "score", "accuracy", "loss", "ece"}},
    {"bins", {"range", "accuracy", "count"}},
    {"strategies_tested",
        {"strategy", "n_probes", "loss_mean_per_example", "difference_to_random", "p", "verdict"}},
};
#define MAX_ROWS 10

static void put_list(struct pr_str *out, const char *name, const json_t *list)
{
    const json_t *item;
    size_t i, k;
    for (k = 0; k < sizeof lists / sizeof *lists; k++)
        if (!strcmp(lists[k].list, name))
            break;
    if (k == sizeof lists / sizeof *lists || !json_array_size(list))
        return;
    pr_str_printf(out, "  %s\n", name);
    json_array_foreach (list, i, item) {
        if (i == MAX_ROWS) {
            pr_str_printf(out, "    … and %zu more\n", json_array_size(list) - i);
            break;
        }
        pr_str_puts(out, "    ");
        for (const char *const *m = lists[k].members; *m; m++) {
            const json_t *v = json_object_get(item, *m);
            if (m != lists[k].members)
                pr_str_printf(out, "  %s ", *m);
            if (!v || json_is_null(v))
                pr_str_puts(out, "–");
            put_value(out, v);
        }
        pr_str_putc(out, '\n');
    }
}

void pr_watching_show(const json_t *document, struct pr_str *out)
{
    const char *key, *why = json_string_value(json_object_get(document, "state_reason"));
    json_t *v;
    put_value(out, json_object_get(document, "system"));
    pr_str_puts(out, ": ");
    put_value(out, json_object_get(document, "state"));
    if (why) {
        pr_str_puts(out, ": ");
        pr_term_clean(out, why, strlen(why), 0);
    }
    pr_str_putc(out, '\n');
    json_object_foreach ((json_t *)(uintptr_t)document, key, v) {
        if (is_hidden(key))
            continue;
        if (json_is_null(v)) {
            put_null(out, document, key);
        } else if (json_is_object(v)) {
            put_numbers(out, key, v);
        } else if (json_is_array(v)) {
            put_list(out, key, v);
        } else {
            pr_str_printf(out, "  %-24.60s ", key);
            put_value(out, v);
            pr_str_putc(out, '\n');
        }
    }
}

/* After --once: what was found of each system; 1 where something could not be found out. */
static int conclude(struct watching *w)
{
    size_t n;
    const struct pr_system *const *s = pr_systems(&n);
    int status = PR_EXIT_OK;
    struct pr_str out = PR_STR_INIT(1 << 24);
    for (size_t i = 0; i < n; i++) {
        const json_t *doc = json_object_get(w->last, s[i]->name);
        const char *why = json_string_value(json_object_get(w->failed, s[i]->name));
        const char *state = json_string_value(json_object_get(doc, "state"));
        if (doc && w->json)
            pr_out_json(doc);
        else if (doc)
            pr_watching_show(doc, &out);
        if (doc && !why && (!state || strcmp(state, "ok") != 0)) {
            why = json_string_value(json_object_get(doc, "state_reason"));
            why = why ? why : "nothing could be found out yet";
        }
        if (why) {
            pr_say(w->command, "%s%s%s", strcmp(w->command, s[i]->name) ? s[i]->name : "",
                strcmp(w->command, s[i]->name) ? ": " : "", why);
            status = PR_EXIT_REFUSED;
        }
    }
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    return status;
}

/* From the command line. */

static enum pr_code read_settings(const struct pr_args *a, const struct pr_system *s,
    const struct pr_config *c, json_t *set, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    struct pr_config trial;
    pr_config_copy(c, &trial);
    for (size_t i = 0; s && i < s->n_options && !code; i++) {
        const struct pr_system_option *x = &s->options[i];
        if (!x->key || !pr_args_given(a, x->name))
            continue;
        const char *value = x->arg ? pr_args_text(a, x->name) : "true";
        code = pr_config_set(&trial, s->options[i].key, value, e);
        if (code)
            pr_wrap(e, code, "--%s", s->options[i].name);
        pr_json_set_str(set, s->options[i].key, value);
    }
    pr_config_done(&trial);
    return code;
}

/* Seconds by --interval or another name that the system has for it; 0: not given. */
static int64_t interval_of(const struct pr_args *a, const struct pr_system *s)
{
    int64_t ret = pr_args_has(a, "interval") ? pr_args_int(a, "interval", 0) : 0;
    for (size_t i = 0; s && i < s->n_options && !ret; i++)
        if (!s->options[i].key)
            ret = pr_args_int(a, s->options[i].name, 0);
    return ret;
}

static int run_host(
    const struct pr_args *a, const struct pr_system *system, const struct pr_config *c)
{
    struct pr_error e;
    struct watching w = {.command = a->command->name,
        .once = pr_args_flag(a, "once"),
        .json = pr_args_flag(a, "json"),
        .last = json_object(),
        .failed = json_object()};
    bool quiet = pr_args_flag(a, "quiet");
    json_t *set = json_object();
    int status = PR_EXIT_OK;
    struct pr_host_options o = {.config = c,
        .system = system,
        .interval_ms = 1000 * interval_of(a, system),
        .set = set,
        .once = w.once,
        .quiet = quiet || w.once,
        .found = found,
        .state = w.once && !quiet ? state : NULL,
        .wanted = wanted,
        .ctx = &w};
    if (read_settings(a, system, c, set, &e)) {
        pr_say(w.command, "%s", e.message);
        status = PR_EXIT_USAGE;
    } else {
        enum pr_code code = pr_host_run(&o, &e);
        if (w.showing)
            pr_progress_end(&w.progress);
        if (code)
            pr_say(w.command, "%s", e.message);
        status = code == PR_E_CANCELLED ? PR_EXIT_STOPPED
                 : code == PR_E_USAGE   ? PR_EXIT_USAGE
                 : code                 ? PR_EXIT_REFUSED
                                        : PR_EXIT_OK;
        if (w.once && !code)
            status = conclude(&w);
    }
    json_decref(set);
    json_decref(w.last);
    json_decref(w.failed);
    return status;
}

/* From here on signals wait for the loop: one that came before it would be heard by nobody.  False:
 * one did. */
static bool keep_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return !pr_interrupted();
}

int pr_watching(const struct pr_args *a, const struct pr_system *system)
{
    struct pr_error e;
    struct pr_config c;
    if (!keep_signals())
        return PR_EXIT_STOPPED;
    char *dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    int status = PR_EXIT_REFUSED;
    if (!pr_path_is_dir(dir))
        pr_say(a->command->name,
            "the base folder %s does not exist; 'proctor init --base-dir %s' makes one", dir, dir);
    else if (pr_config_load(dir, &c, &e))
        pr_say(a->command->name, "%s", e.message);
    else {
        status = run_host(a, system, &c);
        pr_config_done(&c);
    }
    pr_free(dir);
    return status;
}
