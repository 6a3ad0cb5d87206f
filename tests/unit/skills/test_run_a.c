/* The 300 questions of a real validation set (tests/fixtures/run_a): a skill knows each and solves
 * it as its golden answer says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "skills/skill.h"

static const char *text_of(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static void check(const json_t *row)
{
    static const struct {
        const char *label, *skill;
    } of[] = {{"addition", "arithmetic"}, {"subtraction", "arithmetic"}, {"comparison", "ordering"},
        {"sorting", "ordering"}, {"syllogism", "deduction"}};
    const char *prompt = text_of(row, "prompt"), *golden = text_of(row, "golden"),
               *label = text_of(row, "skill");
    const struct pr_skill *s = pr_skill_knowing(label, prompt, strlen(prompt));
    struct pr_str answer = PR_STR_INIT(4096), working = PR_STR_INIT(65536),
                  other = PR_STR_INIT(4096);
    if (!s)
        fail_msg("no skill knows '%s'", prompt);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (!strcmp(of[i].label, label))
            assert_string_equal(s->name, of[i].skill);
    assert_true(s->solve(prompt, strlen(prompt), &answer, &working));
    if (strcmp(answer.data, golden) != 0)
        fail_msg("'%s': '%s', not '%s'", prompt, answer.data, golden);
    assert_true(working.len > 0);
    assert_true(s->verify(prompt, strlen(prompt), golden, strlen(golden)));
    assert_false(s->verify(prompt, strlen(prompt), "maybe", 5));
    assert_true(s->level(prompt, strlen(prompt)) > 0);

    struct pr_rng rng;
    pr_rng_seed(&rng, 1);
    pr_str_clear(&answer);
    assert_true(s->vary(&rng, prompt, strlen(prompt), &other, &answer));
    assert_string_not_equal(other.data, prompt);
    assert_true(s->verify(other.data, other.len, answer.data, answer.len));
    pr_str_done(&other);
    pr_str_done(&answer);
    pr_str_done(&working);
}

static void every_question_of_a_real_run_is_solved(void **state)
{
    (void)state;
    const char *root = getenv("PR_SOURCE_ROOT");
    char *path = pr_path_join(root ? root : ".", "tests/fixtures/run_a/validation.jsonl"), *line;
    struct pr_error e;
    struct pr_lines lines;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0, len;
    assert_true(fd >= 0);
    pr_lines_init(&lines, fd, 65536);
    while (pr_lines_next(&lines, &line, &len, &e) == PR_LINE_OK) {
        json_t *row;
        assert_int_equal(pr_json_parse(line, len, 0, path, &row, NULL, &e), PR_OK);
        check(row);
        json_decref(row);
        n++;
    }
    assert_int_equal(n, 300);
    pr_lines_done(&lines);
    close(fd);
    pr_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_of_a_real_run_is_solved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
