/* Each pattern on small cases, one against its neighbours; and any bytes at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "exam/grade.h"
#include "mistakes/mistake.h"

struct row {
    const char *question, *golden, *answer, *pattern;
};

static struct pr_text text(const char *s)
{
    return (struct pr_text){.s = s, .n = s ? strlen(s) : 0};
}

static struct pr_mistake_case plain(const char *question, const char *golden, const char *answer)
{
    return (struct pr_mistake_case){.question = text(question),
        .golden = text(golden),
        .answer = text(answer),
        .output = text(answer)};
}

static void expect(const struct pr_mistake_case *c, const char *pattern, const char *why)
{
    struct pr_mistake_found found;
    pr_mistake_recognise(c, &found);
    if (strcmp(pr_mistake_name(found.pattern), pattern))
        print_error("%.*s -> %.*s, '%.*s': %s\n", (int)c->question.n, c->question.s,
            (int)c->golden.n, c->golden.s, (int)c->answer.n, c->answer.s, found.why);
    assert_string_equal(pr_mistake_name(found.pattern), pattern);
    assert_true(*found.why && pr_utf8_valid(found.why, strlen(found.why)));
    if (why)
        assert_string_equal(found.why, why);
    pr_free(found.why);
}

static void expect_all(const struct row *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pr_mistake_case c = plain(v[i].question, v[i].golden, v[i].answer);
        expect(&c, v[i].pattern, NULL);
    }
}
#define EXPECT(rows) expect_all(rows, sizeof(rows) / sizeof *(rows))

static void names_find_their_patterns(void **state)
{
    (void)state;
    enum pr_mistake m;
    for (int i = 0; i < PR_N_MISTAKES; i++) {
        assert_true(pr_mistake_find(pr_mistake_name((enum pr_mistake)i), &m) && (int)m == i);
        assert_true(*pr_mistake_about(m));
    }
    assert_false(pr_mistake_find("", &m));
}

static void what_was_cut_off_is_looped_only_where_half_of_it_repeats(void **state)
{
    (void)state;
    static const struct {
        const char *output, *pattern;
    } rows[] = {{"8, 8, 8, 8, 8", "looped"}, {"abcabcab", "looped"}, {"abcab", "truncated"},
        {"abcabc", "truncated"}, {"0123456789xyxyx", "truncated"}, {"01234567xyxyxyxy", "looped"},
        {"aaa", "looped"}, {"aa", "truncated"}, {"", "truncated"},
        {"\u00e9\u00e9\u00e9\u00e9\uFFFD", "looped"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pr_mistake_case c = plain("What is 9 + 2?", "11", NULL);
        c.output = text(rows[i].output);
        c.truncated = true;
        expect(&c, rows[i].pattern, NULL);
        c.think = c.think_unclosed = true;
        expect(&c, "think_unclosed", NULL);
    }
}

/* A naive quadratic search must come to the same end on all short texts of two letters. */
static bool naive_loop(const char *s, size_t n)
{
    for (size_t period = 1; period < n; period++) {
        size_t len = period;
        while (len < n && s[n - 1 - len] == s[n - 1 - len + period])
            len++;
        if (len * 2 >= n && len > 2 * period)
            return true;
    }
    return false;
}

static void looped_is_found_as_a_naive_search_finds_it(void **state)
{
    (void)state;
    char s[16];
    for (size_t n = 1; n <= 13; n++)
        for (unsigned bits = 0; bits < 1u << n; bits++) {
            for (size_t i = 0; i < n; i++)
                s[i] = bits >> i & 1 ? 'b' : 'a';
            s[n] = 0;
            struct pr_mistake_case c = plain("q", "g", NULL);
            struct pr_mistake_found found;
            c.output = text(s);
            c.truncated = true;
            pr_mistake_recognise(&c, &found);
            pr_free(found.why);
            assert_int_equal(found.pattern == PR_MISTAKE_IS_looped, naive_loop(s, n));
        }
}

static void an_answer_that_is_none_is_told_by_its_form(void **state)
{
    (void)state;
    static const struct row rows[] = {{"What is 9 + 2?", "11", " \n", "empty"},
        {"What is 9 + 2?", "11", "I'm sorry, but I cannot do that.", "refused"},
        {"What is 9 + 2?", "11", "Sorry, but it is 12.", "off_by_one"},
        {"All toves are raths. Are all raths toves?", "no", "I have no idea.", "refused"},
        {"All toves are raths. Are all raths toves?", "no", "unknown", "other_choice"},
        {"What is 9 + 2?", "11", "11.", "misplaced"}, {"What is 9 + 2?", "11", "$11", "misplaced"},
        {"What is 900 + 111?", "1011", "1,011", "format_broken"},
        {"What is 9 + 2?", "11", "12 or 13", "format_broken"},
        {"What is 9 + 2?", "11", "First 9, then 2. **12**", "off_by_one"},
        {"What is 9 + 2?", "11", "9 + 2 = 12", "off_by_one"},
        {"What is 9 + 2?", "11", "9 and 2, so \\boxed{12}", "off_by_one"},
        {"What is 9 + 2?", "11", "9 and 2\n#### 12", "off_by_one"},
        {"Are all toves raths?", "yes", "Yes", "format_broken"},
        {"Are all toves raths?", "yes", "Yes, they are.", "misplaced"},
        {"47?52", "<", "47 < 52", "misplaced"}, {"47?52", "<", "yes", "format_broken"}};
    EXPECT(rows);
}

static void the_right_value_at_the_think_blocks_end_is_misplaced(void **state)
{
    (void)state;
    struct pr_mistake_case c = plain("What is 9 + 2?", "11", "12");
    c.think = true;
    c.output = text("<think>9 + 2 = 11</think>12");
    expect(&c, "misplaced", "the think block comes to 11, but '12' was answered");
    c.output = text("<think>11? No, 13</think>12");
    expect(&c, "off_by_one", NULL);
    c.output = text("so 11</think>\n12"); /* the prompt has opened it */
    expect(&c, "misplaced", NULL);
}

static void lists_are_compared_by_their_items(void **state)
{
    (void)state;
    static const struct row rows[] = {{"Sort: 4, 4, 3.", "3, 4, 4", "4, 3, 4", "wrong_order"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "[4, 4]", "item_missing"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "4", "item_missing"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "3, 4, 4, 4", "item_added"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "7", "item_changed"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "3,4,4", "format_broken"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "Sorted: 3, 4, 4", "misplaced"},
        {"Sort: 4, 4, 3.", "3, 4, 4", "a, b, c", "format_broken"},
        {"Sort these words: b, a.", "a, b", "1, 2", "format_broken"},
        {"sort 417", "147", "174", "wrong_order"}, {"sort 417", "147", "14", "item_missing"},
        {"sort 417", "147", "1478", "item_added"}, {"sort 417", "147", "148", "item_changed"},
        {"sort 417", "147", "1 4 7", "format_broken"}, {"rev 417", "714", "417", "wrong_order"}};
    EXPECT(rows);
}

static void choices_are_told_by_what_the_question_offers(void **state)
{
    (void)state;
    static const struct row rows[] = {{"Which is larger, 25 or 31?", "31", "25", "other_choice"},
        {"Which is larger, 25 or 31?", "31", "25 is larger than 31", "other_choice"},
        {"Which is larger, 25 or 31?", "31", "32", "not_offered"},
        {"Which is the largest of 2.5, -3 and 8?", "8", "2.5", "other_choice"},
        {"Which is heavier, lead or wood?", "lead", "wood", "other_choice"},
        {"Which is heavier, lead or wood?", "lead", "iron", "not_offered"},
        {"Which of zud and zimp comes last?", "zud", "zimp", "other_choice"},
        {"max 417", "7", "4", "other_choice"}, {"max 417", "7", "9", "not_offered"},
        {"What is it? (A) a tree (B) a fox", "B", "(A)", "other_choice"},
        {"What is it? (A) a tree (B) a fox", "B", "a tree", "other_choice"},
        {"What is it? (A) a tree (B) a fox", "B", "C", "not_offered"},
        {"Which is smaller, 91 + 17 or 98 - 45? Give the value.", "53", "108", "other_choice"},
        {"Which is smaller, 91 + 17 or 98 - 45? Give the value.", "53", "143", "wrong_operation"},
        {"Which is smaller, 91 + 17 or 98 - 45? Give the value.", "53", "74", "wrong_operation"},
        {"Which is smaller, 91 + 17 or 98 - 45? Give the value.", "53", "43", "carry"},
        {"Which is smaller, 91 + 17 or 98 - 45? Give the value.", "53", "17", "step_missing"},
        {"Which is smaller, 91 + 17 or 98 - 45? Give the value.", "53", "98", "step_missing"}};
    EXPECT(rows);
}

static void operations_carries_and_steps_are_told_from_the_questions_numbers(void **state)
{
    (void)state;
    static const struct row rows[] = {{"What is 9 - 5?", "4", "14", "wrong_operation"},
        {"What is 9 - 5?", "4", "-4", "wrong_operation"},
        {"What is 9 - 5?", "4", "1.8", "wrong_operation"},
        {"What is 7 - 3?", "4", "2.333", "far"}, /* 7 / 3 does not end */
        {"What is 8 / 2?", "4", "0.25", "wrong_operation"},
        {"Compute (3 + 4) * 2 - 3.", "11", "14", "step_missing"},
        {"Compute (3 + 4) * 2 - 1.", "13", "7", "step_missing"},
        {"Compute (3 + 4) * 2 - 1.", "13", "14", "wrong_operation"},
        {"What is 12 times 4?", "48", "16", "wrong_operation"},
        {"Compute 58 + 67.", "125", "115", "carry"}, {"Compute 58 + 67.", "125", "25", "carry"},
        {"Compute 22 + 97.", "119", "129", "carry"}, {"Compute 377 + 899.", "1276", "166", "carry"},
        {"Compute 84 - 46.", "38", "48", "carry"}, {"Compute 98 - 45.", "53", "43", "carry"},
        {"Compute 720 - 173.", "547", "657", "carry"}, {"Compute 990 - 954.", "36", "44", "carry"},
        {"Compute 2 * (58 + 67).", "250", "230", "carry"},
        {"Compute 13 - 12.", "1", "-9", "far"}, /* below zero is no borrow */
        {"Solve for x: 3x + 12 = 0.", "-4", "4", "wrong_operation"},
        {"Solve for x: 2x + 3 = x + 9.", "6", "12", "wrong_operation"},
        {"Solve: x/4 - 1 = 2", "12", "3", "step_missing"},
        {"24 sweets are shared by 6 children. How many each?", "4", "144", "wrong_operation"}};
    EXPECT(rows);
}

static void numbers_are_told_by_their_digits(void **state)
{
    (void)state;
    static const struct row rows[] = {{"n?", "-42", "42", "sign"}, {"n?", "16", "17", "off_by_one"},
        {"n?", "70", "7", "place_value"}, {"n?", "105", "1050", "place_value"},
        {"n?", "2.5", "25", "place_value"}, {"n?", "492", "49", "digit_dropped"},
        {"n?", "492", "4932", "digit_added"}, {"n?", "392", "293", "digits_swapped"},
        {"n?", "392", "372", "digit_wrong"}, {"n?", "3", "5", "far"},
        {"n?", "1776", "1802", "near"}, {"n?", "1000", "1099", "near"}, {"n?", "100", "111", "far"},
        {"n?", "0", "5", "far"}, {"n?", "1/3", "0.33", "near"},
        {"n?", "123456789012345678901234567890", "123456789012345678901234567891", "digit_wrong"}};
    EXPECT(rows);
}

static void dates_and_texts_are_told_by_what_they_say(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10 days after 2024-02-25?", "2024-03-06", "2024-02-15", "wrong_operation"},
        {"10 days after 2024-02-25?", "2024-03-06", "2024-03-05", "off_by_one"},
        {"10 days after 2024-02-25?", "2024-03-06", "2024-04-06", "other"},
        {"10 days after 2024-02-25?", "2024-03-06", "6 March 2024", "format_broken"},
        {"10 days after 2024-02-25?", "2024-03-06", "2024-02-30", "format_broken"},
        {"It is Monday. And in 6 days?", "Sunday", "Monday", "off_by_one"},
        {"It is Monday. And in 9 days?", "Wednesday", "Saturday", "wrong_operation"},
        {"q", "south", "souht", "misspelt"}, {"q", "south", "soth", "misspelt"},
        {"q", "south", "sut", "other"}, {"q", "garden", "gradem", "misspelt"},
        {"q", "sun", "san", "other"}, {"q", "room 12", "room 13", "other"},
        {"q", "\u00c4pfel", "\u00e4pfle", "misspelt"}, {"q", "New York City", "york", "part"},
        {"q", "New York City", "ork", "other"}, {"q", "basketball", "ball", "part"},
        {"q", "basketball", "b", "other"}, {"q", "Lisbon", "Porto", "other"},
        {"q", "{\"a\": 1}", "{\"a\": 2}", "other"},
        {"q", "{\"a\": 1}", "{\"a\": ", "format_broken"},
        {"q", "{\"a\": 1}", "{\"a\":1}", "format_broken"},
        {"q", "{\"a\": 1}", "It is {\"a\":1}", "misplaced"}};
    EXPECT(rows);
}

static void what_went_wrong_is_said_with_the_numbers_of_the_case(void **state)
{
    (void)state;
    struct pr_mistake_case c = plain("What is 8 * 9?", "72", "17");
    expect(&c, "wrong_operation", "17 is 8 + 9; 8 × 9 was asked for");
    c.answer = c.output = text("71");
    expect(&c, "off_by_one", "71 instead of 72: one too few");
    c = plain("Compute (3 + 4) * 2 - 1.", "13", "7");
    expect(&c, "step_missing", "7 is 3 + 4, the result of an earlier step");
    c = plain("Which is larger, 25 or 31?", "31", "32");
    expect(&c, "not_offered", "32 is none of 31, 25");
    c.answer = c.output = text("\xff\x01?");
    expect(&c, "format_broken", NULL);
}

static void a_skill_that_knows_the_question_says_why(void **state)
{
    (void)state;
    struct pr_mistake_case c = plain("58+67=", "125", "115");
    c.skill = pr_skill_find("addition");
    struct pr_mistake_found found;
    pr_mistake_recognise(&c, &found);
    assert_int_equal(found.pattern, PR_MISTAKE_IS_carry);
    assert_non_null(strstr(found.why, "forgotten"));
    pr_free(found.why);
}

static void texts_that_are_not_there_are_no_mistake_of_form(void **state)
{
    (void)state;
    struct pr_mistake_case c = {0};
    expect(&c, "other", "what was answered was not kept");
    c.output = text("");
    expect(&c, "empty", NULL);
}

/* Repeated pieces, brackets, digits and separators: what could take long or read astray. */
static void long_and_hostile_texts_are_bounded(void **state)
{
    (void)state;
    static const char *const pieces[] = {"(", "1+", "1,", "a", "12 ", "\u2212", "=", "**", "- ",
        " or ", "x=", "\xf0\x9f", "A) ", "Monday ", "2024-01-01", "[", "{\"a\":", "no idea "};
    enum { N = 100000 };
    char *s = pr_alloc(N);
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        size_t n = strlen(pieces[k]);
        for (size_t i = 0; i < N; i++)
            s[i] = pieces[k][i % n];
        struct pr_text t = {.s = s, .n = N};
        for (int truncated = 0; truncated < 2; truncated++) {
            struct pr_mistake_case c = {
                .question = t, .golden = t, .answer = t, .output = t, .truncated = truncated};
            struct pr_mistake_found found;
            pr_mistake_recognise(&c, &found);
            pr_free(found.why);
            c.golden = text("3, 4");
            pr_mistake_recognise(&c, &found);
            pr_free(found.why);
        }
    }
    pr_free(s);
}

static void a_grade_becomes_a_case(void **state)
{
    (void)state;
    struct pr_example x = {.skill = "addition", .check = {.golden = text("125")}};
    x.prompt = text("58+67=");
    char output[] = "<think>a", closed[] = "<think>a</think>b";
    struct pr_grade g = {.example = &x, .truncated = true, .think = true, .finish = "length"};
    struct pr_mistake_case c;
    pr_mistake_case_of(&g, &c);
    assert_false(c.think_unclosed || c.output.s || c.answer.s);
    g.finish = "stop"; /* it ended by itself and is cut off all the same */
    pr_mistake_case_of(&g, &c);
    assert_true(c.think_unclosed && c.truncated);
    g.finish = "length";
    g.output = output;
    g.output_len = sizeof output - 1;
    pr_mistake_case_of(&g, &c);
    assert_true(c.think_unclosed);
    g.output = closed;
    g.output_len = sizeof closed - 1;
    pr_mistake_case_of(&g, &c);
    assert_false(c.think_unclosed);
    g = (struct pr_grade){.example = &x, .empty = true, .texts_dropped = true};
    pr_mistake_case_of(&g, &c);
    expect(&c, "empty", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_their_patterns),
        cmocka_unit_test(what_was_cut_off_is_looped_only_where_half_of_it_repeats),
        cmocka_unit_test(looped_is_found_as_a_naive_search_finds_it),
        cmocka_unit_test(an_answer_that_is_none_is_told_by_its_form),
        cmocka_unit_test(the_right_value_at_the_think_blocks_end_is_misplaced),
        cmocka_unit_test(lists_are_compared_by_their_items),
        cmocka_unit_test(choices_are_told_by_what_the_question_offers),
        cmocka_unit_test(operations_carries_and_steps_are_told_from_the_questions_numbers),
        cmocka_unit_test(numbers_are_told_by_their_digits),
        cmocka_unit_test(dates_and_texts_are_told_by_what_they_say),
        cmocka_unit_test(what_went_wrong_is_said_with_the_numbers_of_the_case),
        cmocka_unit_test(a_skill_that_knows_the_question_says_why),
        cmocka_unit_test(texts_that_are_not_there_are_no_mistake_of_form),
        cmocka_unit_test(long_and_hostile_texts_are_bounded),
        cmocka_unit_test(a_grade_becomes_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
