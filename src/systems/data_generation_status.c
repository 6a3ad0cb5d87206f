/* What data generation says: its status document. */
#include <string.h>

#include "base/alloc.h"
#include "systems/data_generation.h"

#define SHOWN 20 /* files that the status names */

static void set_waiting(const struct pr_generation_work *w, json_t *doc)
{
    json_t *o = json_object();
    for (int q = 0; q < PR_N_QUEUES; q++)
        if (pr_queue_waits((enum pr_queue)q))
            pr_json_set_int(o, pr_queue_name((enum pr_queue)q), (int64_t)w->waiting[q]);
    pr_json_set_int(o, "counted", (int64_t)pr_generation_counted(w));
    pr_json_set_str(o, "count", w->v->data->generation_count);
    pr_json_set_int(o, "min_files", w->v->settings->generation_min_files);
    pr_json_set_int(o, "bytes", (int64_t)w->bytes);
    if (w->unread)
        pr_json_set_int(o, "not_readable", (int64_t)w->unread);
    pr_json_set(doc, "waiting_files", o);
}

static void set_mix(const struct pr_generation_work *w, json_t *doc)
{
    json_t *o = json_object(), *skills = json_object();
    pr_json_set(o, "weights", pr_generation_mix_json(&w->mix));
    pr_json_set_str(o, "source", w->mix.by_curriculum ? "curriculum-optimizer" : "default");
    pr_json_set_str(o, "why", w->mix.why);
    for (size_t i = 0; i < w->skills.n; i++)
        pr_json_set_real(skills, w->skills.v[i]->name, w->skills.weights[i], NULL);
    if (w->skills.n) {
        pr_json_set(o, "skills", json_incref(skills));
        pr_json_set_str(o, "skills_source", w->skills.source);
        pr_json_set(o, "skills_unknown", json_incref(w->skills.unknown));
    } else {
        pr_json_set_null(o, "skills", "nothing was made in this run");
    }
    json_decref(skills);
    pr_json_set(doc, "mix", o);
}

static void set_written(struct pr_generation_work *w, json_t *doc)
{
    json_t *list = json_array(), *m, *last = json_object_get(w->remembered, "last_files");
    size_t i;
    json_array_foreach (w->written, i, m) {
        static const char *const keys[] = {"file", "made_at", "lines", "number", "counts",
            "provenance", "duplicates_avoided", "repeated", "contamination_avoided", "exhausted"};
        json_t *o = json_object();
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            json_object_set(o, keys[k], json_object_get(m, keys[k]));
        json_array_append_new(list, o);
    }
    if (!json_is_array(last)) {
        last = json_array();
        pr_json_set(w->remembered, "last_files", last);
    }
    json_array_extend(last, list);
    while (json_array_size(last) > SHOWN)
        json_array_remove(last, 0);
    pr_json_set(doc, "written", list);
    pr_json_set(doc, "last_files", json_deep_copy(last));
}

static void set_today(const struct pr_generation_work *w, json_t *doc)
{
    char day[16];
    json_t *o = json_object();
    const char *was = json_string_value(json_object_get(w->remembered, "day"));
    pr_generation_day(w->v->now_ms, day);
    bool same = was && !strcmp(was, day);
    pr_json_set_int(
        o, "files", same ? json_integer_value(json_object_get(w->remembered, "files")) : 0);
    pr_json_set_int(
        o, "lines", same ? json_integer_value(json_object_get(w->remembered, "lines")) : 0);
    pr_json_set(doc, "today", o);
}

static void set_disk(const struct pr_generation_work *w, json_t *doc)
{
    json_t *o = json_object();
    pr_json_set_int(o, "used_bytes", (int64_t)w->bytes);
    pr_json_set_int(o, "limit_bytes", w->v->settings->generation_disk_mb << 20);
    if (w->free_share >= 0)
        pr_json_set_int(o, "free_bytes", (int64_t)w->free_bytes);
    else
        pr_json_set_null(o, "free_bytes", "the disk was not looked at in this run");
    pr_json_set(doc, "disk", o);
}

void pr_generation_document(struct pr_generation_work *w)
{
    json_t *doc = w->f->status;
    bool enough = !w->why[0];
    set_waiting(w, doc);
    set_written(w, doc);
    if (json_array_size(w->written) && enough)
        pr_json_set(doc, "reason", json_null());
    else
        pr_json_set_str(doc, "reason", enough ? "enough files wait already" : w->why);
    set_mix(w, doc);
    set_today(w, doc);
    set_disk(w, doc);
    if (!enough)
        w->f->waiting = pr_strdup(w->why);
}
