/* Training a tokenizer: which merges come out, and that what is written is read back and used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "model/bpe_train.h"
#include "model/tokenizer.h"

static struct pr_error e;

static struct pr_bpe_trainer *trainer(const char *const *texts, size_t n)
{
    struct pr_bpe_trainer *t = NULL;
    if (pr_bpe_trainer_new(&t, &e))
        fail_msg("%s", e.message);
    for (size_t i = 0; i < n; i++)
        if (pr_bpe_trainer_add(t, texts[i], strlen(texts[i]), &e))
            fail_msg("%s", e.message);
    return t;
}

static struct pr_bpe_result run(const struct pr_bpe_trainer *t, size_t vocab, uint64_t least)
{
    struct pr_bpe_train_options o = {.vocab_size = vocab, .min_frequency = least};
    struct pr_bpe_result r;
    if (pr_bpe_trainer_run(t, &o, &r, &e))
        fail_msg("%s", e.message);
    return r;
}

/* The merges as "a+b c+d". */
static char *merges_of(const struct pr_bpe_result *r)
{
    struct pr_str out = PR_STR_INIT(1 << 20);
    for (size_t i = 0; i < r->n_merges; i++) {
        uint32_t both[2] = {r->merges[i].left, r->merges[i].right};
        for (int k = 0; k < 2; k++) {
            pr_str_puts(&out, k ? "+" : i ? " " : "");
            pr_str_append(
                &out, r->bytes + r->offset[both[k]], r->offset[both[k] + 1] - r->offset[both[k]]);
        }
    }
    return pr_str_take(&out);
}

static void expect(
    const char *const *texts, size_t n, size_t vocab, uint64_t least, const char *want)
{
    struct pr_bpe_trainer *t = trainer(texts, n);
    struct pr_bpe_result r = run(t, vocab, least);
    char *got = merges_of(&r);
    assert_string_equal(got, want);
    assert_int_equal(r.n_tokens, 256 + r.n_merges);
    pr_free(got);
    pr_bpe_result_done(&r);
    pr_bpe_trainer_free(t);
}

#define TEXTS(...)                                                                                 \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static void the_most_frequent_pair_goes_first_and_the_smaller_among_equals(void **state)
{
    (void)state;
    expect(TEXTS("bab\nbab\ncd\ncd\nab"), 1000, 3, "a+b");
    expect(TEXTS("low\nlow\nlower"), 1000, 2, "l+o lo+w");
    expect(TEXTS("zb\nya\nzb\nya"), 1000, 2, "y+a z+b"); /* y before z, whichever came first */
    expect(TEXTS("ya\nzb\nya\nzb"), 1000, 2, "y+a z+b");
    expect(TEXTS("aaa\naaa"), 1000, 1, "a+a aa+a"); /* from the front */
    expect(TEXTS("aaaa"), 1000, 1, "a+a aa+aa");
    expect(TEXTS("ab cd", " cd"), 1000, 2, "c+d  +cd"); /* the space goes with the word */
}

static void merges_stop_at_the_size_or_where_nothing_is_frequent(void **state)
{
    (void)state;
    expect(TEXTS("abcabcabc"), 259, 1, "");
    expect(TEXTS("abc\nabc"), 260, 1, "a+b");
    expect(TEXTS("abc\nabc\nxy"), 1000, 2, "a+b ab+c");
    expect(TEXTS("abc\nabc\nxy"), 1000, 1, "a+b ab+c x+y");
    expect(TEXTS("abc\nabc\nxy"), 1000, 0, "a+b ab+c x+y");
    expect(TEXTS(""), 1000, 1, "");
    expect(NULL, 0, 1000, 1, "");
}

static void digits_stay_alone_and_special_tokens_part_the_text(void **state)
{
    (void)state;
    expect(TEXTS("1212 1212 1212"), 1000, 1, "");
    expect(TEXTS("ab<|im_start|>ab<|im_end|><|endoftext|>ab"), 1000, 2, "a+b");
    expect(TEXTS("<|im_start|><|im_start|>"), 1000, 1, "");
    expect(TEXTS("<|im_"), 1000, 1, "<+| i+m");                          /* begins like one */
    expect(TEXTS("e\u0301e\u0301"), 1000, 1, "\xc3+\xa9 \u00e9+\u00e9"); /* NFC */
}

static void the_order_of_the_texts_does_not_matter(void **state)
{
    (void)state;
    static const char *const a[] = {"the cat sat on the mat", "that hat", "12 cats"};
    static const char *const b[] = {"12 cats", "that hat", "the cat sat on the mat"};
    struct pr_bpe_trainer *t = trainer(a, 3), *u = trainer(b, 3);
    struct pr_bpe_result r = run(t, 300, 1), s = run(u, 300, 1);
    char *x = merges_of(&r), *y = merges_of(&s);
    assert_true(r.n_merges > 5);
    assert_string_equal(x, y);
    pr_free(x);
    pr_free(y);
    pr_bpe_result_done(&r);
    pr_bpe_result_done(&s);
    pr_bpe_trainer_free(t);
    pr_bpe_trainer_free(u);
}

/* Counting all pairs anew for each merge, in an array of words of its own. */
#define MAX_WORDS 400
#define MAX_LEN   24
struct plain {
    uint32_t s[MAX_WORDS][MAX_LEN];
    size_t len[MAX_WORDS], n;
};

static bool plain_best(const struct plain *p, uint32_t *ret_left, uint32_t *ret_right)
{
    size_t best = 0;
    for (size_t w = 0; w < p->n; w++) {
        for (size_t i = 0; i + 1 < p->len[w]; i++) {
            uint32_t left = p->s[w][i], right = p->s[w][i + 1];
            size_t count = 0;
            for (size_t v = 0; v < p->n; v++)
                for (size_t k = 0; k + 1 < p->len[v]; k++)
                    count += p->s[v][k] == left && p->s[v][k + 1] == right;
            if (count > best || (count == best && (left < *ret_left ||
                                                      (left == *ret_left && right < *ret_right)))) {
                best = count;
                *ret_left = left;
                *ret_right = right;
            }
        }
    }
    return best > 0;
}

static void plain_merge(struct plain *p, uint32_t left, uint32_t right, uint32_t id)
{
    for (size_t w = 0; w < p->n; w++) {
        size_t kept = 0;
        for (size_t i = 0; i < p->len[w]; i++) {
            bool both = i + 1 < p->len[w] && p->s[w][i] == left && p->s[w][i + 1] == right;
            p->s[w][kept++] = both ? id : p->s[w][i];
            i += both;
        }
        p->len[w] = kept;
    }
}

static void merges_are_those_of_counting_anew_each_time(void **state)
{
    (void)state;
    static struct plain p;
    struct pr_rng rng;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct pr_str text = PR_STR_INIT(1 << 20);
        pr_rng_seed(&rng, seed);
        p.n = 40;
        for (size_t w = 0; w < p.n; w++) {
            p.len[w] = 1 + pr_rng_below(&rng, MAX_LEN - 1);
            for (size_t i = 0; i < p.len[w]; i++) {
                char c = (char)('a' + (int)pr_rng_below(&rng, 1 + seed % 4));
                pr_str_putc(&text, c);
                p.s[w][i] = (uint32_t)(c - '!'); /* ids begin with '!' */
            }
            pr_str_putc(&text, '\n'); /* a word of its own */
        }
        const char *whole = pr_str_cstr(&text);
        struct pr_bpe_trainer *t = trainer(&whole, 1);
        struct pr_bpe_result r = run(t, 5000, 1);
        uint32_t left = 0, right = 0;
        for (size_t i = 0; i < r.n_merges; i++) {
            assert_true(plain_best(&p, &left, &right));
            assert_int_equal(r.merges[i].left, left);
            assert_int_equal(r.merges[i].right, right);
            plain_merge(&p, left, right, (uint32_t)(256 + i));
        }
        assert_false(plain_best(&p, &left, &right));
        pr_bpe_result_done(&r);
        pr_bpe_trainer_free(t);
        pr_str_done(&text);
    }
}

static void what_is_written_is_read_without_a_note_and_gives_every_text_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"sort 417\n", "user\n12+7=", "\"quoted\\back\" \x7f\x01",
        "na\u00efve \u4e2d\u6587 \U0001f600", "user\nassistant\nuser"};
    struct pr_bpe_trainer *t = trainer(texts, 5);
    struct pr_bpe_result r = run(t, 300, 1);
    struct pr_str json = PR_STR_INIT(1 << 24);
    struct pr_tokenizer *k = NULL;
    struct pr_notes notes = {0};
    assert_int_equal(pr_bpe_tokenizer_json(&r, &json, &e), PR_OK);
    if (pr_tokenizer_parse(json.data, json.len, "it", &k, &notes, &e))
        fail_msg("%s", e.message);
    assert_int_equal(notes.n, 0);
    assert_int_equal(pr_tokenizer_size(k), r.n_tokens + PR_BPE_SPECIALS);
    assert_int_equal(pr_tokenizer_id(k, "<|endoftext|>"), r.n_tokens);
    assert_int_equal(pr_tokenizer_id(k, "<|im_end|>"), r.n_tokens + 2);
    assert_true(pr_tokenizer_is_special(k, (int32_t)r.n_tokens + 1));
    assert_true(pr_tokenizer_id(k, "user") > 0);
    for (size_t i = 0; i < 5; i++) {
        struct pr_ids ids = {0};
        struct pr_str back = PR_STR_INIT(1 << 16);
        assert_int_equal(pr_tokenizer_encode(k, texts[i], strlen(texts[i]), &ids, &e), PR_OK);
        assert_int_equal(pr_tokenizer_decode(k, ids.v, ids.n, false, &back, &e), PR_OK);
        assert_string_equal(back.data, texts[i]);
        pr_ids_done(&ids);
        pr_str_done(&back);
    }
    pr_tokenizer_free(k);
    pr_notes_done(&notes);
    pr_str_done(&json);
    pr_bpe_result_done(&r);
    pr_bpe_trainer_free(t);
}

static void a_word_without_end_is_passed_over(void **state)
{
    (void)state;
    struct pr_str text = PR_STR_INIT(1 << 20);
    for (size_t i = 0; i < 100000; i++)
        pr_str_puts(&text, "xy");
    pr_str_puts(&text, " ab ab");
    const char *whole = pr_str_cstr(&text);
    struct pr_bpe_trainer *t = trainer(&whole, 1);
    struct pr_bpe_result r = run(t, 1000, 1);
    char *got = merges_of(&r);
    assert_string_equal(got, "a+b  +ab");
    assert_int_equal(pr_bpe_trainer_figures(t).too_long, 1);
    assert_int_equal(pr_bpe_trainer_figures(t).words, 3);
    assert_int_equal(pr_bpe_trainer_figures(t).distinct, 1);
    pr_free(got);
    pr_bpe_result_done(&r);
    pr_bpe_trainer_free(t);
    pr_str_done(&text);
}

static int stop(void *ctx, size_t tokens, size_t vocab_size)
{
    assert_true(tokens <= vocab_size);
    return ++*(int *)ctx == 2;
}

static void progress_is_told_and_can_stop_it(void **state)
{
    (void)state;
    struct pr_rng rng;
    struct pr_str text = PR_STR_INIT(1 << 22);
    struct pr_bpe_result r = {0};
    pr_rng_seed(&rng, 1);
    for (size_t i = 0; i < 500000; i++)
        pr_str_putc(&text, "abcdefghij "[pr_rng_below(&rng, 11)]);
    const char *whole = pr_str_cstr(&text);
    struct pr_bpe_trainer *t = trainer(&whole, 1);
    int calls = 0;
    struct pr_bpe_train_options o = {.vocab_size = 20000, .on_progress = stop, .ctx = &calls};
    assert_int_equal(pr_bpe_trainer_run(t, &o, &r, &e), PR_E_CANCELLED);
    assert_int_equal(calls, 2);
    o.vocab_size = 258;
    assert_int_equal(pr_bpe_trainer_run(t, &o, &r, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, "259"));
    pr_bpe_trainer_free(t);
    pr_bpe_trainer_free(NULL);
    pr_str_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_frequent_pair_goes_first_and_the_smaller_among_equals),
        cmocka_unit_test(merges_stop_at_the_size_or_where_nothing_is_frequent),
        cmocka_unit_test(digits_stay_alone_and_special_tokens_part_the_text),
        cmocka_unit_test(the_order_of_the_texts_does_not_matter),
        cmocka_unit_test(merges_are_those_of_counting_anew_each_time),
        cmocka_unit_test(what_is_written_is_read_without_a_note_and_gives_every_text_back),
        cmocka_unit_test(a_word_without_end_is_passed_over),
        cmocka_unit_test(progress_is_told_and_can_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
