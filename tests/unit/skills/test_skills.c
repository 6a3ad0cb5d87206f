/* Every skill at every difficulty: its own answer is right, another is not, no bytes crash it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "skills/skill.h"

#define PROBLEMS 1000

static struct pr_str prompt, golden;

static void make(const struct pr_skill *s, struct pr_rng *rng, enum pr_difficulty d)
{
    pr_str_clear(&prompt);
    pr_str_clear(&golden);
    s->make(rng, (int)d + 1, &prompt, &golden);
}

/* Calls each for PROBLEMS problems of every skill and difficulty. */
static void for_all(
    void (*each)(const struct pr_skill *s, enum pr_difficulty d, void *ctx), void *ctx)
{
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < PR_N_DIFFICULTIES; d++) {
            struct pr_rng rng;
            pr_rng_seed(&rng, 1000 * i + d);
            for (size_t k = 0; k < PROBLEMS; k++) {
                make(list[i], &rng, (enum pr_difficulty)d);
                each(list[i], (enum pr_difficulty)d, ctx);
            }
        }
    }
}

static bool right(const struct pr_skill *s, const char *answer, size_t n)
{
    /* In blocks of their own, so that a sanitizer sees a read past either. */
    char *p = pr_alloc(prompt.len ? prompt.len : 1), *a = pr_alloc(n ? n : 1);
    memcpy(p, pr_str_cstr(&prompt), prompt.len);
    memcpy(a, answer, n);
    bool is = s->verify(p, prompt.len, a, n);
    pr_free(p);
    pr_free(a);
    return is;
}

static void expect_right(const struct pr_skill *s, enum pr_difficulty d, void *ctx)
{
    (void)ctx;
    struct pr_str spaced = PR_STR_INIT(256);
    pr_str_printf(&spaced, " \n%s\t", golden.data);
    if (!right(s, golden.data, golden.len) || !right(s, spaced.data, spaced.len))
        fail_msg("%s, %s: '%s' is not answered by '%s'", s->name, pr_difficulty_name(d),
            prompt.data, golden.data);
    pr_str_done(&spaced);
}

static void the_golden_answer_is_right(void **state)
{
    (void)state;
    for_all(expect_right, NULL);
}

static void expect_wrong(const struct pr_skill *s, const char *answer, size_t n)
{
    if (right(s, answer, n))
        fail_msg("%s: '%s' is answered by '%.*s'", s->name, prompt.data, (int)n, answer);
}

/* Every change of one byte to another that answers are made of, every cut, and what is put behind.
 */
static void expect_mutants_wrong(const struct pr_skill *s, enum pr_difficulty d, void *ctx)
{
    (void)d;
    (void)ctx;
    static const char bytes[] = "0123456789<>=-+";
    char text[64];
    assert_true(golden.len > 0 && golden.len + 2 < sizeof text);
    for (size_t i = 0; i < golden.len; i++) {
        for (const char *b = bytes; *b; b++) {
            memcpy(text, golden.data, golden.len);
            text[i] = *b;
            if (*b != golden.data[i])
                expect_wrong(s, text, golden.len);
        }
    }
    for (size_t n = 0; n < golden.len; n++)
        expect_wrong(s, golden.data, n);
    for (const char *b = bytes; *b; b++) {
        memcpy(text, golden.data, golden.len);
        text[golden.len] = *b;
        expect_wrong(s, text, golden.len + 1);
    }
    memcpy(text + 1, golden.data, golden.len);
    text[0] = '0';
    expect_wrong(s, text, golden.len + 1);
}

static void an_answer_changed_in_one_place_is_wrong(void **state)
{
    (void)state;
    for_all(expect_mutants_wrong, NULL);
}

/* Changed bytes, cuts, NUL, and runs of one byte: the question need not be one any more. */
static void expect_survival(const struct pr_skill *s, enum pr_difficulty d, void *ctx)
{
    (void)d;
    struct pr_rng *rng = ctx;
    char answer[64];
    size_t n = pr_rng_below(rng, sizeof answer);
    for (size_t i = 0; i < n; i++)
        answer[i] = (char)pr_rng_below(rng, 256);
    (void)right(s, answer, n);
    for (size_t i = 1 + pr_rng_below(rng, 3); i > 0; i--)
        prompt.data[pr_rng_below(rng, prompt.len)] = (char)pr_rng_below(rng, 256);
    (void)right(s, answer, n);
    (void)right(s, golden.data, golden.len);
    prompt.len = pr_rng_below(rng, prompt.len + 1);
    (void)right(s, golden.data, golden.len);
}

static void hostile_bytes_are_survived(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 7);
    for_all(expect_survival, &rng);
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    static const char *const starts[] = {"", "sort ", "rev ", "max ", "1+", "1-", "1?"};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
            pr_str_clear(&prompt);
            pr_str_puts(&prompt, starts[k]);
            for (size_t b = 0; b < 70000; b++)
                pr_str_putc(&prompt, '9');
            (void)right(list[i], prompt.data, prompt.len);
            assert_false(right(list[i], "", 0));
        }
    }
}

static void only_its_own_questions_have_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *skill, *prompt, *answer;
    } t[] = {{"addition", "What is 2+2=", "4"}, {"addition", "2+2", "4"},
        {"addition", "2+2=4", "4"}, {"addition", "02+2=", "4"}, {"addition", "2 + 2=", "4"},
        {"addition", "99999999999999999999+1=", "0"}, {"subtraction", "4-=", "4"},
        {"comparison", "47?52=", "<"}, {"sorting", "sort ", ""}, {"sorting", "sort 4a", "4a"},
        {"reversal", "rev 12 ", "12"}, {"maximum", "max 4 1", "4"}, {"maximum", "max ", "0"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const struct pr_skill *s = pr_skill_find(t[i].skill);
        if (s->verify(t[i].prompt, strlen(t[i].prompt), t[i].answer, strlen(t[i].answer)))
            fail_msg("%s: '%s' is answered by '%s'", t[i].skill, t[i].prompt, t[i].answer);
    }
    const struct pr_skill *s = pr_skill_find("subtraction");
    assert_true(s->verify("4-9=", 4, "-5", 2)); /* not made, but it has an answer */
    assert_null(pr_skill_find("alchemy"));
}

/* The same on every machine and in every release: these lines never change. */
static void the_same_seed_gives_the_same_problems(void **state)
{
    (void)state;
    static const char *const want[][PR_N_DIFFICULTIES] = {
        {"57+1= -> 58; 0+3= -> 3; 71+7= -> 78", "77+92= -> 169; 60+63= -> 123; 21+62= -> 83",
            "257+722= -> 979; 600+783= -> 1383; 471+962= -> 1433"},
        {"57-2= -> 55; 0-0= -> 0; 71-0= -> 71", "92-77= -> 15; 63-60= -> 3; 62-21= -> 41",
            "722-257= -> 465; 783-600= -> 183; 962-471= -> 491"},
        {"50?33 -> >; 36?49 -> <; 21?10 -> >", "522?500 -> >; 362?386 -> <; 208?241 -> <",
            "25722?25700 -> >; 47162?47186 -> <; 82108?82141 -> <"},
        {"sort 720 -> 027; sort 312 -> 123; sort 691 -> 169",
            "sort 72031 -> 01237; sort 26918 -> 12689; sort 10131 -> 01113",
            "sort 72031269 -> 01223679; sort 18101319 -> 01111389; sort 51075770 -> 00155777"},
        {"rev 720 -> 027; rev 312 -> 213; rev 691 -> 196",
            "rev 72031 -> 13027; rev 26918 -> 81962; rev 10131 -> 13101",
            "rev 72031269 -> 96213027; rev 18101319 -> 91310181; rev 51075770 -> 07757015"},
        {"max 720 -> 7; max 312 -> 3; max 691 -> 9",
            "max 72031 -> 7; max 26918 -> 9; max 10131 -> 3",
            "max 72031269 -> 9; max 18101319 -> 9; max 51075770 -> 7"},
    };
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    assert_int_equal(n, sizeof want / sizeof *want);
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < PR_N_DIFFICULTIES; d++) {
            struct pr_rng rng;
            struct pr_str text = PR_STR_INIT(256);
            pr_rng_seed(&rng, 1);
            for (int k = 0; k < 3; k++) {
                make(list[i], &rng, (enum pr_difficulty)d);
                pr_str_printf(&text, "%s%s -> %s", k ? "; " : "", prompt.data, golden.data);
            }
            assert_string_equal(text.data, want[i][d]);
            pr_str_done(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_answer_is_right),
        cmocka_unit_test(an_answer_changed_in_one_place_is_wrong),
        cmocka_unit_test(hostile_bytes_are_survived),
        cmocka_unit_test(only_its_own_questions_have_an_answer),
        cmocka_unit_test(the_same_seed_gives_the_same_problems),
    };
    prompt = PR_STR_INIT(1 << 20);
    golden = PR_STR_INIT(1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pr_str_done(&prompt);
    pr_str_done(&golden);
    return failed;
}
