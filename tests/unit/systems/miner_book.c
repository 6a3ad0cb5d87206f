/* See miner_book.h. */
#include "miner_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)

/* ---- models ---- */

static void say(struct miner_reply *r, long long x, double confidence)
{
    snprintf(r->text, sizeof r->text, "%lld", x);
    r->confidence = confidence;
}

bool miner_is_right(const struct pr_example *x, struct miner_reply *ret)
{
    snprintf(ret->text, sizeof ret->text, "%.60s", x->golden.s);
    ret->confidence = 0.95;
    return true;
}

bool miner_is_wrong(const struct pr_example *x, struct miner_reply *ret)
{
    say(ret, !strcmp(x->golden.s, "0"), 0.5);
    return true;
}

bool miner_forgets_carries(const struct pr_example *x, struct miner_reply *ret)
{
    struct pr_text q = pr_example_question(x);
    long long a, b, sum = 0;
    char *end;
    a = strtoll(q.s, &end, 10);
    if (end == q.s || *end != '+')
        return miner_is_right(x, ret);
    b = strtoll(end + 1, &end, 10);
    for (long long place = 1; a || b; a /= 10, b /= 10, place *= 10)
        sum += place * ((a % 10 + b % 10) % 10);
    say(ret, sum, 0.5 + (double)(sum % 40) / 100);
    return true;
}

/* ---- the book ---- */

void miner_book_init(struct miner_book *b)
{
    char dir[] = "/tmp/proctor-miner-XXXXXX";
    *b = (struct miner_book){0};
    hand_made_init(&b->h);
    assert_non_null(mkdtemp(dir));
    memcpy(b->dir, dir, sizeof dir);
    b->data = (struct pr_view_data){.base_dir = b->dir};
}

void miner_book_done(struct miner_book *b)
{
    OK(pr_remove_tree(b->dir, E));
    hand_made_done(&b->h);
}

int64_t miner_suite(struct miner_book *b, const char *name, const char *const *lines, size_t n)
{
    struct pr_suite *s;
    int64_t id;
    char **packed = pr_zalloc((n + 1) * sizeof *packed);
    for (size_t i = 0; i < n; i++) {
        struct pr_str text = PR_STR_INIT(1 << 16);
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

int64_t miner_sums(struct miner_book *b, size_t n, bool carry)
{
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    assert_true(n <= 100);
    for (size_t i = 0; i < n; i++) {
        int units = carry ? 5 : 0; /* 5 … 9 carry, 0 … 4 do not */
        int x = 10 + 10 * ((int)i / 25) + units + (int)i % 5, y = 10 + units + (int)i / 5 % 5;
        char text[200];
        snprintf(text, sizeof text,
            "{\"id\":\"v%03zu\",\"prompt\":\"%d+%d=\",\"golden\":\"%d\",\"skill\":\"sums\"}", i, x,
            y, x + y);
        lines[i] = pr_strdup(text);
    }
    int64_t id = miner_suite(b, PR_SUITE_MAIN, (const char *const *)lines, n);
    pr_names_free(lines, n);
    return id;
}

static void put(struct miner_book *b, const struct pr_checkpoint_row *c, int64_t settings,
    const struct pr_example *x, miner_model *model)
{
    struct pr_grade g = {.example = x, .loss = 1, .nll = 3, .answer_tokens = 3};
    struct miner_reply r = {.confidence = NAN};
    char digest[PR_SHA256_HEX];
    bool right = false;
    g.graded = model(x, &r);
    g.confidence = g.confidence_all = r.confidence;
    if (!g.graded) {
        g.reason = pr_strdup("it is too long");
        g.loss = g.nll = NAN;
    } else {
        g.answer = pr_strdup(r.text);
        g.output = pr_strdup(r.text);
        g.answer_len = g.output_len = strlen(r.text);
        g.output_tokens = 3;
        g.finish = "stop";
        g.well_formed = true;
        OK(pr_check_decide(
            &(struct pr_answer){.example = x, .text = {g.answer, g.answer_len}}, &right, E));
        g.correct = r.undecided ? PR_VERDICT_NONE : right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
        if (r.undecided)
            g.correct_reason = pr_strdup("the judge did not answer");
    }
    pr_sha256_hex(x->digest, digest);
    OK(pr_gradebook_put_grade(b->h.g, c->model, settings, digest, &g, b->h.now_ms, NULL, E));
    pr_grade_done(&g);
}

void miner_grade(
    struct miner_book *b, int64_t checkpoint, int64_t suite, miner_model *model, size_t n)
{
    struct pr_checkpoint_row c;
    struct pr_suite *s;
    int64_t settings;
    OK(pr_gradebook_checkpoint(b->h.g, checkpoint, &c, E));
    OK(pr_gradebook_load_suite(b->h.g, suite, &s, E));
    OK(pr_gradebook_begin(b->h.g, E));
    OK(pr_gradebook_settings(b->h.g, c.model, b->h.options, &settings, E));
    for (size_t i = 0; i < s->n && (!n || i < n); i++)
        put(b, &c, settings, &s->v[i], model);
    OK(pr_gradebook_commit(b->h.g, E));
    pr_suite_free(s);
    pr_checkpoint_row_done(&c);
}

static int64_t store(struct miner_book *b, const json_t *ask)
{
    size_t n = json_array_size(ask);
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct pr_str text = PR_STR_INIT(1 << 16);
        pr_json_dump(json_array_get(ask, i), 0, 0, &text);
        lines[i] = pr_str_take(&text);
    }
    int64_t id = miner_suite(b, PR_SUITE_OWN PR_MINER, (const char *const *)lines, n);
    pr_names_free(lines, n);
    return id;
}

int64_t miner_run(struct miner_book *b, struct pr_findings *ret)
{
    struct pr_view v;
    *ret = (struct pr_findings){0};
    hand_made_open(&b->h, &v);
    v.data = &b->data;
    OK(pr_system_adversarial_miner.run(&v, ret, E));
    hand_made_close(&b->h, &v);
    b->h.now_ms += 1000;
    return ret->ask ? store(b, ret->ask) : 0;
}

int miner_run_out(
    struct miner_book *b, int64_t checkpoint, miner_model *model, struct pr_findings *ret)
{
    for (int runs = 1;; runs++) {
        int64_t suite = miner_run(b, ret);
        if (!suite)
            return runs;
        assert_true(runs < 30);
        pr_findings_done(ret);
        miner_grade(b, checkpoint, suite, model, 0);
    }
}

bool miner_plans(struct miner_book *b, int64_t checkpoint, int64_t suite)
{
    struct pr_needs needs = {0};
    struct pr_view v;
    bool found = false;
    hand_made_open(&b->h, &v);
    OK(pr_system_adversarial_miner.plan(&v, &needs, E));
    hand_made_close(&b->h, &v);
    for (size_t i = 0; i < needs.n; i++)
        found |= needs.v[i].checkpoint == checkpoint && needs.v[i].suite == suite;
    pr_free(needs.v);
    return found;
}

/* ---- hard examples ---- */

char *miner_file(struct miner_book *b)
{
    struct pr_str path = PR_STR_INIT(300);
    pr_str_printf(&path, "%s/" PR_MINER_FOLDER "/hard_examples_20260921.jsonl", b->dir);
    return pr_str_take(&path);
}

char *miner_read(struct miner_book *b)
{
    char *path = miner_file(b), *text = NULL;
    size_t n;
    if (pr_path_exists(path))
        OK(pr_file_read(AT_FDCWD, path, (size_t)1 << 24, &text, &n, E));
    pr_free(path);
    return text ? text : pr_strdup("");
}

json_t *miner_lines(struct miner_book *b)
{
    char *text = miner_read(b), *rest = text;
    json_t *rows = json_array(), *row;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (!pr_json_parse(line, strlen(line), 0, NULL, &row, NULL, E))
            json_array_append_new(rows, row);
    pr_free(text);
    return rows;
}
