/* Words and the three comparisons: what counts as the same, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "queue/known.h"
#include "queue/print.h"
#include "queue/seen.h"

static void words_are(const char *text, const char *want)
{
    struct pr_str out = PR_STR_INIT(1 << 16);
    struct pr_words w = {0};
    pr_words_add(&w, text, strlen(text));
    assert_int_equal(pr_words_text(text, strlen(text), 0, 1000, &out), w.n);
    assert_string_equal(pr_str_cstr(&out), want);
    pr_words_done(&w);
    pr_str_done(&out);
}

static uint64_t hash_of(const char *text)
{
    struct pr_words w = {0};
    pr_words_add(&w, text, strlen(text));
    uint64_t h = pr_words_hash(w.v, w.n);
    pr_words_done(&w);
    return h;
}

static void words_are_what_the_rules_say(void **state)
{
    (void)state;
    words_are("What is 3 + 4?", "what is 3 + 4");
    words_are("3+4=7", "3 + 4 = 7");
    words_are("pi is 3.14. Yes", "pi is 3.14 yes");
    words_are("1,234 and [5,6]", "1 234 and 5 6");
    words_are("well-known x-y 5-3 (a)-b", "well known x - y 5 - 3 a - b");
    words_are("- an apple\n- 5 apples", "an apple - 5 apples");
    words_are("**bold** and/or 6/2 * 3", "bold and or 6 / 2 * 3");
    words_are("", "");
    words_are("…!?", "");
}

static void unicode_forms_of_the_same_word_are_the_same(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"STRASSE", "stra\u00dfe"}, {"caf\u00e9", "CAFE\u0301"},
        {"\uff21\uff22\uff23 \uff11\uff12", "abc 12"}, /* full width */
        {"\ufb01nal o\ufb00er", "FINAL offer"},        /* ligatures */
        {"don\u2019t \u201cgo\u201d", "don't \"go\""}, {"7 \u2212 2", "7 - 2"},
        {"6 \u00d7 7 \u00f7 2", "6*7/2"}, {"zero\u200bwidth so\u00adft", "zerowidth soft"},
        {"no\u00a0break \u2003 space", "NO BREAK\tSPACE"},
        {"\u0394\u03a3", "\u03b4\u03c3"}, /* and final sigma */
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (hash_of(same[i][0]) != hash_of(same[i][1]))
            fail_msg("'%s' and '%s' differ", same[i][0], same[i][1]);
    assert_true(hash_of("3 + 4") != hash_of("3 - 4"));
    assert_true(hash_of("a b") != hash_of("b a"));
    assert_true(hash_of("ab") != hash_of("a b"));
    words_are("\u6771\u4eac\u306f", "\u6771 \u4eac \u306f"); /* no spaces between words there */
}

/* --- examples --- */

static struct pr_arena arena;

static struct pr_example example(const char *question, const char *answer)
{
    struct pr_example x;
    struct pr_error e;
    json_t *line = json_object();
    pr_json_set_str(line, "prompt", question);
    pr_json_set_str(line, "golden", answer);
    if (pr_example_parse(line, NULL, &arena, &x, &e))
        fail_msg("%s", e.message);
    json_decref(line);
    return x;
}

static struct pr_known_match ask(const struct pr_known *k, const char *question, const char *answer)
{
    struct pr_known_match m;
    struct pr_example x = example(question, answer);
    pr_known_check(k, &x, &m);
    pr_example_done(&x);
    return m;
}

static void add(struct pr_known *k, const char *question, const char *answer, size_t line)
{
    struct pr_example x = example(question, answer);
    pr_known_add(k, &x, "train.jsonl", line);
    pr_example_done(&x);
}

static const char story[] =
    "A farmer keeps geese beside the old mill and every single morning he walks down to the river "
    "to count them again before the baker comes along with warm bread for the whole village";

static void the_same_words_are_known(void **state)
{
    (void)state;
    struct pr_known *k = pr_known_new();
    add(k, "Where is the river?", "Beside the mill", 7);
    struct pr_known_match m = ask(k, "WHERE  is\nthe river", "beside the MILL.");
    assert_int_equal(m.kind, PR_KNOWN_EXACT);
    assert_string_equal(m.file, "train.jsonl");
    assert_int_equal(m.line, 7);
    assert_int_equal(ask(k, "Where is the mill?", "Beside the river").kind, PR_KNOWN_NEW);
    pr_known_free(k);
}

static void one_word_of_many_is_near_and_a_number_is_not(void **state)
{
    (void)state;
    struct pr_known *k = pr_known_new();
    struct pr_str a = PR_STR_INIT(4096), b = PR_STR_INIT(4096), c = PR_STR_INIT(4096);
    pr_str_printf(&a, "%s. He has 12 of them.", story);
    pr_str_printf(&b, "%s. He owns 12 of them.", story);
    pr_str_printf(&c, "%s. He has 13 of them.", story);
    add(k, a.data, "Yes", 1);
    assert_int_equal(ask(k, b.data, "Yes").kind, PR_KNOWN_NEAR);
    assert_int_equal(ask(k, c.data, "Yes").kind, PR_KNOWN_NEW); /* another number */
    assert_int_equal(ask(k, b.data, "No").kind, PR_KNOWN_NEW);  /* another short answer */
    pr_str_done(&a);
    pr_str_done(&b);
    pr_str_done(&c);
    pr_known_free(k);
}

static struct pr_suite *suite_of(const char *text)
{
    char path[] = "/tmp/proctor-known-XXXXXX";
    int fd = mkstemp(path);
    const char *paths[] = {path};
    struct pr_suite *s = NULL;
    struct pr_error e;
    assert_int_equal(pr_file_write_all(fd, text, strlen(text)), 0);
    close(fd);
    if (pr_suite_load(paths, 1, NULL, &s, &e))
        fail_msg("%s", e.message);
    unlink(path);
    return s;
}

static struct pr_known *protected_by(const char *text)
{
    struct pr_known *k = pr_known_new();
    struct pr_suite *s = suite_of(text);
    assert_int_equal(pr_known_protect(k, s, "suite", NULL), PR_OK);
    pr_suite_free(s);
    return k;
}

static void thirteen_words_in_a_row_contaminate_and_twelve_do_not(void **state)
{
    (void)state;
    struct pr_known *k = protected_by(
        "{\"prompt\":\"One two three four five six seven eight nine ten eleven twelve thirteen "
        "fourteen?\",\"golden\":\"yes\",\"id\":\"v-1\"}\n");
    struct pr_known_match m = ask(k,
        "He said: TWO three\tfour, five six seven (eight) nine ten "
        "eleven twelve thirteen fourteen and went.",
        "fine");
    assert_int_equal(m.kind, PR_KNOWN_CONTAMINATED);
    assert_string_equal(m.id, "v-1");
    assert_int_equal(m.line, 1);
    assert_string_equal(
        m.words, "two three four five six seven eight nine ten eleven twelve thirteen fourteen");
    assert_int_equal(ask(k,
                         "He said: three four five six seven eight nine ten eleven twelve "
                         "thirteen fourteen and went.",
                         "fine")
                         .kind,
        PR_KNOWN_NEW);
    /* The answer's words count as the end of the question's, on both sides. */
    assert_int_equal(ask(k,
                         "Count: three four five six seven eight nine ten eleven twelve "
                         "thirteen fourteen",
                         "yes")
                         .kind,
        PR_KNOWN_CONTAMINATED);
    pr_known_free(k);
}

static void a_short_question_contaminates_as_a_whole_alone(void **state)
{
    (void)state;
    struct pr_known *k = protected_by("{\"prompt\":\"What is 3 + 4?\",\"golden\":\"7\"}\n");
    assert_int_equal(ask(k, "what is 3+4", "It is seven").kind, PR_KNOWN_CONTAMINATED);
    assert_int_equal(ask(k, "What is 3 - 4?", "-1").kind, PR_KNOWN_NEW);
    assert_int_equal(ask(k, "What is 3 + 41?", "44").kind, PR_KNOWN_NEW);
    assert_int_equal(ask(k, "Tell me: what is 3 + 4?", "7").kind, PR_KNOWN_NEW);
    pr_known_free(k);
}

static void a_common_system_prompt_contaminates_nothing(void **state)
{
    (void)state;
#define SYSTEM                                                                                     \
    "{\"messages\":[{\"role\":\"system\",\"content\":\"You are a careful assistant who thinks "    \
    "about every step and then answers in one line only\"},"
    struct pr_known *k = protected_by(SYSTEM "{\"role\":\"user\",\"content\":\"Red?\"},"
                                             "{\"role\":\"assistant\",\"content\":\"No\"}]}\n");
    struct pr_suite *s = suite_of(SYSTEM "{\"role\":\"user\",\"content\":\"Blue?\"},"
                                         "{\"role\":\"assistant\",\"content\":\"Yes\"}]}\n");
    struct pr_known_match m;
    pr_known_check(k, &s->v[0], &m);
    assert_int_equal(m.kind, PR_KNOWN_NEW);
    pr_suite_free(s);
    pr_known_free(k);
}

/* What many solutions share is calculation, not a leak. */
static void calculations_in_answers_do_not_contaminate(void **state)
{
    (void)state;
    struct pr_known *k = protected_by(
        "{\"question\":\"How many eggs do the geese of the farmer lay in a week of rain?\","
        "\"answer\":\"They lay 6 * 5 = <<6*5=30>>30 eggs\"}\n");
    assert_int_equal(
        ask(k, "How much is a coat?", "A coat is 6 * 5 = <<6*5=30>>30 dollars").kind, PR_KNOWN_NEW);
    pr_known_free(k);
}

/* --- against references --- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t shingles(const uint64_t *w, size_t n, uint64_t *out)
{
    for (size_t i = 0; i + 3 <= n; i++)
        out[i] = pr_words_hash(w + i, 3);
    qsort(out, n - 2, sizeof *out, by_value);
    return n - 2;
}

static double jaccard(const uint64_t *a, const uint64_t *b, size_t n)
{
    static uint64_t x[4096], y[4096];
    size_t nx = shingles(a, n, x), ny = shingles(b, n, y), both = 0;
    for (size_t i = 0, k = 0; i < nx && k < ny;) {
        both += x[i] == y[k];
        uint64_t xi = x[i], yk = y[k];
        i += xi <= yk;
        k += yk <= xi;
    }
    return (double)both / (double)(nx + ny - both);
}

/* Sketches estimate the similarity that sorting the shingles gives, for short and long texts. */
static void similarity_is_that_of_the_sets(void **state)
{
    (void)state;
    static uint64_t a[4096], b[4096];
    struct pr_rng rng;
    pr_rng_seed(&rng, 5);
    static const struct {
        size_t n, changed;
        double within;
    } t[] = {{40, 1, 0.02}, {40, 4, 0.06}, {100, 3, 0.03}, {100, 8, 0.07}, {1000, 30, 0.08},
        {3000, 60, 0.08}};
    for (size_t c = 0; c < sizeof t / sizeof *t; c++) {
        double off = 0;
        for (int round = 0; round < 20; round++) {
            struct pr_print p, q;
            for (size_t i = 0; i < t[c].n; i++)
                a[i] = b[i] = pr_rng_u64(&rng) & ~3ull;
            for (size_t i = 0; i < t[c].changed; i++)
                b[pr_rng_below(&rng, t[c].n)] = pr_rng_u64(&rng) & ~3ull;
            pr_print_make(a, t[c].n, t[c].n, &p);
            pr_print_make(b, t[c].n, t[c].n, &q);
            off += fabs(pr_print_similarity(&p, &q) - jaccard(a, b, t[c].n)) / 20;
        }
        if (off > t[c].within)
            fail_msg("%zu words, %zu changed: off by %.3f", t[c].n, t[c].changed, off);
    }
}

/* Of random texts with one word in 40 changed (J = 0.86) nearly all are found, and of those with
 * a tenth of their words changed (J = 0.57) hardly any is called near. */
static void near_texts_are_found_and_others_are_not(void **state)
{
    (void)state;
    struct pr_rng rng;
    size_t near = 0, far = 0;
    pr_rng_seed(&rng, 9);
    for (int round = 0; round < 200; round++) {
        struct pr_known *k = pr_known_new();
        struct pr_str a = PR_STR_INIT(4096), b = PR_STR_INIT(4096), c = PR_STR_INIT(4096);
        for (int i = 0; i < 40; i++) {
            unsigned w = (unsigned)pr_rng_below(&rng, 1000000);
            pr_str_printf(&a, "w%u ", w);
            pr_str_printf(&b, "w%u ", i == 20 ? 7 : w);
            pr_str_printf(&c, "w%u ", i % 10 == 5 ? 7 : w);
        }
        add(k, a.data, "yes", 1);
        near += ask(k, b.data, "yes").kind == PR_KNOWN_NEAR;
        far += ask(k, c.data, "yes").kind == PR_KNOWN_NEAR;
        pr_str_done(&a);
        pr_str_done(&b);
        pr_str_done(&c);
        pr_known_free(k);
    }
    assert_in_range(near, 196, 200);
    assert_in_range(far, 0, 2);
}

/* Past the first number of buckets they are split: every text is still found. */
static void many_texts_are_all_found_again(void **state)
{
    (void)state;
    enum { N = 9000 };
    static struct pr_print prints[N];
    struct pr_seen seen = {0};
    struct pr_rng rng;
    uint64_t words[40];
    size_t found = 0;
    pr_rng_seed(&rng, 3);
    for (uint32_t i = 0; i < N; i++) {
        for (int w = 0; w < 40; w++)
            words[w] = pr_rng_u64(&rng) & ~3ull;
        pr_print_make(words, 40, 40, &prints[i]);
        pr_seen_add(&seen, &prints[i], 0, i);
    }
    for (uint32_t i = 0; i < N; i++) {
        bool near;
        prints[i].exact++; /* so that only its bands can find it */
        const struct pr_seen_text *t = pr_seen_find(&seen, &prints[i], &near);
        found += t && near && t->line == i;
    }
    assert_int_equal(found, N);
    pr_seen_done(&seen);
}

static void a_file_of_any_format_is_added(void **state)
{
    (void)state;
    char path[] = "/tmp/proctor-known-XXXXXX";
    static const char text[] = "{\"prompt\":\"a b\",\"golden\":\"c\"}\nbroken\n"
                               "{\"question\":\"d e\",\"answer\":\"f\"}\n"
                               "{\"question\":\"d e\",\"answer\":\"f\"}\n";
    int fd = mkstemp(path);
    struct pr_known *k = pr_known_new();
    struct pr_error e;
    size_t n;
    assert_int_equal(pr_file_write_all(fd, text, sizeof text - 1), 0);
    close(fd);
    assert_int_equal(pr_known_add_file(k, path, &n, &e), PR_OK);
    assert_int_equal(n, 3);
    struct pr_known_match m = ask(k, "D e", "F");
    assert_int_equal(m.kind, PR_KNOWN_EXACT);
    assert_int_equal(m.line, 3);
    assert_string_equal(m.file, path);
    unlink(path);
    assert_int_not_equal(pr_known_add_file(k, path, &n, &e), PR_OK);
    pr_known_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_the_rules_say),
        cmocka_unit_test(unicode_forms_of_the_same_word_are_the_same),
        cmocka_unit_test(the_same_words_are_known),
        cmocka_unit_test(one_word_of_many_is_near_and_a_number_is_not),
        cmocka_unit_test(thirteen_words_in_a_row_contaminate_and_twelve_do_not),
        cmocka_unit_test(a_short_question_contaminates_as_a_whole_alone),
        cmocka_unit_test(a_common_system_prompt_contaminates_nothing),
        cmocka_unit_test(calculations_in_answers_do_not_contaminate),
        cmocka_unit_test(similarity_is_that_of_the_sets),
        cmocka_unit_test(near_texts_are_found_and_others_are_not),
        cmocka_unit_test(many_texts_are_all_found_again),
        cmocka_unit_test(a_file_of_any_format_is_added),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pr_arena_done(&arena);
    return failed;
}
