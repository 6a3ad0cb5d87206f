/* Answer checks: what counts as right, what is refused, what cannot be decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "exam/example.h"
#include "exam/numbers.h"
#include "exam/suite.h"

static struct pr_arena arena;

static int teardown(void **state)
{
    (void)state;
    pr_arena_done(&arena);
    return 0;
}

static enum pr_code parse(const char *line, bool commands, struct pr_example *x, struct pr_error *e)
{
    json_t *v = NULL;
    struct pr_example_options o = {.allow_commands = commands};
    if (pr_json_parse(line, strlen(line), PR_JSON_LENIENT, NULL, &v, NULL, e))
        fail_msg("%s", e->message);
    enum pr_code code = pr_example_parse(v, &o, &arena, x, e);
    json_decref(v);
    return code;
}

/* 1 right, 0 wrong, −1 could not be decided, −2 the line was refused. */
static int verdict(const char *line, const char *answer)
{
    struct pr_example x;
    struct pr_error e;
    if (parse(line, false, &x, &e))
        return -2;
    struct pr_answer a = {.example = &x, .text = {answer, strlen(answer)}};
    bool right = false;
    int v = pr_check_decide(&a, &right, &e) ? -1 : right;
    pr_example_done(&x);
    return v;
}

#define LINE(golden, check) "{\"prompt\":\"p\",\"golden\":" golden ",\"check\":" check "}"

#define SKILL(skill, prompt, golden)                                                               \
    "{\"prompt\":\"" prompt "\",\"golden\":\"" golden "\",\"skill\":\"" skill                      \
    "\",\"check\":\"verifier\"}"

static void each_check_decides_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *line, *answer;
        int want;
    } t[] = {
        /* exact: trimmed, NFC, nothing else */
        {"{\"prompt\":\"p\",\"golden\":\"caf\\u00e9\"}", " cafe\u0301\n", 1},
        {"{\"prompt\":\"p\",\"golden\":\"a b\"}", "a  b", 0},
        {"{\"prompt\":\"p\",\"golden\":\"Yes\"}", "yes", 0},
        {LINE("\"Yes\"", "{\"type\":\"exact\",\"ignore_case\":true}"), "\u00a0yes ", 1},
        {"{\"prompt\":\"p\",\"golden\":\"<think>2+2</think>\\n\\n4\"}", "4", 1},
        {"{\"prompt\":\"p\",\"golden\":11}", "11", 1},
        /* numeric */
        {LINE("\"1234.5\"", "\"numeric\""), "1,234.50", 1},
        {LINE("\"-3\"", "\"numeric\""), "\u22123.", 1},
        {LINE("\"0.5\"", "\"numeric\""), "1/2", 1},
        {LINE("\"0.5\"", "\"numeric\""), "50%", 1},
        {LINE("\"50\"", "\"numeric\""), "50%", 0},
        {LINE("\"18\"", "\"numeric\""), "$18", 1},
        {LINE("\"18\"", "\"numeric\""), "18 dollars", 0},
        {LINE("\"12345678901234567891\"", "\"numeric\""), "12345678901234567890", 0},
        {LINE("\"1e3\"", "\"numeric\""), "1000", 1},
        {LINE("\"0\"", "\"numeric\""), "-0.00", 1},
        {LINE("\"3.14159\"", "{\"numeric\":0.01}"), "3.14", 1},
        {LINE("\"3.14159\"", "\"numeric\""), "3.14", 0},
        {LINE("\"3\"", "\"numeric\""), "nan", 0},
        {LINE("\"3\"", "\"numeric\""), "", 0},
        {LINE("\"three\"", "\"numeric\""), "3", -2},
        /* past the range of double */
        {LINE("\"1e88888\"", "{\"numeric\":0.5}"), "1e88888", 1},
        {LINE("\"1e88888\"", "{\"numeric\":0.5}"), "2e88888", 0},
        {LINE("\"1e88888\"", "\"numeric\""), "2e88888", 0},
        {LINE("\"3\"", "{\"numeric\":0.5}"), "1e88888", 0},
        {LINE("\"1e88888/1e88887\"", "\"numeric\""), "10", -2},
        /* contains */
        {LINE("\"Paris\"", "\"contains\""), "It is Paris.", 1},
        {LINE("\"Paris\"", "\"contains\""), "It is paris.", 0},
        {LINE("\"x\"", "{\"contains\":[\"red\",\"blue\"]}"), "blue and red", 1},
        {LINE("\"x\"", "{\"contains\":[\"red\",\"blue\"]}"), "blue", 0},
        {LINE("\"\"", "\"contains\""), "x", -2},
        /* regex */
        {LINE("\"42\"", "{\"regex\":\"^4\\\\d$\"}"), "47", 1},
        {LINE("\"42\"", "{\"type\":\"regex\",\"pattern\":\"^4\\\\d$\"}"), "4x", 0},
        {LINE("\"4[0-9]\"", "\"regex\""), "is 42", 1},
        {"{\"prompt\":\"p\",\"golden\":\"g\",\"pattern\":\"^a+$\",\"check\":\"regex\"}", "aaa", 1},
        {LINE("\"g\"", "{\"regex\":\"(\"}"), "aaa", -2},
        {LINE("\"g\"", "{\"regex\":\"(a+)+$\"}"),
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", -1},
        /* json */
        {LINE("\"{\\\"a\\\":1,\\\"b\\\":[2]}\"", "\"json\""), "{\"b\":[2.0], \"a\":1}", 1},
        {LINE("{\"a\":1}", "\"json\""), "```json\n{\"a\":1e0}\n```", 1},
        {LINE("{\"a\":1}", "\"json\""), "{\"a\":1,\"b\":2}", 0},
        {LINE("{\"a\":1}", "\"json\""), "{\"a\":", 0},
        {LINE("{\"a\":[1,2]}", "\"json\""), "{\"a\":[2,1]}", 0},
        {LINE("\"{\"", "\"json\""), "{}", -2},
        /* final_number */
        {LINE("\"so #### 1,200\"", "\"final_number\""), "We get 3 and so 1200.", 1},
        {LINE("\"#### 18\"", "\"final_number\""), "#### 18\nThat was 7 steps", 0},
        {LINE("\"18\"", "\"final_number\""), "She makes $18 every day", 1},
        {LINE("\"5\"", "\"final_number\""), "10-5", 1},
        {LINE("\"-5\"", "\"final_number\""), "It is -5 degrees", 1},
        {LINE("\"18\"", "\"final_number\""), "no idea", 0},
        {"{\"question\":\"q\",\"answer\":\"16-3=13\\n#### 13\"}", "It is 13", 1},
        {"{\"prompt\":\"q\",\"golden\":\"16-3=13\\n#### 13\"}", "It is 13", 0},
        {"{\"question\":\"q\",\"answer\":\"blue\"}", "It is blue", 0},
        /* choice */
        {"{\"prompt\":\"q\",\"golden\":\"B\",\"choices\":[\"x\",\"y\"],\"check\":\"choice\"}", "y",
            1},
        {"{\"prompt\":\"q\",\"golden\":0,\"check\":{\"choice\":[\"x\",\"y\"]}}", "x", 1},
        {"{\"prompt\":\"q\",\"golden\":\"z\",\"choices\":[\"x\",\"y\"],\"check\":\"choice\"}", "y",
            -2},
        {"{\"prompt\":\"q\",\"golden\":\"x\",\"check\":\"choice\"}", "y", -2},
        /* verifier */
        {SKILL("addition", "42+7=", "49"), " 49\n", 1},
        {SKILL("addition", "42+7=", "49"), "48", 0},
        {SKILL("addition", "42+7=", "<think>carry?</think>49"), "49", 1},
        {SKILL("sorting", "sort 417", "147"), "174", 0},
        {"{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\","
         "\"content\":\"47?52\"},{\"role\":\"assistant\",\"content\":\"<\"}],"
         "\"skill\":\"comparison\",\"check\":\"verifier\"}",
            "<", 1},
        {SKILL("addition", "What is 2+2?", "4"), "4", -2}, /* not a question of the skill's */
        {SKILL("addition", "42+7=", "50"), "50", -2},      /* a golden answer that is wrong */
        {SKILL("alchemy", "42+7=", "49"), "49", -2},
        /* refused */
        {LINE("\"x\"", "\"verifier\""), "x", -2},
        {LINE("\"x\"", "\"fuzzy\""), "x", -2},
        {LINE("\"x\"", "7"), "x", -2},
        {LINE("\"x\"", "{\"command\":[\"cat\"]}"), "x", -2},
        {LINE("\"<think>never ends\"", "\"exact\""), "x", -2},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int got = verdict(t[i].line, t[i].answer);
        if (got != t[i].want)
            fail_msg(
                "%s with answer '%s': %d, expected %d", t[i].line, t[i].answer, got, t[i].want);
    }
}

static void refusals_name_the_check_and_the_remedy(void **state)
{
    (void)state;
    struct pr_example x;
    struct pr_error e;
    assert_int_equal(parse(LINE("\"x\"", "\"verifier\""), false, &x, &e), PR_E_UNSUPPORTED);
    assert_non_null(strstr(e.message, "verifier"));
    assert_int_equal(parse(SKILL("alchemy", "a", "b"), false, &x, &e), PR_E_UNSUPPORTED);
    assert_non_null(strstr(e.message, "'alchemy'"));
    assert_non_null(strstr(e.message, "addition, subtraction, comparison, sorting"));
    assert_int_equal(parse(SKILL("addition", "2+2=", "5"), false, &x, &e), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "golden"));
    assert_int_equal(parse(LINE("\"x\"", "\"fuzzy\""), false, &x, &e), PR_E_UNSUPPORTED);
    assert_non_null(strstr(e.message, "fuzzy"));
    assert_non_null(strstr(e.message, "final_number"));
    assert_int_equal(
        parse(LINE("\"x\"", "{\"command\":[\"judge\"]}"), false, &x, &e), PR_E_UNSUPPORTED);
    assert_non_null(strstr(e.message, "--allow-commands"));
}

/* As gradebook and graders hand it on. */
static void a_verifiers_example_is_the_same_after_packing(void **state)
{
    (void)state;
    struct pr_example x;
    struct pr_error e;
    struct pr_suite *s = NULL;
    bool right = false;
    assert_int_equal(parse(SKILL("sorting", "sort 417", "147"), false, &x, &e), PR_OK);
    char *line = pr_example_pack(&x);
    assert_int_equal(
        pr_suite_from_lines("order", (const char *const[]){line}, 1, false, &s, &e), PR_OK);
    assert_memory_equal(s->v[0].digest, x.digest, sizeof x.digest);
    pr_example_done(&x);
    struct pr_answer a = {.example = &s->v[0], .text = {"147", 3}};
    assert_int_equal(pr_check_decide(&a, &right, &e), PR_OK);
    assert_true(right);
    a.text.n = 2;
    assert_int_equal(pr_check_decide(&a, &right, &e), PR_OK);
    assert_false(right);
    pr_free(line);
    pr_suite_free(s);
}

/* GNU sed as a judge: unbuffered, so that it answers line by line. */
#define SED(script) LINE("\"x\"", "{\"command\":[\"sed\",\"-u\",\"" script "\"],\"timeout\":5}")
#define JUDGE       "s/.*answer.: .yes.*/{\\\"correct\\\":true}/;t;s/.*/{\\\"correct\\\":false}/"

static void judges_decide_and_their_failures_are_no_verdict(void **state)
{
    (void)state;
    struct pr_example good, bad, gone;
    struct pr_error e;
    bool right = false;
    struct pr_judges *j = pr_judges_new();
    assert_int_equal(parse(SED(JUDGE), true, &good, &e), PR_OK);
    struct pr_answer a = {.example = &good, .text = {"yes", 3}, .judges = j};
    if (pr_check_decide(&a, &right, &e))
        fail_msg("%s", e.message);
    assert_true(right);
    a.text = (struct pr_text){"no", 2};
    assert_int_equal(pr_check_decide(&a, &right, &e), PR_OK);
    assert_false(right);
    assert_int_equal(parse(SED("s/.*/1/"), true, &bad, &e), PR_OK);
    a.example = &bad;
    assert_int_not_equal(pr_check_decide(&a, &right, &e), PR_OK);
    assert_non_null(strstr(e.message, "judge sed"));
    assert_int_equal(
        parse(LINE("\"x\"", "{\"command\":[\"/nonexistent/judge\"]}"), true, &gone, &e), PR_OK);
    a.example = &gone;
    for (int i = 0; i < 4; i++)
        assert_int_not_equal(pr_check_decide(&a, &right, &e), PR_OK);
    assert_non_null(strstr(e.message, "not asked again"));
    pr_judges_free(j);
    pr_example_done(&good);
    pr_example_done(&bad);
    pr_example_done(&gone);
}

static void think_blocks_are_split_off_the_start_only(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rest;
        bool has, closed;
    } t[] = {
        {"\n<think>\na\n</think>\n\nb", "b", true, true},
        {"a <think>b</think> c", "a <think>b</think> c", false, false},
        {"<think>open", "", true, false},
        {"<think></think>", "", true, true},
        {"<think>a</think>b</think>c", "b</think>c", true, true},
        {"", "", false, false},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        bool has, closed;
        struct pr_text r =
            pr_think_split((struct pr_text){t[i].text, strlen(t[i].text)}, &has, &closed);
        assert_int_equal(has, t[i].has);
        assert_int_equal(closed, t[i].closed);
        assert_int_equal(r.n, strlen(t[i].rest));
        assert_memory_equal(r.s, t[i].rest, r.n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_check_decides_as_documented, teardown),
        cmocka_unit_test_teardown(refusals_name_the_check_and_the_remedy, teardown),
        cmocka_unit_test_teardown(a_verifiers_example_is_the_same_after_packing, teardown),
        cmocka_unit_test_teardown(judges_decide_and_their_failures_are_no_verdict, teardown),
        cmocka_unit_test(think_blocks_are_split_off_the_start_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
