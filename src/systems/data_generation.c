/* Data generation: when too few training files wait, the next ones are written.
 *
 * One instance writes at a time (a lock on queue/.generation.lock).  A file's number is one
 * more than any that a file of a queue has or that was ever noted, and what it holds follows from
 * generation.seed, the number, and what is known at that moment.  Its way: the number is noted, the
 * manifest written, the file written under a hidden name and renamed.  A process that dies in
 * between leaves a manifest at most, which the next run removes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "systems/data.h"
#include "systems/data_generation.h"
#include "systems/system.h"

#define SYSTEM    PR_GENERATION_SYSTEM
#define MANIFEST  ".manifest.json"
#define MAX_BYTES ((size_t)1 << 30) /* of a file */
#define MAX_RUN   100               /* files in one run; the next one goes on */
#define MIN_FREE  ((uint64_t)1 << 30)
#define MIN_SHARE 0.05
#define BEGIN     "gen_"
#define LOCK      "generation"

/* ---- what is there ---- */

/* "gen_20261129_223159_007.jsonl" and its manifest: 7; 0: another name. */
static uint64_t number_of(const char *name)
{
    static const char digits[] = "0123456789";
    const char *s = name;
    uint64_t number = 0;
    if (strncmp(s, BEGIN, strlen(BEGIN)) != 0)
        return 0;
    s += strlen(BEGIN);
    if (strspn(s, digits) != 8 || s[8] != '_' || strspn(s + 9, digits) != 6 || s[15] != '_')
        return 0;
    s += 16;
    size_t n = strspn(s, digits);
    if (!n || n > 12 || strncmp(s + n, ".jsonl", 6) != 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        number = 10 * number + (uint64_t)(s[i] - '0');
    return number;
}

static enum pr_code find_number(struct pr_generation_work *w, enum pr_queue q, struct pr_error *e)
{
    char *folder = pr_queue_path(w->v->data->base_dir, q, NULL), **names = NULL;
    size_t n = 0;
    enum pr_code code = pr_path_is_dir(folder) ? pr_dir_list(folder, &names, &n, e) : PR_OK;
    for (size_t i = 0; i < n; i++) {
        uint64_t x = number_of(names[i]);
        w->number = x > w->number ? x : w->number;
    }
    pr_names_free(names, n);
    pr_free(folder);
    return code;
}

static enum pr_code look(struct pr_generation_work *w, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    w->number = (uint64_t)json_integer_value(json_object_get(w->remembered, "last_number"));
    w->bytes = 0;
    for (int q = 0; q < PR_N_QUEUES && !code; q++) {
        struct pr_queue_file *v = NULL;
        size_t n = 0;
        code = pr_queue_list(w->v->data->base_dir, (enum pr_queue)q, &v, &n, e);
        w->waiting[q] = n;
        for (size_t i = 0; i < n && pr_queue_waits((enum pr_queue)q); i++)
            w->bytes += v[i].bytes;
        pr_queue_files_free(v, n);
        if (!code)
            code = find_number(w, (enum pr_queue)q, e);
    }
    return code;
}

size_t pr_generation_counted(const struct pr_generation_work *w)
{
    const char *count = w->v->data->generation_count;
    if (count && !strcmp(count, "all"))
        return w->waiting[PR_QUEUE_HIGH] + w->waiting[PR_QUEUE_NORMAL] + w->waiting[PR_QUEUE_LOW];
    return w->waiting[PR_QUEUE_NORMAL];
}

/* Is the file in a folder of the queue? */
static bool is_somewhere(const char *base_dir, const char *name)
{
    bool found = false;
    for (int q = 0; q < PR_N_QUEUES && !found; q++) {
        char *path = pr_queue_path(base_dir, (enum pr_queue)q, name);
        found = pr_path_exists(path);
        pr_free(path);
    }
    return found;
}

static char *manifest_path(const char *base_dir, const char *name)
{
    struct pr_str s = PR_STR_INIT(4096);
    pr_str_printf(&s, "%s" MANIFEST, name);
    char *path = pr_queue_path(base_dir, PR_QUEUE_NORMAL, pr_str_cstr(&s));
    pr_str_done(&s);
    return path;
}

/* ---- what is remembered ---- */

void pr_generation_day(int64_t ms, char ret[16])
{
    struct tm t;
    time_t s = (time_t)(ms / 1000);
    gmtime_r(&s, &t);
    snprintf(ret, 16, "%04d%02d%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
}

/* Adds a file to the totals of its day. */
static void count_file(struct pr_generation_work *w, size_t lines)
{
    char day[16];
    json_t *o = w->remembered;
    const char *was = json_string_value(json_object_get(o, "day"));
    pr_generation_day(w->v->now_ms, day);
    bool same = was && !strcmp(was, day);
    int64_t files = same ? json_integer_value(json_object_get(o, "files")) : 0,
            all = same ? json_integer_value(json_object_get(o, "lines")) : 0;
    pr_json_set_str(o, "day", day);
    pr_json_set_int(o, "files", files + 1);
    pr_json_set_int(o, "lines", all + (int64_t)lines);
    json_object_del(o, "writing");
    json_object_del(o, "writing_lines");
}

/* A run that was killed: its manifest without a file is removed, its file without a note counts. */
static enum pr_code finish_killed(struct pr_generation_work *w, struct pr_error *e)
{
    const char *base = w->v->data->base_dir,
               *name = json_string_value(json_object_get(w->remembered, "writing"));
    char *folder = pr_queue_path(base, PR_QUEUE_NORMAL, NULL);
    pr_data_sweep(folder, BEGIN);
    pr_free(folder);
    if (!name || !number_of(name))
        return PR_OK;
    if (is_somewhere(base, name)) {
        count_file(w, (size_t)json_integer_value(json_object_get(w->remembered, "writing_lines")));
    } else {
        char *path = manifest_path(base, name);
        unlink(path);
        pr_free(path);
        json_object_del(w->remembered, "writing");
        json_object_del(w->remembered, "writing_lines");
    }
    return pr_data_remember(base, SYSTEM, w->remembered, e);
}

/* ---- limits ---- */

static enum pr_code look_at_disk(struct pr_generation_work *w, struct pr_error *e)
{
    struct statvfs s;
    char *queue = pr_path_join(w->v->data->base_dir, "queue");
    enum pr_code code = statvfs(queue, &s) ? pr_fail_errno(e, errno, "%s", queue) : PR_OK;
    pr_free(queue);
    if (code)
        return code;
    w->free_bytes = (uint64_t)s.f_bavail * s.f_frsize;
    w->free_share = s.f_blocks ? (double)s.f_bavail / (double)s.f_blocks : 1;
    return PR_OK;
}

/* Is there room for so many bytes more? */
static bool has_room(struct pr_generation_work *w, uint64_t more)
{
    uint64_t limit = (uint64_t)w->v->settings->generation_disk_mb << 20;
    if (w->free_bytes < MIN_FREE + more || w->free_share < MIN_SHARE)
        snprintf(w->why, sizeof w->why,
            "only %.2f GB (%.1f %%) are free on the queue's disk: nothing is written below 1 GB or "
            "5 %%",
            (double)w->free_bytes / 1e9, 100 * w->free_share);
    else if (w->bytes + more > limit)
        snprintf(w->why, sizeof w->why,
            "the waiting files would hold %.1f MB, more than generation.disk_mb (%lld)",
            (double)(w->bytes + more) / (1 << 20), (long long)w->v->settings->generation_disk_mb);
    else
        return true;
    return false;
}

/* ---- one file ---- */

static json_t *manifest(const struct pr_generation_work *w, const char *name, uint64_t number,
    const struct pr_generation_file *f)
{
    const struct pr_settings *s = w->v->settings;
    json_t *o = json_object(), *mix = json_object(), *skills = json_object(), *n = json_object();
    char at[32];
    pr_clock_iso8601(w->v->now_ms, at);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "file", name);
    pr_json_set_str(o, "made_at", at);
    pr_json_set_str(o, "proctor_version", PR_VERSION);
    pr_json_set_int(o, "seed", s->generation_seed);
    pr_json_set_int(o, "number", (int64_t)number);
    pr_json_set(mix, "difficulties", pr_generation_mix_json(&w->mix));
    pr_json_set_str(mix, "source", w->mix.by_curriculum ? "curriculum-optimizer" : "default");
    pr_json_set_str(mix, "why", w->mix.why);
    for (size_t i = 0; i < w->skills.n; i++)
        pr_json_set_real(skills, w->skills.v[i].name, w->skills.v[i].weight, NULL);
    pr_json_set(mix, "skills", skills);
    pr_json_set_str(mix, "skills_source", w->skills.source);
    pr_json_set_int(mix, "hard_percent", s->generation_hard_percent);
    pr_json_set_int(mix, "correction_percent", s->generation_correction_percent);
    pr_json_set(o, "wanted", mix);
    pr_json_set_int(o, "lines", (int64_t)f->n);
    pr_json_set(o, "counts", json_incref(f->counts));
    pr_json_set_int(n, "fresh", (int64_t)f->fresh);
    pr_json_set_int(n, "hard", (int64_t)f->hard);
    pr_json_set_int(n, "corrections", (int64_t)f->corrections);
    pr_json_set_int(n, "answer_bytes", (int64_t)f->answer_bytes);
    pr_json_set_int(n, "correction_answer_bytes", (int64_t)f->correction_bytes);
    pr_json_set_int(n, "used_before", (int64_t)f->used);
    pr_json_set_int(n, "not_usable", (int64_t)f->unusable);
    pr_json_set(n, "sources", json_incref(f->sources));
    pr_json_set(o, "provenance", n);
    pr_json_set_int(o, "duplicates_avoided", (int64_t)f->duplicates);
    pr_json_set_int(o, "repeated", (int64_t)f->repeated);
    pr_json_set_int(o, "contamination_avoided", (int64_t)f->contaminated);
    pr_json_set(o, "exhausted", json_incref(f->short_cells));
    return o;
}

static enum pr_code write_manifest(const char *path, const json_t *o, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT(MAX_BYTES);
    char *folder = pr_strndup(path, (size_t)(strrchr(path, '/') - path));
    pr_json_dump(o, 2, 0, &out);
    pr_str_putc(&out, '\n');
    enum pr_code code = pr_mkdirs(folder, e);
    if (!code)
        code = pr_file_write_atomic(path, pr_str_cstr(&out), out.len, e);
    pr_str_done(&out);
    pr_free(folder);
    return code;
}

/* Number, manifest, file, note: see the top. */
static enum pr_code put_file(struct pr_generation_work *w, const char *name, uint64_t number,
    const struct pr_generation_file *f, const struct pr_str *text, struct pr_error *e)
{
    const char *base = w->v->data->base_dir;
    char *path = manifest_path(base, name);
    json_t *o = manifest(w, name, number, f);
    pr_json_set_int(w->remembered, "last_number", (int64_t)number);
    pr_json_set_str(w->remembered, "writing", name);
    pr_json_set_int(w->remembered, "writing_lines", (int64_t)f->n);
    enum pr_code code = pr_data_remember(base, SYSTEM, w->remembered, e);
    if (!code)
        code = write_manifest(path, o, e);
    if (!code)
        pr_fault_point(PR_FAULT_QUEUE_ANNOUNCED);
    if (!code && (code = pr_queue_put(base, PR_QUEUE_NORMAL, name, text->data, text->len, e)))
        unlink(path);
    if (!code) {
        pr_fault_point(PR_FAULT_QUEUE_GENERATED);
        json_array_append(w->written, o);
        count_file(w, f->n);
        w->number = number;
        w->bytes += text->len;
        code = pr_data_remember(base, SYSTEM, w->remembered, e);
    }
    json_decref(o);
    pr_free(path);
    return code;
}

/* *ret_done: nothing more is to be written, and why says the reason. */
static enum pr_code write_one(struct pr_generation_work *w, bool *ret_done, struct pr_error *e)
{
    const struct pr_settings *s = w->v->settings;
    char name[64], day[16];
    struct pr_generation_file f;
    struct pr_str text = PR_STR_INIT(MAX_BYTES);
    time_t at = (time_t)(w->v->now_ms / 1000);
    struct tm t;
    gmtime_r(&at, &t);
    pr_generation_day(w->v->now_ms, day);
    snprintf(name, sizeof name, BEGIN "%s_%02d%02d%02d_%03llu.jsonl", day, t.tm_hour, t.tm_min,
        t.tm_sec, (unsigned long long)w->number + 1);
    const size_t lines = (size_t)s->generation_lines;
    const struct pr_generation_options o = {.seed = (uint64_t)s->generation_seed,
        .number = w->number + 1,
        .lines = lines,
        .hard = lines * (size_t)s->generation_hard_percent / 100,
        .corrections = (double)s->generation_correction_percent / 100,
        .base_dir = w->v->data->base_dir,
        .name = name,
        .mix = &w->mix,
        .skills = &w->skills,
        .known = w->known,
        .repeat = s->generation_repeat};
    enum pr_code code = pr_generation_make(&o, &f, e);
    if (code)
        return code;
    for (size_t i = 0; i < f.n; i++) {
        pr_str_puts(&text, f.v[i].text);
        pr_str_putc(&text, '\n');
    }
    if (!f.n)
        snprintf(w->why, sizeof w->why,
            "no problem of these skills is left that is not in the queue or a suite");
    *ret_done = !f.n || !has_room(w, text.len);
    if (!*ret_done && text.over)
        code = pr_fail(e, PR_E_LIMIT, "%s would be larger than 1 GiB", name);
    if (!*ret_done && !code)
        code = put_file(w, name, w->number + 1, &f, &text, e);
    pr_str_done(&text);
    pr_generation_file_done(&f);
    return code;
}

static enum pr_code fill(struct pr_generation_work *w, struct pr_error *e)
{
    size_t missing = (size_t)w->v->settings->generation_min_files, have = pr_generation_counted(w);
    bool done = false;
    missing = missing > have ? missing - have : 0;
    enum pr_code code = look_at_disk(w, e);
    if (code || !missing || !has_room(w, 0))
        return code;
    code = pr_generation_skills_find(w->v, &w->skills, e);
    if (!code && !w->skills.n) {
        snprintf(w->why, sizeof w->why, "%s: name some in generation.skills of proctor.yaml",
            json_array_size(w->skills.unknown) ? "generation.skills names none that proctor has"
                                               : "no skill of proctor's knows a question of the "
                                                 "validation suites");
        return PR_OK;
    }
    if (!code)
        code = pr_data_protected(w->v, &w->known, e);
    if (!code)
        code = pr_data_add_queues(
            w->known, w->v->data->base_dir, PR_DATA_WAITING | PR_DATA_TRAINED, &w->unread, e);
    for (size_t i = 0; i < missing && i < MAX_RUN && !done && !code; i++)
        code = write_one(w, &done, e);
    if (!code && !done && missing > MAX_RUN)
        snprintf(w->why, sizeof w->why, "%d files are written in one run; the next one goes on",
            MAX_RUN);
    return code;
}

/* ---- run ---- */

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    (void)v;
    (void)ret;
    (void)e;
    return PR_OK; /* it asks no model */
}

static enum pr_code run_locked(struct pr_generation_work *w, struct pr_error *e)
{
    w->remembered = pr_data_remembered(w->v->data->base_dir, SYSTEM);
    enum pr_code code = finish_killed(w, e);
    if (!code)
        code = look(w, e);
    if (!code)
        code = fill(w, e);
    bool wrote = json_array_size(w->written) > 0;
    if (!code && wrote)
        code = look(w, e);
    if (code)
        return code;
    pr_generation_document(w);
    return wrote ? pr_data_remember(w->v->data->base_dir, SYSTEM, w->remembered, e) : PR_OK;
}

static enum pr_code run_beside(struct pr_generation_work *w, struct pr_error *e)
{
    snprintf(w->why, sizeof w->why,
        "another process is filling the queue of this folder (queue/." LOCK ".lock)");
    w->remembered = pr_data_remembered(w->v->data->base_dir, SYSTEM);
    enum pr_code code = look(w, e);
    if (!code)
        pr_generation_document(w);
    return code;
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    struct pr_generation_work w = {.v = v, .f = ret, .free_share = -1};
    int lock = -1;
    ret->status = json_object();
    if (!v->data) {
        ret->waiting = pr_strdup("there is no base folder to look at");
        return PR_OK;
    }
    w.written = json_array();
    enum pr_code code = pr_data_lock(v->data->base_dir, LOCK, &lock, e);
    if (!code)
        pr_generation_mix_read(v, &w.mix);
    if (!code)
        code = lock >= 0 ? run_locked(&w, e) : run_beside(&w, e);
    if (lock >= 0)
        close(lock);
    pr_known_free(w.known);
    pr_generation_skills_done(&w.skills);
    json_decref(w.written);
    json_decref(w.remembered);
    return code;
}

static const struct pr_system_option options[] = {
    {"min-files", "generation.min_files", "N",
        "files that are to wait; when there are fewer, the next ones are written"},
    {"check-interval", NULL, "S", "the same as --interval"},
};

const struct pr_system pr_system_data_generation = {
    .name = SYSTEM,
    .status_file = "data_generation.json",
    .summary = "writes training files when too few wait",
    .about =
        "When fewer than --min-files files wait in queue/normal, it writes the next ones: problems "
        "of the skills by weight, in the difficulty mix of the curriculum optimizer (a third each "
        "where it has none), with a share of mined hard examples and corrections. No line repeats "
        "what is in the queue, was trained on lately, or is in a validation suite. Each file "
        "appears whole, with a manifest beside it that says what it is made of.\n\n"
        "It asks no model and needs no checkpoint. Two instances never both fill a queue.",
    .roles = PR_ROLE_TRAINING,
    .interval_s = 300,
    .uses_data = true,
    .asks_nothing = true,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
