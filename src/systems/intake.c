/* Which files of queue/unvalidated there are, and where they go; see intake.h. */
#include "systems/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "systems/intake_internal.h"

#define MANIFEST   ".manifest.json"
#define ORIGINALS  "originals"
#define MAX_STEM   180
#define SETTLED_NS 1000000000 /* a file that was written to since then may still be written */

/* Folders in which hidden files may be. */
static const enum pr_queue hiding[] = {
    PR_QUEUE_HIGH, PR_QUEUE_NORMAL, PR_QUEUE_LOW, PR_QUEUE_REJECTED};
#define N_HIDING (sizeof hiding / sizeof *hiding)

struct intake {
    const struct pr_intake_options *o;
    struct pr_intake *ret;
    struct pr_known *known; /* NULL: not needed yet */
    char *unvalidated, *rejected, *originals;
};

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

static bool is_training_file(const char *name)
{
    return name[0] != '.' && !ends_with(name, MANIFEST) &&
           (ends_with(name, ".jsonl") || ends_with(name, ".json"));
}

/* ---- hidden names: ".intake-<inode>-<time of change>-<name>" ---- */

static int64_t change_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static char *hidden_name(const struct stat *st, const char *name)
{
    struct pr_str s = PR_STR_INIT(4096);
    pr_str_printf(&s, PR_INTAKE_HIDDEN "%016" PRIx64 "-%016" PRIx64 "-%s", (uint64_t)st->st_ino,
        (uint64_t)change_ns(st), name);
    return pr_str_take(&s);
}

/* Sixteen hexadecimal digits and a dash. */
static bool read_hex(const char **s, uint64_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 16; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *d = **s ? strchr(digits, **s) : NULL;
        if (!d)
            return false;
        *ret = *ret << 4 | (uint64_t)(d - digits);
        ++*s;
    }
    return *(*s)++ == '-';
}

/* The inode and time of change of a hidden name, and its later name. */
static bool read_hidden(const char *name, uint64_t *ret_ino, uint64_t *ret_ns, const char **ret)
{
    const char *s = name;
    if (strncmp(s, PR_INTAKE_HIDDEN, strlen(PR_INTAKE_HIDDEN)) != 0)
        return false;
    s += strlen(PR_INTAKE_HIDDEN);
    if (!read_hex(&s, ret_ino) || !read_hex(&s, ret_ns) || !*s)
        return false;
    *ret = s;
    return true;
}

/* Is the file of this inode and time of change among the originals? */
static bool is_original(const struct intake *k, uint64_t ino, uint64_t ns)
{
    struct pr_error ignored;
    char **names;
    size_t n;
    bool found = false;
    if (!pr_path_is_dir(k->originals) || pr_dir_list(k->originals, &names, &n, &ignored))
        return false;
    for (size_t i = 0; i < n && !found; i++) {
        struct stat st;
        char *path = pr_path_join(k->originals, names[i]);
        found = !lstat(path, &st) && (uint64_t)st.st_ino == ino && (uint64_t)change_ns(&st) == ns;
        pr_free(path);
    }
    pr_names_free(names, n);
    return found;
}

/* ---- what a killed run left ---- */

static enum pr_code recover_one(
    struct intake *k, const char *folder, const char *name, struct pr_error *e)
{
    uint64_t ino, ns;
    const char *as;
    if (!read_hidden(name, &ino, &ns, &as))
        return PR_OK;
    if (is_original(k, ino, ns)) {
        enum pr_code code = pr_queue_place(folder, name, folder, as, NULL, e);
        k->ret->recovered += !code;
        return code;
    }
    char *path = pr_path_join(folder, name);
    int err = unlink(path) && errno != ENOENT ? errno : 0;
    enum pr_code code = err ? pr_fail_errno(e, err, "%s", path) : PR_OK;
    pr_free(path);
    return code;
}

static enum pr_code recover(struct intake *k, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t q = 0; q < N_HIDING && !code; q++) {
        char *folder = pr_queue_path(k->o->base_dir, hiding[q], NULL), **names = NULL;
        size_t n = 0;
        if (pr_path_is_dir(folder))
            code = pr_dir_list(folder, &names, &n, e);
        for (size_t i = 0; i < n && !code; i++)
            if (!strncmp(names[i], PR_INTAKE_HIDDEN, strlen(PR_INTAKE_HIDDEN)))
                code = recover_one(k, folder, names[i], e);
        pr_names_free(names, n);
        pr_free(folder);
    }
    return code;
}

/* ---- one file ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           change_ns(a) == change_ns(b);
}

/* Waits until a file that was written to lately has been left alone for a second; false: it was
 * not, or it is gone. */
static bool settles(const char *path, struct stat *ret)
{
    struct stat now;
    int64_t age = 0;
    if (lstat(path, ret) || !S_ISREG(ret->st_mode))
        return false;
    age = pr_clock_utc_ms() * 1000000 - change_ns(ret);
    if (age >= SETTLED_NS || age < 0) /* a time in the future says nothing */
        return true;
    struct timespec t = {.tv_nsec = SETTLED_NS - age < SETTLED_NS ? SETTLED_NS - age : 999999999};
    nanosleep(&t, NULL);
    return !lstat(path, &now) && same_file(ret, &now);
}

static void note(struct intake *k, const struct pr_intake_file *f,
    const struct pr_intake_look *look, const char *state, const char *to, const char *refused,
    const char *original)
{
    json_t *o = json_object(), *n;
    const char *key;
    char at[32];
    pr_clock_iso8601(pr_clock_utc_ms(), at);
    pr_json_set_str(o, "at", at);
    pr_json_set_str(o, "file", f->shown);
    pr_json_set_str(o, "state", state);
    pr_json_set_str(o, "to", to);
    pr_json_set_int(o, "lines", (int64_t)look->lines);
    pr_json_set_int(o, "rejected_lines", (int64_t)look->refused);
    pr_json_set_str(o, "rejected", refused);
    pr_json_set_str(o, "original", original);
    pr_json_set(o, "by_defect", look->by_defect ? json_incref(look->by_defect) : json_object());
    json_array_append_new(k->ret->files_done, o);
    if (json_array_size(k->ret->files_done) > PR_INTAKE_SHOWN)
        json_array_remove(k->ret->files_done, 0);
    json_object_foreach (look->by_defect, key, n)
        pr_json_set_int(k->ret->by_defect, key,
            json_integer_value(n) + json_integer_value(json_object_get(k->ret->by_defect, key)));
    k->ret->lines += look->lines;
    k->ret->lines_rejected += look->refused;
    k->ret->lines_moved += look->lines - look->refused;
}

/* One file that cannot be moved must not keep the others waiting. */
static void note_failure(
    struct intake *k, const struct pr_intake_file *f, const struct pr_error *why)
{
    static const struct pr_intake_look nothing;
    note(k, f, &nothing, "failed", NULL, NULL, NULL);
    json_t *o = json_array_get(k->ret->files_done, json_array_size(k->ret->files_done) - 1);
    pr_json_set_str(o, "reason", why->message);
    k->ret->failed++;
}

static char *shown_path(const char *folder, const char *name)
{
    struct pr_str s = PR_STR_INIT(8192);
    pr_str_printf(&s, "queue/%s/%s", folder, name);
    return pr_str_take(&s);
}

/* A file without a refused line: one rename. */
static enum pr_code move_on(struct intake *k, const struct pr_intake_file *f, enum pr_queue to,
    const struct pr_intake_look *look, struct pr_error *e)
{
    char *folder = pr_queue_path(k->o->base_dir, to, NULL), *name = NULL;
    enum pr_code code = pr_queue_place(f->folder, f->name, folder, f->name, &name, e);
    if (!code) {
        pr_fault_point(PR_FAULT_QUEUE_MOVED);
        char *shown = shown_path(pr_queue_name(to), name);
        k->ret->moved++;
        note(k, f, look, "moved", shown, NULL, NULL);
        pr_free(shown);
    }
    pr_free(name);
    pr_free(folder);
    return code;
}

/* "x.jsonl" of x.jsonl and x.json: what is left of an array is lines.  A hidden name that is made
 * of it must not become too long for the file system. */
static char *lines_name(const char *name)
{
    struct pr_str s = PR_STR_INIT(4096);
    size_t stem = (size_t)(strrchr(name, '.') - name);
    pr_str_append(&s, name, stem < MAX_STEM ? stem : MAX_STEM);
    pr_str_puts(&s, ".jsonl");
    return pr_str_take(&s);
}

/* The hidden files are whole; now it happens: steps 2 and 3 of intake.h. */
static enum pr_code take(struct intake *k, const struct pr_intake_file *f, enum pr_queue to,
    const struct pr_intake_look *look, const char *hidden, struct pr_error *e)
{
    char *queue = pr_queue_path(k->o->base_dir, to, NULL), *as = lines_name(f->name);
    char *original = NULL, *clean = NULL, *refused = NULL;
    enum pr_code code = pr_queue_place(f->folder, f->name, k->originals, f->name, &original, e);
    if (!code)
        pr_fault_point(PR_FAULT_QUEUE_TAKEN);
    if (!code && !look->whole)
        code = pr_queue_place(queue, hidden, queue, as, &clean, e);
    if (!code)
        pr_fault_point(PR_FAULT_QUEUE_PLACED);
    if (!code)
        code = pr_queue_place(k->rejected, hidden, k->rejected, as, &refused, e);
    if (!code) {
        char *shown[] = {clean ? shown_path(pr_queue_name(to), clean) : NULL,
            shown_path("rejected", refused), shown_path("rejected/" ORIGINALS, original)};
        k->ret->split += !look->whole;
        k->ret->rejected += look->whole;
        note(k, f, look, look->whole ? "rejected" : "split", shown[0], shown[1], shown[2]);
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
            pr_free(shown[i]);
    }
    pr_free(original);
    pr_free(clean);
    pr_free(refused);
    pr_free(as);
    pr_free(queue);
    return code;
}

/* Makes the folders of the hidden files, and their paths. */
static enum pr_code prepare(struct intake *k, enum pr_queue to, const char *hidden,
    char **ret_refused, char **ret_clean, struct pr_error *e)
{
    char *queue = pr_queue_path(k->o->base_dir, to, NULL);
    enum pr_code code = pr_mkdirs(queue, e);
    if (!code)
        code = pr_mkdirs(k->originals, e);
    *ret_clean = pr_path_join(queue, hidden);
    *ret_refused = pr_path_join(k->rejected, hidden);
    pr_free(queue);
    return code;
}

static enum pr_code look_at(
    struct intake *k, struct pr_intake_file *f, enum pr_queue to, struct pr_error *e)
{
    struct pr_intake_look look = {0};
    struct stat now;
    char *refused, *clean, *as = lines_name(f->name), *hidden = hidden_name(&f->st, as);
    enum pr_code code = prepare(k, to, hidden, &refused, &clean, e);
    if (!code && !k->known && k->o->known)
        code = k->o->known(k->o->ctx, &k->known, e);
    if (!code)
        code = pr_intake_validate(f, k->known, refused, clean, &look, e);
    if (!code && (lstat(f->path, &now) || !same_file(&f->st, &now))) { /* written to, or taken */
        unlink(refused);
        unlink(clean);
        k->ret->unsettled++;
    } else if (!code) {
        k->ret->files++;
        code = look.whole || look.refused ? take(k, f, to, &look, hidden, e)
                                          : move_on(k, f, to, &look, e);
    }
    json_decref(look.by_defect);
    pr_free(refused);
    pr_free(clean);
    pr_free(as);
    pr_free(hidden);
    return code;
}

/* ---- all of them ---- */

static enum pr_code look_through(
    struct intake *k, const char *sub, enum pr_queue to, struct pr_error *e)
{
    char *folder = sub ? pr_path_join(k->unvalidated, sub) : pr_strdup(k->unvalidated);
    char **names = NULL;
    size_t n = 0;
    enum pr_code code = pr_path_is_dir(folder) ? pr_dir_list(folder, &names, &n, e) : PR_OK;
    for (size_t i = 0; i < n && !code; i++) {
        if (!is_training_file(names[i]))
            continue;
        char *path = pr_path_join(folder, names[i]),
             *shown =
                 shown_path(pr_queue_name(PR_QUEUE_UNVALIDATED), path + strlen(k->unvalidated) + 1);
        struct pr_intake_file f = {
            .folder = folder, .shown = shown, .name = names[i], .path = path};
        struct pr_error own;
        if (!settles(path, &f.st))
            k->ret->unsettled++;
        else if (look_at(k, &f, to, &own))
            note_failure(k, &f, &own);
        pr_free(path);
        pr_free(shown);
    }
    pr_names_free(names, n);
    pr_free(folder);
    return code;
}

enum pr_code pr_intake_run(
    const struct pr_intake_options *o, struct pr_intake *ret, struct pr_error *e)
{
    static const enum pr_queue named[] = {PR_QUEUE_HIGH, PR_QUEUE_NORMAL, PR_QUEUE_LOW};
    *ret = (struct pr_intake){.by_defect = json_object(), .files_done = json_array()};
    struct intake k = {.o = o,
        .ret = ret,
        .unvalidated = pr_queue_path(o->base_dir, PR_QUEUE_UNVALIDATED, NULL),
        .rejected = pr_queue_path(o->base_dir, PR_QUEUE_REJECTED, NULL),
        .originals = pr_queue_path(o->base_dir, PR_QUEUE_REJECTED, ORIGINALS)};
    enum pr_code code = recover(&k, e);
    for (size_t i = 0; i < sizeof named / sizeof *named && !code; i++)
        code = look_through(&k, pr_queue_name(named[i]), named[i], e);
    if (!code)
        code = look_through(&k, NULL, o->queue, e);
    pr_free(k.unvalidated);
    pr_free(k.rejected);
    pr_free(k.originals);
    return code ? pr_wrap(e, code, "queue/unvalidated") : PR_OK;
}

void pr_intake_done(struct pr_intake *i)
{
    json_decref(i->by_defect);
    json_decref(i->files_done);
    *i = (struct pr_intake){0};
}
