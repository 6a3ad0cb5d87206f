/* Which examples of the queue the newest checkpoint is asked: those whose line has the smallest
 * hash, so that the same queue gives the same examples to every checkpoint, and a further sample
 * goes on where the one before ended. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "queue/folder.h"
#include "systems/self_correction.h"

#define MAX_LINE   ((size_t)256 << 10) /* a longer one is not asked */
#define MAX_ARRAY  ((size_t)64 << 20)  /* of a .json file */
#define MAX_GOLDEN 200                 /* bytes of an answer that is compared as a text */
#define ID_HEX     16

static const enum pr_queue sources[] = {
    PR_QUEUE_HIGH, PR_QUEUE_NORMAL, PR_QUEUE_LOW, PR_QUEUE_PROCESSING};
#define N_SOURCES (sizeof sources / sizeof *sources)

struct drawn {
    uint8_t hash[PR_SHA256_LEN];
    json_t *line; /* owned */
};
struct drawing {
    const struct pr_sample_options *o;
    struct pr_sample *ret;
    json_t *asked;   /* ids, as keys */
    struct drawn *v; /* by hash */
    size_t n;
    const struct pr_queue_file *file;
    size_t line;
};

static void id_of(const uint8_t hash[PR_SHA256_LEN], char ret[32])
{
    char hex[PR_SHA256_HEX];
    pr_sha256_hex(hash, hex);
    snprintf(ret, 32, "queue-%.*s", ID_HEX, hex);
}

/* Where this hash belongs among those that were drawn; *ret_there: it is there already. */
static size_t place_of(const struct drawing *d, const uint8_t *hash, bool *ret_there)
{
    size_t lo = 0, hi = d->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (memcmp(d->v[mid].hash, hash, PR_SHA256_LEN) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *ret_there = lo < d->n && !memcmp(d->v[lo].hash, hash, PR_SHA256_LEN);
    return lo;
}

/* Can right and wrong be told?  By the line's own check, by a skill's verifier, or because the
 * answer is so short that there is one way to write it. */
static bool can_be_judged(const struct pr_example *x)
{
    bool has, closed;
    struct pr_text q = pr_example_question(x);
    const json_t *last = json_array_get(x->messages, json_array_size(x->messages) - 1);
    const char *role = json_string_value(json_object_get(last, "role"));
    if (!x->golden.s || !q.n || !role || strcmp(role, "user") != 0)
        return false;
    if (x->check.spec || pr_skill_knowing(x->skill, q.s, q.n))
        return true;
    struct pr_text a = pr_think_split(x->golden, &has, &closed);
    return a.n && a.n <= MAX_GOLDEN && !memchr(a.s, '\n', a.n);
}

static bool is_wanted(struct drawing *d, const json_t *line)
{
    const struct pr_example_options options = {0};
    struct pr_known_match match = {.kind = PR_KNOWN_NEW};
    struct pr_arena arena = {0};
    struct pr_example x;
    struct pr_error ignored;
    bool wanted = false;
    if (!json_is_object(line) || json_object_get(line, "correction")) /* they are answers of ours */
        return false;
    if (!pr_example_parse(line, &options, &arena, &x, &ignored)) {
        wanted = can_be_judged(&x);
        if (wanted && d->o->protect)
            pr_known_check(d->o->protect, &x, &match);
        pr_example_done(&x);
    }
    pr_arena_done(&arena);
    if (match.kind == PR_KNOWN_CONTAMINATED) {
        d->ret->protected ++;
        return false;
    }
    d->ret->unusable += !wanted;
    return wanted;
}

/* The line as it is asked: under our id, and where it is from. */
static json_t *asked_line(const struct drawing *d, const json_t *line, const char *id)
{
    json_t *o = json_copy((json_t *)(uintptr_t)line), *from = json_object();
    struct pr_str file = PR_STR_INIT(8192);
    pr_str_printf(&file, "queue/%s/%s", pr_queue_name(d->file->queue), d->file->name);
    pr_json_set_str(o, "id", id);
    pr_json_set_str(from, "file", pr_str_cstr(&file));
    pr_json_set_int(from, "line", (int64_t)d->line);
    const char *difficulty = pr_suite_file_difficulty(d->file->path);
    if (difficulty)
        pr_json_set_str(from, "difficulty", difficulty);
    pr_json_set(o, "from", from);
    pr_str_done(&file);
    return o;
}

/* A line is parsed only if it is to be among the n. */
static void consider(struct drawing *d, const char *text, size_t len)
{
    struct drawn x = {.line = NULL};
    struct pr_error ignored;
    char id[32];
    bool there;
    text = pr_utf8_trim(text, len, &len);
    if (!len)
        return;
    d->ret->seen++;
    pr_sha256(text, len, x.hash);
    size_t at = place_of(d, x.hash, &there);
    id_of(x.hash, id);
    if (there || at == d->o->n || json_object_get(d->asked, id))
        return;
    json_t *line;
    if (pr_json_parse(text, len, PR_JSON_STRICT, NULL, &line, NULL, &ignored)) {
        d->ret->unusable++;
        return;
    }
    if (is_wanted(d, line)) {
        x.line = asked_line(d, line, id);
        if (d->n == d->o->n)
            json_decref(d->v[--d->n].line);
        memmove(&d->v[at + 1], &d->v[at], (d->n - at) * sizeof *d->v);
        d->v[at] = x;
        d->n++;
    }
    json_decref(line);
}

static void read_lines(struct drawing *d)
{
    struct pr_error ignored;
    struct pr_lines l;
    enum pr_line got;
    char *text;
    size_t len;
    int fd = open(d->file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    pr_lines_init(&l, fd, MAX_LINE);
    while (
        (got = pr_lines_next(&l, &text, &len, &ignored)) == PR_LINE_OK || got == PR_LINE_TOO_LONG) {
        d->line = l.number;
        if (got == PR_LINE_OK && pr_utf8_valid(text, len)) {
            size_t bom = l.number == 1 ? pr_utf8_bom(text, len) : 0;
            consider(d, text + bom, len - bom);
        }
    }
    pr_lines_done(&l);
    close(fd);
}

static void read_array(struct drawing *d)
{
    struct pr_error ignored;
    json_t *list, *item;
    size_t i;
    if (pr_json_read(
            AT_FDCWD, d->file->path, MAX_ARRAY, PR_JSON_LENIENT | PR_JSON_ANY, &list, &ignored))
        return;
    json_array_foreach (list, i, item) {
        struct pr_str s = PR_STR_INIT(MAX_LINE);
        d->line = i + 1;
        pr_json_dump(item, 0, 0, &s);
        if (!s.over)
            consider(d, pr_str_cstr(&s), s.len);
        pr_str_done(&s);
    }
    json_decref(list);
}

/* A file that vanishes or cannot be read gives nothing; what is wrong in it is said elsewhere. */
static void read_file(struct drawing *d, const struct pr_queue_file *f)
{
    size_t n = strlen(f->name);
    d->file = f;
    d->line = 0;
    if (n > 6 && !strcmp(f->name + n - 6, ".jsonl"))
        read_lines(d);
    else
        read_array(d);
}

static json_t *ids_of(const json_t *lines)
{
    json_t *ids = json_object(), *line;
    size_t i;
    json_array_foreach (lines, i, line) {
        const char *id = json_string_value(json_object_get(line, "id"));
        if (id)
            json_object_set_new(ids, id, json_true());
    }
    return ids;
}

enum pr_code pr_sample_draw(
    const struct pr_sample_options *o, struct pr_sample *ret, struct pr_error *e)
{
    *ret = (struct pr_sample){.lines = json_array()};
    struct drawing d = {.o = o, .ret = ret, .asked = ids_of(o->asked)};
    enum pr_code code = PR_OK;
    d.v = pr_zalloc((o->n + 1) * sizeof *d.v);
    for (size_t q = 0; q < N_SOURCES && o->n && !code; q++) {
        struct pr_queue_file *v = NULL;
        size_t n = 0;
        code = pr_queue_list(o->base_dir, sources[q], &v, &n, e);
        for (size_t i = 0; i < n && !code; i++)
            read_file(&d, &v[i]);
        pr_queue_files_free(v, n);
    }
    for (size_t i = 0; i < d.n; i++)
        json_array_append_new(ret->lines, d.v[i].line);
    pr_free(d.v);
    json_decref(d.asked);
    if (code) {
        pr_sample_done(ret);
        return pr_wrap(e, code, "examples of the queue");
    }
    return PR_OK;
}

void pr_sample_done(struct pr_sample *s)
{
    json_decref(s->lines);
    *s = (struct pr_sample){0};
}
