/* make_base DIR: fills DIR/proctor.db as a watch would that saw the reference run arrive checkpoint
 * by checkpoint: for the tests of commands that read a gradebook.  Beside the run there is a
 * checkpoint that cannot be used and one that is half graded, with hostile text in names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/config.h"
#include "hand_made.h"

static const char *dir;

static void run_all(struct hand_made *h)
{
    size_t n;
    const struct pr_system *const *all = pr_systems(&n);
    for (size_t i = 0; i < n; i++) {
        struct pr_findings f;
        if (all[i]->act) /* its second half says what it found */
            continue;
        hand_made_find(h, all[i], &f);
        hand_made_apply(h, all[i], &f);
    }
}

/* The first hundred of the validation suite, as automated testing's. */
static void store_testing(struct hand_made *h, int64_t validation)
{
    struct pr_suite *s;
    int64_t id;
    HAND_MADE_OK(pr_gradebook_load_suite(h->g, validation, &s, &hand_made_error));
    pr_suite_select(s, 100);
    pr_free(s->name);
    s->name = pr_strdup(PR_SUITE_TESTING);
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_suite(h->g, s, h->now_ms, &id, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_suite_free(s);
}

static void store_order(struct hand_made *h, int64_t checkpoint, int64_t suite)
{
    struct pr_order_row o = {.checkpoint = checkpoint,
        .suite = suite,
        .asked_by = pr_strdup("regression-monitor,model-comparison,confidence-calibrator,"
                              "automated-testing"),
        .priority = PR_PRIORITY_NEWEST,
        .state = pr_strdup("done"),
        .asked_ms = h->now_ms,
        .ended_ms = h->now_ms + 900,
        .examples = 300,
        .tokens_scored = 1200,
        .tokens_generated = 1000,
        .tokens_prefilled = 2000,
        .tokens_shared = 500,
        .seconds = 0.9};
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_order(h->g, &o, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_free(o.asked_by);
    pr_free(o.state);
}

static void fill(void **state)
{
    (void)state;
    static const int64_t steps[] = {1574, 2886, 2926, 4500};
    struct hand_made h;
    struct pr_config c;
    char options[65];
    int64_t suite = 0, id;
    HAND_MADE_OK(pr_config_load(dir, &c, &hand_made_error));
    pr_config_grading_fingerprint(&c, options);
    hand_made_init_at(&h, dir, options);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const int64_t one[] = {steps[i], 0};
        hand_made_run_a(&h, one, &suite, &id);
        if (!i)
            store_testing(&h, suite);
        store_order(&h, id, suite);
        run_all(&h);
    }
    struct hand_made_place broken = {.folder = "evil\033[2Jname", .not_opened = true, .step = -1};
    int64_t bad = hand_made_place(&h, &broken);
    HAND_MADE_OK(pr_gradebook_begin(h.g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_set_state(h.g, bad, PR_CHECKPOINT_REFUSED,
        "tensor '\033]0;owned\007' is not there", &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h.g, &hand_made_error));
    struct hand_made_answer *v = hand_made_draw(1, 300, 0.6, 0.4, 1);
    hand_made_grade(&h, hand_made_checkpoint(&h, "run_a", 5000, NULL), suite, v, 120);
    pr_free(v);
    run_all(&h);
    hand_made_close_book(&h);
    pr_config_done(&c);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fill)};
    if (argc != 2)
        return 2;
    dir = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
