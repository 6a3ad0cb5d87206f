/* What the tests of saving share: a folder of their own with a model in it, and a checkpoint to
 * save. */
#ifndef SAVE_SUPPORT_H
#define SAVE_SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../model/temp_folder.h"
#include "base/json.h"
#include "fake_net.h"
#include "train/save.h"

struct fixture {
    struct pr_net *net;
    struct pr_optimizer optimizer;
    struct pr_save save;
    int64_t keep;
    json_t *config;                /* of a new model */
    struct pr_save_source *source; /* NULL: read anew at each save */
    json_t *state, *training;
};

static inline json_t *state_of(int64_t step)
{
    json_t *v = json_object(), *log = json_array(), *entry = json_object();
    pr_json_set_int(entry, "step", 1);
    pr_json_set_real(entry, "loss", 2.5, NULL);
    json_array_append_new(log, entry);
    pr_json_set_int(v, "global_step", step);
    pr_json_set(v, "log_history", log);
    return v;
}

/* Saves to OUT from a copy of the fixture's model; r: a LoRA's rank. */
static inline struct fixture *fixture_new(const char *model, enum pr_dtype dtype, uint32_t r)
{
    static char from[512], out[512];
    struct fixture *f = pr_zalloc(sizeof *f);
    temp_copy_folder(model, "model");
    snprintf(from, sizeof from, "%s", temp_path("model"));
    snprintf(out, sizeof out, "%s", temp_path("out"));
    f->net = fake_net(from, r, 2.0 * r);
    fake_optimizer(&f->optimizer, f->net, 7);
    f->training = json_object();
    pr_json_set_int(f->training, "schema_version", 1);
    f->save = (struct pr_save){.out = out,
        .model = from,
        .net = f->net,
        .optimizer = &f->optimizer,
        .dtype = dtype,
        .end_of_turn = -1,
        .training = f->training};
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    fake_optimizer_done(&f->optimizer);
    pr_net_free(f->net);
    json_decref(f->training);
    json_decref(f->config);
    pr_save_source_free(f->source);
    pr_free(f);
}

static inline enum pr_code save_as(struct fixture *f, int64_t step, struct pr_error *e)
{
    struct pr_save_source *source = NULL;
    if (!f->source) {
        enum pr_code code = pr_save_source_read(f->save.model, f->config, f->net, &source, e);
        if (code)
            return code;
    }
    json_t *state = state_of(step);
    f->save.trainer_state = state;
    f->save.source = f->source ? f->source : source;
    pr_json_set_int(f->training, "step", step);
    enum pr_code code = pr_save_checkpoint(&f->save, step, e);
    pr_save_source_free(source);
    json_decref(state);
    return code;
}

static inline void saved(struct fixture *f, int64_t step)
{
    struct pr_error e;
    if (save_as(f, step, &e) || pr_save_keep(f->save.out, step, f->keep, f->save.model, &e))
        fail_msg("%s", e.message);
}

static inline json_t *json_of(const char *name)
{
    json_t *v;
    struct pr_error e;
    if (pr_json_read(AT_FDCWD, temp_path(name), 1 << 24, 0, &v, &e))
        fail_msg("%s", e.message);
    return v;
}

static inline const char *text_of(const json_t *v, const char *key)
{
    const char *s = json_string_value(json_object_get(v, key));
    return s ? s : "";
}

/* The checkpoint's fingerprint; it must open whole and without a word. */
static inline void fingerprint_of(const char *dir, const char *base, char ret[65])
{
    struct pr_checkpoint_options o = {.weights = true, .scan = true, .base_model = base};
    struct pr_checkpoint *c = NULL;
    struct pr_error e, why;
    bool complete = false;
    if (pr_checkpoint_complete(dir, &complete, &why, &e) || !complete)
        fail_msg("%s", why.message);
    if (pr_checkpoint_open(dir, &o, &c, &e) || pr_checkpoint_fingerprint(c, 1, ret, &e))
        fail_msg("%s", e.message);
    if (pr_checkpoint_notes(c)->n)
        fail_msg("noted: %s", pr_checkpoint_notes(c)->v[0]);
    pr_checkpoint_free(c);
}

/* The newest checkpoint's name, "" without one; the last note in *ret_note. */
static inline const char *newest(const struct fixture *f, char ret_note[256])
{
    static char name[64];
    struct pr_notes notes = {0};
    struct pr_error e;
    char *path;
    json_t *training;
    if (pr_save_newest(f->save.out, NULL, &path, &training, &notes, &e))
        fail_msg("%s", e.message);
    char *base = path ? pr_path_base(path) : pr_strdup("");
    snprintf(name, sizeof name, "%s", base);
    if (ret_note)
        snprintf(ret_note, 256, "%s", notes.n ? notes.v[notes.n - 1] : "");
    assert_true(path ? json_is_object(training) : !training);
    pr_free(base);
    pr_free(path);
    json_decref(training);
    pr_notes_done(&notes);
    return name;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

#endif
