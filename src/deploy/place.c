/* A target: what it is, and what it becomes.  See place.h. */
#include "deploy/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"

#define MAX_MARK 65536

enum pr_code pr_place_open(const char *target, struct pr_place *ret, struct pr_error *e)
{
    size_t n = strlen(target);
    while (n > 1 && target[n - 1] == '/')
        n--;
    if (target[0] != '/' || n < 2)
        return pr_fail(e, PR_E_USAGE, "deploy.target: '%s' is no path of a folder", target);
    char *path = pr_strndup(target, n), *slash = strrchr(path, '/');
    struct pr_str versions = PR_STR_INIT(65536);
    pr_str_printf(&versions, "%s.versions", path);
    *ret = (struct pr_place){.target = path,
        .parent = slash == path ? pr_strdup("/") : pr_strndup(path, (size_t)(slash - path)),
        .name = pr_strdup(slash + 1),
        .versions = pr_str_take(&versions),
        .lock = -1};
    ret->journal = pr_path_join(ret->versions, "journal.jsonl");
    return PR_OK;
}

void pr_place_done(struct pr_place *p)
{
    if (p->target && p->lock >= 0)
        close(p->lock);
    pr_free(p->target);
    pr_free(p->parent);
    pr_free(p->name);
    pr_free(p->versions);
    pr_free(p->journal);
    *p = (struct pr_place){.lock = -1};
}

enum pr_code pr_place_lock(struct pr_place *p, struct pr_error *e)
{
    enum pr_code code = pr_mkdirs(p->versions, e);
    if (code)
        return code;
    char *path = pr_path_join(p->versions, ".lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        code = pr_fail_errno(e, errno, "%s", path);
    else if (flock(fd, LOCK_EX | LOCK_NB))
        code = errno == EWOULDBLOCK ? pr_fail(e, PR_E_USAGE,
                                          "another proctor deploys to %s at the moment", p->target)
                                    : pr_fail_errno(e, errno, "%s", path);
    if (code && fd >= 0)
        close(fd);
    if (!code)
        p->lock = fd;
    pr_free(path);
    return code;
}

enum pr_code pr_place_kind(const struct pr_place *p, enum pr_target_kind *ret, struct pr_error *e)
{
    struct stat st;
    if (lstat(p->target, &st)) {
        *ret = PR_TARGET_NONE;
        return errno == ENOENT ? PR_OK : pr_fail_errno(e, errno, "%s", p->target);
    }
    if (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode))
        return pr_fail(
            e, PR_E_USAGE, "%s is neither a folder nor a symbolic link: move it away", p->target);
    *ret = S_ISLNK(st.st_mode) ? PR_TARGET_LINK : PR_TARGET_FOLDER;
    return PR_OK;
}

/* The mark of a folder; NULL: it has none. */
static json_t *mark_of(const char *dir)
{
    json_t *o = NULL;
    struct pr_error e;
    char *path = pr_path_join(dir, PR_PLACE_MARK);
    enum pr_code code = pr_json_read(AT_FDCWD, path, MAX_MARK, PR_JSON_STRICT, &o, &e);
    pr_free(path);
    const char *version = code ? NULL : json_string_value(json_object_get(o, "version"));
    if (version && pr_version_is_name(version))
        return o;
    json_decref(o);
    return NULL;
}

json_t *pr_place_current(const struct pr_place *p)
{
    json_t *o = pr_path_is_dir(p->target) ? mark_of(p->target) : NULL;
    return o || !pr_path_is_dir(p->target) ? o : json_object();
}

char *pr_place_link(const struct pr_place *p)
{
    char text[4097];
    ssize_t n = readlink(p->target, text, sizeof text - 1);
    return n < 0 ? NULL : pr_strndup(text, (size_t)n);
}

char *pr_place_version(const struct pr_place *p, const char *version)
{
    return pr_path_join(p->versions, version);
}

bool pr_version_is_name(const char *v)
{
    return *v && *v != '.' && !strchr(v, '/') && strlen(v) <= 200 && strcmp(v, "journal.jsonl") &&
           strcmp(v, "weighed.json");
}

char *pr_version_name(const char *checkpoint, const char *fingerprint)
{
    struct pr_str s = PR_STR_INIT(1024);
    for (const char *c = checkpoint; *c && s.len < 160; c++)
        if (*c != '/' && (unsigned char)*c > ' ' && (s.len || *c != '.'))
            pr_str_putc(&s, *c);
    pr_str_printf(&s, "%s%.12s", s.len ? "-" : "", fingerprint);
    return pr_str_take(&s);
}

json_t *pr_place_list(const struct pr_place *p)
{
    json_t *list = json_array(), *current = pr_place_current(p);
    char **names;
    size_t n;
    struct pr_error e;
    const char *served = json_string_value(json_object_get(current, "version"));
    if (!pr_dir_list(p->versions, &names, &n, &e)) {
        for (size_t i = 0; i < n; i++) {
            char *path = pr_place_version(p, names[i]);
            if (pr_version_is_name(names[i]) && pr_path_is_dir(path)) {
                json_t *o = json_object(), *mark = mark_of(path);
                pr_json_set_str(o, "version", names[i]);
                if (mark)
                    json_object_update_missing(o, mark);
                pr_json_set_str(o, "path", path);
                pr_json_set_bool(o, "served", served && !strcmp(served, names[i]));
                json_array_append_new(list, o);
                json_decref(mark);
            }
            pr_free(path);
        }
        pr_names_free(names, n);
    }
    json_decref(current);
    return list;
}

/* ---- the swap ---- */

enum pr_code pr_place_relink(struct pr_place *p, const char *text, struct pr_error *e)
{
    struct pr_str temporary = PR_STR_INIT(65536);
    enum pr_target_kind kind = PR_TARGET_NONE;
    enum pr_code code = pr_place_kind(p, &kind, e);
    if (code)
        return code;
    if (kind == PR_TARGET_FOLDER)
        return pr_fail(e, PR_E_USAGE, "%s is a folder, no link", p->target);
    pr_str_printf(&temporary, "%s/.%s.proctor-link", p->parent, p->name);
    const char *hidden = pr_str_cstr(&temporary);
    if (!text) {
        if (kind == PR_TARGET_LINK && unlink(p->target))
            code = pr_fail_errno(e, errno, "%s", p->target);
    } else if ((unlink(hidden) && errno != ENOENT) || symlink(text, hidden)) {
        code = pr_fail_errno(e, errno, "%s", hidden);
    } else if (rename(hidden, p->target)) {
        code = pr_fail_errno(e, errno, "%s", p->target);
    }
    pr_str_done(&temporary);
    return code ? code : pr_sync_folder(p->parent, e);
}

static enum pr_code exchange(struct pr_place *p, const char *version, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    char *path = pr_place_version(p, version);
    if (renameat2(AT_FDCWD, path, AT_FDCWD, p->target, RENAME_EXCHANGE))
        code = errno == EINVAL || errno == EXDEV
                   ? pr_fail(e, PR_E_UNSUPPORTED,
                         "%s is a folder, and this file system cannot exchange it: make it a "
                         "symbolic link (move it to %s and link to it)",
                         p->target, p->versions)
                   : pr_fail_errno(e, errno, "exchanging %s and %s", p->target, path);
    pr_free(path);
    if (!code)
        code = pr_sync_folder(p->versions, e);
    return code ? code : pr_sync_folder(p->parent, e);
}

enum pr_code pr_place_swap(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e)
{
    enum pr_target_kind kind = PR_TARGET_NONE;
    enum pr_code code = pr_place_kind(p, &kind, e);
    if (code)
        return code;
    if (kind == PR_TARGET_FOLDER) {
        code = exchange(p, version, e);
        pr_fault_point(PR_FAULT_DEPLOY_SWAPPED);
        return code ? code : pr_place_tidy(p, version, old, e);
    }
    struct pr_str text = PR_STR_INIT(65536);
    pr_str_printf(&text, "%s.versions/%s", p->name, version);
    code = pr_place_relink(p, pr_str_cstr(&text), e);
    pr_str_done(&text);
    pr_fault_point(PR_FAULT_DEPLOY_SWAPPED);
    return code;
}

enum pr_code pr_place_tidy(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e)
{
    enum pr_target_kind kind = PR_TARGET_NONE;
    enum pr_code code = pr_place_kind(p, &kind, e);
    if (code || kind != PR_TARGET_FOLDER || !old || !strcmp(old, version))
        return code;
    char *from = pr_place_version(p, version), *to = pr_place_version(p, old);
    if (pr_path_exists(from) && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        code = pr_fail_errno(e, errno, "renaming %s to %s", from, to);
    if (!code)
        code = pr_sync_folder(p->versions, e);
    pr_fault_point(PR_FAULT_DEPLOY_TIDIED);
    pr_free(from);
    pr_free(to);
    return code;
}

static bool has_version(const struct pr_place *p, const char *version)
{
    char *path = pr_place_version(p, version);
    bool has = pr_path_exists(path);
    pr_free(path);
    return has;
}

enum pr_code pr_place_swapped_back(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e)
{
    return has_version(p, version) ? PR_OK : pr_place_tidy(p, old, version, e);
}

enum pr_code pr_place_swap_back(
    struct pr_place *p, const char *version, const char *old, struct pr_error *e)
{
    bool tidied = !has_version(p, version);
    enum pr_code code = exchange(p, tidied ? old : version, e);
    return code || !tidied ? code : pr_place_tidy(p, old, version, e);
}

int64_t pr_place_inode(const char *dir)
{
    struct stat st;
    return stat(dir, &st) || !S_ISDIR(st.st_mode) ? 0 : (int64_t)st.st_ino;
}

/* The folder that a link leads to is that version's. */
static bool leads_to(const struct pr_place *p, const char *version)
{
    struct stat st, own;
    char *path = pr_place_version(p, version);
    bool is = !stat(p->target, &st) && !stat(path, &own) && st.st_dev == own.st_dev &&
              st.st_ino == own.st_ino;
    pr_free(path);
    return is;
}

bool pr_place_is(const struct pr_place *p, const char *version, int64_t inode)
{
    enum pr_target_kind kind = PR_TARGET_NONE;
    if (pr_place_kind(p, &kind, NULL) || kind == PR_TARGET_NONE)
        return false;
    if (kind == PR_TARGET_LINK)
        return leads_to(p, version);
    if (inode)
        return pr_place_inode(p->target) == inode;
    json_t *now = pr_place_current(p);
    const char *marked = json_string_value(json_object_get(now, "version"));
    bool is = marked && !strcmp(marked, version);
    json_decref(now);
    return is;
}
