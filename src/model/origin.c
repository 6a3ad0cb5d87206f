/* Where a checkpoint comes from: its step, its run, and how far its history agrees with others'. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "model/checkpoint_internal.h"
#include "model/trainer_state.h"

/* Values that differ when the same training is logged twice: how long it took, and on what. */
static bool is_volatile(const char *key)
{
    static const char *const tails[] = {"_runtime", "_per_second", "total_flos", "memory_usage_mb"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t n = strlen(key), m = strlen(tails[i]);
        if (n >= m && !strcmp(key + n - m, tails[i]))
            return true;
    }
    return false;
}

static void hash_entry(struct pr_sha256 *h, const json_t *raw)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 24);
    json_t *kept = json_object();
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)raw, key, v)
        if (!is_volatile(key))
            json_object_set(kept, key, v);
    pr_json_dump_canonical(kept, &text);
    pr_sha256_update(h, pr_str_cstr(&text), text.len);
    pr_sha256_update(h, "\n", 1);
    json_decref(kept);
    pr_str_done(&text);
}

static void hex16(struct pr_sha256 *h, char ret[17])
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, hex);
    memcpy(ret, hex, 16);
    ret[16] = 0;
}

/* The folder that holds the run's checkpoints, as one name whatever path led there. */
static enum pr_code run_folder(const struct pr_folder *f, char ret[PATH_MAX], struct pr_error *e)
{
    char *dir =
        pr_checkpoint_step_of(f->name) >= 0 ? pr_path_join(f->path, "..") : pr_strdup(f->path);
    bool ok = realpath(dir, ret) != NULL;
    pr_free(dir);
    return ok ? PR_OK : pr_fail(e, PR_E_IO, "%s: the folder's real path is not to be had", f->path);
}

static void hash_run(
    const char *folder, const struct pr_trainer_state *s, struct pr_checkpoint_origin *ret)
{
    struct pr_sha256 *run = pr_sha256_new(), *history = pr_sha256_new();
    pr_sha256_update(run, folder, strlen(folder) + 1);
    if (s->n_log)
        hash_entry(run, s->log[0].raw);
    for (size_t i = 0; i < s->n_log; i++)
        hash_entry(history, s->log[i].raw);
    hex16(run, ret->run);
    hex16(history, ret->history);
    if (!s->n_log)
        ret->history[0] = 0;
}

enum pr_code pr_checkpoint_origin(
    const char *dir, struct pr_checkpoint_origin *ret, struct pr_error *e)
{
    return pr_checkpoint_origin_in(dir, NULL, ret, e);
}

enum pr_code pr_checkpoint_origin_in(
    const char *dir, const char *place, struct pr_checkpoint_origin *ret, struct pr_error *e)
{
    static const char name[] = "trainer_state.json";
    struct pr_folder f = {0};
    struct pr_trainer_state s = {0};
    char folder[PATH_MAX], *text = NULL;
    size_t n;
    enum pr_code code = pr_folder_open(dir, &f, e);
    if (code)
        return code;
    struct pr_checkpoint_origin o = {.step = pr_checkpoint_step_of(f.name)};
    code = place ? PR_OK : run_folder(&f, folder, e);
    if (code)
        goto out;
    code = pr_folder_read(&f, name, PR_TRAINER_STATE_MAX, &text, &n, e);
    if (!code) {
        code = pr_trainer_state_parse(text, n, name, &s, NULL, e);
        if (!code)
            o.step = s.global_step;
    } else if (code == PR_E_NOT_FOUND) {
        code = PR_OK;
    }
    if (!code) {
        hash_run(place ? place : folder, &s, &o);
        *ret = o;
    } else {
        pr_wrap(e, code, "%s", f.name);
    }
out:
    pr_free(text);
    pr_trainer_state_done(&s);
    pr_folder_done(&f);
    return code;
}
