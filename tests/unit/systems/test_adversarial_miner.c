/* The adversarial miner: what it asks, what it keeps, and what stays when it is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "miner_book.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "null";
}

static int64_t number(const json_t *o, const char *key)
{
    assert_true(json_is_integer(json_object_get(o, key)));
    return json_integer_value(json_object_get(o, key));
}

static double real(const json_t *o, const char *key)
{
    assert_true(json_is_number(json_object_get(o, key)));
    return json_number_value(json_object_get(o, key));
}

static void is_null(const json_t *o, const char *key)
{
    char reason[80];
    snprintf(reason, sizeof reason, "%.60s_reason", key);
    assert_true(json_is_null(json_object_get(o, key)));
    assert_true(json_is_string(json_object_get(o, reason)));
}

/* Does this model truly fail the line?  By the line alone. */
static bool fails(miner_model *model, const json_t *line)
{
    const struct pr_example_options o = {0};
    struct pr_arena arena = {0};
    struct pr_example x;
    struct miner_reply r = {0};
    bool right;
    OK(pr_example_parse(line, &o, &arena, &x, E));
    assert_true(model(&x, &r));
    OK(pr_check_decide(
        &(struct pr_answer){.example = &x, .text = {r.text, strlen(r.text)}}, &right, E));
    pr_example_done(&x);
    pr_arena_done(&arena);
    return !right;
}

/* Is the problem what its seed makes of its source, or of its level? */
static void can_be_made_again(struct miner_book *b, int64_t suite, const json_t *line)
{
    const json_t *source = json_object_get(line, "source");
    const struct pr_skill *s = pr_skill_find(text(line, "skill"));
    struct pr_str prompt = PR_STR_INIT(1000), golden = PR_STR_INIT(1000);
    struct pr_rng rng;
    pr_rng_seed(&rng, (uint64_t)number(line, "seed"));
    if (json_is_null(source)) {
        s->make(&rng, (int)number(line, "level"), &prompt, &golden);
    } else if (!strcmp(text(source, "suite"), PR_SUITE_MAIN)) {
        struct pr_suite *v;
        OK(pr_gradebook_load_suite(b->h.g, suite, &v, E));
        for (size_t i = 0; i < v->n; i++)
            if (!strcmp(v->v[i].id, text(source, "id"))) {
                struct pr_text q = pr_example_question(&v->v[i]);
                assert_true(s->vary(&rng, q.s, q.n, &prompt, &golden));
            }
        assert_string_equal(text(source, "skill"), "sums"); /* as the suite calls it */
        pr_suite_free(v);
    } else {
        assert_string_equal(text(source, "suite"), "adversarial-miner");
        pr_str_puts(&prompt, text(line, "prompt"));
    }
    assert_string_equal(pr_str_cstr(&prompt), text(line, "prompt"));
    pr_str_done(&prompt);
    pr_str_done(&golden);
}

struct fixture {
    struct miner_book b;
    int64_t suite, checkpoint;
};

/* 40 sums with carries, of which a checkpoint that forgets them fails all. */
static void init(struct fixture *f)
{
    miner_book_init(&f->b);
    f->suite = miner_sums(&f->b, 40, true);
    f->checkpoint = hand_made_checkpoint(&f->b.h, NULL, 100, NULL);
    miner_grade(&f->b, f->checkpoint, f->suite, miner_forgets_carries, 0);
}

static void similar_problems_that_are_failed_again_are_kept(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    size_t i;
    json_t *line;
    init(&f);
    miner_run_out(&f.b, f.checkpoint, miner_forgets_carries, &found);
    assert_null(found.waiting);
    assert_int_equal(number(found.status, "failures_total"), 40);
    assert_int_equal(number(found.status, "kept"), 50); /* miner.kept */
    json_t *lines = miner_lines(&f.b);
    assert_int_equal(json_array_size(lines), 50);
    double last = 1;
    int64_t round = 1;
    json_array_foreach (lines, i, line) {
        assert_true(fails(miner_forgets_carries, line));
        assert_true(json_is_true(json_object_get(line, "model_failed")));
        assert_string_not_equal(text(line, "model_answer"), text(line, "golden"));
        assert_string_equal(text(line, "checkpoint"), "checkpoint-100");
        assert_int_equal(number(line, "step"), 100);
        assert_int_equal(strlen(text(line, "fingerprint")), 64);
        assert_string_equal(text(line, "check"), "verifier");
        assert_true(pr_mistake_find(text(line, "pattern"), &(enum pr_mistake){0}));
        assert_true(strlen(text(line, "why")) > 4);
        can_be_made_again(&f.b, f.suite, line);
        /* In each round the surest errors first. */
        if (number(line, "round") != round) {
            assert_int_equal(number(line, "round"), ++round);
            last = 1;
        }
        assert_true(real(line, "confidence") <= last);
        last = real(line, "confidence");
    }
    json_decref(lines);
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

static void nothing_is_asked_twice_and_nothing_of_a_suite(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    f.b.h.settings.miner_kept = 1000;
    json_t *ids = json_object(), *prompts = json_object();
    struct pr_suite *s;
    OK(pr_gradebook_load_suite(f.b.h.g, f.suite, &s, E));
    for (size_t i = 0; i < s->n; i++)
        pr_json_set_int(prompts, s->v[i].prompt.s, 1);
    pr_suite_free(s);
    size_t before = 0;
    for (int64_t suite; (suite = miner_run(&f.b, &found));) {
        size_t n = json_array_size(found.ask);
        for (size_t i = before; i < n; i++) {
            const json_t *line = json_array_get(found.ask, i);
            assert_null(json_object_get(ids, text(line, "id")));
            assert_null(json_object_get(prompts, text(line, "prompt")));
            pr_json_set_int(ids, text(line, "id"), 1);
            pr_json_set_int(prompts, text(line, "prompt"), 1);
        }
        assert_true(n > before);
        before = n;
        assert_non_null(strstr(found.waiting, "is to be asked"));
        pr_findings_done(&found);
        assert_true(miner_plans(&f.b, f.checkpoint, suite));
        miner_grade(&f.b, f.checkpoint, suite, miner_forgets_carries, 0);
    }
    assert_int_equal(before, 100); /* miner.samples */
    assert_int_equal(number(found.status, "asked"), 100);
    const json_t *rounds = json_object_get(found.status, "rounds");
    assert_int_equal(json_array_size(rounds), 3);
    assert_int_equal(number(json_array_get(rounds, 0), "asked"), 34);
    pr_findings_done(&found);
    json_decref(ids);
    json_decref(prompts);
    miner_book_done(&f.b);
}

/* The suite's own, and every sum: what is made of a subtraction is answered rightly. */
static bool fails_sums(const struct pr_example *x, struct miner_reply *ret)
{
    return x->id[0] == 'w' || strchr(x->prompt.s, '+') ? miner_is_wrong(x, ret)
                                                       : miner_is_right(x, ret);
}

static size_t asked_in(const json_t *ask, int round, const char *skill, bool fresh)
{
    size_t i, n = 0;
    const json_t *line;
    json_array_foreach (ask, i, line) {
        const json_t *mine = json_object_get(line, "mine");
        n += number(mine, "round") == round && !strcmp(text(line, "skill"), skill) &&
             json_is_null(json_object_get(mine, "source")) == fresh;
    }
    return n;
}

static void rounds_go_where_the_one_before_found_most(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"id\":\"w1\",\"prompt\":\"900+150=\",\"golden\":\"1050\"}",
        "{\"id\":\"w2\",\"prompt\":\"310+450=\",\"golden\":\"760\"}",
        "{\"id\":\"w3\",\"prompt\":\"90-15=\",\"golden\":\"75\"}",
        "{\"id\":\"w4\",\"prompt\":\"80-45=\",\"golden\":\"35\"}",
    };
    struct miner_book b;
    struct pr_findings found;
    miner_book_init(&b);
    b.h.settings.miner_samples = 120;
    int64_t suite = miner_suite(&b, PR_SUITE_MAIN, lines, 4), own;
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    miner_grade(&b, c, suite, fails_sums, 0);
    b.h.settings.miner_kept = 1000;
    size_t first[2] = {0}, last[2] = {0};
    while ((own = miner_run(&b, &found))) {
        for (int k = 0; k < 2; k++) {
            const char *skill = k ? "subtraction" : "addition";
            first[k] = asked_in(found.ask, 1, skill, false);
            last[k] = asked_in(found.ask, 3, skill, false);
        }
        pr_findings_done(&found);
        miner_grade(&b, c, own, fails_sums, 0);
    }
    assert_true(first[0] >= 9 && first[1] >= 9);
    assert_true(last[0] >= 24 && last[1] <= 3);
    const json_t *rounds = json_object_get(found.status, "rounds");
    assert_true(
        real(json_array_get(rounds, 2), "yield") > real(json_array_get(rounds, 0), "yield"));
    pr_findings_done(&found);
    miner_book_done(&b);
}

/* Every sum, and a difference whose first number is odd. */
static bool fails_sums_and_odd_ones(const struct pr_example *x, struct miner_reply *ret)
{
    bool odd = strtol(pr_example_question(x).s, NULL, 10) % 2;
    return odd ? miner_is_wrong(x, ret) : fails_sums(x, ret);
}

static void what_the_model_cannot_do_at_all_is_asked_less(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"id\":\"w1\",\"prompt\":\"900+150=\",\"golden\":\"1050\"}",
        "{\"id\":\"w2\",\"prompt\":\"975-152=\",\"golden\":\"823\"}",
    };
    struct miner_book b;
    struct pr_findings found;
    miner_book_init(&b);
    b.h.settings.miner_samples = 900;
    b.h.settings.miner_kept = 1000;
    int64_t suite = miner_suite(&b, PR_SUITE_MAIN, lines, 2), own;
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    miner_grade(&b, c, suite, fails_sums_and_odd_ones, 0);
    size_t sums = 0, differences = 0;
    while ((own = miner_run(&b, &found))) {
        sums = asked_in(found.ask, 3, "addition", true);
        differences = asked_in(found.ask, 3, "subtraction", true);
        pr_findings_done(&found);
        miner_grade(&b, c, own, fails_sums_and_odd_ones, 0);
    }
    /* By yield alone sums would be some three times as many. */
    assert_true(sums > 0 && differences > 2 * sums);
    pr_findings_done(&found);
    miner_book_done(&b);
}

static void a_run_made_again_adds_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    miner_run_out(&f.b, f.checkpoint, miner_forgets_carries, &found);
    pr_findings_done(&found);
    char *first = miner_read(&f.b);
    for (int i = 0; i < 2; i++) {
        f.b.h.now_ms += i * (int64_t)86400000; /* the next day's file is another one */
        assert_int_equal(miner_run(&f.b, &found), 0);
        assert_int_equal(number(found.status, "kept"), 50);
        assert_int_equal(number(found.status, "not_kept_known"), 0); /* they are not looked at */
        if (i)
            is_null(found.status, "file");
        pr_findings_done(&found);
        char *again = miner_read(&f.b);
        assert_string_equal(first, again);
        pr_free(again);
    }
    pr_free(first);
    miner_book_done(&f.b);
}

static void when_enough_is_kept_no_more_is_asked(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    f.b.h.settings.miner_kept = 10;
    assert_int_equal(miner_run_out(&f.b, f.checkpoint, miner_is_wrong, &found), 2);
    assert_int_equal(number(found.status, "asked"), 34);
    assert_int_equal(number(found.status, "kept"), 10);
    assert_null(found.waiting);
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

static void what_others_wrote_stays_to_the_byte(void **state)
{
    (void)state;
    static const char theirs[] =
        "{\"prompt\":\"1+1=\",\"golden\":\"2\"}\r\n\nno JSON \xff\n{\"half";
    struct fixture f;
    struct pr_findings found;
    init(&f);
    char *path = miner_file(&f.b), *folder = pr_strndup(path, (size_t)(strrchr(path, '/') - path));
    char *stale = pr_path_join(folder, "hard_examples_20260920.jsonl.tmp.aB3xYz");
    char *mine = pr_path_join(folder, "notes.jsonl.tmp.aB3xYz");
    OK(pr_mkdirs(folder, E));
    OK(pr_file_write_atomic(path, theirs, sizeof theirs - 1, E));
    OK(pr_file_write_atomic(stale, "{", 1, E));
    OK(pr_file_write_atomic(mine, "{", 1, E));
    miner_run_out(&f.b, f.checkpoint, miner_forgets_carries, &found);
    assert_int_equal(number(found.status, "kept"), 50);
    assert_int_equal(number(found.status, "kept_total_today"), 51);
    assert_int_equal(number(found.status, "lines_broken"), 2);
    char *text = miner_read(&f.b);
    assert_memory_equal(text, theirs, sizeof theirs - 1);
    assert_int_equal(text[sizeof theirs - 1], '\n');
    assert_int_equal(text[sizeof theirs], '{');
    assert_false(pr_path_exists(stale)); /* of a writer that was killed */
    assert_true(pr_path_exists(mine));
    pr_free(text);
    pr_free(path);
    pr_free(folder);
    pr_free(stale);
    pr_free(mine);
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

static void what_a_suite_asks_by_now_is_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    int64_t own = miner_run(&f.b, &found);
    char line[300];
    snprintf(line, sizeof line, "{\"id\":\"x\",\"prompt\":\" %s\\n\",\"golden\":\"0\"}",
        text(json_array_get(found.ask, 0), "prompt"));
    pr_findings_done(&found);
    miner_grade(&f.b, f.checkpoint, own, miner_is_wrong, 0);
    miner_suite(&f.b, "extra", (const char *const[]){line}, 1); /* a further suite of the user's */
    miner_run(&f.b, &found);
    assert_int_equal(number(found.status, "kept"), 33);
    assert_int_equal(number(found.status, "not_kept_validation"), 1);
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

static bool sometimes_unknown(const struct pr_example *x, struct miner_reply *ret)
{
    miner_is_wrong(x, ret);
    ret->undecided = x->prompt.s[0] % 2;
    return x->prompt.s[1] % 2;
}

static void what_has_no_verdict_is_counted_and_not_kept(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    miner_run_out(&f.b, f.checkpoint, sometimes_unknown, &found);
    int64_t ungraded = number(found.status, "ungraded");
    assert_true(ungraded > 40);
    assert_int_equal(number(found.status, "asked"), 100);
    assert_int_equal(number(found.status, "kept"), 100 - ungraded);
    assert_true(real(found.status, "yield") > 1 - 1e-9);
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

static void a_newer_checkpoint_takes_over(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    int64_t own = miner_run(&f.b, &found);
    pr_findings_done(&found);
    miner_grade(&f.b, f.checkpoint, own, miner_forgets_carries, 20); /* of 34 */
    miner_run(&f.b, &found);
    assert_int_equal(number(found.status, "kept"), 0); /* the round is not over */
    assert_non_null(strstr(found.waiting, "20 of 34"));
    pr_findings_done(&found);
    struct hand_made_place unopened = {.step = 300, .not_opened = true};
    assert_true(miner_plans(&f.b, hand_made_place(&f.b.h, &unopened), f.suite));
    int64_t next = hand_made_checkpoint(&f.b.h, NULL, 200, NULL);
    assert_true(miner_plans(&f.b, next, f.suite));
    assert_false(miner_plans(&f.b, f.checkpoint, f.suite));
    assert_false(miner_plans(&f.b, next, own)); /* made for the other one */
    assert_false(miner_plans(&f.b, f.checkpoint, own));
    miner_run(&f.b, &found);
    assert_non_null(strstr(found.waiting, "checkpoint-200: 0 of 40"));
    is_null(found.status, "failures_total");
    pr_findings_done(&found);
    json_t *lines = miner_lines(&f.b); /* what the 20 brought is not lost */
    assert_true(json_array_size(lines) > 5);
    assert_string_equal(text(json_array_get(lines, 0), "checkpoint"), "checkpoint-100");
    json_decref(lines);
    miner_grade(&f.b, next, f.suite, miner_is_right, 0);
    assert_true(miner_run(&f.b, &found) != own);
    assert_string_equal(text(found.status, "checkpoint"), "checkpoint-200");
    assert_int_equal(number(found.status, "failures_total"), 0);
    assert_int_equal(number(found.status, "kept"), 0);
    assert_int_equal(json_array_size(found.ask), 34); /* fresh ones: nothing was failed */
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

static bool right_below_60(const struct pr_example *x, struct miner_reply *ret)
{
    return strtol(x->golden.s, NULL, 10) < 60 ? miner_is_right(x, ret) : miner_is_wrong(x, ret);
}

static bool right_from_50_on(const struct pr_example *x, struct miner_reply *ret)
{
    return strtol(x->golden.s, NULL, 10) >= 50 ? miner_is_right(x, ret) : miner_is_wrong(x, ret);
}

static void forgetting_is_what_an_earlier_one_solved(void **state)
{
    (void)state;
    struct miner_book b;
    struct pr_findings found;
    miner_book_init(&b);
    int64_t suite = miner_sums(&b, 100, true), ids[2];
    miner_model *const models[] = {right_below_60, right_from_50_on};
    for (int i = 0; i < 2; i++) {
        ids[i] = hand_made_checkpoint(&b.h, NULL, i + 1, NULL);
        miner_grade(&b, ids[i], suite, models[i], 0);
        miner_run(&b, &found);
        if (!i)
            is_null(found.status, "forgetting");
        else
            break;
        pr_findings_done(&found);
    }
    /* Those below 50: counted here, not by the miner. */
    struct pr_suite *s;
    int64_t below_50 = 0, below_60 = 0;
    OK(pr_gradebook_load_suite(b.h.g, suite, &s, E));
    for (size_t i = 0; i < s->n; i++) {
        below_50 += strtol(s->v[i].golden.s, NULL, 10) < 50;
        below_60 += strtol(s->v[i].golden.s, NULL, 10) < 60;
    }
    pr_suite_free(s);
    const json_t *o = json_object_get(found.status, "forgetting");
    assert_true(below_50 > 20 && below_60 > below_50);
    assert_int_equal(number(o, "n"), below_50);
    assert_int_equal(number(o, "solved_before"), below_60);
    assert_true(fabs(real(o, "rate") - (double)below_50 / (double)below_60) < 1e-12);
    assert_int_equal(number(json_object_get(o, "by_skill"), "addition"), below_50);
    assert_int_equal(json_array_size(json_object_get(o, "ids")), 20);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(o, "against"), 0)), "checkpoint-1");
    pr_findings_done(&found);
    miner_book_done(&b);
}

static void questions_that_no_skill_knows_are_named(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"id\":\"u1\",\"prompt\":\"Who wrote it?\",\"golden\":\"Ada\",\"skill\":\"books\"}",
        "{\"id\":\"u2\",\"prompt\":\"Who read it?\",\"golden\":\"Bob\",\"skill\":\"books\"}"};
    struct miner_book b;
    struct pr_findings found;
    miner_book_init(&b);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    miner_grade(&b, c, miner_suite(&b, PR_SUITE_MAIN, lines, 2), miner_is_wrong, 0);
    miner_run(&b, &found);
    const json_t *unknown = json_object_get(found.status, "unknown_skill"),
                 *row = json_array_get(json_object_get(found.status, "failures_by_pattern"), 0);
    assert_int_equal(number(unknown, "count"), 2);
    assert_non_null(strstr(text(unknown, "hint"), "docs/skills.md"));
    assert_string_equal(text(row, "skill"), "books");
    assert_int_equal(number(row, "count"), 2);
    is_null(row, "level");
    /* Fresh problems, of every skill: none is asked for by the suite. */
    json_t *skills = json_object();
    size_t i;
    const json_t *line;
    json_array_foreach (found.ask, i, line) {
        assert_true(json_is_null(json_object_get(json_object_get(line, "mine"), "source")));
        pr_json_set_int(skills, text(line, "skill"), 1);
    }
    assert_true(json_object_size(skills) >= 6);
    json_decref(skills);
    pr_findings_done(&found);
    /* Weights of the configuration say which. */
    b.h.now_ms += 1000;
    json_t *weights = json_pack("{s:i,s:i}", "sorting", 3, "reversal", 1);
    b.data.skill_weights = weights;
    OK(pr_gradebook_retire_suite(b.h.g, PR_SUITE_OWN PR_MINER, E));
    miner_run(&b, &found);
    size_t sorting = 0, n = json_array_size(found.ask);
    json_array_foreach (found.ask, i, line)
        sorting += !strcmp(text(line, "skill"), "sorting");
    assert_true(n == 34 && sorting >= 24 && sorting <= 27);
    json_decref(weights);
    pr_findings_done(&found);
    miner_book_done(&b);
}

static void what_is_not_there_is_waited_for(void **state)
{
    (void)state;
    static const char *const fields[] = {"checkpoint", "failures_total", "kept", "rounds", "yield",
        "forgetting", "failures_by_pattern"};
    struct miner_book b;
    struct pr_findings found;
    miner_book_init(&b);
    assert_int_equal(miner_run(&b, &found), 0);
    assert_non_null(strstr(found.waiting, "no suite"));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        is_null(found.status, fields[i]);
    pr_findings_done(&found);
    int64_t suite = miner_sums(&b, 40, true);
    assert_int_equal(miner_run(&b, &found), 0);
    assert_non_null(strstr(found.waiting, "no checkpoint"));
    pr_findings_done(&found);
    int64_t c = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    assert_true(miner_plans(&b, c, suite));
    miner_grade(&b, c, suite, miner_is_wrong, 39);
    assert_int_equal(miner_run(&b, &found), 0);
    assert_non_null(strstr(found.waiting, "39 of 40"));
    pr_findings_done(&found);
    miner_book_done(&b);
}

/* The bound is generous for a sanitized build; it takes some 10 ms otherwise. */
static void a_round_is_made_quickly(void **state)
{
    (void)state;
    struct fixture f;
    struct pr_findings found;
    init(&f);
    int64_t begin = pr_clock_monotonic_ns();
    miner_run(&f.b, &found);
    double ms = (double)(pr_clock_monotonic_ns() - begin) / 1e6;
    print_message("a round of %zu problems: %.1f ms\n", json_array_size(found.ask), ms);
    assert_true(ms < 1000);
    pr_findings_done(&found);
    miner_book_done(&f.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similar_problems_that_are_failed_again_are_kept),
        cmocka_unit_test(nothing_is_asked_twice_and_nothing_of_a_suite),
        cmocka_unit_test(rounds_go_where_the_one_before_found_most),
        cmocka_unit_test(what_the_model_cannot_do_at_all_is_asked_less),
        cmocka_unit_test(a_run_made_again_adds_nothing),
        cmocka_unit_test(when_enough_is_kept_no_more_is_asked),
        cmocka_unit_test(what_others_wrote_stays_to_the_byte),
        cmocka_unit_test(what_a_suite_asks_by_now_is_not_kept),
        cmocka_unit_test(what_has_no_verdict_is_counted_and_not_kept),
        cmocka_unit_test(a_newer_checkpoint_takes_over),
        cmocka_unit_test(forgetting_is_what_an_earlier_one_solved),
        cmocka_unit_test(questions_that_no_skill_knows_are_named),
        cmocka_unit_test(what_is_not_there_is_waited_for),
        cmocka_unit_test(a_round_is_made_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
