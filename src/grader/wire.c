/* Messages to JSON and back: see wire.h. */
#include "grader/wire.h"

#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "grader/frame.h"

#define MAX_COUNT   (INT64_C(1) << 53)
#define MAX_SECONDS 1e9
#define MAX_TEXTS   100000
#define MAX_TEXT    4096 /* bytes */

json_t *pr_wire_message(const char *type)
{
    json_t *m = json_object();
    pr_json_set_str(m, "type", type);
    return m;
}

const char *pr_wire_type(const json_t *m)
{
    return json_string_value(json_object_get(m, "type"));
}

bool pr_wire_is_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

bool pr_wire_is_plain(const json_t *text)
{
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    for (size_t i = 0; i < n && s; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return s && n <= MAX_TEXT;
}

enum pr_code pr_wire_get_order(const json_t *m, int64_t *ret, struct pr_error *e)
{
    return pr_json_get_int(m, "order", true, 1, INT64_MAX, ret, e);
}

/* --- hello, open --- */

json_t *pr_wire_put_hello(const struct pr_grader_options *o, pid_t parent)
{
    json_t *m = pr_wire_message("hello"), *options = json_object();
    pr_json_set_int(m, "version", PR_FRAME_VERSION);
    pr_json_set_str(m, "proctor", PR_VERSION);
    pr_json_set_int(m, "parent", parent);
    pr_json_set(options, "template_variables",
        o->template_vars ? json_incref((json_t *)o->template_vars) : json_object());
    pr_json_set_int(options, "now_utc_ms", o->now_utc_ms);
    pr_json_set_int(options, "max_new_tokens", (int64_t)o->max_new_tokens);
    pr_json_set_str(options, "dtype", o->dtype ? o->dtype : "auto");
    pr_json_set_int(options, "threads", o->n_threads);
    pr_json_set_int(options, "kv_bytes", (int64_t)o->kv_bytes);
    pr_json_set_int(options, "max_memory", (int64_t)o->max_memory);
    pr_json_set_int(options, "nice", o->nice);
    pr_json_set_int(options, "cpu_percent", o->cpu_percent ? o->cpu_percent : 100);
    pr_json_set_bool(options, "scan", o->scan);
    pr_json_set_bool(options, "allow_commands", o->allow_commands);
    pr_json_set(m, "options", options);
    return m;
}

json_t *pr_wire_put_open(const struct pr_grader_options *o)
{
    json_t *m = pr_wire_message("open"), *bases = json_array();
    pr_json_set_str(m, "path", o->path);
    for (size_t i = 0; i < o->n_bases; i++)
        json_array_append_new(bases, json_pack("[s, s]", o->bases[i][0], o->bases[i][1]));
    pr_json_set(m, "bases", bases);
    return m;
}

static enum pr_code get_math(const json_t *options, enum pr_math *ret, struct pr_error *e)
{
    static const char *const names[] = {
        [PR_MATH_AUTO] = "auto", [PR_MATH_F32] = "f32", [PR_MATH_BF16] = "bf16"};
    const char *name = "auto";
    enum pr_code code = pr_json_get_str(options, "dtype", false, &name, e);
    for (size_t i = 0; !code && i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            *ret = (enum pr_math)i;
            return PR_OK;
        }
    }
    return code ? code
                : pr_fail(e, PR_E_FORMAT, "'dtype' is '%.40s', expected auto, f32 or bf16", name);
}

static enum pr_code get_options(const json_t *o, struct pr_wire_task *t, struct pr_error *e)
{
    int64_t max_new = 0, threads = 0, nice = 0, percent = 100, kv = 0, memory = 0;
    const struct {
        const char *key;
        int64_t min, max, *ret;
    } numbers[] = {
        {"now_utc_ms", 0, MAX_COUNT, &t->now_utc_ms},
        {"max_new_tokens", 0, 1 << 20, &max_new},
        {"threads", 0, 1024, &threads},
        {"kv_bytes", 0, MAX_COUNT, &kv},
        {"max_memory", 0, MAX_COUNT, &memory},
        {"nice", 0, 19, &nice},
        {"cpu_percent", 1, 100, &percent},
    };
    enum pr_code code = get_math(o, &t->math, e);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !code; i++)
        code = pr_json_get_int(
            o, numbers[i].key, false, numbers[i].min, numbers[i].max, numbers[i].ret, e);
    if (!code)
        code = pr_json_get_bool(o, "scan", false, &t->scan, e);
    if (!code)
        code = pr_json_get_bool(o, "allow_commands", false, &t->allow_commands, e);
    t->template_vars = json_object_get(o, "template_variables");
    if (!code && t->template_vars && !json_is_object(t->template_vars))
        code = pr_fail(e, PR_E_FORMAT, "'template_variables' is %s, an object was expected",
            pr_json_type_name(t->template_vars));
    t->max_new_tokens = (size_t)max_new;
    t->n_threads = (int)threads;
    t->nice = (int)nice;
    t->cpu_percent = (int)percent;
    t->kv_bytes = (uint64_t)kv;
    t->max_memory = (uint64_t)memory;
    return code;
}

enum pr_code pr_wire_get_hello(const json_t *m, struct pr_wire_task *ret, struct pr_error *e)
{
    int64_t version = 0, parent = 0;
    enum pr_code code = pr_json_get_int(m, "version", true, 0, INT32_MAX, &version, e);
    if (!code && version != PR_FRAME_VERSION)
        code = pr_fail(e, PR_E_UNSUPPORTED,
            "the other side speaks version %lld of the protocol, this proctor %d",
            (long long)version, PR_FRAME_VERSION);
    if (!code)
        code = pr_json_get_int(m, "parent", false, 0, INT32_MAX, &parent, e);
    ret->parent = (pid_t)parent;
    ret->cpu_percent = 100;
    const json_t *options = json_object_get(m, "options");
    if (!code && options && !json_is_object(options))
        code = pr_fail(
            e, PR_E_FORMAT, "'options' is %s, an object was expected", pr_json_type_name(options));
    if (!code && options)
        code = get_options(options, ret, e);
    return code ? pr_wrap(e, code, "hello") : PR_OK;
}

enum pr_code pr_wire_get_open(const json_t *m, struct pr_wire_task *ret, struct pr_error *e)
{
    enum pr_code code = pr_json_get_str(m, "path", true, &ret->path, e);
    const json_t *bases = json_object_get(m, "bases"), *pair;
    size_t i;
    if (!code &&
        (!*ret->path || strlen(ret->path) != json_string_length(json_object_get(m, "path"))))
        code = pr_fail(e, PR_E_FORMAT, "'path' is empty or holds NUL");
    if (!code && bases && !json_is_array(bases))
        code = pr_fail(
            e, PR_E_FORMAT, "'bases' is %s, an array was expected", pr_json_type_name(bases));
    if (code)
        return pr_wrap(e, code, "open");
    ret->bases = pr_zalloc((json_array_size(bases) + 1) * sizeof *ret->bases);
    json_array_foreach (bases, i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *folder = json_string_value(json_array_get(pair, 1));
        if (!name || !folder)
            return pr_fail(e, PR_E_FORMAT, "open: 'bases'[%zu]: [name, folder] was expected", i);
        ret->bases[i][0] = name;
        ret->bases[i][1] = folder;
        ret->n_bases = i + 1;
    }
    return PR_OK;
}

void pr_wire_task_done(struct pr_wire_task *t)
{
    pr_free(t->bases);
    *t = (struct pr_wire_task){0};
}

/* --- opened --- */

json_t *pr_wire_put_opened(const struct pr_grader_opened *o)
{
    json_t *m = pr_wire_message("opened");
    pr_json_set_str(m, "fingerprint", o->fingerprint);
    pr_json_set_int(m, "step", o->origin.step);
    pr_json_set_str(m, "run", o->origin.run);
    pr_json_set_str(m, "history", o->origin.history);
    pr_json_set_int(m, "weight_bytes", (int64_t)o->weight_bytes);
    pr_json_set_int(m, "parameters", (int64_t)o->parameters);
    pr_json_set(m, "notes", o->notes ? json_incref(o->notes) : json_array());
    pr_json_set(m, "bad_weights", o->bad_weights ? json_incref(o->bad_weights) : json_array());
    pr_json_set(m, "settings", json_incref(o->settings));
    pr_json_set_str(m, "settings_fingerprint", o->settings_fingerprint);
    pr_json_set_str(m, "sandbox", o->sandbox);
    return m;
}

/* n hexadecimal digits into ret[n + 1]; "" too where `empty`. */
static enum pr_code get_hex(
    const json_t *m, const char *key, size_t n, bool empty, char *ret, struct pr_error *e)
{
    const char *s;
    enum pr_code code = pr_json_get_str(m, key, true, &s, e);
    if (code)
        return code;
    if (empty && !*s)
        n = 0;
    if (!pr_wire_is_hex(s, n))
        return pr_fail(e, PR_E_FORMAT, "'%s' is not %zu hexadecimal digits", key, n);
    memcpy(ret, s, n + 1);
    return PR_OK;
}

static enum pr_code get_list(const json_t *m, const char *key, json_t **ret, struct pr_error *e)
{
    json_t *list = json_object_get(m, key);
    size_t n = json_array_size(list);
    bool good = json_is_array(list) && n <= MAX_TEXTS;
    for (size_t i = 0; good && i < n; i++)
        good = pr_wire_is_plain(json_array_get(list, i));
    if (!good)
        return pr_fail(e, PR_E_FORMAT, "'%s' is not an array of texts of one line", key);
    *ret = n ? list : NULL;
    return PR_OK;
}

/* The settings as they are the key of what follows: their fingerprint is computed again. */
static enum pr_code get_settings(const json_t *m, struct pr_grader_opened *o, struct pr_error *e)
{
    char given[65], made[PR_SHA256_HEX];
    uint8_t hash[PR_SHA256_LEN];
    struct pr_str text = PR_STR_INIT(PR_FRAME_MAX);
    enum pr_code code = get_hex(m, "settings_fingerprint", 64, false, given, e);
    if (code)
        return code;
    o->settings = json_object_get(m, "settings");
    if (!json_is_object(o->settings))
        return pr_fail(e, PR_E_FORMAT, "'settings' is %s, an object was expected",
            pr_json_type_name(o->settings));
    pr_json_dump_canonical(o->settings, &text);
    pr_sha256(pr_str_cstr(&text), text.len, hash);
    pr_sha256_hex(hash, made);
    pr_str_done(&text);
    if (strcmp(given, made) != 0)
        return pr_fail(e, PR_E_FORMAT, "'settings_fingerprint' is not that of 'settings'");
    memcpy(o->settings_fingerprint, made, sizeof made);
    return PR_OK;
}

enum pr_code pr_wire_get_opened(const json_t *m, struct pr_grader_opened *ret, struct pr_error *e)
{
    int64_t bytes = 0, parameters = 0;
    enum pr_code code = get_hex(m, "fingerprint", 64, false, ret->fingerprint, e);
    if (!code)
        code = get_hex(m, "run", 16, false, ret->origin.run, e);
    if (!code)
        code = get_hex(m, "history", 16, true, ret->origin.history, e);
    if (!code)
        code = pr_json_get_int(m, "step", true, -1, INT64_MAX, &ret->origin.step, e);
    if (!code)
        code = pr_json_get_int(m, "weight_bytes", true, 0, INT64_MAX, &bytes, e);
    if (!code)
        code = pr_json_get_int(m, "parameters", true, 0, INT64_MAX, &parameters, e);
    if (!code)
        code = get_list(m, "notes", &ret->notes, e);
    if (!code)
        code = get_list(m, "bad_weights", &ret->bad_weights, e);
    if (!code)
        code = get_settings(m, ret, e);
    if (!code)
        code = pr_json_get_str(m, "sandbox", true, &ret->sandbox, e);
    if (!code && !pr_wire_is_plain(json_object_get(m, "sandbox")))
        code = pr_fail(e, PR_E_FORMAT, "'sandbox' is not a text of one line");
    ret->weight_bytes = (uint64_t)bytes;
    ret->parameters = (uint64_t)parameters;
    return code ? pr_wrap(e, code, "opened") : PR_OK;
}

/* --- progress, done, failed --- */

json_t *pr_wire_put_progress(int64_t order, const struct pr_grader_progress *p)
{
    json_t *m = pr_wire_message("progress");
    pr_json_set_int(m, "order", order);
    pr_json_set_int(m, "examples_done", (int64_t)p->examples_done);
    pr_json_set_int(m, "examples_total", (int64_t)p->examples_total);
    pr_json_set_int(m, "tokens_done", (int64_t)p->tokens_done);
    pr_json_set_int(m, "tokens_total", (int64_t)p->tokens_total);
    return m;
}

static enum pr_code get_counts(
    const json_t *m, const char *const *keys, uint64_t *const *ret, size_t n, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++) {
        int64_t x = 0;
        code = pr_json_get_int(m, keys[i], true, 0, MAX_COUNT, &x, e);
        *ret[i] = (uint64_t)x;
    }
    return code;
}

enum pr_code pr_wire_get_progress(
    const json_t *m, int64_t *ret_order, struct pr_grader_progress *ret, struct pr_error *e)
{
    static const char *const keys[] = {
        "examples_done", "examples_total", "tokens_done", "tokens_total"};
    uint64_t done = 0, total = 0;
    uint64_t *const to[] = {&done, &total, &ret->tokens_done, &ret->tokens_total};
    enum pr_code code = pr_wire_get_order(m, ret_order, e);
    if (!code)
        code = get_counts(m, keys, to, 4, e);
    ret->examples_done = (size_t)done;
    ret->examples_total = (size_t)total;
    return code ? pr_wrap(e, code, "progress") : PR_OK;
}

json_t *pr_wire_put_done(const struct pr_grader_done *d)
{
    json_t *m = pr_wire_message("done");
    pr_json_set_int(m, "order", d->order);
    pr_json_set_bool(m, "cancelled", d->cancelled);
    pr_json_set_int(m, "examples", (int64_t)d->examples);
    pr_json_set_int(m, "tokens_scored", (int64_t)d->tokens_scored);
    pr_json_set_int(m, "tokens_generated", (int64_t)d->tokens_generated);
    pr_json_set_int(m, "tokens_prefilled", (int64_t)d->tokens_prefilled);
    pr_json_set_int(m, "tokens_shared", (int64_t)d->tokens_shared);
    pr_json_set_int(m, "peak_rss_bytes", (int64_t)d->peak_rss_bytes);
    pr_json_set_real(m, "seconds", d->seconds, NULL);
    return m;
}

enum pr_code pr_wire_get_done(const json_t *m, struct pr_grader_done *ret, struct pr_error *e)
{
    static const char *const keys[] = {"examples", "tokens_scored", "tokens_generated",
        "tokens_prefilled", "tokens_shared", "peak_rss_bytes"};
    uint64_t examples = 0;
    uint64_t *const to[] = {&examples, &ret->tokens_scored, &ret->tokens_generated,
        &ret->tokens_prefilled, &ret->tokens_shared, &ret->peak_rss_bytes};
    enum pr_code code = pr_wire_get_order(m, &ret->order, e);
    if (!code)
        code = pr_json_get_bool(m, "cancelled", true, &ret->cancelled, e);
    if (!code)
        code = get_counts(m, keys, to, 6, e);
    if (!code)
        code = pr_json_get_real(m, "seconds", true, 0, MAX_SECONDS, &ret->seconds, e);
    ret->examples = (size_t)examples;
    return code ? pr_wrap(e, code, "done") : PR_OK;
}

json_t *pr_wire_put_failed(int64_t order, const struct pr_error *why)
{
    json_t *m = pr_wire_message("failed");
    pr_json_set_int(m, "order", order);
    pr_json_set_str(m, "code", pr_code_name(why->code));
    pr_json_set_str(m, "message", why->message);
    return m;
}

static enum pr_code code_named(const char *name)
{
    static const enum pr_code all[] = {
#define PR_X(code, text) PR_##code,
        PR_CODES(PR_X)
#undef PR_X
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(pr_code_name(all[i]), name))
            return all[i];
    return PR_OK;
}

enum pr_code pr_wire_get_failed(
    const json_t *m, int64_t *ret_order, struct pr_error *ret_why, struct pr_error *e)
{
    const char *name = "", *text = "";
    enum pr_code code = pr_json_get_int(m, "order", true, 0, INT64_MAX, ret_order, e);
    if (!code)
        code = pr_json_get_str(m, "code", true, &name, e);
    if (!code)
        code = pr_json_get_str(m, "message", true, &text, e);
    enum pr_code why = code_named(name);
    if (!code && !why)
        code = pr_fail(e, PR_E_FORMAT, "'code' is '%.40s', which is none that there is", name);
    if (code)
        return pr_wrap(e, code, "failed");
    pr_fail(ret_why, why, "%s", text); /* without control characters */
    return PR_OK;
}
