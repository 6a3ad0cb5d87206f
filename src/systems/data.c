/* See data.h. */
#include "systems/data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"

#define MAX_STATE ((size_t)64 << 20)

static bool guards(const struct pr_suite_row *s)
{
    return strcmp(s->name, PR_SUITE_TESTING) != 0; /* it is chosen from the main suite */
}

enum pr_code pr_data_protected(struct pr_view *v, struct pr_known **ret, struct pr_error *e)
{
    struct pr_known *k = pr_known_new();
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < v->n_suites && !code; i++) {
        const struct pr_suite *s;
        char path[200];
        if (!guards(&v->suites[i]))
            continue;
        snprintf(path, sizeof path, "suite %.180s", v->suites[i].name);
        code = pr_view_examples(v, v->suites[i].id, &s, e);
        if (!code)
            code = pr_known_protect(k, s, path, e);
    }
    if (code) {
        pr_known_free(k);
        return code;
    }
    *ret = k;
    return PR_OK;
}

enum pr_code pr_data_add_queues(struct pr_known *k, const char *base_dir, unsigned queues,
    size_t *ret_unread, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    size_t unread = 0;
    for (unsigned q = 0; q < PR_N_QUEUES && !code; q++) {
        struct pr_queue_file *v = NULL;
        size_t n = 0;
        if (!(queues >> q & 1))
            continue;
        code = pr_queue_list(base_dir, (enum pr_queue)q, &v, &n, e);
        for (size_t i = 0; i < n && !code; i++) {
            code = pr_known_add_file(k, v[i].path, NULL, e);
            if (code == PR_E_IO || code == PR_E_NOT_FOUND) {
                unread += pr_path_exists(v[i].path); /* else the trainer took it */
                code = PR_OK;
            }
        }
        pr_queue_files_free(v, n);
    }
    if (ret_unread)
        *ret_unread = unread;
    return code;
}

void pr_data_suites_fingerprint(const struct pr_view *v, char ret[65])
{
    uint8_t digest[PR_SHA256_LEN];
    struct pr_sha256 *h = pr_sha256_new();
    for (size_t i = 0; i < v->n_suites; i++)
        if (guards(&v->suites[i]))
            pr_sha256_update(h, v->suites[i].fingerprint, sizeof v->suites[i].fingerprint);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
}

static char *hidden(const char *base_dir, const char *name, const char *ext)
{
    char *queue = pr_path_join(base_dir, "queue");
    char file[80];
    snprintf(file, sizeof file, ".%.50s.%.8s", name, ext);
    char *path = pr_path_join(queue, file);
    pr_free(queue);
    return path;
}

static enum pr_code make_queue(const char *base_dir, struct pr_error *e)
{
    char *queue = pr_path_join(base_dir, "queue");
    enum pr_code code = pr_mkdirs(queue, e);
    pr_free(queue);
    return code;
}

enum pr_code pr_data_lock(const char *base_dir, const char *name, int *ret_fd, struct pr_error *e)
{
    char *path = hidden(base_dir, name, "lock");
    int fd = -1;
    enum pr_code code = make_queue(base_dir, e);
    if (!code && (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666)) < 0)
        code = pr_fail_errno(e, errno, "%s", path);
    if (!code && flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK)
            code = pr_fail_errno(e, errno, "%s", path);
        close(fd);
        fd = -1;
    }
    pr_free(path);
    if (!code)
        *ret_fd = fd;
    return code;
}

json_t *pr_data_remembered(const char *base_dir, const char *name)
{
    struct pr_error ignored;
    json_t *o = NULL;
    char *path = hidden(base_dir, name, "json");
    if (pr_json_read(AT_FDCWD, path, MAX_STATE, PR_JSON_STRICT, &o, &ignored) ||
        !json_is_object(o)) {
        json_decref(o);
        o = json_object();
    }
    pr_free(path);
    return o;
}

enum pr_code pr_data_remember(
    const char *base_dir, const char *name, const json_t *o, struct pr_error *e)
{
    char *path = hidden(base_dir, name, "json");
    struct pr_str out = PR_STR_INIT(MAX_STATE);
    pr_json_dump(o, 0, 0, &out);
    enum pr_code code = make_queue(base_dir, e);
    if (!code && out.over)
        code = pr_fail(e, PR_E_LIMIT, "%s: larger than 64 MiB", path);
    if (!code)
        code = pr_file_write_atomic(path, pr_str_cstr(&out), out.len, e);
    pr_str_done(&out);
    pr_free(path);
    return code;
}

static bool is_left(const char *name, const char *begin)
{
    size_t n = strlen(name), m = strlen(begin);
    if (!strncmp(name, begin, m))
        return n > 11 && !strncmp(name + n - 11, ".tmp.", 5);
    return name[0] == '.' && !strncmp(name + 1, begin, m) && n > 4 && !strcmp(name + n - 4, ".tmp");
}

void pr_data_sweep(const char *folder, const char *begin)
{
    struct pr_error ignored;
    char **names;
    size_t n;
    if (!pr_path_is_dir(folder) || pr_dir_list(folder, &names, &n, &ignored))
        return;
    for (size_t i = 0; i < n; i++) {
        if (!is_left(names[i], begin))
            continue;
        char *path = pr_path_join(folder, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
}
