/* Error-pattern reports: one file for each kind of error that came often enough. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "exam/stats.h"
#include "systems/pieces.h"
#include "systems/self_correction.h"

#define MAX_REPORT ((size_t)16 << 20)
#define MAX_TEXT   2000 /* bytes of a question or an answer */
#define CONFIDENT  0.8

static const struct {
    size_t examples, text; /* bytes of a question or an answer */
} lengths[] = {[PR_REPORT_FEW] = {3, 200}, [PR_REPORT_ALL] = {20, MAX_TEXT}};

static void set_text(json_t *o, const char *key, const char *s, size_t n, size_t most)
{
    struct pr_str clean = PR_STR_INIT((size_t)1 << 26);
    char shown[MAX_TEXT];
    if (!s) {
        pr_json_set_null(o, key, "there was none");
        return;
    }
    pr_utf8_append_lossy(&clean, s, n);
    pr_utf8_shorten(pr_str_cstr(&clean), shown, most);
    pr_json_set_str(o, key, shown);
    pr_str_done(&clean);
}

static json_t *example_json(const struct pr_queue_error *x, size_t most)
{
    json_t *o = json_object();
    const struct pr_grade *g = x->grade;
    struct pr_text q = pr_example_question(g->example);
    pr_json_set_str(o, "id", g->example->id);
    set_text(o, "question", q.s, q.n, most);
    set_text(o, "golden", g->example->golden.s, g->example->golden.n, most);
    set_text(o, "model_answer", g->answer ? g->answer : g->output,
        g->answer ? g->answer_len : g->output_len, most);
    pr_json_set_str(o, "why", x->found.why);
    pr_json_set_real(o, "confidence", g->confidence, "not known");
    pr_json_set_str(o, "difficulty", x->difficulty);
    pr_json_set_str(o, "file", x->file);
    pr_json_set_int(o, "line", x->line);
    return o;
}

json_t *pr_report_examples(
    const struct pr_queue_errors *x, const struct pr_error_group *g, enum pr_report_length length)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n && i < lengths[length].examples; i++)
        json_array_append_new(list, example_json(&x->v[g->v[i]], lengths[length].text));
    return list;
}

static json_t *difficulties(const struct pr_queue_errors *x, const struct pr_error_group *g)
{
    json_t *o = json_object();
    for (size_t i = 0; i < g->n; i++) {
        const char *d = x->v[g->v[i]].difficulty;
        pr_json_set_int(o, d, json_integer_value(json_object_get(o, d)) + 1);
    }
    return o;
}

/* Errors are by confidence, those without one last. */
static json_t *confidence(const struct pr_queue_errors *x, const struct pr_error_group *g)
{
    json_t *o = json_object();
    size_t n = 0, confident = 0;
    double sum = 0;
    for (size_t i = 0; i < g->n; i++) {
        double c = x->v[g->v[i]].grade->confidence;
        if (!isfinite(c))
            continue;
        n++;
        sum += c;
        confident += c >= CONFIDENT;
    }
    pr_json_set_int(o, "n", (int64_t)n);
    pr_json_set_real(o, "mean", n ? sum / (double)n : NAN, "no answer has a confidence");
    pr_json_set_int(o, "at_least_0.8", (int64_t)confident);
    return o;
}

static void set_share(const struct pr_error_group *g, json_t *o)
{
    struct pr_estimate s = {.value = NAN, .lo = NAN, .hi = NAN};
    struct pr_error ignored;
    if (pr_stats_wilson(g->n, g->asked, PR_STATS_LEVEL, &s, &ignored))
        s = (struct pr_estimate){.value = NAN, .lo = NAN, .hi = NAN};
    pr_json_set_int(o, "count", (int64_t)g->n);
    pr_json_set_int(o, "asked", (int64_t)g->asked);
    pr_json_set_real(o, "share", s.value, "nothing was asked");
    pr_json_set(o, "share_ci95", pr_interval_json(s.lo, s.hi));
}

static json_t *report(const struct pr_view *v, const struct pr_checkpoint_row *c,
    const struct pr_queue_errors *x, const struct pr_error_group *g)
{
    json_t *o = json_object();
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "checkpoint", c->name);
    pr_json_set_int(o, "step", c->step);
    pr_json_set_str(o, "fingerprint", c->fingerprint);
    pr_json_set_str(o, g->of_skill ? "skill" : "file", g->of);
    pr_json_set_str(o, "pattern", pr_mistake_name(g->pattern));
    pr_json_set_str(o, "meaning", pr_mistake_about(g->pattern));
    set_share(g, o);
    pr_json_set_int(o, "threshold", v->settings->correction_threshold);
    pr_json_set(o, "by_difficulty", difficulties(x, g));
    pr_json_set(o, "confidence", confidence(x, g));
    pr_json_set(o, "examples", pr_report_examples(x, g, PR_REPORT_ALL));
    return o;
}

static void put_word(struct pr_str *out, const char *s)
{
    size_t n = 0;
    for (; *s && n < 60; s++, n++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                     (*s >= '0' && *s <= '9') || *s == '-' || *s == '.';
        pr_str_putc(out, plain && !(n == 0 && *s == '.') ? *s : '-');
    }
}

static char *report_path(
    const struct pr_checkpoint_row *c, const struct pr_error_group *g, const char *folder)
{
    struct pr_str s = PR_STR_INIT(8192);
    pr_str_printf(&s, "%s/", folder);
    put_word(&s, c->name);
    pr_str_putc(&s, '_');
    put_word(&s, g->of);
    pr_str_printf(&s, "_%s.json", pr_mistake_name(g->pattern));
    return pr_str_take(&s);
}

/* Keeps when the pattern was first seen; true: the file says the same already. */
static bool is_written(const char *path, json_t *o, int64_t now_ms)
{
    struct pr_error ignored;
    json_t *old = NULL;
    char at[32];
    bool same = false;
    pr_clock_iso8601(now_ms, at);
    pr_json_set_str(o, "first_seen", at);
    pr_json_set_str(o, "last_update", at);
    if (pr_json_read(AT_FDCWD, path, MAX_REPORT, PR_JSON_STRICT, &old, &ignored))
        return false;
    const char *same_as = json_string_value(json_object_get(old, "fingerprint")),
               *now = json_string_value(json_object_get(o, "fingerprint"));
    if (same_as && now && !strcmp(same_as, now)) {
        json_t *updated = json_deep_copy(o);
        json_object_set(o, "first_seen", json_object_get(old, "first_seen"));
        json_object_set(updated, "first_seen", json_object_get(old, "first_seen"));
        json_object_set(updated, "last_update", json_object_get(old, "last_update"));
        same = json_equal(updated, old);
        json_decref(updated);
    }
    json_decref(old);
    return same;
}

enum pr_code pr_report_write(const struct pr_view *v, const struct pr_checkpoint_row *c,
    const struct pr_queue_errors *x, const struct pr_error_group *g, char **ret_path,
    struct pr_error *e)
{
    static const char folder[] = "logs/error_patterns";
    struct pr_str out = PR_STR_INIT(MAX_REPORT);
    char *dir = pr_path_join(v->data->base_dir, folder), *shown = report_path(c, g, folder),
         *path = pr_path_join(v->data->base_dir, shown);
    json_t *o = report(v, c, x, g);
    enum pr_code code = pr_mkdirs(dir, e);
    if (!code && !is_written(path, o, v->now_ms)) {
        pr_json_dump(o, 2, 0, &out);
        pr_str_putc(&out, '\n');
        code = out.over ? pr_fail(e, PR_E_LIMIT, "%s: larger than 16 MiB", path)
                        : pr_file_write_atomic(path, out.data, out.len, e);
    }
    if (!code)
        *ret_path = shown;
    else
        pr_free(shown);
    json_decref(o);
    pr_str_done(&out);
    pr_free(dir);
    pr_free(path);
    return code;
}
