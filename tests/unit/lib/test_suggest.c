/* "Did you mean …?" */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/suggest.h"

static const char *const names[] = {"dtype", "threads", "max-new-tokens", "top-p"};

static void a_slip_of_the_finger_is_recognised(void **state)
{
    (void)state;
    assert_string_equal(pr_suggest("dtpye", names, 4), "dtype");
    assert_string_equal(pr_suggest("thread", names, 4), "threads");
    assert_string_equal(pr_suggest("max_new_tokens", names, 4), "max-new-tokens");
}

static void an_unrelated_word_suggests_nothing(void **state)
{
    (void)state;
    assert_null(pr_suggest("colour", names, 4));
    assert_null(pr_suggest("", names, 4));
    assert_null(pr_suggest("x", names, 0));
}

static void a_very_long_word_is_no_slip(void **state)
{
    (void)state;
    char word[5000];
    for (size_t i = 0; i < sizeof word; i++)
        word[i] = i + 1 < sizeof word ? 'd' : 0;
    assert_null(pr_suggest(word, names, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_the_finger_is_recognised),
        cmocka_unit_test(an_unrelated_word_suggests_nothing),
        cmocka_unit_test(a_very_long_word_is_no_slip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
