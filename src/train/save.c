/* One checkpoint written: its parts in turn into a hidden folder, which is then moved into place.
 */
#include "train/save.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "model/trainer_state.h"
#include "train/save_internal.h"

/* The caller's document, and what tells a damaged file. */
static enum pr_code write_training(
    const struct pr_save *s, int dir_fd, json_t *sums, struct pr_error *e)
{
    json_t *training = json_copy((json_t *)(uintptr_t)s->training);
    json_object_set(training, PR_SAVE_SUMS, sums);
    enum pr_code code =
        pr_save_write_json(dir_fd, PR_SAVE_TRAINING_FILE, training, PR_SAVE_TRAINING_MAX, NULL, e);
    json_decref(training);
    return code;
}

static enum pr_code write_state_folder(
    const struct pr_save *s, int dir_fd, json_t *sums, struct pr_error *e)
{
    static const char name[] = PR_SAVE_STATE_FOLDER;
    if (mkdirat(dir_fd, name, 0777))
        return pr_fail_errno(e, errno, "%s", name);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", name);
    enum pr_code code = pr_save_state(s, fd, sums, e);
    pr_fault_point(PR_FAULT_SAVE_STATE);
    if (!code)
        code = write_training(s, fd, sums, e);
    if (code)
        pr_wrap(e, code, "%s", name);
    else
        code = pr_save_sync(fd, name, e);
    close(fd);
    return code;
}

static enum pr_code write_parts(const struct pr_save *s, int dir_fd, struct pr_error *e)
{
    json_t *sums = json_object();
    enum pr_code code = pr_save_weights(s, dir_fd, sums, e);
    pr_fault_point(PR_FAULT_SAVE_WEIGHTS);
    if (!code)
        code = pr_save_write_json(
            dir_fd, PR_SAVE_TRAINER_STATE, s->trainer_state, PR_TRAINER_STATE_MAX, sums, e);
    if (!code) /* behind all that its training.json has the sums of */
        code = write_state_folder(s, dir_fd, sums, e);
    if (!code)
        code = pr_save_carried(s->source, dir_fd, e);
    if (!code)
        code = pr_save_config(s, dir_fd, e);
    json_decref(sums);
    return code;
}

enum pr_code pr_save_checkpoint(const struct pr_save *s, int64_t step, struct pr_error *e)
{
    struct pr_save_place place;
    enum pr_code code = pr_save_place_begin(s->out, step, s->model, &place, e);
    if (code)
        return code;
    pr_fault_point(PR_FAULT_SAVE_BEGUN);
    code = write_parts(s, place.fd, e);
    if (!code)
        code = pr_save_place_commit(&place, e);
    if (code)
        pr_save_place_abandon(&place);
    if (code)
        pr_wrap(e, code, "%s", place.name);
    pr_save_place_done(&place);
    return code;
}

enum pr_code pr_save_lock(const char *out, int *ret_fd, struct pr_error *e)
{
    enum pr_code code = pr_mkdirs(out, e);
    if (code)
        return code;
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", out);
    /* Some file systems have no locks for folders: then there is none to hold. */
    if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        close(fd);
        return pr_fail(e, PR_E_IO, "%s: another training writes its checkpoints here", out);
    }
    if (faccessat(fd, ".", W_OK, AT_EACCESS)) { /* before hours of work, not after */
        code = pr_fail_errno(e, errno, "%s: checkpoints cannot be written here", out);
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return PR_OK;
}
