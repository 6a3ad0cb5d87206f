/* A gradebook in a folder of its own, with models, suites and grades made up. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "gradebook/sqlite.h"

void must(enum pr_code code, const struct pr_error *e)
{
    if (code)
        fail_msg("%s: %s", pr_code_name(code), e->message);
}

int book_setup(void **state)
{
    struct book *b = pr_zalloc(sizeof *b);
    snprintf(b->dir, sizeof b->dir, "/tmp/proctor-gradebook-XXXXXX");
    if (!mkdtemp(b->dir))
        return -1;
    snprintf(b->path, sizeof b->path, "%s/proctor.db", b->dir);
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    *state = b;
    return 0;
}

int book_teardown(void **state)
{
    struct book *b = *state;
    char **names;
    size_t n;
    pr_gradebook_close(b->g);
    if (!pr_dir_list(b->dir, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            char *path = pr_path_join(b->dir, names[i]);
            unlink(path);
            pr_free(path);
        }
        pr_names_free(names, n);
    }
    rmdir(b->dir);
    pr_free(b);
    return 0;
}

void book_reopen(struct book *b)
{
    pr_gradebook_close(b->g);
    b->g = NULL;
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
}

struct pr_gradebook *book_reader(struct book *b)
{
    struct pr_gradebook *g = NULL;
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_READ, &g, e));
    return g;
}

struct pr_suite *make_suite(const char *name, size_t n, bool choices)
{
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    struct pr_suite *s = NULL;
    for (size_t i = 0; i < n; i++) {
        struct pr_str line = PR_STR_INIT(1000);
        if (choices && i % 4 == 3)
            pr_str_printf(&line,
                "{\"line\":{\"prompt\":\"p\",\"golden\":\"b\",\"id\":\"example %zu\","
                "\"check\":\"choice\",\"choices\":[\"a\",\"b\",\"c\"]}}",
                i);
        else
            pr_str_printf(&line,
                "{\"line\":{\"prompt\":\"what is %zu?\",\"golden\":\"%zu\","
                "\"id\":\"example %zu\",\"skill\":\"s%zu\"},\"difficulty\":\"%s\"}",
                i, i, i, i % 3, i % 2 ? "easy" : "hard");
        lines[i] = pr_str_take(&line);
    }
    MUST(pr_suite_from_lines(name, (const char *const *)lines, n, false, &s, e));
    pr_names_free(lines, n);
    return s;
}

int64_t add_checkpoint(struct pr_gradebook *g, const char *path, const char *identity,
    const char *model, int64_t step, const char *run, const char *history, int64_t now_ms)
{
    int64_t id;
    uint8_t hash[PR_SHA256_LEN];
    struct pr_opened o = {.origin.step = step,
        .weight_bytes = 1000,
        .parameters = 500,
        .options = OPTIONS,
        .settings_fingerprint = "53",
        .settings = json_pack("{s:s, s:s, s:i, s:s}", "template", "none", "numerics", "f32/avx2/4",
            "max_new_tokens", 512, "date", "2026-01-01T00:00:00Z")};
    pr_sha256(model, strlen(model), hash);
    pr_sha256_hex(hash, o.fingerprint);
    snprintf(o.origin.run, sizeof o.origin.run, "%s", run);
    snprintf(o.origin.history, sizeof o.origin.history, "%s", history);
    MUST(pr_gradebook_note_checkpoint(g, path, identity, false, now_ms, &id, e));
    MUST(pr_gradebook_set_opened(g, id, &o, now_ms, e));
    json_decref(o.settings);
    return id;
}

struct pr_checkpoint_row row_of(struct pr_gradebook *g, int64_t id)
{
    struct pr_checkpoint_row r = {0};
    MUST(pr_gradebook_checkpoint(g, id, &r, e));
    return r;
}

int64_t settings_of(struct pr_gradebook *g, int64_t model)
{
    int64_t settings = 0;
    MUST(pr_gradebook_settings(g, model, OPTIONS, &settings, e));
    return settings;
}

static double random_real(struct pr_rng *r)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1.0, 5e-324, 1e308, 42};
    uint64_t k = pr_rng_below(r, 20);
    return k < 9 ? odd[k] : pr_rng_normal(r) * pow(10, (double)pr_rng_below(r, 20) - 10);
}

static char *random_text(struct pr_rng *r, size_t *ret_n)
{
    static const char *const pieces[] = {
        "", "42", "yes", "\xc3\xa4\xe2\x82\xac", "-0", "1e5", "<think>", "the answer is"};
    struct pr_str s = PR_STR_INIT(1 << 20);
    for (uint64_t n = pr_rng_below(r, 12); n; n--) {
        pr_str_puts(&s, pieces[pr_rng_below(r, 8)]);
        if (!pr_rng_below(r, 5))
            pr_str_putc(&s, 0);
    }
    *ret_n = s.len;
    return pr_str_take(&s);
}

static char *random_reason(struct pr_rng *r)
{
    static const char *const reasons[] = {"", "short", "NaN or infinity in the model's output",
        "prompt and answer have 999 tokens, the model takes 512"};
    return pr_rng_below(r, 2) ? NULL : pr_strdup(reasons[pr_rng_below(r, 4)]);
}

void random_grade(struct pr_rng *r, const struct pr_example *x, struct pr_grade *ret)
{
    static const char *const finishes[] = {NULL, "stop", "length", "choice"};
    struct pr_grade g = {.example = x,
        .graded = pr_rng_below(r, 5) > 0,
        .reason = random_reason(r),
        .loss_reason = random_reason(r),
        .correct_reason = random_reason(r),
        .answer_tokens = pr_rng_below(r, 3) ? pr_rng_below(r, 1000) : 0,
        .nll = random_real(r),
        .loss = random_real(r),
        .bad_number = pr_rng_below(r, 2),
        .correct = (enum pr_verdict)pr_rng_below(r, 3),
        .confidence = random_real(r),
        .confidence_all = random_real(r),
        .finish = pr_grade_finish(finishes[pr_rng_below(r, 4)]),
        .truncated = pr_rng_below(r, 2),
        .empty = pr_rng_below(r, 2),
        .well_formed = pr_rng_below(r, 2),
        .think = pr_rng_below(r, 2),
        .output_tokens = pr_rng_below(r, 600),
        .correct_per_length = (enum pr_verdict)pr_rng_below(r, 3)};
    if (!g.graded && !g.reason)
        g.reason = pr_strdup("why");
    if (pr_rng_below(r, 2))
        g.loss = g.nll / (double)g.answer_tokens;
    if (pr_rng_below(r, 2))
        g.confidence_all = g.confidence;
    if (pr_rng_below(r, 4))
        g.answer = random_text(r, &g.answer_len);
    if (pr_rng_below(r, 4)) {
        struct pr_str out = PR_STR_INIT(1 << 20);
        size_t n = 0;
        char *before = random_text(r, &n);
        if (pr_rng_below(r, 2))
            pr_str_append(&out, before, n);
        if (pr_rng_below(r, 2) && g.answer)
            pr_str_append(&out, g.answer, g.answer_len);
        pr_free(before);
        g.output_len = out.len;
        g.output = pr_str_take(&out);
    }
    if (x->check.n_choices && pr_rng_below(r, 4)) {
        g.n_choices = x->check.n_choices;
        g.choices = pr_zalloc(g.n_choices * sizeof *g.choices);
        for (size_t i = 0; i < g.n_choices; i++)
            g.choices[i] = (struct pr_choice_score){random_real(r), pr_rng_below(r, 300)};
        g.chosen = pr_rng_below(r, g.n_choices);
        g.chosen_per_length = pr_rng_below(r, g.n_choices);
    }
    *ret = g;
}

void plain_grade(const struct pr_example *x, uint64_t model, struct pr_grade *ret)
{
    struct pr_rng r;
    struct pr_str answer = PR_STR_INIT(1000);
    uint64_t seed;
    memcpy(&seed, x->digest, sizeof seed);
    pr_rng_seed(&r, seed ^ model * 0x9e3779b97f4a7c15u);
    struct pr_grade g = {.example = x,
        .graded = true,
        .answer_tokens = 1 + pr_rng_below(&r, 50),
        .nll = 40 * pr_rng_double(&r),
        .finish = "stop",
        .well_formed = true,
        .correct = pr_rng_below(&r, 2) ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG,
        .confidence = pr_rng_double(&r)};
    g.loss = g.nll / (double)g.answer_tokens;
    g.confidence_all = g.confidence;
    pr_str_printf(&answer, "the answer to %s is %llu", x->id,
        (unsigned long long)(seed % 1000 + pr_rng_below(&r, 3)));
    g.answer_len = g.output_len = answer.len;
    g.answer = pr_str_take(&answer);
    g.output = pr_strdup(g.answer);
    g.output_tokens = 12;
    *ret = g;
}

static void assert_same_real(double a, double b)
{
    if (isnan(a) && isnan(b))
        return;
    if (memcmp(&a, &b, sizeof a))
        fail_msg("%.17g is not %.17g", a, b);
}

static void assert_same_text(const char *a, size_t n, const char *b, size_t m)
{
    assert_int_equal(a == NULL, b == NULL);
    assert_int_equal(n, m);
    if (a)
        assert_memory_equal(a, b, n + 1);
}

static void assert_same_string(const char *a, const char *b)
{
    assert_same_text(a, a ? strlen(a) : 0, b, b ? strlen(b) : 0);
}

void assert_same_grade(const struct pr_grade *a, const struct pr_grade *b)
{
    assert_memory_equal(a->example->digest, b->example->digest, PR_SHA256_LEN);
    assert_int_equal(a->graded, b->graded);
    assert_same_string(a->reason, b->reason);
    assert_int_equal(a->answer_tokens, b->answer_tokens);
    assert_same_real(a->nll, b->nll);
    assert_same_real(a->loss, b->loss);
    assert_same_string(a->loss_reason, b->loss_reason);
    assert_int_equal(a->bad_number, b->bad_number);
    assert_same_text(a->answer, a->answer_len, b->answer, b->answer_len);
    assert_same_text(a->output, a->output_len, b->output, b->output_len);
    assert_int_equal(a->correct, b->correct);
    assert_same_string(a->correct_reason, b->correct_reason);
    assert_same_real(a->confidence, b->confidence);
    assert_same_real(a->confidence_all, b->confidence_all);
    assert_same_string(a->finish, b->finish);
    assert_int_equal(a->truncated, b->truncated);
    assert_int_equal(a->empty, b->empty);
    assert_int_equal(a->well_formed, b->well_formed);
    assert_int_equal(a->think, b->think);
    assert_int_equal(a->output_tokens, b->output_tokens);
    assert_int_equal(a->n_choices, b->n_choices);
    assert_int_equal(a->choices == NULL, b->choices == NULL);
    for (size_t i = 0; i < a->n_choices; i++) {
        assert_same_real(a->choices[i].log_likelihood, b->choices[i].log_likelihood);
        assert_int_equal(a->choices[i].tokens, b->choices[i].tokens);
    }
    assert_int_equal(a->chosen, b->chosen);
    assert_int_equal(a->chosen_per_length, b->chosen_per_length);
    assert_int_equal(a->correct_per_length, b->correct_per_length);
    assert_int_equal(a->texts_dropped, b->texts_dropped);
}

void put(struct pr_gradebook *g, int64_t model, int64_t settings, const struct pr_grade *x)
{
    char digest[PR_SHA256_HEX];
    pr_sha256_hex(x->example->digest, digest);
    MUST(pr_gradebook_put_grade(g, model, settings, digest, x, 1000, NULL, e));
}

void assert_sound(struct pr_gradebook *g)
{
    char **problems;
    size_t n;
    MUST(pr_gradebook_check(g, &problems, &n, e));
    if (n)
        fail_msg("%zu problems; the first: %s", n, problems[0]);
    pr_names_free(problems, n);
}

static sqlite3 *connect_to(const char *path)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

int64_t number_of(const char *path, const char *sql)
{
    sqlite3 *db = connect_to(path);
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) || sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}

void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = connect_to(path);
    char *said = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &said))
        fail_msg("%s: %s", sql, said);
    sqlite3_close(db);
}
