/* The traffic light: a table of reasons over the files of the queues, and the document. */
#include "queue/health.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "queue/health_files.h"
#include "queue/health_rate.h"

#define SHOWN_FILES   20
#define BYTES_A_TOKEN 4.0 /* of English text; said in the document */
#define FEW_HOURS     1.0

enum level { GREEN, YELLOW, RED };
static const char *const levels[] = {"green", "yellow", "red"};

struct health {
    struct pr_queue_health_options o;
    struct pr_health_files files;
    int64_t now_ms;
    const char *base;
    json_t *reasons; /* the red ones first */
    size_t n_red;
    enum level level;
    double hours_left;   /* NaN: not known */
    const char *current; /* the reason being looked at */
};

static size_t count_of(const struct health *h, enum pr_queue q)
{
    return h->files.n_lists[q];
}

static size_t n_waiting(const struct health *h)
{
    size_t n = 0;
    for (int q = 0; q < PR_N_QUEUES; q++)
        n += pr_queue_waits((enum pr_queue)q) ? count_of(h, (enum pr_queue)q) : 0;
    return n;
}

/* --- reasons --- */

static json_t *names(void)
{
    return json_array();
}

static void add_name(json_t *list, const struct pr_queue_file *f)
{
    struct pr_str s = PR_STR_INIT(8192);
    pr_str_printf(&s, "%s/%s", pr_queue_name(f->queue), f->name);
    if (json_array_size(list) < SHOWN_FILES) {
        json_t *o = json_object(); /* by way of an object: its setter repairs what is no UTF-8 */
        pr_json_set_str(o, "name", pr_str_cstr(&s));
        json_array_append(list, json_object_get(o, "name"));
        json_decref(o);
    }
    pr_str_done(&s);
}

static void reason(struct health *h, enum level level, json_t *files, const char *fmt, ...)
    PR_PRINTF(4, 5);
static void reason(struct health *h, enum level level, json_t *files, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    json_t *o = json_object();
    pr_json_set_str(o, "level", levels[level]);
    pr_json_set_str(o, "code", h->current);
    pr_json_set_str(o, "text", text);
    pr_json_set(o, "files", files);
    json_array_insert_new(h->reasons, level == RED ? h->n_red++ : json_array_size(h->reasons), o);
    h->level = level > h->level ? level : h->level;
}

static void stuck_at(struct health *h, enum level level, double from, double to)
{
    json_t *files = names();
    size_t n = 0;
    double longest = 0;
    for (size_t i = 0; i < count_of(h, PR_QUEUE_PROCESSING); i++) {
        const struct pr_queue_file *f = &h->files.lists[PR_QUEUE_PROCESSING][i];
        double hours = (double)(h->now_ms - f->since_ms) / 3.6e6;
        if (hours < from || hours >= to)
            continue;
        longest = fmax(longest, hours);
        add_name(files, f);
        n++;
    }
    if (n)
        reason(h, level, files,
            "%zu file%s in processing for %s%.1f hours: is the trainer running?", n,
            n == 1 ? "" : "s", n == 1 ? "" : "up to ", longest);
    else
        json_decref(files);
}

static void stuck(struct health *h)
{
    stuck_at(h, RED, h->o.stuck_critical_hours, INFINITY);
    stuck_at(h, YELLOW, h->o.stuck_warning_hours, h->o.stuck_critical_hours);
}

static bool is_empty(const struct pr_health_file *f)
{
    return !f->f.bytes || (f->checked && !f->lines);
}

/* A file of which nothing can be used stops a trainer; single lines cost only themselves. */
static void invalid(struct health *h)
{
    for (int whole = 1; whole >= 0; whole--) {
        json_t *files = names();
        const struct pr_health_file *first = NULL;
        size_t n = 0, lines = 0;
        for (size_t i = 0; i < h->files.n; i++) {
            const struct pr_health_file *f = &h->files.v[i];
            if (!pr_queue_waits(f->f.queue) || !f->checked || !f->refused || is_empty(f) ||
                (f->refused >= f->lines) != whole)
                continue;
            first = first ? first : f;
            lines += (size_t)f->refused;
            add_name(files, &f->f);
            n++;
        }
        if (n)
            reason(h, whole ? RED : YELLOW, files,
                "%zu waiting file%s with %s (lines: %zu); the first: %s/%s, %s", n,
                n == 1 ? "" : "s", whole ? "nothing that can be used" : "lines that cannot be used",
                lines, pr_queue_name(first->f.queue), first->f.name,
                first->first ? first->first : "");
        else
            json_decref(files);
    }
}

static void of_files(struct health *h, enum level level, const char *what,
    bool (*is)(const struct health *h, const struct pr_health_file *f))
{
    json_t *files = names();
    size_t n = 0;
    for (size_t i = 0; i < h->files.n; i++)
        if (is(h, &h->files.v[i])) {
            add_name(files, &h->files.v[i].f);
            n++;
        }
    if (n)
        reason(h, level, files, "%zu file%s %s", n, n == 1 ? "" : "s", what);
    else
        json_decref(files);
}

static bool has_failed(const struct health *h, const struct pr_health_file *f)
{
    (void)h;
    return f->f.queue == PR_QUEUE_FAILED;
}

static void failed(struct health *h)
{
    of_files(h, YELLOW, "failed: what the trainer could not use lies in queue/failed", has_failed);
}

static bool waits_empty(const struct health *h, const struct pr_health_file *f)
{
    (void)h;
    return pr_queue_waits(f->f.queue) && is_empty(f);
}

static void empty_files(struct health *h)
{
    of_files(h, YELLOW, "waiting with no example", waits_empty);
}

static bool is_unchecked(const struct health *h, const struct pr_health_file *f)
{
    (void)h;
    return pr_queue_waits(f->f.queue) && !f->checked;
}

static void unchecked(struct health *h)
{
    of_files(h, YELLOW, "not checked within the time for it; the next call goes on", is_unchecked);
}

static void backlog(struct health *h)
{
    size_t n = n_waiting(h);
    if (n > h->o.backlog_files)
        reason(h, YELLOW, names(), "%zu files wait, more than queue.backlog_files (%zu)", n,
            h->o.backlog_files);
}

/* The first file before i with the same content, in another queue. */
static const struct pr_health_file *twin_of(const struct health *h, size_t i)
{
    const struct pr_health_file *v = h->files.v;
    for (size_t k = 0; v[i].hash && k < i; k++)
        if (v[k].hash && !strcmp(v[k].hash, v[i].hash) && v[k].f.queue != v[i].f.queue)
            return &v[k];
    return NULL;
}

static void duplicates(struct health *h)
{
    json_t *files = names();
    size_t n = 0;
    const struct pr_health_file *a = NULL, *b = NULL;
    for (size_t i = 0; i < h->files.n; i++) {
        const struct pr_health_file *twin = twin_of(h, i);
        if (!twin)
            continue;
        a = a ? a : twin;
        b = b ? b : &h->files.v[i];
        add_name(files, &h->files.v[i].f);
        n++;
    }
    if (n)
        reason(h, YELLOW, files, "%zu file%s in two queues at once: %s/%s is %s/%s", n,
            n == 1 ? "" : "s", pr_queue_name(b->f.queue), b->f.name, pr_queue_name(a->f.queue),
            a->f.name);
    else
        json_decref(files);
}

static void empty(struct health *h)
{
    if (!n_waiting(h))
        reason(h, YELLOW, names(), "no file waits in high, normal or low");
}

static void runs_out(struct health *h)
{
    double seconds = h->hours_left * 3600;
    if (n_waiting(h) && h->hours_left < FEW_HOURS)
        reason(h, YELLOW, names(), "what waits lasts for about %.0f %s of training",
            seconds < 120 ? seconds : seconds / 60, seconds < 120 ? "seconds" : "minutes");
}

static const struct {
    const char *code;
    void (*look)(struct health *h);
} looks[] = {
    {"stuck", stuck},
    {"invalid", invalid},
    {"failed", failed},
    {"empty_files", empty_files},
    {"backlog", backlog},
    {"duplicates", duplicates},
    {"empty_queue", empty},
    {"runs_out", runs_out},
    {"unchecked", unchecked},
};

/* --- how long it lasts --- */

/* Bytes and examples that wait; examples is NaN where a file's are not known. */
static double waiting_examples(const struct health *h, double *ret_bytes)
{
    double n = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < h->files.n; i++) {
        const struct pr_health_file *f = &h->files.v[i];
        if (!pr_queue_waits(f->f.queue))
            continue;
        *ret_bytes += (double)f->f.bytes;
        n +=
            f->checked ? (double)(f->lines - (f->refused < f->lines ? f->refused : f->lines)) : NAN;
    }
    return n;
}

static json_t *throughput(struct health *h, json_t *doc)
{
    struct pr_health_rate r = pr_health_rate(h->base, &h->o, h->now_ms);
    double bytes, examples = waiting_examples(h, &bytes);
    json_t *waiting = json_object(), *o = json_object();
    pr_json_set_int(waiting, "files", (int64_t)n_waiting(h));
    pr_json_set_int(waiting, "bytes", (int64_t)bytes);
    if (isnan(examples))
        pr_json_set_null(waiting, "examples", "not all files were checked");
    else
        pr_json_set_int(waiting, "examples", (int64_t)examples);
    pr_json_set(doc, "waiting", waiting);
    pr_json_set_real(o, "examples_per_second", r.examples, r.why);
    pr_json_set_real(o, "tokens_per_second", r.tokens, r.why);
    if (r.source)
        pr_json_set_str(o, "source", r.source);
    else
        pr_json_set_null(o, "source", r.why);
    if (r.examples > 0 && examples >= 0) {
        h->hours_left = examples / r.examples / 3600;
        pr_json_set_str(o, "estimated_from", "examples");
    } else if (r.tokens > 0) {
        h->hours_left = bytes / BYTES_A_TOKEN / r.tokens / 3600;
        pr_json_set_str(o, "estimated_from", "tokens, at 4 bytes each");
    }
    pr_json_set_real(doc, "hours_left", h->hours_left, r.why);
    return o;
}

/* --- the document --- */

static json_t *queues(const struct health *h)
{
    json_t *all = json_object();
    for (int q = 0; q < PR_N_QUEUES; q++) {
        json_t *o = json_object();
        int64_t bytes = 0, oldest = h->now_ms;
        for (size_t i = 0; i < h->files.n_lists[q]; i++) {
            const struct pr_queue_file *f = &h->files.lists[q][i];
            bytes += (int64_t)f->bytes;
            oldest = f->since_ms < oldest ? f->since_ms : oldest;
        }
        pr_json_set_int(o, "files", (int64_t)h->files.n_lists[q]);
        pr_json_set_int(o, "bytes", bytes);
        if (h->files.n_lists[q])
            pr_json_set_int(o, "oldest_seconds", (h->now_ms - oldest) / 1000);
        else
            pr_json_set_null(o, "oldest_seconds", "no file is there");
        pr_json_set(all, pr_queue_name((enum pr_queue)q), o);
    }
    return all;
}

static void fill(struct health *h, json_t *doc)
{
    size_t checked = 0, not_checked = 0;
    char now[32];
    json_t *rates = throughput(h, doc);
    for (size_t i = 0; i < h->files.n; i++) {
        checked += pr_queue_waits(h->files.v[i].f.queue) && h->files.v[i].checked;
        not_checked += is_unchecked(h, &h->files.v[i]);
    }
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        h->current = looks[i].code;
        looks[i].look(h);
    }
    pr_clock_iso8601(h->now_ms, now);
    pr_json_set_str(doc, "status", levels[h->level]);
    pr_json_set(doc, "reasons", json_incref(h->reasons));
    pr_json_set(doc, "queues", queues(h));
    pr_json_set_int(doc, "checked", (int64_t)checked);
    pr_json_set_int(doc, "unchecked", (int64_t)not_checked);
    pr_json_set(doc, "throughput", rates);
    pr_json_set_str(doc, "timestamp", now);
}

enum pr_code pr_queue_health(const char *base_dir, const struct pr_queue_health_options *options,
    json_t **ret, struct pr_error *e)
{
    struct health h = {
        .base = base_dir, .now_ms = pr_clock_utc_ms(), .reasons = json_array(), .hours_left = NAN};
    if (options)
        h.o = *options;
    h.o.stuck_warning_hours = h.o.stuck_warning_hours > 0 ? h.o.stuck_warning_hours : 12;
    h.o.stuck_critical_hours = h.o.stuck_critical_hours > 0 ? h.o.stuck_critical_hours : 24;
    h.o.backlog_files = h.o.backlog_files ? h.o.backlog_files : 100;
    h.o.check_seconds = h.o.check_seconds > 0 ? h.o.check_seconds : 20;
    enum pr_code code = pr_health_files_read(&h.files, base_dir, h.o.check_seconds, h.o.threads, e);
    if (!code) {
        *ret = json_object();
        pr_json_set_int(*ret, "schema_version", 1);
        fill(&h, *ret);
    }
    pr_health_files_done(&h.files);
    json_decref(h.reasons);
    return code;
}
