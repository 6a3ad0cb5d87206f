/* Listings: what a remote side may say, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "transfer/listing.h"

/* Every '|' is the NUL that ends an entry. */
static enum pr_code parse_with(
    const char *text, struct pr_listing_limits limits, struct pr_listing *l, struct pr_error *e)
{
    char *copy = pr_strdup(text);
    size_t n = strlen(copy);
    for (size_t i = 0; i < n; i++)
        if (copy[i] == '|')
            copy[i] = 0;
    *l = (struct pr_listing){0};
    enum pr_code code = pr_listing_parse(copy, n, &limits, l, e);
    pr_free(copy);
    return code;
}

static struct pr_listing parsed(const char *text)
{
    struct pr_error e;
    struct pr_listing l;
    if (parse_with(text, PR_LISTING_LIMITS, &l, &e))
        fail_msg("'%s': %s", text, e.message);
    return l;
}

static void refused(const char *text, const char *because)
{
    struct pr_error e;
    struct pr_listing l;
    assert_int_equal(parse_with(text, PR_LISTING_LIMITS, &l, &e), PR_E_FORMAT);
    if (!strstr(e.message, because))
        fail_msg("'%s': '%s' instead of '%s'", text, e.message, because);
    assert_null(l.v);
}

static void test_an_ordinary_listing(void **state)
{
    (void)state;
    struct pr_listing l = parsed("d 4096 1.5 checkpoint-20|f 7 1700000000.25 checkpoint-20/b|"
                                 "f 3 1700000000.1234567899 checkpoint-20/a|l 9 2 checkpoint-20/c|"
                                 "d 1 1 checkpoint-20/global_step20|p 0 1 checkpoint-20/pipe|"
                                 "d 0 0 checkpoint-100|f 5 5 notes.txt|d 0 0 logs|"
                                 "f 9 9 logs/events|d 0 0 final|f 2 2 final/config.json|");
    assert_int_equal(l.n, 3); /* logs is no candidate */
    assert_string_equal(l.v[0].name, "checkpoint-100");
    assert_int_equal(l.v[0].n, 0);
    assert_string_equal(l.v[1].name, "checkpoint-20");
    assert_string_equal(l.v[2].name, "final");
    const struct pr_listed *c = pr_listing_find(&l, "checkpoint-20");
    assert_ptr_equal(c, &l.v[1]);
    assert_null(pr_listing_find(&l, "logs"));
    assert_int_equal(c->n, 5);
    const struct pr_listed_file *a = pr_listed_find(c, "a"), *b = pr_listed_find(c, "b");
    assert_int_equal(a->size, 3);
    assert_true(a->mtime_ns == 1700000000123456789);
    assert_true(b->mtime_ns == 1700000000250000000);
    assert_int_equal(pr_listed_find(c, "c")->kind, PR_LISTED_LINK);
    assert_int_equal(pr_listed_find(c, "c")->size, 0);
    assert_int_equal(pr_listed_find(c, "global_step20")->kind, PR_LISTED_FOLDER);
    assert_int_equal(pr_listed_find(c, "pipe")->kind, PR_LISTED_OTHER);
    pr_listing_done(&l);
    l = parsed("");
    assert_int_equal(l.n, 0);
    pr_listing_done(&l);
}

static void test_names_may_hold_anything_but_a_slash(void **state)
{
    (void)state;
    struct pr_listing l =
        parsed("d 0 0 checkpoint-1|f 1 -1.5 checkpoint-1/ a b|f 1 1 checkpoint-1/-rf|"
               "f 1 1 checkpoint-1/$(touch x)`y`'\"\\\n\t*?[|f 1 1 checkpoint-1/\xff\xfe|");
    const struct pr_listed *c = &l.v[0];
    assert_int_equal(c->n, 4);
    assert_true(pr_listed_find(c, " a b")->mtime_ns == -1500000000);
    assert_non_null(pr_listed_find(c, "-rf"));
    assert_non_null(pr_listed_find(c, "$(touch x)`y`'\"\\\n\t*?["));
    assert_non_null(pr_listed_find(c, "\xff\xfe"));
    pr_listing_done(&l);
}

static void test_hostile_listings_are_refused(void **state)
{
    (void)state;
    refused("d 0 0 checkpoint-1", "without an end");
    refused("|", "kind size time path");
    refused("d 0 0|", "kind size time path");
    refused("d -1 0 x|", "kind size time path");
    refused("d 0x10 0 x|", "kind size time path");
    refused("d 0  0 x|", "kind size time path");
    refused("f 99999999999999999999999 0 x|", "kind size time path");
    refused("f 2000000000000000000 0 x|", "kind size time path");
    refused("f 1 99999999999999999999 x|", "kind size time path");
    refused("f 1 - x|", "kind size time path");
    refused("f 1 nan x|", "kind size time path");
    refused("ff 1 1 x|", "kind size time path");
    refused("d 0 0 |", "no path");
    refused("d 0 0 ..|", "no path");
    refused("d 0 0 .hidden|", "no path");
    refused("d 0 0 /etc|", "no path");
    refused("d 0 0 a|f 1 1 a/../b|", "no path");
    refused("d 0 0 a|f 1 1 a/..|", "no path");
    refused("d 0 0 a|f 1 1 a/.x|", "no path");
    refused("d 0 0 a|f 1 1 a/|", "no path");
    refused("d 0 0 a|f 1 1 a//b|", "no path");
    refused("d 0 0 a|f 1 1 a/b/c|", "no path");
    refused("f 1 1 a/b|", "another folder");
    refused("f 0 0 a|f 1 1 a/b|", "another folder");
    refused("d 0 0 a|d 0 0 b|f 1 1 a/x|", "another folder");
    refused("d 0 0 a|d 0 0 a|", "twice");
    refused("d 0 0 a|f 1 1 a/x|l 1 1 a/x|", "twice");
    char text[400] = "d 0 0 a|f 1 1 a/";
    size_t n = strlen(text);
    memset(text + n, 'x', 256);
    memcpy(text + n + 256, "|", 2);
    refused(text, "no path");
}

static void test_listings_are_bounded(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_listing l;
    const char *text = "d 0 0 a|f 1 1 a/config.json|";
    assert_int_equal(parse_with(text, (struct pr_listing_limits){1, 1000}, &l, &e), PR_E_LIMIT);
    assert_int_equal(
        parse_with(text, (struct pr_listing_limits){2, strlen(text) - 1}, &l, &e), PR_E_LIMIT);
    assert_int_equal(parse_with(text, (struct pr_listing_limits){2, strlen(text)}, &l, &e), PR_OK);
    pr_listing_done(&l);
}

static void test_any_difference_is_one(void **state)
{
    (void)state;
    static const char *const others[] = {"d 0 0 checkpoint-1|f 2 1 checkpoint-1/a|",
        "d 0 0 checkpoint-1|f 1 1.000000001 checkpoint-1/a|",
        "d 0 0 checkpoint-1|f 1 1 checkpoint-1/b|", "d 0 0 checkpoint-1|l 1 1 checkpoint-1/a|",
        "d 0 0 checkpoint-1|f 1 1 checkpoint-1/a|f 0 0 checkpoint-1/b|", "d 0 0 checkpoint-1|"};
    struct pr_listing base = parsed("d 0 0 checkpoint-1|f 1 1 checkpoint-1/a|");
    struct pr_listing same = parsed("d 5 5 checkpoint-1|f 1 1.0 checkpoint-1/a|");
    char hash[PR_SHA256_HEX], other[PR_SHA256_HEX];
    pr_listed_hash(&base.v[0], hash);
    pr_listed_hash(&same.v[0], other);
    assert_true(pr_listed_same(&base.v[0], &same.v[0]));
    assert_string_equal(hash, other);
    assert_false(pr_listed_same(&base.v[0], NULL));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct pr_listing l = parsed(others[i]);
        pr_listed_hash(&l.v[0], other);
        assert_false(pr_listed_same(&base.v[0], &l.v[0]));
        assert_string_not_equal(hash, other);
        pr_listing_done(&l);
    }
    struct pr_listed copy = pr_listed_copy(&base.v[0]);
    assert_true(pr_listed_same(&copy, &base.v[0]));
    assert_string_equal(copy.name, "checkpoint-1");
    pr_listed_done(&copy);
    pr_listing_done(&base);
    pr_listing_done(&same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ordinary_listing),
        cmocka_unit_test(test_names_may_hold_anything_but_a_slash),
        cmocka_unit_test(test_hostile_listings_are_refused),
        cmocka_unit_test(test_listings_are_bounded),
        cmocka_unit_test(test_any_difference_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
