/* Why a checkpoint stands as it does: which one is meant, what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/state.h"
#include "hand_made.h"

static struct pr_error e;

static enum pr_code why(struct hand_made *h, const char *which, json_t **ret)
{
    *ret = NULL;
    return pr_why_document(h->g, h->options, which, h->now_ms, ret, &e);
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool says(const json_t *doc, const char *part)
{
    size_t i;
    const json_t *x;
    json_array_foreach (json_object_get(doc, "summary"), i, x)
        if (strstr(json_string_value(x), part))
            return true;
    return false;
}

static void decide(struct hand_made *h, int64_t checkpoint, int64_t suite, const char *kind,
    const char *verdict, json_t *evidence)
{
    struct pr_decision d = {.system = pr_strdup("some-system"),
        .kind = pr_strdup(kind),
        .checkpoint = checkpoint,
        .suite = suite,
        .verdict = pr_strdup(verdict),
        .evidence = evidence,
        .at_ms = h->now_ms++};
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_decision(h->g, &d, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_decision_done(&d);
}

static void a_name_in_two_runs_asks_for_the_path(void **state)
{
    (void)state;
    struct hand_made h;
    json_t *doc;
    hand_made_init(&h);
    hand_made_checkpoint(&h, "a", 10, NULL);
    hand_made_checkpoint(&h, "b", 10, NULL);
    assert_int_equal(why(&h, "checkpoint-10", &doc), PR_E_USAGE);
    assert_non_null(strstr(e.message, "/models/a/checkpoint-10"));
    assert_non_null(strstr(e.message, "/models/b/checkpoint-10"));
    assert_int_equal(why(&h, "10", &doc), PR_E_USAGE); /* the step too */
    assert_int_equal(why(&h, "/models/b/checkpoint-10", &doc), PR_OK);
    assert_string_equal(text(json_object_get(doc, "checkpoint"), "run"), "b");
    json_decref(doc);
    assert_int_equal(why(&h, "checkpoint-1", &doc), PR_E_NOT_FOUND);
    assert_int_equal(why(&h, "", &doc), PR_E_NOT_FOUND);
    hand_made_done(&h);
}

static void a_folders_name_goes_before_a_step(void **state)
{
    (void)state;
    struct hand_made h;
    json_t *doc;
    hand_made_init(&h);
    struct hand_made_place named = {.folder = "700", .step = 5};
    hand_made_checkpoint(&h, NULL, 700, NULL);
    hand_made_place(&h, &named);
    assert_int_equal(why(&h, "700", &doc), PR_OK);
    assert_string_equal(text(json_object_get(doc, "checkpoint"), "path"), "/models/700");
    json_decref(doc);
    hand_made_done(&h);
}

static void of_a_rewritten_folder_the_present_one_is_meant_and_of_gone_ones_the_last(void **state)
{
    (void)state;
    struct hand_made h;
    json_t *doc;
    hand_made_init(&h);
    hand_made_checkpoint(&h, NULL, 10, "first");
    int64_t second = hand_made_checkpoint(&h, NULL, 10, "second");
    assert_int_equal(why(&h, "checkpoint-10", &doc), PR_OK);
    const json_t *c = json_object_get(doc, "checkpoint");
    assert_int_equal(json_integer_value(json_object_get(c, "id")), second);
    assert_string_equal(text(c, "state"), "ready");
    json_decref(doc);
    HAND_MADE_OK(pr_gradebook_begin(h.g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_set_state(h.g, second, PR_CHECKPOINT_GONE, NULL, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h.g, &hand_made_error));
    assert_int_equal(why(&h, "checkpoint-10", &doc), PR_OK);
    c = json_object_get(doc, "checkpoint");
    assert_int_equal(json_integer_value(json_object_get(c, "id")), second);
    assert_true(says(doc, "is not there any more"));
    json_decref(doc);
    hand_made_done(&h);
}

static void decisions_come_with_evidence_and_the_older_ones_marked(void **state)
{
    (void)state;
    struct hand_made h;
    json_t *doc;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 3, 0);
    int64_t id = hand_made_checkpoint(&h, NULL, 10, NULL);
    decide(&h, id, suite, "verdict", "warning", json_pack("{s:s}", "reason", "looked bad"));
    decide(&h, id, suite, "verdict", "ok", json_pack("{s:s}", "reason", "looked again"));
    decide(&h, id, 0, "promotion", "refused", json_pack("{s:s}", "reason", "the disk was full"));
    decide(&h, id, suite, "baseline", "moved", NULL);
    decide(&h, id, suite, "ranking", "best", json_pack("{s:s}", "score", "no number"));
    decide(&h, id, suite, "candidate", "candidate",
        json_pack("{s:i,s:i,s:f,s:f}", "n_choose", 2, "n_confirm", 1, "score_choose", 0.75,
            "score_confirm", 0.5));
    decide(&h, id, 0, "deployment", "deployed", json_pack("{s:s}", "target", "/srv/model"));
    decide(&h, id, 0, "deployment", "rolled_back",
        json_pack("{s:s,s:s,s:{s:i,s:i}}", "target", "/srv/model", "reason", "0 of 2 answers agree",
            "probe", "asked", 2, "agreed", 0));
    assert_int_equal(why(&h, "10", &doc), PR_OK);
    const json_t *list = json_object_get(doc, "decisions");
    assert_int_equal(json_array_size(list), 8);
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "superseded")));
    assert_true(json_is_false(json_object_get(json_array_get(list, 1), "superseded")));
    assert_string_equal(
        text(json_object_get(json_array_get(list, 1), "evidence"), "reason"), "looked again");
    assert_true(says(doc, "(superseded): warning on validation: looked bad."));
    assert_true(says(doc, "promotion refused: the disk was full.")); /* a kind nobody wrote for */
    assert_true(says(doc, "the best on the 2 examples of validation that choose, with a score of "
                          "0.7500 (on the 1 that confirm 0.5000)."));
    assert_true(says(doc, "(superseded): it was deployed (/srv/model)."));
    assert_true(says(doc, "its deployment was rolled back (/srv/model): 0 of 2 answers agree; of 2 "
                          "questions 0 were answered like the graded checkpoint."));
    assert_true(says(doc, "it became the baseline on validation"));
    assert_true(says(doc, "best checkpoint on validation.")); /* an unknown score is not 0 */
    json_decref(doc);
    hand_made_done(&h);
}

static void probes_from_a_checkpoint_are_counted_and_the_verdict_told(void **state)
{
    (void)state;
    struct hand_made h;
    json_t *doc;
    hand_made_init(&h);
    int64_t id = hand_made_checkpoint(&h, NULL, 10, NULL);
    int64_t other = hand_made_checkpoint(&h, NULL, 20, NULL);
    for (int64_t i = 0; i < 4; i++) {
        json_t *result = i == 3 ? json_pack("{s:b}", "diverged", 1) : NULL;
        const struct pr_probe_row p = {.question = (char *)(uintptr_t) "q",
            .checkpoint = i ? id : other,
            .arm = (char *)(uintptr_t) "random",
            .seed = i,
            .reason = i >= 2 ? (char *)(uintptr_t) "no memory" : NULL,
            .result = result};
        HAND_MADE_OK(pr_gradebook_put_probe(h.g, &p, NULL, &hand_made_error));
        json_decref(result);
    }
    decide(&h, id, 0, "strategy", "decided",
        json_pack("{s:s, s:s}", "best_strategy", "hard_first", "reason", "it beats random order"));
    assert_int_equal(why(&h, "10", &doc), PR_OK);
    assert_int_equal(json_integer_value(json_object_get(doc, "n_probes")), 3);
    assert_int_equal(json_integer_value(json_object_get(doc, "n_failed_probes")), 1);
    assert_int_equal(json_integer_value(json_object_get(doc, "n_diverged_probes")), 1);
    assert_true(
        says(doc, "3 probes of the curriculum optimizer started from it, 1 failed, 1 diverged."));
    assert_true(says(doc, "decided, the best order of training is hard_first: it beats random"));
    json_decref(doc);
    hand_made_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_in_two_runs_asks_for_the_path),
        cmocka_unit_test(a_folders_name_goes_before_a_step),
        cmocka_unit_test(of_a_rewritten_folder_the_present_one_is_meant_and_of_gone_ones_the_last),
        cmocka_unit_test(decisions_come_with_evidence_and_the_older_ones_marked),
        cmocka_unit_test(probes_from_a_checkpoint_are_counted_and_the_verdict_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
