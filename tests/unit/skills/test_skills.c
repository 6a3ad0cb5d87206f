/* Every skill of the table at every level: it solves what it makes, takes its own answers and no
 * changed one, varies within a level, and gives the same problems for the same seed for ever.
 *
 *   PROCTOR_SKILLS_N=10000   so many problems and so many changed answers a level (else 200)
 *   PROCTOR_SKILLS_HASHES=1  prints golden.inc.h as it would have to be, for a new skill
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "mistakes/mistake.h"
#include "mutate.h"
#include "skills/skill.h"

#define HASHED 1000

static struct pr_str prompt, golden, other, other_golden, working;

static size_t per_level(void)
{
    const char *n = getenv("PROCTOR_SKILLS_N");
    return n ? strtoul(n, NULL, 10) : 200;
}

static void make(const struct pr_skill *s, struct pr_rng *rng, int level)
{
    pr_str_clear(&prompt);
    pr_str_clear(&golden);
    s->make(rng, level, &prompt, &golden);
}

/* Calls each for so many problems of every skill and level. */
static void for_all(
    size_t problems, void (*each)(const struct pr_skill *s, int level, struct pr_rng *rng))
{
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    for (size_t i = 0; i < n; i++) {
        for (int level = 1; level <= list[i]->n_levels; level++) {
            struct pr_rng rng, own;
            pr_rng_seed(&rng, 1000 * i + (uint64_t)level);
            pr_rng_seed(&own, 77000 * i + (uint64_t)level);
            for (size_t k = 0; k < problems; k++) {
                make(list[i], &rng, level);
                each(list[i], level, &own);
            }
        }
    }
}

static bool right(const struct pr_skill *s, const char *answer, size_t n)
{
    /* In blocks of their own, so that a sanitizer sees a read past either. */
    char *p = pr_alloc(prompt.len ? prompt.len : 1), *a = pr_alloc(n ? n : 1);
    if (prompt.len)
        memcpy(p, prompt.data, prompt.len);
    if (n)
        memcpy(a, answer, n);
    bool is = s->verify(p, prompt.len, a, n);
    pr_free(p);
    pr_free(a);
    return is;
}

/* ---- what it makes ------------------------------------------------------------------------- */

static void expect_right(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)rng;
    assert_false(prompt.over || golden.over || !prompt.len || !golden.len);
    pr_str_clear(&other);
    pr_str_printf(&other, " \n%s\t", golden.data);
    if (!right(s, golden.data, golden.len) || !right(s, other.data, other.len))
        fail_msg("%s, %d: '%s' is not answered by '%s'", s->name, level, prompt.data, golden.data);
}

static void the_golden_answer_is_right(void **state)
{
    (void)state;
    for_all(per_level(), expect_right);
}

static void expect_solved(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)rng;
    pr_str_clear(&other);
    pr_str_clear(&working);
    bool solved = s->solve(prompt.data, prompt.len, &other, &working);
    if (!solved || strcmp(pr_str_cstr(&other), golden.data) != 0)
        fail_msg("%s, %d: '%s' is solved as '%s', not '%s'", s->name, level, prompt.data,
            pr_str_cstr(&other), golden.data);
    if (!working.len || working.over)
        fail_msg("%s, %d: '%s' has no working", s->name, level, prompt.data);
    int own = s->level(prompt.data, prompt.len);
    if (own < level - 1 || own > level + 1 || own < 1)
        fail_msg("%s: '%s' of level %d counts as %d", s->name, prompt.data, level, own);
    assert_ptr_equal(pr_skill_knowing(s->name, prompt.data, prompt.len), s);
    pr_str_clear(&other);
    pr_str_printf(&other, "\t%s \n", prompt.data);
    assert_true(s->solve(other.data, other.len, NULL, NULL));
}

static void a_single_column_is_worked_in_one_line(void **state)
{
    static const char *const cases[][3] = {
        {"subtraction", "4-1=", "4 - 1 = 3\n"},
        {"addition", "2+0=", "2 + 0 = 2\n"},
        {"addition", "12+3=", "2 + 3 = 5\n1 + 0 = 1\n12 + 3 = 15\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pr_skill *s = pr_skill_find(cases[i][0]);
        pr_str_clear(&other);
        pr_str_clear(&working);
        assert_true(s->solve(cases[i][1], strlen(cases[i][1]), &other, &working));
        assert_string_equal(pr_str_cstr(&working), cases[i][2]);
    }
}

static void it_solves_what_it_makes_step_by_step(void **state)
{
    (void)state;
    for_all(per_level(), expect_solved);
}

/* ---- wrong answers ------------------------------------------------------------------------- */

static size_t changed, same;

/* What the verifier takes although it was changed must be the same answer, written otherwise. */
static void expect_mutant_wrong(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    pr_str_clear(&other);
    mutate(rng, pr_str_cstr(&golden), pr_str_cstr(&other_golden), &other);
    changed++;
    if (right(s, pr_str_cstr(&other), other.len)) {
        same++;
        if (!same_answer(golden.data, pr_str_cstr(&other)))
            fail_msg("%s, %d: '%s' is answered by '%s', right is '%s'", s->name, level, prompt.data,
                pr_str_cstr(&other), golden.data);
    }
    pr_str_clear(&other_golden);
    pr_str_puts(&other_golden, golden.data);
}

static void a_changed_answer_is_wrong(void **state)
{
    (void)state;
    pr_str_clear(&other_golden);
    for_all(per_level(), expect_mutant_wrong);
    print_message(
        "%zu changed answers, %zu of them the same answer written otherwise\n", changed, same);
    assert_true(same * 20 < changed);
}

/* Changed bytes, cuts, NUL: the question need not be one any more. */
static void expect_survival(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)level;
    char answer[64];
    size_t n = pr_rng_below(rng, sizeof answer);
    for (size_t i = 0; i < n; i++)
        answer[i] = (char)pr_rng_below(rng, 256);
    (void)right(s, answer, n);
    for (size_t i = 1 + pr_rng_below(rng, 3); i > 0; i--)
        prompt.data[pr_rng_below(rng, prompt.len)] = (char)pr_rng_below(rng, 256);
    prompt.len = pr_rng_below(rng, 4) ? prompt.len : pr_rng_below(rng, prompt.len + 1);
    (void)right(s, golden.data, golden.len);
    struct pr_slips slips = {0};
    pr_str_clear(&other);
    pr_str_clear(&other_golden);
    pr_str_clear(&working);
    (void)s->solve(prompt.data, prompt.len, &other, &working);
    (void)s->level(prompt.data, prompt.len);
    if (s->slips)
        s->slips(prompt.data, prompt.len, &slips);
    pr_slips_done(&slips);
}

static void hostile_bytes_are_survived(void **state)
{
    (void)state;
    for_all(100, expect_survival);
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    static const char *const starts[] = {"", "sort ", "rev ", "max ", "1+", "1-", "1?", "What is ",
        "Sort in ascending order: ", "Convert ", "All "};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
            pr_str_clear(&prompt);
            pr_str_puts(&prompt, starts[k]);
            for (size_t b = 0; b < 70000; b++)
                pr_str_putc(&prompt, "9("[k > 6 && i % 2]);
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
        {"reversal", "rev 12 ", "12"}, {"maximum", "max 4 1", "4"}, {"maximum", "max ", "0"},
        {"arithmetic", "What is 7 / 2?", "3"}, {"arithmetic", "What is 7 / 0?", "0"},
        {"arithmetic", "What is 7?", "7"}, {"arithmetic", "What is 7 + ?", "7"},
        {"arithmetic", "What is 999999999999999999 * 99?", "1"},
        {"ordering", "Which is larger, 5 or pear?", "5"},
        {"ordering", "What is the second largest of 5, 5, 3?", "5"},
        {"ordering", "Sort in ascending order: .", ""},
        {"deduction", "All toves are zorks. No toves are zorks. Are all toves zorks?", "no"},
        {"deduction", "The tove is red. The tove is not red. Is the tove red?", "yes"},
        {"bases", "Convert the binary number 1012 to decimal.", "12"},
        {"bases", "Convert the binary number 101 to binary.", "101"},
        {"bases", "Compute 0b1 - 0b11 in binary.", "0"},
        {"bases", "Compute 0b1 + 0b11 AND 0b1 in binary.", "0"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const struct pr_skill *s = pr_skill_find(t[i].skill);
        if (s->verify(t[i].prompt, strlen(t[i].prompt), t[i].answer, strlen(t[i].answer)))
            fail_msg("%s: '%s' is answered by '%s'", t[i].skill, t[i].prompt, t[i].answer);
    }
    const struct pr_skill *s = pr_skill_find("subtraction");
    assert_true(s->verify("4-9=", 4, "-5", 2)); /* not made, but it has an answer */
    assert_null(pr_skill_find("alchemy"));
}

/* What people write, beside the canonical form. */
static void other_ways_to_write_the_answer_are_right(void **state)
{
    (void)state;
    static const struct {
        const char *skill, *prompt, *answer;
        bool right;
    } t[] = {{"arithmetic", "What is 500 + 575?", "1,075", true},
        {"arithmetic", "What is 500 + 575?", "+1075.", true},
        {"arithmetic", "What is 500 + 575?", "1075.0", true},
        {"arithmetic", "What is 500 + 575?", "10,75", false},
        {"arithmetic", "What is 500 + 575?", "1075.5", false},
        {"arithmetic", "What is 500 + 575?", "1 075", false},
        {"arithmetic", "What is 5 - 9?",
            "\xe2\x88\x92"
            "4",
            true},
        {"arithmetic", "What is 5 - 9?", "4", false},
        {"arithmetic", "4000000000 * 2000000000 =", "8,000,000,000,000,000,000", true},
        {"arithmetic", "5 =", "99999999999999999999", false},
        {"ordering", "Sort in ascending order: 4, 4, 3.", "3 4 4", true},
        {"ordering", "Sort in ascending order: 4, 4, 3.", "[3,4,4]", true},
        {"ordering", "Sort in ascending order: 4, 4, 3.", "344", false},
        {"ordering", "Sort in ascending order: 4, 4, 3.", "3, 4", false},
        {"ordering", "Which is larger, 1.5 or 1.45?", "1.50", true},
        {"ordering", "Which word comes first in the alphabet, pear or fig?", "Fig.", true},
        {"deduction", "All a are b. All b are c. Are all a c?", "Yes.", true},
        {"deduction", "All a are b. All b are c. Are all a c?", "yes no", false},
        {"bases", "Convert the decimal number 43 to binary.", "0b10 1011", true},
        {"bases", "Convert the decimal number 43 to hexadecimal.", "0x2B", true},
        {"bases", "Convert the decimal number 43 to hexadecimal.", "43", false},
        {"bases", "Convert the binary number 101011 to decimal.", "0x2b", false}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (pr_skill_find(t[i].skill)
                ->verify(t[i].prompt, strlen(t[i].prompt), t[i].answer, strlen(t[i].answer)) !=
            t[i].right)
            fail_msg(
                "'%s': '%s' is %s", t[i].prompt, t[i].answer, t[i].right ? "refused" : "accepted");
}

/* The six old ones take one spelling alone. */
static void a_short_answer_has_one_spelling(void **state)
{
    (void)state;
    static const char bytes[] = "0123456789<>=-+., ";
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    for (size_t i = 0; i < n; i++)
        for (int level = 1; list[i]->n_levels == 3 && level <= 3; level++) {
            struct pr_rng rng;
            pr_rng_seed(&rng, i);
            for (int k = 0; k < 300; k++) {
                make(list[i], &rng, level);
                for (size_t at = 0; at <= golden.len; at++)
                    for (const char *b = bytes; *b; b++) {
                        char text[64];
                        bool edge = *b == ' ' && (at == 0 || at + 1 >= golden.len);
                        memcpy(text, golden.data, golden.len);
                        text[at] = *b;
                        if (at == golden.len ? !edge : *b != golden.data[at] && !edge)
                            if (right(list[i], text, golden.len + (at == golden.len)))
                                fail_msg("%s: '%s' is answered by '%.*s'", list[i]->name,
                                    prompt.data, (int)golden.len + 1, text);
                    }
                for (size_t cut = 0; cut < golden.len; cut++)
                    assert_false(right(list[i], golden.data, cut));
            }
        }
}

/* ---- similar questions --------------------------------------------------------------------- */

static void expect_varied(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    pr_str_clear(&other);
    pr_str_clear(&other_golden);
    if (!s->vary(rng, prompt.data, prompt.len, &other, &other_golden))
        fail_msg("%s, %d: '%s' cannot be varied", s->name, level, prompt.data);
    if (!strcmp(prompt.data, other.data))
        fail_msg("%s, %d: '%s' was not varied", s->name, level, prompt.data);
    int was = s->level(prompt.data, prompt.len), is = s->level(other.data, other.len);
    pr_str_clear(&working);
    if (is < was - 1 || is > was + 1 || is < 1)
        fail_msg(
            "%s: '%s' of level %d became '%s' of %d", s->name, prompt.data, was, other.data, is);
    if (!s->solve(other.data, other.len, &working, NULL) ||
        strcmp(working.data, pr_str_cstr(&other_golden)) != 0)
        fail_msg("%s: '%s' has the answer '%s', not '%s'", s->name, other.data,
            pr_str_cstr(&working), pr_str_cstr(&other_golden));
}

static void a_varied_question_is_another_of_its_level(void **state)
{
    (void)state;
    for_all(per_level(), expect_varied);
    size_t n;
    const struct pr_skill *const *list = pr_skills(&n);
    for (size_t i = 0; i < n; i++) {
        struct pr_rng rng;
        pr_rng_seed(&rng, i);
        pr_str_clear(&other);
        assert_false(list[i]->vary(&rng, "no question", 11, &other, &other));
        assert_int_equal(other.len, 0);
        assert_int_equal(list[i]->level("no question", 11), 0);
    }
}

/* ---- slips --------------------------------------------------------------------------------- */

static size_t wrong_slips;

static void expect_slips_wrong(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)rng;
    struct pr_slips slips = {0};
    static const char *const names[] = {
#define PR_X(name, group, text) #name,
        PR_MISTAKES(PR_X)
#undef PR_X
    };
    if (!s->slips)
        return;
    s->slips(prompt.data, prompt.len, &slips);
    for (size_t i = 0; i < slips.n; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            known = known || !strcmp(names[k], slips.v[i].pattern);
        if (!known || !*slips.v[i].why)
            fail_msg(
                "%s, %d: '%s' is no pattern, or has no reason", s->name, level, slips.v[i].pattern);
        wrong_slips += !right(s, slips.v[i].answer, strlen(slips.v[i].answer));
    }
    pr_slips_done(&slips);
}

static void slips_name_known_patterns_and_wrong_answers(void **state)
{
    (void)state;
    for_all(50, expect_slips_wrong);
    assert_true(wrong_slips > 1000);
}

static bool has_slip(
    const char *skill, const char *question, const char *pattern, const char *answer)
{
    struct pr_slips slips = {0};
    bool found = false;
    pr_skill_find(skill)->slips(question, strlen(question), &slips);
    for (size_t i = 0; i < slips.n; i++)
        found =
            found || (!strcmp(slips.v[i].pattern, pattern) && !strcmp(slips.v[i].answer, answer));
    pr_slips_done(&slips);
    return found;
}

static void a_slip_is_what_the_mistake_gives(void **state)
{
    (void)state;
    static const struct {
        const char *skill, *question, *pattern, *answer;
    } t[] = {{"arithmetic", "What is 38 + 27?", "carry", "55"},
        {"arithmetic", "What is 38 + 27?", "wrong_operation", "11"},
        {"arithmetic", "What is 52 - 38?", "carry", "26"},
        {"arithmetic", "What is 5 - 9?", "sign", "4"},
        {"arithmetic", "What is 2 + 3 * 4?", "wrong_operation", "20"},
        {"arithmetic", "What is 2 + 3 * 4?", "step_missing", "12"},
        {"addition", "38+27=", "carry", "55"}, {"subtraction", "52-38=", "wrong_operation", "90"},
        {"ordering", "Sort in ascending order: 4, 4, 3.", "wrong_order", "4, 4, 3"},
        {"ordering", "Sort in ascending order: 4, 4, 3.", "item_missing", "3, 4"},
        {"ordering", "Which is smaller, 91 + 17 or 98 - 45? Give the value.", "other_choice",
            "108"},
        {"deduction", "All a are b. All b are c. Are all c a?", "other_choice", "yes"},
        {"bases", "Convert the decimal number 13 to binary.", "wrong_order", "1011"},
        {"bases", "Compute 0b11 + 0b1 in binary.", "carry", "10"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (!has_slip(t[i].skill, t[i].question, t[i].pattern, t[i].answer))
            fail_msg("'%s': no %s of '%s'", t[i].question, t[i].pattern, t[i].answer);
}

/* ---- the same for ever --------------------------------------------------------------------- */

/* SHA-256 over the first 1,000 problems of a level with seed 1. */
static const struct {
    const char *skill;
    int level;
    const char *sha256;
} hashes[] = {
#include "golden.inc.h"
};

static void hash_of(const struct pr_skill *s, int level, char hex[PR_SHA256_HEX])
{
    struct pr_rng rng;
    uint8_t digest[PR_SHA256_LEN];
    struct pr_str text = PR_STR_INIT(16 << 20);
    pr_rng_seed(&rng, 1);
    for (int k = 0; k < HASHED; k++) {
        make(s, &rng, level);
        pr_str_printf(&text, "%s\n%s\n\n", prompt.data, golden.data);
    }
    pr_sha256(pr_str_cstr(&text), text.len, digest);
    pr_sha256_hex(digest, hex);
    pr_str_done(&text);
}

static const char *pinned(const char *skill, int level)
{
    size_t lines = sizeof hashes / sizeof *hashes;
    for (size_t i = 0; i < lines; i++)
        if (!strcmp(hashes[i].skill, skill) && hashes[i].level == level)
            return hashes[i].sha256;
    return NULL;
}

static void the_same_seed_gives_the_same_problems(void **state)
{
    (void)state;
    size_t n, missing = 0;
    const struct pr_skill *const *list = pr_skills(&n);
    for (size_t i = 0; i < n; i++)
        for (int level = 1; level <= list[i]->n_levels; level++) {
            char hex[PR_SHA256_HEX];
            const char *want = pinned(list[i]->name, level);
            hash_of(list[i], level, hex);
            if (getenv("PROCTOR_SKILLS_HASHES"))
                printf("{\"%s\", %d, \"%s\"},\n", list[i]->name, level, hex);
            else if (want)
                assert_string_equal(hex, want);
            missing += !want;
        }
    if (missing && !getenv("PROCTOR_SKILLS_HASHES"))
        fail_msg("%zu levels have no line in golden.inc.h: PROCTOR_SKILLS_HASHES=1 prints them",
            missing);
}

/* Of the six old ones, since the first release. */
static void the_first_problems_never_change(void **state)
{
    (void)state;
    static const struct {
        const char *skill, *of[3];
    } want[] = {
        {"addition",
            {"57+1= -> 58; 0+3= -> 3; 71+7= -> 78", "77+92= -> 169; 60+63= -> 123; 21+62= -> 83",
                "257+722= -> 979; 600+783= -> 1383; 471+962= -> 1433"}},
        {"subtraction",
            {"57-2= -> 55; 0-0= -> 0; 71-0= -> 71", "92-77= -> 15; 63-60= -> 3; 62-21= -> 41",
                "722-257= -> 465; 783-600= -> 183; 962-471= -> 491"}},
        {"comparison",
            {"50?33 -> >; 36?49 -> <; 21?10 -> >", "522?500 -> >; 362?386 -> <; 208?241 -> <",
                "25722?25700 -> >; 47162?47186 -> <; 82108?82141 -> <"}},
        {"sorting", {"sort 720 -> 027; sort 312 -> 123; sort 691 -> 169",
                        "sort 72031 -> 01237; sort 26918 -> 12689; sort 10131 -> 01113",
                        "sort 72031269 -> 01223679; sort 18101319 -> 01111389; sort 51075770 -> "
                        "00155777"}},
        {"reversal",
            {"rev 720 -> 027; rev 312 -> 213; rev 691 -> 196",
                "rev 72031 -> 13027; rev 26918 -> 81962; rev 10131 -> 13101",
                "rev 72031269 -> 96213027; rev 18101319 -> 91310181; rev 51075770 -> 07757015"}},
        {"maximum", {"max 720 -> 7; max 312 -> 3; max 691 -> 9",
                        "max 72031 -> 7; max 26918 -> 9; max 10131 -> 3",
                        "max 72031269 -> 9; max 18101319 -> 9; max 51075770 -> 7"}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        for (int level = 1; level <= 3; level++) {
            struct pr_rng rng;
            struct pr_str text = PR_STR_INIT(256);
            pr_rng_seed(&rng, 1);
            for (int k = 0; k < 3; k++) {
                make(pr_skill_find(want[i].skill), &rng, level);
                pr_str_printf(&text, "%s%s -> %s", k ? "; " : "", prompt.data, golden.data);
            }
            assert_string_equal(text.data, want[i].of[level - 1]);
            pr_str_done(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_answer_is_right),
        cmocka_unit_test(it_solves_what_it_makes_step_by_step),
        cmocka_unit_test(a_single_column_is_worked_in_one_line),
        cmocka_unit_test(a_changed_answer_is_wrong),
        cmocka_unit_test(hostile_bytes_are_survived),
        cmocka_unit_test(only_its_own_questions_have_an_answer),
        cmocka_unit_test(other_ways_to_write_the_answer_are_right),
        cmocka_unit_test(a_short_answer_has_one_spelling),
        cmocka_unit_test(a_varied_question_is_another_of_its_level),
        cmocka_unit_test(slips_name_known_patterns_and_wrong_answers),
        cmocka_unit_test(a_slip_is_what_the_mistake_gives),
        cmocka_unit_test(the_same_seed_gives_the_same_problems),
        cmocka_unit_test(the_first_problems_never_change),
    };
    struct pr_str *const all[] = {&prompt, &golden, &other, &other_golden, &working};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = PR_STR_INIT(1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pr_str_done(all[i]);
    return failed;
}
