/* Where a training goes on: the newest checkpoint of its own that is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "model/checkpoint.h"
#include "train/save_internal.h"

#define TRAINING_PATH PR_SAVE_STATE_FOLDER "/" PR_SAVE_TRAINING_FILE
#define STATE_PATH    PR_SAVE_STATE_FOLDER "/" PR_SAVE_STATE_FILE
#define PART          ((size_t)1 << 20) /* bytes read at a time */

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static enum pr_code list_steps(const char *out, int64_t **ret, size_t *ret_n, struct pr_error *e)
{
    char **names;
    size_t n, cap = 0;
    enum pr_code code = pr_dir_list(out, &names, &n, e);
    *ret = NULL;
    *ret_n = 0;
    if (code)
        return code;
    for (size_t i = 0; i < n; i++)
        if (pr_save_step_of(names[i]) >= 0)
            PR_PUSH(*ret, *ret_n, cap, pr_save_step_of(names[i]));
    pr_names_free(names, n);
    if (*ret_n)
        qsort(*ret, *ret_n, sizeof **ret, newest_first);
    return PR_OK;
}

/* Has the file the SHA-256 that it was written with? */
static enum pr_code check_sum(int dir_fd, const char *name, const json_t *sums, struct pr_error *e)
{
    const char *want = json_string_value(json_object_get(sums, name));
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    int fd;
    enum pr_code code = pr_file_open(dir_fd, name, true, &fd, NULL, e);
    if (code)
        return code;
    struct pr_sha256 *h = pr_sha256_new();
    char *part = pr_alloc(PART);
    ssize_t r;
    while ((r = read(fd, part, PART)) > 0 || (r < 0 && errno == EINTR))
        if (r > 0)
            pr_sha256_update(h, part, (size_t)r);
    if (r < 0)
        code = pr_fail_errno(e, errno, "%s: read", name);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, hex);
    pr_free(part);
    close(fd);
    if (!code && !want)
        code = pr_fail(e, PR_E_FORMAT, "%s: " TRAINING_PATH " has no SHA-256 of it", name);
    else if (!code && strcmp(want, hex) != 0)
        code = pr_fail(e, PR_E_FORMAT, "%s: its content is not what was saved (SHA-256)", name);
    return code;
}

static enum pr_code check_sums(
    int dir_fd, const char *path, const json_t *training, struct pr_error *e)
{
    const json_t *sums = json_object_get(training, PR_SAVE_SUMS);
    char **names;
    size_t n;
    enum pr_code code = check_sum(dir_fd, STATE_PATH, sums, e);
    if (!code)
        code = check_sum(dir_fd, PR_SAVE_TRAINER_STATE, sums, e);
    if (code || (code = pr_dir_list(path, &names, &n, e)))
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (pr_save_is_weights(names[i]))
            code = check_sum(dir_fd, names[i], sums, e);
    pr_names_free(names, n);
    return code;
}

static enum pr_code check_step(const json_t *training, int64_t step, struct pr_error *e)
{
    int64_t said = 0;
    enum pr_code code = pr_json_get_int(training, "step", true, 1, INT64_MAX, &said, e);
    if (!code && said != step)
        code = pr_fail(e, PR_E_FORMAT, "'step' is %lld", (long long)said);
    return code ? pr_wrap(e, code, TRAINING_PATH) : PR_OK;
}

/* Is it complete, and a training of ours? */
static enum pr_code look(const char *path, int64_t step, json_t **ret_training, struct pr_error *e)
{
    struct pr_safetensors *state;
    struct pr_error why;
    json_t *training = NULL;
    bool complete = false;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pr_fail_errno(e, errno, "no folder");
    if (faccessat(fd, PR_SAVE_STATE_FOLDER, F_OK, 0)) {
        close(fd);
        return pr_fail(
            e, PR_E_UNSUPPORTED, "written by another trainer (no " PR_SAVE_STATE_FOLDER "/ in it)");
    }
    enum pr_code code = pr_checkpoint_complete(path, &complete, &why, e);
    if (!code && !complete)
        code = pr_fail(e, why.code, "%s", why.message);
    if (!code)
        code = pr_safetensors_open(fd, STATE_PATH, false, &state, e);
    if (!code) {
        pr_safetensors_free(state);
        code = pr_json_read(fd, TRAINING_PATH, PR_SAVE_TRAINING_MAX, PR_JSON_STRICT, &training, e);
    }
    if (!code && !json_is_object(training))
        code = pr_fail(e, PR_E_FORMAT, TRAINING_PATH ": not an object");
    if (!code)
        code = check_step(training, step, e);
    close(fd);
    if (code)
        json_decref(training);
    else
        *ret_training = training;
    return code;
}

/* Can a training go on from it?  Whether it fits the net is pr_save_restore's to see.  *ret_wanted:
 * false where it is whole as far as was looked, and nobody asked for it. */
static enum pr_code check(const char *path, int64_t step, const struct pr_save_wanted *wanted,
    bool *ret_wanted, json_t **ret_training, struct pr_error *e)
{
    json_t *training = NULL;
    enum pr_code code = look(path, step, &training, e);
    if (code)
        return code;
    *ret_wanted = !wanted || !wanted->fits || wanted->fits(wanted->ctx, path, training);
    int fd = *ret_wanted ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (*ret_wanted && fd < 0)
        code = pr_fail_errno(e, errno, "no folder");
    if (*ret_wanted && !code) {
        code = check_sums(fd, path, training, e);
        close(fd);
    }
    if (*ret_wanted && !code)
        *ret_training = training;
    else
        json_decref(training);
    return code;
}

static enum pr_code find(const char *out, const struct pr_save_wanted *wanted, char **ret,
    json_t **ret_training, struct pr_notes *notes, struct pr_error *e)
{
    int64_t *steps;
    size_t n;
    enum pr_code code = list_steps(out, &steps, &n, e);
    for (size_t i = 0; i < n && !code && !*ret; i++) {
        char name[40];
        struct pr_error why;
        bool is_wanted = true;
        if (wanted && steps[i] >= wanted->before)
            continue;
        snprintf(name, sizeof name, "checkpoint-%lld", (long long)steps[i]);
        char *path = pr_path_join(out, name);
        if (check(path, steps[i], wanted, &is_wanted, ret_training, &why)) {
            if (notes)
                pr_notes_add(notes, "%s is passed over: %s", name, why.message);
        } else if (is_wanted) {
            *ret = path;
            break;
        }
        pr_free(path);
    }
    pr_free(steps);
    return code;
}

enum pr_code pr_save_newest(const char *out, const struct pr_save_wanted *wanted, char **ret,
    json_t **ret_training, struct pr_notes *notes, struct pr_error *e)
{
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *ret = NULL;
    *ret_training = NULL;
    if (fd < 0)
        return errno == ENOENT ? PR_OK : pr_fail_errno(e, errno, "%s", out);
    enum pr_code code = pr_save_place_tidy(fd, notes, e);
    close(fd);
    return code ? pr_wrap(e, code, "%s", out) : find(out, wanted, ret, ret_training, notes, e);
}
