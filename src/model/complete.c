/* Complete, or still being written?  One rule, decided from what lies in the folder:
 *
 *   - no checkpoint-is-incomplete.txt;
 *   - every *.safetensors file exactly as long as its header says;
 *   - a model: config.json, and model.safetensors or an index whose shards are all there (shards
 *     without an index are still being written); or an adapter: adapter_config.json and
 *     adapter_model.safetensors;
 *   - trainer_state.json, which trainers write last, where it is there at all must parse, and in a
 *     folder checkpoint-N its global_step must be N; it must be there where a sibling checkpoint-*
 *     (one of 64 that are looked at) has one.
 *
 * Pickled weights alone (*.bin, *.pt) are refused: waiting for them would be for ever. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/checkpoint_internal.h"
#include "model/trainer_state.h"

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

int64_t pr_checkpoint_step_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return -1;
    const char *s = name + strlen(prefix);
    int64_t n = 0;
    if (!*s)
        return -1;
    for (; *s; s++)
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, *s - '0', &n))
            return -1;
    return n;
}

static enum pr_code check_lengths(
    struct pr_folder *f, char *const *names, size_t n, struct pr_error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i][0] == '.' || !ends_with(names[i], ".safetensors"))
            continue;
        int fd;
        struct pr_safetensors *s;
        enum pr_code code = pr_folder_file(f, names[i], &fd, e);
        if (code)
            return code;
        code = pr_safetensors_open_fd(fd, names[i], false, &s, e);
        close(fd);
        if (code)
            return code;
        pr_safetensors_free(s);
    }
    return PR_OK;
}

static bool any(char *const *names, size_t n, const char *prefix, const char *suffix)
{
    for (size_t i = 0; i < n; i++)
        if (!strncmp(names[i], prefix, strlen(prefix)) && ends_with(names[i], suffix))
            return true;
    return false;
}

/* Weights in Python's pickle format, which can run code when they are loaded. */
static enum pr_code refuse_pickle(
    char *const *names, size_t n, const char *what, struct pr_error *e)
{
    if (any(names, n, "pytorch_model", ".bin") || any(names, n, "adapter_model", ".bin") ||
        any(names, n, "pytorch_model", ".pt") || any(names, n, "consolidated", ".pth"))
        return pr_fail(e, PR_E_UNSUPPORTED,
            "the weights are in PyTorch's pickle format (.bin), which is not supported; expected "
            "%s "
            "(save_pretrained with safe_serialization=True)",
            what);
    return pr_fail(e, PR_E_INCOMPLETE, "%s is not there yet", what);
}

static enum pr_code check_index(struct pr_folder *f, struct pr_error *e)
{
    static const char name[] = "model.safetensors.index.json";
    json_t *index;
    char **shards;
    size_t n;
    enum pr_code code = pr_folder_json(f, name, PR_INDEX_MAX, PR_JSON_STRICT, &index, e);
    if (code)
        return code;
    code = pr_index_shards(index, name, &shards, &n, e);
    json_decref(index);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (!pr_folder_has(f, shards[i]))
            code =
                pr_fail(e, PR_E_INCOMPLETE, "%s names '%s', which is not there", name, shards[i]);
    pr_names_free(shards, n);
    return code;
}

/* A JSON file that must be there and parse. */
static enum pr_code check_json(struct pr_folder *f, const char *name, struct pr_error *e)
{
    json_t *v;
    enum pr_code code = pr_folder_json(f, name, PR_CONFIG_MAX, PR_JSON_STRICT, &v, e);
    if (!code && !v)
        code = pr_fail(e, PR_E_INCOMPLETE, "%s is not there yet", name);
    json_decref(v);
    return code;
}

bool pr_folder_is_adapter(const struct pr_folder *f)
{
    return !pr_folder_has(f, "model.safetensors") &&
           !pr_folder_has(f, "model.safetensors.index.json") &&
           (pr_folder_has(f, "adapter_config.json") ||
               pr_folder_has(f, "adapter_model.safetensors"));
}

static enum pr_code check_weights(
    struct pr_folder *f, char *const *names, size_t n, struct pr_error *e)
{
    if (pr_folder_is_adapter(f)) {
        if (!pr_folder_has(f, "adapter_model.safetensors"))
            return refuse_pickle(names, n, "adapter_model.safetensors", e);
        return check_json(f, "adapter_config.json", e);
    }
    enum pr_code code = check_json(f, "config.json", e);
    if (code || pr_folder_has(f, "model.safetensors"))
        return code;
    if (pr_folder_has(f, "model.safetensors.index.json"))
        return check_index(f, e);
    if (any(names, n, "model-", ".safetensors"))
        return pr_fail(e, PR_E_INCOMPLETE,
            "there are shards, but model.safetensors.index.json is not there yet");
    return refuse_pickle(names, n, "model.safetensors", e);
}

#define SIBLINGS 64 /* looked at: a folder of thousands is judged once for each of them */

/* Does another checkpoint-* of the same parent have a trainer_state.json?  *ret is its name. */
static bool sibling_with_state(const struct pr_folder *f, char ret[64])
{
    int fd = openat(f->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    bool found = false;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    size_t looked = 0;
    for (struct dirent *ent; !found && looked < SIBLINGS && (ent = readdir(d));) {
        char state[NAME_MAX + 32];
        if (pr_checkpoint_step_of(ent->d_name) < 0 || !strcmp(ent->d_name, f->name))
            continue;
        snprintf(state, sizeof state, "%s/trainer_state.json", ent->d_name);
        looked++;
        found = !faccessat(fd, state, F_OK, 0);
        if (found)
            snprintf(ret, 64, "%s", ent->d_name);
    }
    closedir(d);
    return found;
}

static enum pr_code check_state(struct pr_folder *f, struct pr_error *e)
{
    static const char name[] = "trainer_state.json";
    char *text, sibling[64];
    size_t n;
    int64_t step = pr_checkpoint_step_of(f->name);
    struct pr_trainer_state s;
    enum pr_code code = pr_folder_read(f, name, PR_TRAINER_STATE_MAX, &text, &n, e);
    if (code == PR_E_NOT_FOUND) {
        if (step < 0 || !sibling_with_state(f, sibling))
            return PR_OK;
        return pr_fail(e, PR_E_INCOMPLETE,
            "%s is not there yet (trainers write it last; %s has one)", name, sibling);
    }
    if (code)
        return code;
    code = pr_trainer_state_parse(text, n, name, &s, NULL, e);
    pr_free(text);
    if (code) {
        if (e && code == PR_E_FORMAT)
            e->code = PR_E_INCOMPLETE;
        return code == PR_E_FORMAT ? PR_E_INCOMPLETE : code;
    }
    if (step >= 0 && s.global_step != step)
        code = pr_fail(e, PR_E_INCOMPLETE, "%s: 'global_step' is %lld, expected the folder's %lld",
            name, (long long)s.global_step, (long long)step);
    pr_trainer_state_done(&s);
    return code;
}

enum pr_code pr_folder_complete(struct pr_folder *f, struct pr_error *e)
{
    static const char marker[] = "checkpoint-is-incomplete.txt";
    char **names;
    size_t n;
    if (pr_folder_has(f, marker))
        return pr_fail(e, PR_E_INCOMPLETE, "%s says that it is still being written", marker);
    enum pr_code code = pr_folder_list(f, &names, &n, e);
    if (code)
        return code;
    code = check_weights(f, names, n, e);
    if (!code)
        code = check_lengths(f, names, n, e);
    if (!code)
        code = check_state(f, e);
    pr_names_free(names, n);
    return code;
}

enum pr_code pr_checkpoint_complete(
    const char *dir, bool *ret_complete, struct pr_error *reason, struct pr_error *e)
{
    struct pr_folder f = {0};
    struct pr_error why;
    enum pr_code code = pr_folder_open(dir, &f, e);
    if (code)
        return code;
    code = pr_folder_complete(&f, &why);
    bool hopeless = code == PR_E_UNSUPPORTED || code == PR_E_IO || code == PR_E_MEMORY;
    if (code)
        pr_wrap(&why, code, "%s", f.name);
    pr_folder_done(&f);
    if (hopeless) {
        if (e)
            *e = why;
        return code;
    }
    *ret_complete = !code;
    if (code && reason)
        *reason = why;
    return PR_OK;
}
