/* What is deployed and what is held, a line each; and the reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "deploy/gate.h"

static json_t *parse(const char *text)
{
    json_t *o = NULL;
    struct pr_error e;
    if (pr_json_parse(text, strlen(text), PR_JSON_STRICT, NULL, &o, NULL, &e))
        fail_msg("%s: %s", e.message, text);
    return o;
}

/* Pieces that cases replace. */
#define NOW "\"current\":{\"version\":\"v\",\"fingerprint\":\"old\"}"
#define HEAD                                                                                       \
    "{\"promotion\":{\"candidate\":\"c\",\"fingerprint\":\"new\",\"step\":200,\"run\":\"r\","
#define EVIDENCE "\"level\":\"ok\",\"n_choose\":100,\"n_confirm\":100,"
#define AGAINST(p, d, collapsed)                                                                   \
    "\"against\":[{\"checkpoint\":\"x\",\"fingerprint\":\"other\",\"confirm\":{\"difference\":9,"  \
    "\"p\":0}},{\"checkpoint\":\"o\",\"fingerprint\":\"old\",\"step\":150,\"run\":\"r\","          \
    "\"choose\":{\"difference\":0.2},\"confirm\":{\"difference\":" d ",\"p\":" p                   \
    "},\"collapsed\":[" collapsed "]}]}}"
#define BETTER AGAINST("0.01", "0.1", "")
#define FAILED "{\"fingerprint\":\"new\",\"step\":\"failed\",\"reason\":\"disk\"}"
#define DONE   "{\"fingerprint\":\"old\",\"step\":\"done\",\"run_step\":150,\"run\":\"r\"}"

static const struct {
    const char *what, *comparison, *regression, *status;
    int64_t min_steps;
    const char *held; /* the first check that does not pass; NULL: deployed */
    const char *why;
} cases[] = {
    {"better, confirmed", HEAD EVIDENCE BETTER, NULL, "{" NOW ",\"history\":[]}", 0, NULL, NULL},
    {"nothing is deployed yet", HEAD EVIDENCE "\"against\":[]}}", NULL,
        "{\"current\":null,\"history\":[]}", 0, NULL, NULL},
    {"not judged, and nothing is deployed",
        HEAD "\"level\":null,\"n_confirm\":100,\"against\":[]}}", NULL, "{\"current\":null}", 0,
        NULL, NULL},
    {"not judged", HEAD "\"level\":null,\"n_confirm\":100," BETTER, NULL, "{" NOW "}", 0,
        "not_regressed", "not judged"},
    {"critical", HEAD "\"level\":\"critical\",\"n_confirm\":100," BETTER, NULL, "{" NOW "}", 0,
        "not_regressed", "critical"},
    {"critical by the monitor's own document", HEAD EVIDENCE BETTER,
        "{\"checkpoints\":[{\"checkpoint\":\"c\",\"step\":200,\"level\":\"critical\"}]}",
        "{" NOW "}", 0, "not_regressed", "critical"},
    {"another of that name is critical", HEAD EVIDENCE BETTER,
        "{\"checkpoints\":[{\"checkpoint\":\"c\",\"step\":100,\"level\":\"critical\"}]}",
        "{" NOW "}", 0, NULL, NULL},
    {"it is deployed", HEAD EVIDENCE BETTER, NULL, "{\"current\":{\"fingerprint\":\"new\"}}", 0,
        "not_deployed_already", "already"},
    {"tied", HEAD EVIDENCE AGAINST("0.3", "0.1", ""), NULL, "{" NOW "}", 0, "better_than_deployed",
        "tied"},
    {"just at the error rate", HEAD EVIDENCE AGAINST("0.05", "0.1", ""), NULL, "{" NOW "}", 0,
        "better_than_deployed", "tied"},
    {"the second that is weighed may spend less", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"weighed\":{\"deployed\":\"old\",\"candidates\":[\"a\"]}}", 0,
        "better_than_deployed", "attempt 2 against it, so that p must be below 0.0076"},
    {"and keeps its place", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"weighed\":{\"deployed\":\"old\",\"candidates\":[\"new\",\"a\"]}}", 0, NULL,
        NULL},
    {"those before the last deployment do not count", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"weighed\":{\"deployed\":\"x\",\"candidates\":[\"a\",\"b\"]}}", 0, NULL, NULL},
    {"worse, certainly", HEAD EVIDENCE AGAINST("0.01", "-0.1", ""), NULL, "{" NOW "}", 0,
        "better_than_deployed", "-0.1"},
    {"p is not known", HEAD EVIDENCE AGAINST("null", "0.1", ""), NULL, "{" NOW "}", 0,
        "better_than_deployed", "not known"},
    {"what is deployed is not ranked", HEAD EVIDENCE "\"against\":[]}}", NULL, "{" NOW "}", 0,
        "better_than_deployed", "it was never graded"},
    {"what is deployed cannot be told", HEAD EVIDENCE "\"against\":[]}}", NULL,
        "{\"current\":{},\"history\":[]}", 0, "better_than_deployed", "no fingerprint"},
    {"and why it cannot", HEAD EVIDENCE "\"against\":[]}}", NULL,
        "{\"current\":{\"fingerprint\":null,\"fingerprint_reason\":\"cut off\"}}", 0,
        "better_than_deployed", "cut off"},
    {"a skill has collapsed",
        HEAD EVIDENCE AGAINST(
            "0.01", "0.1", "{\"by\":\"skill\",\"name\":\"sorting\",\"was\":0.9,\"now\":0.2}"),
        NULL, "{" NOW "}", 0, "nothing_collapsed", "sorting has collapsed: 20.0 %"},
    {"too little evidence", HEAD "\"level\":\"ok\",\"n_confirm\":49," BETTER, NULL, "{" NOW "}", 0,
        "enough_evidence", "49 examples"},
    {"enough, exactly", HEAD "\"level\":\"ok\",\"n_confirm\":50," BETTER, NULL, "{" NOW "}", 0,
        NULL, NULL},
    {"too few steps", HEAD EVIDENCE BETTER, NULL, "{" NOW ",\"history\":[" DONE "]}", 51,
        "enough_steps", "50 steps"},
    {"just enough steps", HEAD EVIDENCE BETTER, NULL, "{" NOW ",\"history\":[" DONE "]}", 50, NULL,
        NULL},
    {"too few steps after one deployed by hand", HEAD EVIDENCE BETTER, NULL,
        "{" NOW
        ",\"history\":[{\"fingerprint\":\"old\",\"step\":\"done\",\"run_step\":-1,\"run\":\"\"}]}",
        51, "enough_steps", "50 steps"},
    {"it was rolled back", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"history\":[{\"fingerprint\":\"new\",\"step\":\"rolled_back\",\"reason\":\"no "
        "health\"}]}",
        0, "not_rolled_back_before", "no health"},
    {"it was, and later went well by hand", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"history\":[{\"fingerprint\":\"new\",\"step\":\"done\"},{\"fingerprint\":"
        "\"new\",\"step\":\"rolled_back\",\"reason\":\"x\"}]}",
        0, NULL, NULL},
    {"somebody went back from it", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"history\":[{\"fingerprint\":\"old\",\"step\":\"done\",\"by\":\"rollback\","
        "\"previous_fingerprint\":\"new\"},{\"fingerprint\":\"new\",\"step\":\"done\"}]}",
        0, "not_rolled_back_before", "proctor rollback"},
    {"it failed often", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"history\":[" FAILED "," FAILED
        ",{\"fingerprint\":\"x\",\"step\":\"done\"}," FAILED "," FAILED "," FAILED "]}",
        0, "not_failing", "5 times (disk)"},
    {"it failed, not often", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"history\":[" FAILED "," FAILED "," FAILED "," FAILED
        ",{\"fingerprint\":\"new\",\"step\":\"failed\",\"reason\":\"it was interrupted\"},"
        "{\"fingerprint\":\"new\",\"step\":\"done\"}," FAILED "]}",
        0, NULL, NULL},
    {"another was rolled back", HEAD EVIDENCE BETTER, NULL,
        "{" NOW ",\"history\":[{\"fingerprint\":\"x\",\"step\":\"rolled_back\"}]}", 0, NULL, NULL},
};

static const struct pr_deploy_settings defaults = {.error_rate = 0.05, .min_examples = 50};

static const char *first_failed(const json_t *gate)
{
    const json_t *x;
    size_t i;
    json_array_foreach (json_object_get(gate, "checks"), i, x)
        if (!json_is_true(json_object_get(x, "passed")))
            return json_string_value(json_object_get(x, "name"));
    return NULL;
}

static void each_case_is_deployed_or_held_for_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_deploy_settings s = defaults;
        s.min_steps = cases[i].min_steps;
        json_t *c = parse(cases[i].comparison), *status = parse(cases[i].status);
        json_t *r = cases[i].regression ? parse(cases[i].regression) : NULL;
        const struct pr_gate g = {c, r, status, &s};
        json_t *gate = pr_gate_judge(&g);
        const char *failed = first_failed(gate);
        const char *verdict = json_string_value(json_object_get(gate, "verdict"));
        const char *why = json_string_value(json_object_get(gate, "why"));
        if (strcmp(verdict, cases[i].held ? "hold" : "deploy") != 0 ||
            (cases[i].held && (!failed || strcmp(failed, cases[i].held) != 0)) ||
            (!cases[i].held && (failed || why)) ||
            (cases[i].why && (!why || !strstr(why, cases[i].why))))
            fail_msg("%s: %s by %s: %s", cases[i].what, verdict, failed ? failed : "none",
                why ? why : "");
        json_decref(gate);
        json_decref(c);
        json_decref(r);
        json_decref(status);
    }
}

static void both_figures_are_shown(void **state)
{
    (void)state;
    json_t *c = parse(HEAD EVIDENCE BETTER), *status = parse("{" NOW "}");
    const struct pr_gate g = {c, NULL, status, &defaults};
    json_t *gate = pr_gate_judge(&g), *choose = json_object_get(gate, "choose");
    assert_true(json_number_value(json_object_get(choose, "difference")) == 0.2);
    assert_true(
        json_number_value(json_object_get(json_object_get(gate, "confirm"), "difference")) == 0.1);
    assert_int_equal(json_array_size(json_object_get(gate, "checks")), 8);
    json_decref(gate);
    json_decref(c);
    json_decref(status);
}

static void without_a_candidate_it_is_held_with_what_is_known(void **state)
{
    (void)state;
    static const char *const texts[][2] = {{"{}", "not ranked anything"},
        {"{\"promotion\":{\"candidate\":null,\"candidate_reason\":\"none may\"}}", "none may"},
        {"{\"promotion\":[1]}", "not ranked anything"},
        {"{\"promotion\":{\"candidate\":7,\"fingerprint\":[]}}", "no candidate"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *c = parse(texts[i][0]);
        const struct pr_gate g = {c, NULL, NULL, &defaults};
        json_t *gate = pr_gate_judge(&g);
        assert_string_equal(json_string_value(json_object_get(gate, "verdict")), "hold");
        assert_non_null(strstr(json_string_value(json_object_get(gate, "why")), texts[i][1]));
        assert_true(json_is_null(json_object_get(gate, "candidate")));
        json_decref(gate);
        json_decref(c);
    }
    const struct pr_gate nothing = {.settings = &defaults};
    json_t *gate = pr_gate_judge(&nothing);
    assert_string_equal(json_string_value(json_object_get(gate, "verdict")), "hold");
    json_decref(gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_is_deployed_or_held_for_its_reason),
        cmocka_unit_test(both_figures_are_shown),
        cmocka_unit_test(without_a_candidate_it_is_held_with_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
