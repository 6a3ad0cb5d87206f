/* The copy of the training examples that probes draw from: when it is made, and of what. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "daemon/question.h"
#include "exam/suite.h"

#define STATE_FILE   "pool.json"
#define MAX_STATE    ((size_t)4 << 20)
#define MAX_SOURCES  10000
#define MAX_LEVELS   16
#define MAX_LINE     ((size_t)1 << 20) /* a longer one is left out */
#define DEFAULT_RATE 1e-4
#define RATE_FACTOR  4 /* the fixed learning rate follows when the training's is so far away */
#define DAY_MS       ((int64_t)24 * 3600 * 1000)

/* ---- where examples lie ---- */

struct source {
    char *path;
    const char *name; /* its last component */
    int64_t size, mtime_ns;
};
struct sources {
    struct source *v;
    size_t n, cap;
    uint64_t bytes;
    bool given; /* by curriculum.pool, not the queue's */
};

static void add_file(struct sources *s, const char *path)
{
    struct stat st;
    if (s->n == MAX_SOURCES || stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size)
        return;
    const char *slash = strrchr(path, '/');
    struct source x = {.path = pr_strdup(path),
        .size = st.st_size,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    x.name = slash ? x.path + (slash + 1 - path) : x.path;
    s->bytes += (uint64_t)st.st_size;
    PR_PUSH(s->v, s->n, s->cap, x);
}

static void add_path(struct sources *s, const char *path)
{
    static const char suffix[] = ".jsonl";
    char **names;
    size_t n;
    if (!pr_path_is_dir(path)) {
        add_file(s, path);
        return;
    }
    if (pr_dir_list(path, &names, &n, NULL))
        return;
    for (size_t i = 0; i < n; i++) {
        size_t k = strlen(names[i]);
        if (k <= sizeof suffix - 1 || strcmp(names[i] + k - (sizeof suffix - 1), suffix) != 0)
            continue;
        char *file = pr_path_join(path, names[i]);
        add_file(s, file);
        pr_free(file);
    }
    pr_names_free(names, n);
}

static int by_name(const void *pa, const void *pb)
{
    const struct source *a = pa, *b = pb;
    int d = strcmp(a->name, b->name);
    if (d)
        return d;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->mtime_ns < b->mtime_ns ? -1 : a->mtime_ns > b->mtime_ns;
}

static void find_sources(const struct pr_config *c, struct sources *ret)
{
    static const char *const queue[] = {
        "queue/recently_completed", "queue/processing", "queue/high", "queue/normal", "queue/low"};
    size_t i;
    const json_t *x;
    *ret = (struct sources){.given = json_array_size(c->pool) > 0};
    json_array_foreach (c->pool, i, x)
        add_path(ret, json_string_value(x));
    for (i = 0; !ret->given && i < sizeof queue / sizeof *queue; i++) {
        char *path = pr_path_join(c->base_dir, queue[i]);
        add_path(ret, path);
        pr_free(path);
    }
    if (ret->n)
        qsort(ret->v, ret->n, sizeof *ret->v, by_name);
}

static void sources_done(struct sources *s)
{
    for (size_t i = 0; i < s->n; i++)
        pr_free(s->v[i].path);
    pr_free(s->v);
}

/* By name, size and time: a file that moves from one folder of the queue to the next stays. */
static void identify(const struct sources *s, char ret[65])
{
    uint8_t digest[PR_SHA256_LEN];
    char text[64];
    struct pr_sha256 *h = pr_sha256_new();
    for (size_t i = 0; i < s->n; i++) {
        snprintf(text, sizeof text, "\n%lld %lld\n", (long long)s->v[i].size,
            (long long)s->v[i].mtime_ns);
        pr_sha256_update(h, s->v[i].name, strlen(s->v[i].name));
        pr_sha256_update(h, text, strlen(text));
    }
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
}

/* ---- copying ---- */

/* Lines of a source, each with this probability; the same ones every time. */
static enum pr_code copy_lines(
    const struct source *s, const char *to, double share, struct pr_error *e)
{
    struct pr_lines lines;
    struct pr_str out = PR_STR_INIT((size_t)1 << 32);
    struct pr_rng r;
    char *line;
    size_t n;
    enum pr_line got;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PR_OK; /* it went on through the queue */
    pr_rng_seed(&r, (uint64_t)s->size);
    pr_lines_init(&lines, fd, MAX_LINE);
    while (
        (got = pr_lines_next(&lines, &line, &n, NULL)) == PR_LINE_OK || got == PR_LINE_TOO_LONG) {
        bool take = share >= 1 || pr_rng_double(&r) < share;
        if (got == PR_LINE_TOO_LONG || !take || !n)
            continue;
        pr_str_append(&out, line, n);
        pr_str_putc(&out, '\n');
    }
    pr_lines_done(&lines);
    close(fd);
    enum pr_code code = out.len ? pr_file_write_atomic(to, out.data, out.len, e) : PR_OK;
    pr_str_done(&out);
    return code;
}

/* A file each in a folder of its own: the name says how difficult its lines are. */
struct copies {
    char *dir;
    char **folders, **files;
    size_t n;
};

static enum pr_code copy_all(
    const struct pr_config *c, const struct sources *s, struct copies *ret, struct pr_error *e)
{
    double cap = (double)(c->settings.curriculum_pool_mb << 20);
    double share = (double)s->bytes > cap ? cap / (double)s->bytes : 1;
    enum pr_code code = PR_OK;
    ret->folders = pr_zalloc((s->n + 1) * sizeof *ret->folders);
    ret->files = pr_zalloc((s->n + 1) * sizeof *ret->files);
    for (size_t i = 0; i < s->n && !code; i++) {
        char name[32];
        snprintf(name, sizeof name, "%zu", i);
        char *folder = pr_path_join(ret->dir, name), *file = pr_path_join(folder, s->v[i].name);
        ret->folders[ret->n] = folder;
        ret->files[ret->n++] = file;
        if (!(code = pr_mkdirs(folder, e)))
            code = copy_lines(&s->v[i], file, share, e);
    }
    return code;
}

static void remove_copies(struct copies *x)
{
    for (size_t i = 0; i < x->n; i++) {
        unlink(x->files[i]);
        rmdir(x->folders[i]);
        pr_free(x->files[i]);
        pr_free(x->folders[i]);
    }
    if (x->dir)
        rmdir(x->dir);
    pr_free(x->files);
    pr_free(x->folders);
    pr_free(x->dir);
}

enum pr_code pr_question_write(const char *path, const struct pr_suite *s, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT((size_t)1 << 32);
    for (size_t i = 0; i < s->n; i++) {
        const struct pr_example *x = &s->v[i];
        json_t *line = json_copy(x->source); /* shallow: only two members are set */
        if (!x->own_id)
            pr_json_set_str(line, "id", x->id);
        pr_json_set_str(line, "difficulty", x->difficulty);
        pr_json_dump(line, 0, 0, &out);
        pr_str_putc(&out, '\n');
        json_decref(line);
    }
    enum pr_code code = out.over ? pr_fail(e, PR_E_LIMIT, "%s: too large", path)
                                 : pr_file_write_atomic(path, out.data, out.len, e);
    pr_str_done(&out);
    return code;
}

char *pr_question_path(const struct pr_config *c, const char *name)
{
    char *dir = pr_path_join(c->base_dir, ".proctor/curriculum"), *path = pr_path_join(dir, name);
    pr_free(dir);
    return path;
}

/* ---- what is known of the copy: pool.json ---- */

struct state {
    json_t *doc; /* NULL: there is none that holds */
    const char *file, *identity, *fingerprint;
    int64_t made_ms, n;
    double rate;
};

static bool read_fields(struct state *s)
{
    return !pr_json_get_str(s->doc, "file", true, &s->file, NULL) &&
           !pr_json_get_str(s->doc, "sources", true, &s->identity, NULL) &&
           !pr_json_get_str(s->doc, "fingerprint", true, &s->fingerprint, NULL) &&
           !pr_json_get_int(s->doc, "made_ms", true, 0, INT64_MAX, &s->made_ms, NULL) &&
           !pr_json_get_int(s->doc, "n", true, 1, INT32_MAX, &s->n, NULL) &&
           !pr_json_get_real(s->doc, "learning_rate", true, 0, 10, &s->rate, NULL) &&
           json_is_object(json_object_get(s->doc, "levels"));
}

static void read_state(const struct pr_config *c, struct state *ret)
{
    char *path = pr_question_path(c, STATE_FILE);
    *ret = (struct state){0};
    if (pr_json_read(AT_FDCWD, path, MAX_STATE, PR_JSON_STRICT, &ret->doc, NULL))
        ret->doc = NULL;
    pr_free(path);
    bool there = false;
    if (ret->doc && read_fields(ret) && !strchr(ret->file, '/')) {
        char *file = pr_question_path(c, ret->file);
        there = pr_path_exists(file);
        pr_free(file);
    }
    if (!there || !json_equal(json_object_get(ret->doc, "pool"), c->pool) ||
        json_integer_value(json_object_get(ret->doc, "pool_mb")) !=
            c->settings.curriculum_pool_mb) {
        json_decref(ret->doc);
        *ret = (struct state){0};
    }
}

static enum pr_code write_state(const struct pr_config *c, const json_t *doc, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_STATE);
    char *path = pr_question_path(c, STATE_FILE);
    pr_json_dump(doc, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    pr_free(path);
    return code;
}

/* {"easy": 120, …}; of very many difficulties the first ones. */
static json_t *levels_of(const struct pr_suite *s)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->v[i].difficulty ? s->v[i].difficulty : PR_UNSPECIFIED;
        const json_t *n = json_object_get(o, name);
        if (n || json_object_size(o) < MAX_LEVELS)
            pr_json_set_int(o, name, json_integer_value(n) + 1);
    }
    return o;
}

static json_t *describe(const struct pr_config *c, const struct pr_suite *s, const char *file,
    const char *identity, double rate, int64_t now_ms)
{
    char at[32];
    json_t *o = json_object();
    pr_clock_iso8601(now_ms, at);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "made_at", at);
    pr_json_set_int(o, "made_ms", now_ms);
    pr_json_set_str(o, "file", file);
    pr_json_set_str(o, "sources", identity);
    pr_json_set_str(o, "fingerprint", s->fingerprint);
    pr_json_set_int(o, "n", (int64_t)s->n);
    pr_json_set_int(o, "n_skipped", (int64_t)s->n_skipped);
    pr_json_set(o, "levels", levels_of(s));
    pr_json_set(o, "pool", json_deep_copy(c->pool));
    pr_json_set_int(o, "pool_mb", c->settings.curriculum_pool_mb);
    pr_json_set_real(o, "learning_rate", rate, NULL);
    return o;
}

/* Copies before the last but one are of no use to anybody; a probe may still read the last. */
static void remove_older(const struct pr_config *c, const char *now, const char *before)
{
    char *dir = pr_question_path(c, "");
    char **names;
    size_t n;
    if (!pr_dir_list(dir, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            char *path = pr_path_join(dir, names[i]);
            if (!strncmp(names[i], "pool-", 5) && strcmp(names[i], now) != 0 &&
                (!before || strcmp(names[i], before) != 0))
                unlink(path);
            pr_free(path);
        }
        pr_names_free(names, n);
    }
    pr_free(dir);
}

/* ---- making it ---- */

static enum pr_code store(const struct pr_config *c, const struct pr_suite *s, const char *identity,
    double rate, int64_t now_ms, const char *before, struct pr_error *e)
{
    char file[64];
    snprintf(file, sizeof file, "pool-%.12s.jsonl", s->fingerprint);
    char *path = pr_question_path(c, file);
    json_t *doc = describe(c, s, file, identity, rate, now_ms);
    enum pr_code code = pr_question_write(path, s, e);
    if (!code)
        code = write_state(c, doc, e);
    if (!code)
        remove_older(c, file, before);
    json_decref(doc);
    pr_free(path);
    return code;
}

/* Loads what was copied and writes it as one file; PR_E_FORMAT: nothing in it can be used. */
static enum pr_code load_and_store(const struct pr_config *c, const struct copies *x,
    const char *identity, double rate, int64_t now_ms, const char *before, struct pr_error *e)
{
    const struct pr_suite_options o = {.name = "pool", .allow_commands = true}; /* none is run */
    struct pr_suite *s = NULL;
    enum pr_code code = pr_suite_load((const char *const *)x->files, x->n, &o, &s, e);
    if (!code)
        code = store(c, s, identity, rate, now_ms, before, e);
    pr_suite_free(s);
    return code;
}

/* Files that a filter by line left empty were not written. */
static void drop_empty(struct copies *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->n; i++) {
        if (pr_path_exists(x->files[i])) {
            x->files[kept] = x->files[i];
            x->folders[kept++] = x->folders[i];
            continue;
        }
        rmdir(x->folders[i]);
        pr_free(x->files[i]);
        pr_free(x->folders[i]);
    }
    x->n = kept;
}

static enum pr_code make(const struct pr_config *c, const struct sources *s, const char *identity,
    double rate, int64_t now_ms, const char *before, struct pr_error *e)
{
    struct copies x = {0};
    char *dir = pr_question_path(c, "copying.XXXXXX"), *above = pr_question_path(c, "");
    enum pr_code code = pr_mkdirs(above, e);
    if (!code && !mkdtemp(dir))
        code = pr_fail_errno(e, errno, "%s", dir);
    if (!code) {
        x.dir = pr_strdup(dir);
        code = copy_all(c, s, &x, e);
        drop_empty(&x);
    }
    if (!code)
        code = x.n ? load_and_store(c, &x, identity, rate, now_ms, before, e)
                   : pr_fail(e, PR_E_FORMAT, "none of the files has a line that can be used");
    remove_copies(&x);
    pr_free(dir);
    pr_free(above);
    return code;
}

/* ---- whether it is due ---- */

static bool is_due(const struct pr_config *c, const struct sources *s, const struct state *st,
    const char *identity, int64_t now_ms)
{
    int64_t age = now_ms - st->made_ms;
    if (!st->doc)
        return true;
    if (!strcmp(st->identity, identity))
        return false;
    if (s->given)
        return true;
    return s->n && (age > c->settings.curriculum_pool_days * DAY_MS || age < -DAY_MS);
}

/* What the training's rate is rounded to: it moves all the time, and a question must not. */
static bool is_rate_far(double fixed, double rate)
{
    return isfinite(rate) && rate > 0 &&
           !(rate <= fixed * RATE_FACTOR && rate * RATE_FACTOR >= fixed);
}

static double rate_of(const struct pr_config *c, const struct state *st, double rate)
{
    if (c->settings.curriculum_learning_rate > 0)
        return c->settings.curriculum_learning_rate;
    if (st->doc && st->rate > 0 && !is_rate_far(st->rate, rate))
        return st->rate;
    return isfinite(rate) && rate > 0 ? rate : DEFAULT_RATE;
}

static enum pr_code refresh(const struct pr_config *c, const struct sources *s, struct state *st,
    double rate, int64_t now_ms, struct pr_error *e)
{
    char identity[65];
    identify(s, identity);
    double fixed = rate_of(c, st, rate);
    enum pr_code code = PR_OK;
    if (is_due(c, s, st, identity, now_ms)) {
        if (!s->n)
            return pr_fail(e, PR_E_NOT_FOUND,
                s->given
                    ? "curriculum.pool names no file with examples"
                    : "there are no training examples: curriculum.pool is not set, and the queue "
                      "holds no *.jsonl");
        code = make(c, s, identity, fixed, now_ms, st->file, e);
    } else if (fixed > st->rate || fixed < st->rate) {
        pr_json_set_real(st->doc, "learning_rate", fixed, NULL);
        code = write_state(c, st->doc, e);
    }
    if (code)
        return code;
    json_decref(st->doc);
    read_state(c, st);
    return st->doc ? PR_OK : pr_fail(e, PR_E_CHANGED, "the copy of the examples is gone again");
}

enum pr_code pr_question_pool(const struct pr_config *c, double rate, int64_t now_ms,
    struct pr_question_pool *ret, struct pr_error *e)
{
    struct sources s;
    struct state st;
    find_sources(c, &s);
    read_state(c, &st);
    enum pr_code code = refresh(c, &s, &st, rate, now_ms, e);
    *ret = (struct pr_question_pool){.learning_rate = NAN};
    if (code) {
        ret->reason = pr_strdup(e->message);
        /* Examples that cannot be used are no failure of ours. */
        code = code == PR_E_NOT_FOUND || code == PR_E_FORMAT || code == PR_E_CHANGED ? PR_OK : code;
    } else {
        ret->path = pr_question_path(c, st.file);
        snprintf(ret->fingerprint, sizeof ret->fingerprint, "%s", st.fingerprint);
        ret->n = (size_t)st.n;
        ret->levels = json_incref(json_object_get(st.doc, "levels"));
        ret->learning_rate = st.rate;
    }
    json_decref(st.doc);
    sources_done(&s);
    return code;
}

void pr_question_pool_done(struct pr_question_pool *p)
{
    pr_free(p->path);
    pr_free(p->reason);
    json_decref(p->levels);
    *p = (struct pr_question_pool){0};
}
