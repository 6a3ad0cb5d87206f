/* Text from models and files, made harmless for a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/term.h"

static void cleaned(const char *text, size_t columns, const char *want)
{
    struct pr_str s = PR_STR_INIT(1000);
    pr_term_clean(&s, text, strlen(text), columns);
    assert_string_equal(pr_str_cstr(&s), want);
    pr_str_done(&s);
}

static void escape_sequences_and_reordering_are_taken_out(void **state)
{
    (void)state;
    cleaned("a\033[2Jb\x7f"
            "c",
        0, "a?[2Jb?c");
    cleaned("\xc2\x9b"
            "31m",
        0, "?31m"); /* C1 */
    cleaned("\xe2\x80\xae"
            "abc",
        0, "?abc"); /* right-to-left override */
    cleaned("a\xff"
            "b",
        0,
        "a\xef\xbf\xbd"
        "b"); /* not UTF-8 */
}

static void white_space_becomes_one_blank(void **state)
{
    (void)state;
    cleaned("one\n\n two\tthree", 0, "one two three");
}

static void long_text_is_cut_at_a_character_and_says_so(void **state)
{
    (void)state;
    cleaned("abcdef", 6, "abcdef");
    cleaned("abcdefg", 6, "abcde…");
    cleaned("日本語", 5, "日本…");
    cleaned("日本語", 6, "日本語");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_sequences_and_reordering_are_taken_out),
        cmocka_unit_test(white_space_becomes_one_blank),
        cmocka_unit_test(long_text_is_cut_at_a_character_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
