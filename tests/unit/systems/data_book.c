/* See data_book.h. */
#include "data_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)

/* ---- models ---- */

bool data_is_right(const struct pr_example *x, char *ret)
{
    snprintf(ret, 200, "%.190s", x->golden.s);
    return true;
}

bool data_one_more(const struct pr_example *x, char *ret)
{
    snprintf(ret, 200, "%ld", strtol(x->golden.s, NULL, 10) + 1);
    return true;
}

bool data_is_cut_off(const struct pr_example *x, char *ret)
{
    (void)x;
    snprintf(ret, 200, "<think>well <|im_start|> well well");
    return false;
}

/* ---- the book ---- */

void data_folder_init(struct data_book *b)
{
    char dir[] = "/tmp/proctor-data-XXXXXX";
    *b = (struct data_book){.h = {.now_ms = HAND_MADE_NOW}};
    pr_settings_default(&b->h.settings);
    assert_non_null(mkdtemp(dir));
    memcpy(b->dir, dir, sizeof dir);
    b->weights = json_object();
    b->data = (struct pr_view_data){.base_dir = b->dir,
        .skill_weights = b->weights,
        .correction_queue = "normal",
        .generation_count = "normal",
        .interval_ms = 300000};
}

void data_folder_done(struct data_book *b)
{
    json_decref(b->weights);
    OK(pr_remove_tree(b->dir, E));
}

void data_book_init(struct data_book *b)
{
    struct hand_made h;
    hand_made_init(&h);
    data_folder_init(b);
    b->h = h;
}

void data_book_done(struct data_book *b)
{
    data_folder_done(b);
    hand_made_done(&b->h);
}

enum pr_code data_run_alone(
    struct data_book *b, const struct pr_system *s, struct pr_findings *ret, struct pr_error *e)
{
    struct pr_view v = {.settings = &b->h.settings, .data = &b->data, .now_ms = b->h.now_ms};
    *ret = (struct pr_findings){0};
    return s->run(&v, ret, e);
}

void data_put(struct data_book *b, const char *path, const char *text)
{
    char *whole = pr_path_join(b->dir, path);
    char *folder = pr_strndup(whole, (size_t)(strrchr(whole, '/') - whole));
    struct timespec old[2] = {{.tv_sec = time(NULL) - 3600}, {.tv_sec = time(NULL) - 3600}};
    OK(pr_mkdirs(folder, E));
    int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(pr_file_write_all(fd, text, strlen(text)), 0);
    close(fd);
    assert_int_equal(utimensat(AT_FDCWD, whole, old, 0), 0);
    pr_free(folder);
    pr_free(whole);
}

char *data_read(struct data_book *b, const char *path)
{
    char *whole = pr_path_join(b->dir, path), *text = NULL;
    size_t n;
    if (pr_path_exists(whole))
        OK(pr_file_read(AT_FDCWD, whole, (size_t)1 << 26, &text, &n, E));
    pr_free(whole);
    return text ? text : pr_strdup("");
}

bool data_has(struct data_book *b, const char *path)
{
    char *whole = pr_path_join(b->dir, path);
    bool has = pr_path_exists(whole);
    pr_free(whole);
    return has;
}

char *data_names(struct data_book *b, const char *path)
{
    char *whole = pr_path_join(b->dir, path), **names = NULL;
    struct pr_str out = PR_STR_INIT(1 << 20);
    size_t n = 0;
    if (pr_path_is_dir(whole))
        OK(pr_dir_list(whole, &names, &n, E));
    for (size_t i = 0; i < n; i++)
        if (names[i][0] != '.')
            pr_str_printf(&out, "%s%s", out.len ? " " : "", names[i]);
    pr_names_free(names, n);
    pr_free(whole);
    return pr_str_take(&out);
}

bool data_hidden(struct data_book *b, const char *path)
{
    char *whole = pr_path_join(b->dir, path), **names = NULL;
    size_t n = 0;
    bool found = false;
    if (pr_path_is_dir(whole))
        OK(pr_dir_list(whole, &names, &n, E));
    for (size_t i = 0; i < n; i++)
        found |= names[i][0] == '.';
    pr_names_free(names, n);
    pr_free(whole);
    return found;
}

json_t *data_lines(struct data_book *b, const char *path)
{
    char *text = data_read(b, path), *rest = text;
    json_t *rows = json_array(), *row;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!*line)
            continue;
        OK(pr_json_parse(line, strlen(line), 0, path, &row, NULL, E));
        json_array_append_new(rows, row);
    }
    pr_free(text);
    return rows;
}

char *data_sums(int first, size_t n)
{
    struct pr_str s = PR_STR_INIT(1 << 20);
    for (int a = first; a < first + (int)n; a++)
        pr_str_printf(&s, "{\"prompt\":\"%d+%d=\",\"golden\":\"%d\"}\n", a, 2 * a, 3 * a);
    return pr_str_take(&s);
}

/* ---- suites, grades ---- */

int64_t data_suite(struct data_book *b, const char *name, const char *const *lines, size_t n)
{
    struct pr_suite *s;
    int64_t id;
    char **packed = pr_zalloc((n + 1) * sizeof *packed);
    for (size_t i = 0; i < n; i++) {
        struct pr_str text = PR_STR_INIT(1 << 20);
        pr_str_printf(&text, "{\"line\":%s}", lines[i]);
        packed[i] = pr_str_take(&text);
    }
    OK(pr_suite_from_lines(name, (const char *const *)packed, n, false, &s, E));
    OK(pr_gradebook_begin(b->h.g, E));
    OK(pr_gradebook_put_suite(b->h.g, s, b->h.now_ms, &id, E));
    OK(pr_gradebook_commit(b->h.g, E));
    pr_suite_free(s);
    pr_names_free(packed, n);
    return id;
}

static void put(struct data_book *b, const struct pr_checkpoint_row *c, int64_t settings,
    const struct pr_example *x, data_model *model, double confidence)
{
    struct pr_grade g = {.example = x, .loss = 1, .nll = 3, .answer_tokens = 3};
    char digest[PR_SHA256_HEX], answer[200];
    bool right = false, whole = model(x, answer);
    g.graded = true;
    g.confidence = g.confidence_all = confidence;
    g.output = pr_strdup(answer);
    g.output_len = strlen(answer);
    g.output_tokens = 3;
    g.finish = whole ? "stop" : "length";
    g.truncated = !whole;
    g.well_formed = whole;
    if (whole) {
        g.answer = pr_strdup(answer);
        g.answer_len = strlen(answer);
        OK(pr_check_decide(
            &(struct pr_answer){.example = x, .text = {g.answer, g.answer_len}}, &right, E));
    }
    g.correct = right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    pr_sha256_hex(x->digest, digest);
    OK(pr_gradebook_put_grade(b->h.g, c->model, settings, digest, &g, b->h.now_ms, NULL, E));
    pr_grade_done(&g);
}

void data_grade(struct data_book *b, int64_t checkpoint, int64_t suite, data_model *model)
{
    struct pr_checkpoint_row c;
    struct pr_suite *s;
    int64_t settings;
    OK(pr_gradebook_checkpoint(b->h.g, checkpoint, &c, E));
    OK(pr_gradebook_load_suite(b->h.g, suite, &s, E));
    OK(pr_gradebook_begin(b->h.g, E));
    OK(pr_gradebook_settings(b->h.g, c.model, b->h.options, &settings, E));
    for (size_t i = 0; i < s->n; i++)
        put(b, &c, settings, &s->v[i], model, 0.5 + 0.5 * (double)i / (double)s->n);
    OK(pr_gradebook_commit(b->h.g, E));
    pr_suite_free(s);
    pr_checkpoint_row_done(&c);
}

/* ---- running ---- */

static int64_t store(struct data_book *b, const struct pr_system *s, const json_t *ask)
{
    size_t n = json_array_size(ask);
    char **lines = pr_zalloc((n + 1) * sizeof *lines), name[80];
    snprintf(name, sizeof name, PR_SUITE_OWN "%s", s->name);
    if (!n)
        OK(pr_gradebook_retire_suite(b->h.g, name, E));
    for (size_t i = 0; i < n; i++) {
        struct pr_str text = PR_STR_INIT(1 << 20);
        pr_json_dump(json_array_get(ask, i), 0, 0, &text);
        lines[i] = pr_str_take(&text);
    }
    int64_t id = n ? data_suite(b, name, (const char *const *)lines, n) : 0;
    pr_names_free(lines, n);
    return id;
}

int64_t data_run(struct data_book *b, const struct pr_system *s, struct pr_findings *ret)
{
    struct pr_view v;
    *ret = (struct pr_findings){0};
    hand_made_open(&b->h, &v);
    v.data = &b->data;
    OK(s->run(&v, ret, E));
    hand_made_close(&b->h, &v);
    assert_non_null(ret->status);
    OK(pr_gradebook_put_finding(b->h.g, s->name, ret->status, b->h.now_ms, E));
    int64_t suite = ret->ask ? store(b, s, ret->ask) : 0;
    b->h.now_ms += 1000;
    return suite;
}

bool data_plans(struct data_book *b, const struct pr_system *s, int64_t checkpoint, int64_t suite)
{
    struct pr_needs needs = {0};
    struct pr_view v;
    bool found = false;
    hand_made_open(&b->h, &v);
    OK(s->plan(&v, &needs, E));
    hand_made_close(&b->h, &v);
    for (size_t i = 0; i < needs.n; i++)
        found |= needs.v[i].checkpoint == checkpoint && needs.v[i].suite == suite &&
                 needs.v[i].priority == PR_PRIORITY_OWN;
    pr_free(needs.v);
    return found;
}

json_t *data_at(const struct pr_findings *f, const char *path)
{
    json_t *o = f->status;
    char *copy = pr_strdup(path), *rest = copy;
    for (char *key; o && (key = strsep(&rest, "."));)
        o = json_is_array(o) ? json_array_get(o, strtoul(key, NULL, 10)) : json_object_get(o, key);
    if (!o)
        fail_msg("the status has no %s", path);
    pr_free(copy);
    return o;
}

int64_t data_int(const struct pr_findings *f, const char *path)
{
    json_t *o = data_at(f, path);
    if (!json_is_integer(o))
        fail_msg("%s is no whole number", path);
    return json_integer_value(o);
}

const char *data_text(const struct pr_findings *f, const char *path)
{
    const char *s = json_string_value(data_at(f, path));
    if (!s)
        fail_msg("%s is no text", path);
    return s;
}
