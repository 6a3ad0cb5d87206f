/* What a peer may tell: a table of names and types.  Everything else is left out, so that nothing
 * that is drawn or counted here is of a shape that only its own proctor would have made. */
#include <math.h>
#include <string.h>

#include "api/peers.h"
#include "base/str.h"

#define MAX_TEXT 300
#define MAX_LIST 64
#define MAX_PIDS 256

enum kind { TEXT, SOURCE, NUMBER, COUNT, KEY, OBJECT, LIST };
struct member {
    const char *name;
    enum kind kind;          /* KEY: a count without which the whole object is none */
    const struct member *of; /* OBJECT, LIST (of objects): its members, ended by a name of NULL */
    size_t most;             /* LIST */
};

static const struct member process[] = {
    {"pid", KEY}, {"name", TEXT}, {"memory_bytes", COUNT}, {NULL}};
static const struct member gpu[] = {{"index", KEY}, {"name", TEXT}, {"uuid", TEXT},
    {"memory_used_bytes", COUNT}, {"memory_total_bytes", COUNT}, {"utilization_percent", NUMBER},
    {"temperature_celsius", NUMBER}, {"power_watts", NUMBER}, {"power_limit_watts", NUMBER},
    {"processes", LIST, process, MAX_PIDS}, {NULL}};
static const struct member disk[] = {
    {"path", TEXT}, {"used_bytes", COUNT}, {"total_bytes", COUNT}, {"free_bytes", COUNT}, {NULL}};
static const struct member host[] = {{"cpu_percent", NUMBER}, {"cpus", COUNT}, {"load1", NUMBER},
    {"memory_used_bytes", COUNT}, {"memory_total_bytes", COUNT}, {"memory_limit_bytes", COUNT},
    {"memory_limit_used_bytes", COUNT}, {"disks", LIST, disk, 16}, {NULL}};
static const struct member machine[] = {{"gpus", LIST, gpu, MAX_LIST}, {"gpu_source", SOURCE},
    {"gpu_reason", TEXT}, {"host", OBJECT, host}, {NULL}};

static const struct member training[] = {{"status", TEXT}, {"current_step", COUNT},
    {"total_steps", COUNT}, {"epoch", NUMBER}, {"loss", NUMBER}, {"eval_loss", NUMBER},
    {"learning_rate", NUMBER}, {"tokens_per_second", NUMBER}, {"eta_seconds", NUMBER},
    {"age_seconds", NUMBER}, {NULL}};
static const struct member newest[] = {
    {"checkpoint", TEXT}, {"step", COUNT}, {"state", TEXT}, {"level", TEXT}, {NULL}};
static const struct member api[] = {{"version", TEXT}, {"boot", TEXT}, {NULL}};
static const struct member status[] = {
    {"api", OBJECT, api}, {"training", OBJECT, training}, {"newest", OBJECT, newest}, {NULL}};

static json_t *take_object(const json_t *from, const struct member *members);

static json_t *take_text(const json_t *v)
{
    if (!json_is_string(v))
        return NULL;
    size_t n = json_string_length(v), cut = n < MAX_TEXT ? n : MAX_TEXT;
    const char *s = json_string_value(v);
    while (cut < n && cut && ((unsigned char)s[cut] & 0xc0) == 0x80) /* not within a character */
        cut--;
    return json_stringn(s, cut);
}

static json_t *take_list(const json_t *from, const struct member *m)
{
    if (!json_is_array(from))
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(from) && i < m->most; i++) {
        json_t *one = take_object(json_array_get(from, i), m->of);
        if (one)
            json_array_append_new(list, one);
    }
    return list;
}

static json_t *take_source(const json_t *v)
{
    const char *s = json_string_value(v);
    return s && (!strcmp(s, "nvml") || !strcmp(s, "nvidia-smi")) ? json_string(s) : NULL;
}

static json_t *take_number(const json_t *v)
{
    if (json_is_integer(v))
        return json_integer(json_integer_value(v));
    return json_is_real(v) && isfinite(json_real_value(v)) ? json_real(json_real_value(v)) : NULL;
}

static json_t *take_count(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer(json_integer_value(v))
                                                            : NULL;
}

/* NULL: another type than it should be. */
static json_t *take(const json_t *v, const struct member *m)
{
    switch (m->kind) {
    case TEXT:
        return take_text(v);
    case SOURCE:
        return take_source(v);
    case NUMBER:
        return take_number(v);
    case COUNT:
    case KEY:
        return take_count(v);
    case OBJECT:
        return take_object(v, m->of);
    case LIST:
        return take_list(v, m);
    }
    return NULL;
}

/* What is null keeps its reason. */
static json_t *take_object(const json_t *from, const struct member *members)
{
    if (!json_is_object(from))
        return NULL;
    json_t *o = json_object();
    for (const struct member *m = members; m->name; m++) {
        json_t *v = take(json_object_get(from, m->name), m);
        if (v) {
            json_object_set_new(o, m->name, v);
            continue;
        }
        if (m->kind == KEY) {
            json_decref(o);
            return NULL;
        }
        struct pr_str key = PR_STR_INIT(64);
        pr_str_printf(&key, "%s_reason", m->name);
        json_t *reason = take_text(json_object_get(from, pr_str_cstr(&key)));
        pr_json_set_null(o, m->name,
            reason                                 ? json_string_value(reason)
            : m->kind == TEXT || m->kind == SOURCE ? NULL
                                                   : "that machine does not say");
        json_decref(reason);
        pr_str_done(&key);
    }
    return o;
}

enum pr_code pr_peer_clean_status(const json_t *document, json_t **ret, struct pr_error *e)
{
    const json_t *alerts = json_object_get(document, "alerts");
    json_t *o = take_object(document, status);
    const char *boot = json_string_value(json_object_get(json_object_get(o, "api"), "boot"));
    if (!boot) {
        json_decref(o);
        return pr_fail(
            e, PR_E_FORMAT, "what answers there is no proctor: no api.boot in its status");
    }
    if (json_is_array(alerts))
        pr_json_set_int(o, "n_alerts", (int64_t)json_array_size(alerts));
    else
        pr_json_set_null(o, "n_alerts", "it did not say");
    *ret = o;
    return PR_OK;
}

/* Of the machines that it shows, the one that it is. */
enum pr_code pr_peer_clean_gpu(const json_t *document, json_t **ret, struct pr_error *e)
{
    const json_t *list = json_object_get(document, "machines");
    for (size_t i = 0; i < json_array_size(list) && i < MAX_LIST; i++) {
        const json_t *one = json_array_get(list, i);
        if (json_is_true(json_object_get(one, "self"))) {
            *ret = take_object(one, machine);
            return PR_OK;
        }
    }
    return pr_fail(e, PR_E_FORMAT, "its answer names no machine of its own");
}
