/* Skills of proctor's own, programs and servers behind one interface; what outsiders say wrongly is
 * refused by name and in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/subprocess.h"
#include "skills/source.h"
#include "skills/source_kinds.h"

static struct pr_error e;

static struct pr_skill_source *plugin(void)
{
    static const char *const argv[] = {"python3", PR_FIXTURES "/plugin.py", NULL};
    return pr_source_program("letters", argv, 10000);
}

static struct pr_skill_source *misbehaving(const char *first, const char *second, int timeout_ms)
{
    const char *const argv[] = {"python3", PR_FIXTURES "/misbehave.py", first, second, NULL};
    return pr_source_program("odd", argv, timeout_ms);
}

/* ---- any source ---------------------------------------------------------------------------- */

static void check_source(struct pr_skill_source *s, int level, int levels)
{
    struct pr_source_info info;
    struct pr_source_problems a = {0}, b = {0}, other = {0};
    assert_int_equal(pr_source_info(s, &info, &e), PR_OK);
    assert_int_equal(info.n_levels, levels);
    assert_int_equal(pr_source_generate(s, 20, level, 7, &a, &e), PR_OK);
    assert_int_equal(pr_source_generate(s, 20, level, 7, &b, &e), PR_OK);
    assert_int_equal(pr_source_generate(s, 20, level, 8, &other, &e), PR_OK);
    assert_int_equal(a.n, 20);
    size_t same = 0;
    for (size_t i = 0; i < a.n; i++) {
        enum pr_source_verdict verdict;
        char *reason = NULL;
        assert_string_equal(a.v[i].prompt, b.v[i].prompt);
        assert_string_equal(a.v[i].golden, b.v[i].golden);
        same += !strcmp(a.v[i].prompt, other.v[i].prompt);
        assert_int_equal(
            pr_source_verify(s, a.v[i].prompt, a.v[i].golden, &verdict, &reason, &e), PR_OK);
        assert_int_equal(verdict, PR_SOURCE_RIGHT);
        pr_free(reason);
        assert_int_equal(pr_source_verify(s, a.v[i].prompt, "no", &verdict, &reason, &e), PR_OK);
        assert_int_equal(verdict, PR_SOURCE_WRONG);
        pr_free(reason);
    }
    assert_true(same < 5);
    assert_int_equal(pr_source_generate(s, 1, levels + 1, 7, &a, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, "there is no level"));
    pr_source_problems_done(&a);
    pr_source_problems_done(&b);
    pr_source_problems_done(&other);
    pr_source_free(s);
}

static void own_skills_and_programs_are_asked_alike(void **state)
{
    (void)state;
    check_source(pr_source_builtin(pr_skill_find("addition")), 2, 3);
    check_source(pr_source_builtin(pr_skill_find("arithmetic")), 9, 10);
    check_source(plugin(), 5, 5);
}

static void what_is_no_question_of_its_own_cannot_be_said(void **state)
{
    (void)state;
    struct pr_skill_source *all[] = {pr_source_builtin(pr_skill_find("bases")), plugin()};
    for (size_t i = 0; i < 2; i++) {
        enum pr_source_verdict verdict;
        char *reason = NULL;
        assert_int_equal(pr_source_verify(all[i], "Who?", "me", &verdict, &reason, &e), PR_OK);
        assert_int_equal(verdict, PR_SOURCE_CANNOT_SAY);
        assert_non_null(strstr(reason, "question"));
        pr_free(reason);
        pr_source_free(all[i]);
    }
}

static void more_than_a_request_holds_come_in_several(void **state)
{
    (void)state;
    struct pr_skill_source *s = plugin();
    struct pr_source_problems p = {0};
    assert_int_equal(pr_source_generate(s, PR_SOURCE_MAX_COUNT + 5, 5, 1, &p, &e), PR_OK);
    assert_int_equal(p.n, PR_SOURCE_MAX_COUNT + 5);
    assert_string_not_equal(p.v[0].prompt, p.v[PR_SOURCE_MAX_COUNT].prompt);
    pr_source_problems_done(&p);
    pr_source_free(s);
}

/* ---- programs that go wrong ---------------------------------------------------------------- */

static void a_wrong_answer_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *info, *problems, *why;
    } t[] = {
        {"no json", "", "skill 'odd': its answer: not valid JSON"},
        {"[1]", "", "an array, an object was expected"},
        {"{}", "", "'levels'"},
        {"{\"levels\":0}", "", "levels"},
        {"{\"levels\":1000}", "", "levels"},
        {"{\"levels\":2,\"summary\":7}", "", "summary"},
        {"{\"levels\":2,\"summary\":\"a\\nb\"}", "", "one line"},
        {"{\"error\":\"no licence\"}", "", "it says: no licence"},
        {"@two", "", "more than one line"},
        {"{\"levels\":2}", "{\"problem\":[]}", "no list under 'problems'"},
        {"{\"levels\":2}", "{\"problems\":{}}", "no list under 'problems'"},
        {"{\"levels\":2}", "{\"problems\":[7]}", "problem 1: an object was expected"},
        {"{\"levels\":2}",
            "{\"problems\":[{\"prompt\":\"a\",\"golden\":\"b\"},{\"prompt\":\"a\"}]}",
            "problem 2: 'golden'"},
        {"{\"levels\":2}", "{\"problems\":[{\"prompt\":\"\",\"golden\":\"b\"}]}",
            "problem 1: 'prompt': a text of 1 to 65536 bytes"},
        {"{\"levels\":2}",
            "{\"problems\":[{\"prompt\":\"a\",\"golden\":\"b\"},{\"prompt\":\"c\",\"golden\":\"b\"}"
            ","
            "{\"prompt\":\"d\",\"golden\":\"b\"}]}",
            "3 problems were answered where 2 were asked for"},
        {"{\"levels\":2}", "@flood", "an answer of more than"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pr_skill_source *s = misbehaving(t[i].info, t[i].problems, 10000);
        struct pr_source_problems p = {0};
        assert_int_not_equal(pr_source_generate(s, 2, 1, 0, &p, &e), PR_OK);
        if (!strstr(e.message, t[i].why))
            fail_msg("'%s': %s", t[i].problems, e.message);
        assert_int_equal(strncmp(e.message, "skill 'odd'", 11), 0);
        assert_int_equal(p.n, 0);
        pr_source_free(s);
    }
}

static void a_program_that_dies_is_started_twice_more(void **state)
{
    (void)state;
    struct pr_skill_source *s = misbehaving("{\"levels\":2}", "@die", 10000);
    struct pr_source_problems p = {0};
    struct pr_source_info info;
    assert_int_equal(pr_source_info(s, &info, &e), PR_OK);
    /* Dies as the second request of its first life; started again it answers with "levels". */
    assert_int_not_equal(pr_source_generate(s, 2, 1, 0, &p, &e), PR_OK);
    assert_non_null(strstr(e.message, "no list under"));
    assert_int_not_equal(pr_source_generate(s, 2, 1, 0, &p, &e), PR_OK);
    assert_non_null(strstr(e.message, "no list under"));
    assert_int_not_equal(pr_source_generate(s, 2, 1, 0, &p, &e), PR_OK);
    assert_non_null(strstr(e.message, "ended without an answer"));
    assert_int_not_equal(pr_source_generate(s, 2, 1, 0, &p, &e), PR_OK);
    assert_non_null(strstr(e.message, "died 3 times"));
    pr_source_free(s);
    static const char *const nothing[] = {"/no/such/program", NULL};
    s = pr_source_program("absent", nothing, 1000);
    assert_int_not_equal(pr_source_info(s, &info, &e), PR_OK);
    assert_non_null(strstr(e.message, "/no/such/program: cannot be started"));
    pr_source_free(s);
}

static void a_slow_program_is_given_up(void **state)
{
    (void)state;
    struct pr_skill_source *s = misbehaving("@sleep", "", 300);
    struct pr_source_info info;
    int64_t began = pr_clock_monotonic_ns();
    assert_int_equal(pr_source_info(s, &info, &e), PR_E_LIMIT);
    assert_non_null(strstr(e.message, "no answer in time"));
    assert_true(pr_clock_monotonic_ns() - began < 20000000000LL);
    pr_source_free(s);
}

static void a_name_is_checked(void **state)
{
    (void)state;
    assert_int_equal(pr_source_check_name("my-riddles_2", &e), PR_OK);
    static const char *const bad[] = {"", "a b", "addition", "../x", "ä"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pr_source_check_name(bad[i], &e), PR_E_USAGE);
}

/* ---- servers ------------------------------------------------------------------------------- */

static struct pr_child server_child;
static char port[16];

static int serve(void **state)
{
    (void)state;
    static const char *const argv[] = {"python3", PR_FIXTURES "/server.py", NULL};
    char *line;
    assert_int_equal(pr_child_start(&server_child, argv, &e), PR_OK);
    if (pr_child_ask(&server_child, "", 0, 10000, 64, &line, &e))
        fail_msg("%s", e.message);
    snprintf(port, sizeof port, "%s", line);
    pr_free(line);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pr_child_stop(&server_child);
    return 0;
}

static struct pr_skill_source *server(const char *form, int timeout_ms)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%s/%s/", port, form);
    return pr_source_server("far", url, timeout_ms);
}

static void a_server_answers_in_any_form_of_chats(void **state)
{
    (void)state;
    static const char *const forms[] = {"messages", "sharegpt", "bare", "system"};
    for (size_t i = 0; i < 4; i++) {
        struct pr_skill_source *s = server(forms[i], 10000);
        struct pr_source_problems p = {0};
        struct pr_source_info info;
        if (pr_source_generate(s, 3, 2, 40, &p, &e))
            fail_msg("%s: %s", forms[i], e.message);
        assert_int_equal(p.n, 3);
        assert_string_equal(
            p.v[2].prompt, i == 3 ? "Be brief.\n\n42 at level 2?" : "42 at level 2?");
        assert_string_equal(p.v[2].golden, "a42");
        assert_int_equal(pr_source_info(s, &info, &e), PR_OK);
        assert_string_equal(info.summary, "counting");
        pr_source_problems_done(&p);
        pr_source_free(s);
    }
}

static void a_server_verifies_where_it_says_so(void **state)
{
    (void)state;
    enum pr_source_verdict verdict;
    char *reason = NULL;
    struct pr_skill_source *s = server("messages", 10000);
    assert_int_equal(pr_source_verify(s, "42 at", "a42", &verdict, &reason, &e), PR_OK);
    assert_int_equal(verdict, PR_SOURCE_RIGHT);
    assert_int_equal(pr_source_verify(s, "42 at", "a41", &verdict, &reason, &e), PR_OK);
    assert_int_equal(verdict, PR_SOURCE_WRONG);
    assert_null(reason);
    pr_source_free(s);
    s = server("bare", 10000);
    assert_int_equal(pr_source_verify(s, "42 at", "a42", &verdict, &reason, &e), PR_OK);
    assert_int_equal(verdict, PR_SOURCE_CANNOT_SAY);
    pr_free(reason);
    pr_source_free(s);
}

static void a_server_that_goes_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *form, *why;
    } t[] = {{"broken", "skill 'far': /info: answered HTTP 500"},
        {"many", "3 problems were answered where 2"}, {"nojson", "/generate: its answer"},
        {"odd", "conversation 1: turn 3: a question and its answer were expected"},
        {"slow", "skill 'far': /info"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pr_skill_source *s = server(t[i].form, 500);
        struct pr_source_problems p = {0};
        assert_int_not_equal(pr_source_generate(s, 2, 1, 0, &p, &e), PR_OK);
        if (!strstr(e.message, t[i].why))
            fail_msg("%s: %s", t[i].form, e.message);
        assert_int_equal(p.n, 0);
        pr_source_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_skills_and_programs_are_asked_alike),
        cmocka_unit_test(what_is_no_question_of_its_own_cannot_be_said),
        cmocka_unit_test(more_than_a_request_holds_come_in_several),
        cmocka_unit_test(a_wrong_answer_is_named),
        cmocka_unit_test(a_program_that_dies_is_started_twice_more),
        cmocka_unit_test(a_slow_program_is_given_up),
        cmocka_unit_test(a_name_is_checked),
        cmocka_unit_test(a_server_answers_in_any_form_of_chats),
        cmocka_unit_test(a_server_verifies_where_it_says_so),
        cmocka_unit_test(a_server_that_goes_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, serve, stop);
}
