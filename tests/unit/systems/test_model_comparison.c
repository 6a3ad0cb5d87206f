/* Model comparison on a gradebook filled by hand, and its ranking by simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "hand_made.h"
#include "systems/ranking.h"

#define SYSTEM (&pr_system_model_comparison)

static const json_t *entry(const json_t *status, const char *name)
{
    size_t i;
    const json_t *x, *list = json_object_get(status, "rankings");
    json_array_foreach (list, i, x)
        if (!strcmp(json_string_value(json_object_get(x, "checkpoint")), name))
            return x;
    return NULL;
}

static const json_t *unranked(const json_t *status, const char *name)
{
    size_t i;
    const json_t *x, *list = json_object_get(status, "unranked");
    json_array_foreach (list, i, x)
        if (!strcmp(json_string_value(json_object_get(x, "checkpoint")), name))
            return x;
    return NULL;
}

static double real(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool holds(const json_t *list, const char *text)
{
    size_t i;
    const json_t *x;
    json_array_foreach (list, i, x)
        if (!strcmp(json_string_value(x), text))
            return true;
    return false;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* Four examples whose figures can be computed in one's head: accuracy 0.75, mean loss 0.5, ECE over
 * the six bins 0.075, three of four well-formed. */
static const struct hand_made_answer four[] = {{.loss = 0.2, .confidence = 0.9, .right = true},
    {.loss = 0.4, .confidence = 0.9, .right = true},
    {.loss = 0.6, .confidence = 0.9, .right = true},
    {.loss = 0.8, .confidence = 0.0, .malformed = true}};

static void the_score_is_the_formula(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 4, 0);
    hand_made_grade(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, four, 4);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *x = entry(f.status, "checkpoint-10");
    assert_true(fabs(real(x, "accuracy") - 0.75) < 1e-12);
    assert_true(fabs(real(x, "loss") - 0.5) < 1e-7);
    assert_true(fabs(real(x, "ece") - 0.075) < 1e-7);
    assert_true(fabs(real(x, "format_ok") - 0.75) < 1e-12);
    const json_t *levels = json_object_get(x, "by_difficulty"); /* easy, medium, hard, easy */
    assert_true(fabs(real(levels, "easy") - 0.5) < 1e-12);
    assert_true(fabs(real(levels, "medium") - 1) < 1e-12);
    double want = 0.5 * 0.75 + 0.3 * exp(-0.5) + 0.1 * (1 - 0.075) + 0.1 * 0.75;
    assert_true(fabs(real(x, "score") - want) < 1e-7);
    assert_string_equal(text(f.status, "best_checkpoint"), "checkpoint-10");
    assert_null(f.waiting);
    pr_findings_done(&f);
    for (size_t k = 0; k < PR_SCORE_PARTS; k++) /* weights count by their shares */
        h.settings.weights[k] = k == PR_SCORE_ACCURACY ? 6 : k == PR_SCORE_FORMAT ? 2 : 0;
    hand_made_find(&h, SYSTEM, &f);
    assert_true(fabs(real(entry(f.status, "checkpoint-10"), "score") - 0.75) < 1e-12);
    pr_findings_done(&f);
    hand_made_done(&h);
}

/* One checkpoint for each kind of reason why it is ranked without a chance, or not ranked. */
static void every_checkpoint_is_ranked_or_listed_with_the_reason(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0);
    json_t *bad = json_pack("[s]", "lm_head.weight");
    struct hand_made_place unopened = {.step = 70, .not_opened = true};
    struct hand_made_place nan = {.step = 20, .bad_weights = bad};
    struct hand_made_place old = {.step = 80, .options = "other options"};
    struct hand_made_place other = {.step = 15, .settings = "other arithmetic"};
    struct hand_made_place base = {.folder = "base", .step = -1, .reference = true};
    int64_t best = hand_made_checkpoint(&h, NULL, 10, NULL);
    int64_t nans = hand_made_place(&h, &nan), critical = hand_made_checkpoint(&h, NULL, 30, NULL);
    int64_t dead = hand_made_checkpoint(&h, NULL, 40, NULL);
    int64_t half = hand_made_checkpoint(&h, NULL, 50, NULL);
    int64_t refused = hand_made_checkpoint(&h, NULL, 60, NULL), reference;
    hand_made_place(&h, &unopened);
    hand_made_place(&h, &old);
    hand_made_grade_drawn(&h, hand_made_place(&h, &other), suite, 7, 0.9, 0.3);
    reference = hand_made_place(&h, &base);
    hand_made_grade_drawn(&h, best, suite, 1, 0.5, 0.4);
    hand_made_grade_drawn(&h, nans, suite, 2, 0.8, 0.5);
    hand_made_grade_drawn(&h, critical, suite, 3, 0.9, 0.8); /* more is right, the loss is double */
    hand_made_grade_drawn(&h, dead, suite, 4, 0.95, 0.3);
    hand_made_grade_drawn(&h, reference, suite, 5, 0.3, 1.2);
    struct hand_made_answer *v = hand_made_draw(6, 60, 0.9, 0.3, 1);
    hand_made_grade(&h, half, suite, v, 30);
    pr_free(v);
    HAND_MADE_OK(pr_gradebook_begin(h.g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_set_state(
        h.g, dead, PR_CHECKPOINT_QUARANTINED, "killed twice", &hand_made_error));
    HAND_MADE_OK(pr_gradebook_set_state(
        h.g, refused, PR_CHECKPOINT_REFUSED, "no tokenizer", &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h.g, &hand_made_error));
    hand_made_find(&h, SYSTEM, &f);
    assert_string_equal(text(f.status, "best_checkpoint"), "checkpoint-10");
    assert_int_equal(json_array_size(json_object_get(f.status, "rankings")), 4);
    assert_non_null(strstr(text(entry(f.status, "checkpoint-20"), "not_best_because"), "NaN"));
    assert_non_null(strstr(text(entry(f.status, "checkpoint-30"), "not_best_because"), "critical"));
    assert_string_equal(text(entry(f.status, "checkpoint-30"), "level"), "critical");
    assert_non_null(strstr(text(entry(f.status, "checkpoint-40"), "not_best_because"), "quar"));
    assert_true(real(entry(f.status, "checkpoint-40"), "rank") == 1);
    assert_string_equal(text(entry(f.status, "checkpoint-10"), "level"), "ok");
    assert_string_equal(
        text(unranked(f.status, "checkpoint-50"), "why"), "grading: 30 of 60 examples");
    assert_string_equal(text(unranked(f.status, "checkpoint-60"), "why"), "refused: no tokenizer");
    assert_string_equal(text(unranked(f.status, "checkpoint-70"), "why"), "not opened yet");
    assert_non_null(strstr(text(unranked(f.status, "checkpoint-80"), "why"), "settings"));
    assert_non_null(strstr(text(unranked(f.status, "checkpoint-15"), "why"), "arithmetic"));
    assert_true(real(json_object_get(f.status, "reference"), "accuracy") < 0.5);
    assert_null(entry(f.status, "base"));
    const json_t *pareto = json_object_get(f.status, "pareto");
    assert_true(json_array_size(pareto) == 1 && holds(pareto, "checkpoint-10"));
    assert_non_null(f.waiting); /* the newest is not graded */
    pr_findings_done(&f);
    json_decref(bad);
    hand_made_done(&h);
}

static void equal_content_is_one_grade_under_two_names(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 90, 0);
    int64_t a = hand_made_checkpoint(&h, NULL, 10, "same");
    int64_t other = hand_made_checkpoint(&h, NULL, 20, NULL);
    hand_made_checkpoint(&h, NULL, 30, "same");
    hand_made_grade_drawn(&h, a, suite, 1, 0.9, 0.3);
    hand_made_grade_drawn(&h, other, suite, 2, 0.2, 1.5);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *x = entry(f.status, "checkpoint-10"), *y = entry(f.status, "checkpoint-30");
    assert_true(real(x, "rank") == 1 && real(y, "rank") == 1);
    assert_true(real(entry(f.status, "checkpoint-20"), "rank") == 2);
    assert_true(real(x, "score") == real(y, "score"));
    assert_true(holds(json_object_get(x, "tied_with"), "checkpoint-30"));
    assert_true(holds(json_object_get(y, "same_content"), "checkpoint-10"));
    assert_false(holds(json_object_get(x, "tied_with"), "checkpoint-20"));
    assert_string_equal(text(f.status, "best_checkpoint"), "checkpoint-30"); /* the newer place */
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void a_number_that_cannot_be_stood_behind_is_null_and_ranked_last(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 30, 0);
    int64_t nan = hand_made_checkpoint(&h, NULL, 10, NULL);
    int64_t fine = hand_made_checkpoint(&h, NULL, 20, NULL);
    int64_t none = hand_made_checkpoint(&h, NULL, 30, NULL);
    struct hand_made_answer *v = hand_made_draw(1, 30, 0.99, 0.1, 1);
    v[7].bad_number = true;
    hand_made_grade(&h, nan, suite, v, 30);
    hand_made_grade_drawn(&h, fine, suite, 2, 0.1, 3);
    for (size_t i = 0; i < 30; i++)
        v[i] = (struct hand_made_answer){.reason = "longer than the model's positions"};
    hand_made_grade(&h, none, suite, v, 30);
    pr_free(v);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *x = entry(f.status, "checkpoint-10"), *y = entry(f.status, "checkpoint-30");
    assert_true(json_is_null(json_object_get(x, "score")));
    assert_non_null(strstr(text(x, "score_reason"), "1 of 30"));
    assert_true(json_is_null(json_object_get(x, "loss")));
    assert_true(json_is_null(json_object_get(y, "score")));
    assert_non_null(strstr(text(y, "score_reason"), "longer than the model's"));
    assert_true(real(entry(f.status, "checkpoint-20"), "rank") == 1);
    assert_true(json_is_null(json_object_get(x, "rank")));
    assert_string_equal(text(f.status, "best_checkpoint"), "checkpoint-20");
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void a_suite_without_answers_is_ranked_by_what_it_gives(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_plain_suite(&h, "validation", 30);
    hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, 1, 0.5, 0.7);
    hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, 2, 0.5, 0.2);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *x = entry(f.status, "checkpoint-20");
    assert_true(real(x, "rank") == 1 && fabs(real(x, "score") - exp(-real(x, "loss"))) < 1e-12);
    assert_true(json_is_null(json_object_get(x, "accuracy")));
    assert_true(real(json_object_get(f.status, "weights"), "loss") == 1);
    assert_true(holds(json_object_get(f.status, "parts_not_given_by_suite"), "accuracy"));
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void a_decision_is_made_when_the_best_one_changes(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0);
    int64_t first = hand_made_checkpoint(&h, NULL, 10, NULL);
    hand_made_grade_drawn(&h, first, suite, 1, 0.5, 0.8);
    hand_made_find(&h, SYSTEM, &f);
    double score = real(entry(f.status, "checkpoint-10"), "score");
    assert_int_equal(f.n_decisions, 2); /* the other: it is the candidate for deployment */
    assert_true(f.decisions[0].checkpoint == first && f.decisions[0].against == 0);
    assert_string_equal(f.decisions[0].kind, "ranking");
    assert_string_equal(f.decisions[0].verdict, "best");
    hand_made_apply(&h, SYSTEM, &f);
    hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, 2, 0.2, 1.5);
    hand_made_find(&h, SYSTEM, &f);
    assert_int_equal(f.n_decisions, 0);
    /* Who else is there changes no score. */
    assert_true(real(entry(f.status, "checkpoint-10"), "score") == score);
    hand_made_apply(&h, SYSTEM, &f);
    int64_t third = hand_made_checkpoint(&h, NULL, 30, NULL);
    hand_made_grade_drawn(&h, third, suite, 3, 0.9, 0.3);
    hand_made_find(&h, SYSTEM, &f);
    assert_int_equal(f.n_decisions, 2);
    assert_true(f.decisions[0].checkpoint == third && f.decisions[0].against == first);
    assert_true(json_is_array(json_object_get(
        json_object_get(f.decisions[0].evidence, "runner_up"), "behind_best_ci95")));
    hand_made_apply(&h, SYSTEM, &f);
    hand_made_done(&h);
}

static void nothing_there_is_said(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    hand_made_find(&h, SYSTEM, &f);
    assert_non_null(strstr(f.waiting, "validation"));
    assert_true(json_is_null(json_object_get(f.status, "best_checkpoint")));
    pr_findings_done(&f);
    hand_made_suite(&h, "validation", 3, 0);
    hand_made_find(&h, SYSTEM, &f);
    assert_non_null(strstr(f.waiting, "no checkpoint"));
    assert_int_equal(json_array_size(json_object_get(f.status, "rankings")), 0);
    pr_findings_done(&f);
    hand_made_done(&h);
}

/* ---- by simulation: items without a gradebook ---- */

/* A checkpoint that answers example i rightly with probability ability + luck of the example. */
static struct pr_score_sheet draw_sheet(struct pr_rng *rng, size_t n, double ability)
{
    struct pr_score_sheet s = {
        .n = n, .cells = pr_zalloc((n + 1) * sizeof *s.cells), .n_graded = n};
    for (size_t i = 0; i < n; i++) {
        double hard = (double)(i * 7919 % n) / (double)n;
        bool right = pr_rng_double(rng) < fmin(fmax(ability + 0.8 * (0.5 - hard), 0.02), 0.98);
        s.cells[i] =
            (struct pr_score_cell){.loss = (float)(1.5 - ability + hard + 0.2 * pr_rng_normal(rng)),
                .gap = (float)(right - 0.7),
                .has_loss = 1,
                .decided = 1,
                .right = right,
                .calibrated = 1,
                .bin = 3,
                .asked = 1,
                .fine = 1};
    }
    return s;
}

static const struct pr_score_weights usual = {{0.5, 0.3, 0.1, 0.1}, 1, {true, true, true, true}};

static void add(struct pr_ranking *r, struct pr_score_sheet s)
{
    struct pr_rank_item x = {.sheet = s};
    pr_score_make(&x.sheet, &usual, &x.score);
    PR_PUSH(r->v, r->n, r->cap, x);
}

static void equals_are_told_apart_in_five_percent_of_rankings_at_most(void **state)
{
    (void)state;
    enum { RANKINGS = 200, CHECKPOINTS = 8, N = 150 };
    size_t wrong = 0, found = 0;
    struct pr_rng rng;
    pr_rng_seed(&rng, 5);
    for (size_t k = 0; k < RANKINGS; k++) {
        struct pr_ranking r = {0};
        for (size_t i = 0; i < CHECKPOINTS; i++)
            add(&r, draw_sheet(&rng, N, 0.5));
        add(&r, draw_sheet(&rng, N, 0.8));
        pr_ranking_make(&r, &usual, N);
        bool any = false;
        for (size_t i = 0; i < CHECKPOINTS; i++) /* all nine are within reach of one another */
            any |= r.v[i].n_tied < CHECKPOINTS - 1;
        wrong += any;
        found += r.v[CHECKPOINTS].rank == 1 && !r.v[CHECKPOINTS].n_tied;
        pr_ranking_done(&r);
    }
    print_message(
        "told apart though equal: %zu of %d; the better one alone: %zu\n", wrong, RANKINGS, found);
    assert_true(wrong <= RANKINGS * 8 / 100);
    assert_true(found >= RANKINGS * 95 / 100);
}

static void a_thousand_checkpoints_are_ranked(void **state)
{
    (void)state;
    enum { CHECKPOINTS = 1000, N = 300 };
    struct pr_ranking r = {0};
    struct pr_rng rng;
    pr_rng_seed(&rng, 6);
    for (size_t i = 0; i < CHECKPOINTS; i++)
        add(&r, draw_sheet(&rng, N, (double)i / CHECKPOINTS));
    r.v[r.n - 1].excluded = true;
    pr_ranking_make(&r, &usual, N);
    for (size_t k = 1; k < r.n; k++)
        assert_true(r.v[r.order[k - 1]].score.value >= r.v[r.order[k]].score.value);
    assert_true(r.best != SIZE_MAX && !r.v[r.best].excluded && r.v[r.best].rank <= 2);
    assert_true(r.n_pairs <= CHECKPOINTS * (PR_RANKING_REACH + 1));
    assert_true(r.v[r.order[r.n - 1]].behind / r.v[r.order[r.n - 1]].behind_spread > r.factor);
    pr_ranking_done(&r);
}

/* ---- the reference run ---- */

/* The score and the paired interval of a difference by a program of its own: as slow and simple as
 * it can be, from the answers themselves. */
static double plain_score(const struct pr_grades *g, const size_t *index)
{
    double edges[] = {0.2, 0.4, 0.6, 0.8, 0.95, 2}, right = 0, loss = 0, fine = 0, ece = 0;
    for (size_t i = 0; i < g->n; i++) {
        const struct pr_grade *x = &g->v[index ? index[i] : i];
        right += x->correct == PR_VERDICT_RIGHT;
        loss += x->loss;
        fine += x->well_formed;
    }
    for (size_t b = 0; b < 6; b++) {
        double gap = 0;
        for (size_t i = 0; i < g->n; i++) {
            const struct pr_grade *x = &g->v[index ? index[i] : i];
            if (x->confidence < edges[b] && (!b || x->confidence >= edges[b - 1]))
                gap += (x->correct == PR_VERDICT_RIGHT) - x->confidence;
        }
        ece += fabs(gap);
    }
    double n = (double)g->n;
    return 0.5 * right / n + 0.3 * exp(-loss / n) + 0.1 * (1 - ece / n) + 0.1 * fine / n;
}

static bool surely_better(const struct pr_grades *a, const struct pr_grades *b, struct pr_rng *rng)
{
    enum { DRAWS = 400 };
    size_t worse = 0, *index = pr_zalloc(a->n * sizeof *index);
    for (size_t r = 0; r < DRAWS; r++) {
        for (size_t i = 0; i < a->n; i++)
            index[i] = (size_t)pr_rng_below(rng, a->n);
        worse += plain_score(a, index) <= plain_score(b, index);
    }
    pr_free(index);
    return worse < DRAWS / 40; /* 2.5 % on one side */
}

static void the_reference_run_is_ranked_without_an_inverted_pair(void **state)
{
    (void)state;
    static const int64_t steps[] = {296, 1036, 1554, 1574, 2886, 2926, 3700, 4500, 0};
    struct hand_made h;
    struct pr_view v;
    struct pr_findings f;
    struct pr_rng rng;
    int64_t suite, ids[8];
    size_t pairs = 0;
    if (!hand_made_run_a_whole())
        print_message("skipped in part: ../shared/assets/run_a is not there, four checkpoints are "
                      "used instead of eight\n");
    hand_made_init(&h);
    pr_rng_seed(&rng, 3);
    hand_made_run_a(&h, steps, &suite, ids);
    hand_made_find(&h, SYSTEM, &f);
    assert_string_equal(text(f.status, "best_checkpoint"), "checkpoint-4500");
    hand_made_open(&h, &v);
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 8; k++) {
            char a[40], b[40];
            struct pr_view_grades ga, gb;
            if (i == k || !ids[i] || !ids[k])
                continue;
            snprintf(a, sizeof a, "checkpoint-%lld", (long long)steps[i]);
            snprintf(b, sizeof b, "checkpoint-%lld", (long long)steps[k]);
            const json_t *x = entry(f.status, a), *y = entry(f.status, b);
            HAND_MADE_OK(
                pr_view_grades(&v, pr_view_checkpoint(&v, ids[i]), suite, &ga, &hand_made_error));
            HAND_MADE_OK(
                pr_view_grades(&v, pr_view_checkpoint(&v, ids[k]), suite, &gb, &hand_made_error));
            assert_true(fabs(real(x, "score") - plain_score(ga.grades, NULL)) < 1e-6);
            if (surely_better(ga.grades, gb.grades, &rng)) {
                assert_true(real(x, "rank") < real(y, "rank"));
                pairs++;
            }
        }
    print_message("%zu pairs that the reference tells apart, none inverted\n", pairs);
    assert_true(pairs >= 5);
    hand_made_close(&h, &v);
    pr_findings_done(&f);
    hand_made_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_score_is_the_formula),
        cmocka_unit_test(every_checkpoint_is_ranked_or_listed_with_the_reason),
        cmocka_unit_test(equal_content_is_one_grade_under_two_names),
        cmocka_unit_test(a_number_that_cannot_be_stood_behind_is_null_and_ranked_last),
        cmocka_unit_test(a_suite_without_answers_is_ranked_by_what_it_gives),
        cmocka_unit_test(a_decision_is_made_when_the_best_one_changes),
        cmocka_unit_test(nothing_there_is_said),
        cmocka_unit_test(equals_are_told_apart_in_five_percent_of_rankings_at_most),
        cmocka_unit_test(a_thousand_checkpoints_are_ranked),
        cmocka_unit_test(the_reference_run_is_ranked_without_an_inverted_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
