/* An answer's text in pieces: joined it is the text of all tokens, cut before a stop text, and no
 * piece ends within a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "serve/text.h"

static struct pr_tokenizer *open_tokenizer(const char *name)
{
    struct pr_tokenizer *t;
    struct pr_error e;
    char path[512];
    snprintf(path, sizeof path, "%s/tokenizers/%s/tokenizer.json", PR_FIXTURES, name);
    if (pr_tokenizer_open(path, &t, NULL, &e))
        fail_msg("%s", e.message);
    return t;
}

/* All pieces joined in out; returns how many there were. */
static size_t stream(struct pr_serve_text *t, const int32_t *ids, size_t n, struct pr_str *out)
{
    struct pr_error e;
    size_t pieces = 0, before = 0;
    bool goes_on = true;
    for (size_t i = 0; i < n && goes_on; i++) {
        assert_int_equal(pr_serve_text_add(t, ids[i], out, &goes_on, &e), PR_OK);
        assert_true(pr_utf8_valid(out->data ? out->data + before : "", out->len - before));
        pieces += out->len > before;
        before = out->len;
    }
    assert_int_equal(pr_serve_text_end(t, out, &e), PR_OK);
    return pieces;
}

static void decode(
    const struct pr_tokenizer *tokenizer, const int32_t *ids, size_t n, struct pr_str *out)
{
    struct pr_error e;
    assert_int_equal(pr_tokenizer_decode(tokenizer, ids, n, true, out, &e), PR_OK);
}

static void pieces_joined_are_the_text_of_all_tokens(void **state)
{
    (void)state;
    static const char *const names[] = {"small-qwen-a", "small-llama3-style"};
    static const char text[] =
        "Grüße, 12 + 30 = 42 — “naïve” 日本語 👩‍👩‍👧 done.\n\n  x";
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    for (int round = 0; round < 200; round++) {
        struct pr_tokenizer *t = round % 50 ? NULL : open_tokenizer(names[round / 50 % 2]);
        static struct pr_tokenizer *kept;
        kept = t ? t : kept;
        struct pr_ids ids = {0};
        struct pr_error e;
        struct pr_str want = PR_STR_INIT(1 << 20), got = PR_STR_INIT(1 << 20);
        struct pr_serve_text s;
        if (round % 2)
            for (int i = 0; i < 60; i++) /* bytes of characters in any order */
                pr_ids_push(&ids, (int32_t)pr_rng_below(&r, (uint64_t)pr_tokenizer_size(kept)));
        else
            assert_int_equal(pr_tokenizer_encode(kept, text, sizeof text - 1, &ids, &e), PR_OK);
        decode(kept, ids.v, ids.n, &want);
        pr_serve_text_init(&s, kept, NULL, 0);
        size_t pieces = stream(&s, ids.v, ids.n, &got);
        assert_string_equal(pr_str_cstr(&got), pr_str_cstr(&want));
        assert_true(pieces > 3);
        pr_serve_text_done(&s);
        pr_ids_done(&ids);
        pr_str_done(&want);
        pr_str_done(&got);
        if (round % 50 == 49)
            pr_tokenizer_free(kept);
    }
}

static void nothing_is_given_out_from_a_stop_text_on(void **state)
{
    (void)state;
    static const char *const stops[] = {"\n\n", "Question:", "aab", "42."};
    static const struct {
        const char *text, *want;
    } cases[] = {{"one two\n\nthree", "one two"},
        {"The answer is 42, not 42. Or?", "The answer is 42, not "},
        {"Quest Question Questio Question: x", "Quest Question Questio "}, {"aaab", "a"},
        {"no stop here, aa", "no stop here, aa"}, {"Questi", "Questi"}, {"\n\n", ""}, {"", ""}};
    struct pr_tokenizer *t = open_tokenizer("small-qwen-a");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct pr_ids ids = {0};
        struct pr_error e;
        struct pr_str got = PR_STR_INIT(1 << 20);
        struct pr_serve_text s;
        assert_int_equal(
            pr_tokenizer_encode(t, cases[c].text, strlen(cases[c].text), &ids, &e), PR_OK);
        pr_serve_text_init(&s, t, stops, 4);
        stream(&s, ids.v, ids.n, &got);
        assert_string_equal(pr_str_cstr(&got), cases[c].want);
        assert_int_equal(s.stopped, strcmp(cases[c].text, cases[c].want) != 0);
        pr_serve_text_done(&s);
        pr_ids_done(&ids);
        pr_str_done(&got);
    }
    pr_tokenizer_free(t);
}

/* What cannot begin a stop text is not held back: a reader sees words as they come. */
static void text_comes_as_soon_as_it_is_certain(void **state)
{
    (void)state;
    static const char *const stops[] = {"STOP"};
    struct pr_tokenizer *t = open_tokenizer("small-qwen-a");
    struct pr_ids ids = {0};
    struct pr_error e;
    struct pr_str got = PR_STR_INIT(1 << 20), all = PR_STR_INIT(1 << 20);
    struct pr_serve_text s;
    bool goes_on;
    assert_int_equal(pr_tokenizer_encode(t, "plain words go out", 18, &ids, &e), PR_OK);
    pr_serve_text_init(&s, t, stops, 1);
    for (size_t i = 0; i < ids.n; i++) {
        assert_int_equal(pr_serve_text_add(&s, ids.v[i], &got, &goes_on, &e), PR_OK);
        pr_str_clear(&all);
        decode(t, ids.v, i + 1, &all);
        assert_string_equal(pr_str_cstr(&got), pr_str_cstr(&all));
    }
    pr_serve_text_done(&s);
    pr_ids_done(&ids);
    pr_str_done(&got);
    pr_str_done(&all);
    pr_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_joined_are_the_text_of_all_tokens),
        cmocka_unit_test(nothing_is_given_out_from_a_stop_text_on),
        cmocka_unit_test(text_comes_as_soon_as_it_is_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
