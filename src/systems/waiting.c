/* See waiting.h. */
#include "systems/waiting.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "queue/folder.h"
#include "queue/validate.h"

#define MAX_LINE        ((size_t)16 << 20)
#define LISTED_OF_FILE  5
#define LISTED_FILES    50
#define MAX_SHOWN_BYTES 400

static const enum pr_queue waiting[] = {PR_QUEUE_HIGH, PR_QUEUE_NORMAL, PR_QUEUE_LOW};
#define N_WAITING (sizeof waiting / sizeof *waiting)

struct look {
    const struct pr_waiting_options *o;
    struct pr_queue_file *v[N_WAITING];
    size_t n[N_WAITING];
    json_t *old, *now; /* by "normal/x.jsonl": what is known of a file */
    struct pr_known *known;
    size_t validated;
};

static void put_key(const struct pr_queue_file *f, struct pr_str *ret)
{
    pr_str_clear(ret);
    pr_str_printf(ret, "%s/%s", pr_queue_name(f->queue), f->name);
}

/* What is known of the file as it is; NULL: nothing. */
static json_t *still_true(const struct look *k, const struct pr_queue_file *f, const char *key)
{
    json_t *o = json_object_get(k->old, key);
    if (json_integer_value(json_object_get(o, "bytes")) != (json_int_t)f->bytes ||
        json_integer_value(json_object_get(o, "mtime_ms")) != f->mtime_ms)
        return NULL;
    return o;
}

static bool something_changed(const struct look *k)
{
    struct pr_str key = PR_STR_INIT(4096);
    bool changed = false;
    for (size_t q = 0; q < N_WAITING; q++)
        for (size_t i = 0; i < k->n[q] && !changed; i++) {
            put_key(&k->v[q][i], &key);
            changed = !still_true(k, &k->v[q][i], pr_str_cstr(&key));
        }
    pr_str_done(&key);
    return changed;
}

static json_t *file_json(const struct pr_queue_file *f, const struct pr_validation *v)
{
    json_t *o = json_object(), *by = json_object(), *list = json_array();
    pr_json_set_int(o, "bytes", (int64_t)f->bytes);
    pr_json_set_int(o, "mtime_ms", f->mtime_ms);
    pr_json_set_int(o, "lines", (int64_t)v->n_lines);
    pr_json_set_int(o, "refused_lines", (int64_t)v->n_refused);
    for (int d = 0; d < PR_N_DEFECTS; d++)
        if (v->by_defect[d])
            pr_json_set_int(by, pr_defect_name((enum pr_defect)d), (int64_t)v->by_defect[d]);
    for (size_t i = 0; i < v->n; i++) {
        json_t *x = json_object();
        if (v->v[i].line)
            pr_json_set_int(x, "line", (int64_t)v->v[i].line);
        else
            pr_json_set_null(x, "line", "this is about the file as a whole");
        pr_json_set_str(x, "defect", pr_defect_name(v->v[i].defect));
        pr_json_set_str(x, "text", v->v[i].text);
        json_array_append_new(list, x);
    }
    pr_json_set(o, "by_defect", by);
    pr_json_set(o, "findings", list);
    return o;
}

/* One file, in its turn: looked at where it changed, else only added to what is known. */
static enum pr_code walk_file(
    struct look *k, const struct pr_queue_file *f, const char *key, struct pr_error *e)
{
    const char *paths[] = {f->path};
    const struct pr_validate_options o = {
        .max_line = MAX_LINE, .max_listed = LISTED_OF_FILE, .known = k->known};
    struct pr_validation *v;
    json_t *was = still_true(k, f, key);
    enum pr_code code = PR_OK;
    if (was) {
        json_object_set(k->now, key, was);
        code = k->known ? pr_known_add_file(k->known, f->path, NULL, e) : PR_OK;
        /* The trainer took it meanwhile, or it cannot be read, which its findings say. */
        return code == PR_E_IO || code == PR_E_NOT_FOUND ? PR_OK : code;
    }
    if ((code = pr_validate(paths, 1, &o, &v, e)))
        return code;
    if (pr_path_exists(f->path)) {
        json_object_set_new(k->now, key, file_json(f, v));
        k->validated++;
    }
    pr_validation_free(v);
    return PR_OK;
}

static enum pr_code walk(struct look *k, struct pr_error *e)
{
    struct pr_str key = PR_STR_INIT(4096);
    enum pr_code code = PR_OK;
    if (something_changed(k) && k->o->known)
        code = k->o->known(k->o->ctx, &k->known, e);
    for (size_t q = 0; q < N_WAITING; q++)
        for (size_t i = 0; i < k->n[q] && !code; i++) {
            put_key(&k->v[q][i], &key);
            code = walk_file(k, &k->v[q][i], pr_str_cstr(&key), e);
        }
    pr_str_done(&key);
    return code;
}

static void add_counts(json_t *sum, const json_t *by)
{
    const char *key;
    json_t *n;
    json_object_foreach ((json_t *)(uintptr_t)by, key, n)
        pr_json_set_int(
            sum, key, json_integer_value(n) + json_integer_value(json_object_get(sum, key)));
}

static json_t *document(const struct look *k)
{
    json_t *o = json_object(), *by = json_object(), *list = json_array(), *file;
    int64_t files = 0, with = 0, lines = 0, refused = 0;
    const char *key;
    json_object_foreach (k->now, key, file) {
        json_t *own = json_object_get(file, "by_defect");
        files++;
        lines += json_integer_value(json_object_get(file, "lines"));
        refused += json_integer_value(json_object_get(file, "refused_lines"));
        add_counts(by, own);
        if (!json_object_size(own) || ++with > LISTED_FILES)
            continue;
        json_t *x = json_object();
        char shown[MAX_SHOWN_BYTES];
        snprintf(shown, sizeof shown, "queue/%.380s", key);
        pr_json_set_str(x, "file", shown);
        json_object_update(x, file);
        json_object_del(x, "bytes");
        json_object_del(x, "mtime_ms");
        json_array_append_new(list, x);
    }
    pr_json_set_int(o, "files", files);
    pr_json_set_int(o, "files_with_findings", with);
    pr_json_set_int(o, "validated", (int64_t)k->validated);
    pr_json_set_int(o, "lines", lines);
    pr_json_set_int(o, "refused_lines", refused);
    pr_json_set(o, "by_defect", by);
    pr_json_set(o, "findings", list);
    return o;
}

enum pr_code pr_waiting_look(
    const struct pr_waiting_options *o, json_t *remembered, json_t **ret, struct pr_error *e)
{
    struct look k = {.o = o, .now = json_object()};
    const char *suites = json_string_value(json_object_get(remembered, "suites"));
    enum pr_code code = PR_OK;
    if (suites && !strcmp(suites, o->suites)) /* else everything is looked at anew */
        k.old = json_object_get(remembered, "files");
    for (size_t q = 0; q < N_WAITING && !code; q++)
        code = pr_queue_list(o->base_dir, waiting[q], &k.v[q], &k.n[q], e);
    if (!code)
        code = walk(&k, e);
    if (!code) {
        *ret = document(&k);
        pr_json_set_str(remembered, "suites", o->suites);
        json_object_set(remembered, "files", k.now);
    }
    for (size_t q = 0; q < N_WAITING; q++)
        pr_queue_files_free(k.v[q], k.n[q]);
    json_decref(k.now);
    return code ? pr_wrap(e, code, "waiting files") : PR_OK;
}
