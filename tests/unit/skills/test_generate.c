/* Distinct problems: none twice, none that is excluded, the same for the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "skills/generate.h"

static const struct pr_levels easy = {1, PR_SKILL_LEVELS, {[PR_EASY] = true}};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Up to max prompts as texts of the caller's. */
static size_t take(struct pr_generator *g, char **ret, size_t max)
{
    struct pr_problem p;
    size_t n = 0;
    while (n < max && pr_generator_next(g, &p)) {
        assert_true(p.skill->verify(p.prompt, strlen(p.prompt), p.golden, strlen(p.golden)));
        ret[n++] = pr_strdup(p.prompt);
    }
    return n;
}

static void drop(char **v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(v[i]);
}

static void no_problem_comes_twice_and_all_cells_have_their_turn(void **state)
{
    (void)state;
    enum { N = 5000 };
    static char *v[N];
    struct pr_generator *g = pr_generator_new(1, NULL, 0, NULL);
    assert_int_equal(take(g, v, N), N);
    qsort(v, N, sizeof *v, by_text);
    for (size_t i = 1; i < N; i++)
        assert_string_not_equal(v[i - 1], v[i]);
    size_t cells = pr_generator_cells(g);
    for (size_t i = 0; i < cells; i++)
        assert_in_range(pr_generator_cell(g, i).made, N / cells, N / cells + 1);
    drop(v, N);
    pr_generator_free(g);
}

static void a_cell_gives_all_it_has_and_then_says_so(void **state)
{
    (void)state;
    static char *v[4000];
    const struct pr_skill *skills[] = {pr_skill_find("addition"), pr_skill_find("sorting")};
    struct pr_generator *g = pr_generator_new(3, skills, 2, &easy);
    /* 10 tens times 55 sums of digits below ten, and all rows of three digits. */
    assert_int_equal(take(g, v, 4000), 550 + 1000);
    assert_int_equal(pr_generator_cell(g, 0).made, 550);
    assert_true(pr_generator_cell(g, 0).empty && pr_generator_cell(g, 1).empty);
    drop(v, 1550);
    pr_generator_free(g);
}

static void what_is_excluded_is_passed_over_and_the_rest_stays(void **state)
{
    (void)state;
    enum { N = 300 };
    char *all[N], *rest[N];
    const struct pr_skill *skill = pr_skill_find("addition");
    struct pr_generator *g = pr_generator_new(5, &skill, 1, &easy);
    assert_int_equal(take(g, all, N), N);
    pr_generator_free(g);
    g = pr_generator_new(5, &skill, 1, &easy);
    for (size_t i = 0; i < N; i += 3) {
        struct pr_str spaced = PR_STR_INIT(64);
        pr_str_printf(&spaced, " %s\n", all[i]);
        pr_generator_exclude(g, spaced.data, spaced.len);
        pr_str_done(&spaced);
    }
    assert_int_equal(take(g, rest, N * 2 / 3), N * 2 / 3);
    for (size_t i = 0, k = 0; i < N; i++)
        if (i % 3)
            assert_string_equal(rest[k++], all[i]);
    drop(all, N);
    drop(rest, N * 2 / 3);
    pr_generator_free(g);
}

/* With repeat every skill keeps its share, and what was excluded still never comes. */
static void a_cell_that_is_used_up_draws_again_when_told(void **state)
{
    (void)state;
    const struct pr_skill *skills[] = {pr_skill_find("addition"), pr_skill_find("sorting")};
    struct pr_generator *g = pr_generator_new(3, skills, 2, &easy);
    struct pr_problem p;
    size_t again = 0;
    char id[128];
    pr_generator_exclude(g, "42+7=", 5);
    pr_generator_repeat(g);
    for (size_t i = 0; i < 2 * 900; i++) {
        assert_true(pr_generator_next(g, &p));
        assert_string_not_equal(p.prompt, "42+7=");
        again += p.time > 1;
        pr_problem_id(&p, id);
        assert_true((p.time > 1) == (strlen(id) > strlen("addition-easy-dc53833e1d5a")));
    }
    assert_int_equal(pr_generator_cell(g, 0).made, 900);
    assert_int_equal(pr_generator_cell(g, 1).made, 900);
    assert_int_equal(again, 900 - 549);
    pr_generator_free(g);
}

static void a_cell_does_not_depend_on_what_else_is_asked_for(void **state)
{
    (void)state;
    const struct pr_skill *skill = pr_skill_find("maximum");
    struct pr_generator *alone = pr_generator_new(9, &skill, 1, NULL),
                        *among = pr_generator_new(9, NULL, 0, NULL);
    struct pr_problem a, b;
    char id[128], other[128];
    for (size_t i = 0; i < 90; i++) {
        assert_true(pr_generator_next(alone, &a));
        do
            assert_true(pr_generator_next(among, &b));
        while (b.skill != skill);
        assert_string_equal(a.prompt, b.prompt);
        assert_int_equal(a.level, b.level);
        pr_problem_id(&a, id);
        pr_problem_id(&b, other);
        assert_string_equal(id, other);
    }
    pr_generator_free(alone);
    pr_generator_free(among);
    pr_generator_free(NULL);
}

static void an_id_names_skill_difficulty_and_prompt(void **state)
{
    (void)state;
    struct pr_problem p = {pr_skill_find("addition"), 1, PR_EASY, "42+7=", "49", 1};
    char id[128];
    pr_problem_id(&p, id);
    assert_string_equal(id, "addition-easy-"
                            "dc53833e1d5a");
    p = (struct pr_problem){pr_skill_find("arithmetic"), 7, PR_MEDIUM, "42+7=", "49", 2};
    pr_problem_id(&p, id);
    assert_string_equal(id, "arithmetic-7-"
                            "dc53833e1d5a-2");
}

static void levels_are_chosen_by_number_and_by_difficulty(void **state)
{
    (void)state;
    const struct pr_skill *skills[] = {pr_skill_find("addition"), pr_skill_find("arithmetic")};
    static const struct {
        struct pr_levels levels;
        size_t cells;
    } t[] = {{PR_LEVELS_ALL, 13}, {{2, 5, {true, true, true}}, 2 + 4},
        {{1, PR_SKILL_LEVELS, {[PR_MEDIUM] = true}}, 1 + 4}, {{10, 10, {true, true, true}}, 1},
        {{1, 3, {[PR_HARD] = true}}, 1}, {{4, 7, {[PR_HARD] = true}}, 0}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pr_generator *g = pr_generator_new(1, skills, 2, &t[i].levels);
        struct pr_problem p;
        assert_int_equal(pr_generator_cells(g), t[i].cells);
        for (size_t k = 0; k < 26 && pr_generator_next(g, &p); k++) {
            assert_true(pr_levels_has(&t[i].levels, p.skill, p.level));
            assert_int_equal(p.difficulty, pr_skill_difficulty(p.skill, p.level));
        }
        pr_generator_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_problem_comes_twice_and_all_cells_have_their_turn),
        cmocka_unit_test(a_cell_gives_all_it_has_and_then_says_so),
        cmocka_unit_test(what_is_excluded_is_passed_over_and_the_rest_stays),
        cmocka_unit_test(a_cell_that_is_used_up_draws_again_when_told),
        cmocka_unit_test(a_cell_does_not_depend_on_what_else_is_asked_for),
        cmocka_unit_test(an_id_names_skill_difficulty_and_prompt),
        cmocka_unit_test(levels_are_chosen_by_number_and_by_difficulty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
