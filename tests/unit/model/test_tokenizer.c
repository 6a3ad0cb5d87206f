/* The tokenizer against Hugging Face's own answers, on broken files and on hostile text. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "model/tok_internal.h"
#include "model/tok_unicode.h"
#include "model/tokenizer.h"

#define MAX_FILE ((size_t)1 << 28)

static struct pr_tokenizer *open_ok(const char *path)
{
    struct pr_tokenizer *t = NULL;
    struct pr_error e;
    if (pr_tokenizer_open(path, &t, NULL, &e))
        fail_msg("%s: %s", path, e.message);
    return t;
}

static struct pr_tokenizer *parse_ok(const char *json)
{
    struct pr_tokenizer *t = NULL;
    struct pr_error e;
    if (pr_tokenizer_parse(json, strlen(json), "t", &t, NULL, &e))
        fail_msg("%s", e.message);
    return t;
}

static void expect_ids(const struct pr_tokenizer *t, const char *text, size_t n, const json_t *want)
{
    struct pr_ids ids = {0};
    struct pr_error e;
    if (pr_tokenizer_encode(t, text, n, &ids, &e))
        fail_msg("%s", e.message);
    bool same = ids.n == json_array_size(want);
    for (size_t i = 0; i < ids.n && same; i++)
        same = ids.v[i] == json_integer_value(json_array_get(want, i));
    if (!same)
        fail_msg("other ids for '%.80s'", text);
    pr_ids_done(&ids);
}

static void expect_text(
    const struct pr_tokenizer *t, const json_t *ids, bool skip, const char *want)
{
    struct pr_str out = PR_STR_INIT(MAX_FILE);
    struct pr_ids list = {0};
    struct pr_error e;
    for (size_t i = 0; i < json_array_size(ids); i++)
        pr_ids_push(&list, (int32_t)json_integer_value(json_array_get(ids, i)));
    assert_int_equal(pr_tokenizer_decode(t, list.v, list.n, skip, &out, &e), PR_OK);
    assert_string_equal(pr_str_cstr(&out), want);
    pr_ids_done(&list);
    pr_str_done(&out);
}

/* Every line of a file of vectors; returns how many, 0 when the file is not there. */
static size_t check_vectors(const char *dir, const char *vectors, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/tokenizer.json", dir, name);
    if (!pr_path_exists(path))
        return 0;
    struct pr_tokenizer *t = open_ok(path);
    snprintf(path, sizeof path, "%s/%s.jsonl", vectors, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct pr_lines lines;
    struct pr_error e;
    char *line;
    size_t n, count = 0;
    pr_lines_init(&lines, fd, MAX_FILE);
    while (pr_lines_next(&lines, &line, &n, &e) == PR_LINE_OK) {
        json_t *v;
        assert_int_equal(pr_json_parse(line, n, PR_JSON_LENIENT, "vector", &v, NULL, &e), PR_OK);
        const json_t *text = json_object_get(v, "text"), *ids = json_object_get(v, "ids");
        expect_ids(t, json_string_value(text), json_string_length(text), ids);
        if (!memchr(json_string_value(text), 0, json_string_length(text))) {
            expect_text(t, ids, false, json_string_value(json_object_get(v, "decoded")));
            expect_text(
                t, ids, true, json_string_value(json_object_get(v, "decoded_skip_special")));
        }
        json_decref(v);
        count++;
    }
    pr_lines_done(&lines);
    close(fd);
    pr_tokenizer_free(t);
    return count;
}

static void vectors_of_the_fixtures_are_equal(void **state)
{
    (void)state;
    const char *const names[] = {"small-qwen-a", "small-llama3-style"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            check_vectors(PR_FIXTURES "/tokenizers", PR_FIXTURES "/tokenizer_vectors", names[i]),
            431);
}

static void vectors_of_real_tokenizers_are_equal(void **state)
{
    (void)state;
    const char *const names[] = {"qwen3", "gpt2"};
    const char *dir = PR_FIXTURES "/../../../shared/assets/tokenizers";
    for (size_t i = 0; i < 2; i++)
        if (!check_vectors(dir, PR_FIXTURES "/../../../shared/assets/tokenizer_vectors", names[i]))
            print_message("%s: skipped, ../shared/assets is absent\n", names[i]);
}

/* llama.cpp's own tests: inputs between separator lines, and their ids a line each. */
static size_t check_llama_cpp(const char *dir, const char *tokenizer, const char *name)
{
    char path[512], *inp, *out;
    size_t n_inp, n_out, count = 0;
    struct pr_error e;
    snprintf(path, sizeof path, "%s/tokenizers/%s/tokenizer.json", dir, tokenizer);
    if (!pr_path_exists(path))
        return 0;
    struct pr_tokenizer *t = open_ok(path);
    snprintf(path, sizeof path, "%s/llama_cpp_vectors/%s.inp", dir, name);
    assert_int_equal(pr_file_read(AT_FDCWD, path, MAX_FILE, &inp, &n_inp, &e), PR_OK);
    snprintf(path, sizeof path, "%s/llama_cpp_vectors/%s.out", dir, name);
    assert_int_equal(pr_file_read(AT_FDCWD, path, MAX_FILE, &out, &n_out, &e), PR_OK);
    const char *mark = "\n__ggml_vocab_test__\n", *text = inp, *line = out;
    while (*line) {
        const char *end = strstr(text, mark);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        struct pr_ids ids = {0};
        assert_int_equal(pr_tokenizer_encode(t, text, len, &ids, &e), PR_OK);
        for (size_t i = 0; i < ids.n; i++) {
            char *rest;
            long want = strtol(line, &rest, 10);
            if (rest == line || want != ids.v[i])
                fail_msg("%s: id %zu of '%.40s' is %d, not %ld", name, i, text, ids.v[i], want);
            line = rest;
        }
        line += strspn(line, " ");
        assert_int_equal(*line, '\n');
        line++;
        pr_ids_done(&ids);
        text = end ? end + strlen(mark) : text + len;
        count++;
    }
    pr_free(inp);
    pr_free(out);
    pr_tokenizer_free(t);
    return count;
}

static void vectors_of_llama_cpp_are_equal(void **state)
{
    (void)state;
    const char *dir = PR_FIXTURES "/../../../shared/assets";
    size_t qwen = check_llama_cpp(dir, "qwen3", "qwen2"),
           gpt = check_llama_cpp(dir, "gpt2", "gpt-2");
    if (!qwen || !gpt)
        print_message("llama.cpp vectors: skipped, ../shared/assets is absent\n");
    else
        assert_true(qwen >= 40 && gpt >= 40);
}

/* ---- broken files -------------------------------------------------------------------------- */

static void broken_files_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"merge_missing_token.json", "merges["},
        {"empty_vocab.json", "vocab is empty"},
        {"invalid_regex.json", "offset"},
        {"truncated.json", "(byte 9000)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_tokenizer *t;
        struct pr_error e;
        char path[512];
        snprintf(path, sizeof path, PR_FIXTURES "/malformed/tokenizer/%s", cases[i].file);
        assert_int_not_equal(pr_tokenizer_open(path, &t, NULL, &e), PR_OK);
        if (!strstr(e.message, cases[i].says) ||
            strncmp(e.message, cases[i].file, strlen(cases[i].file)))
            fail_msg("%s: '%s'", cases[i].file, e.message);
    }
}

static void a_shared_id_is_noted(void **state)
{
    (void)state;
    struct pr_tokenizer *t;
    struct pr_notes notes = {0};
    struct pr_error e;
    assert_int_equal(
        pr_tokenizer_open(PR_FIXTURES "/malformed/tokenizer/duplicate_id.json", &t, &notes, &e),
        PR_OK);
    assert_int_equal(notes.n, 1);
    assert_non_null(strstr(notes.v[0], "share the id"));
    pr_notes_done(&notes);
    pr_tokenizer_free(t);
}

#define FILE_WITH(model, more)                                                                     \
    "{\"version\":\"1.0\"," more "\"model\":{\"type\":\"BPE\"," model "}}"
#define AB "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]"

static void hostile_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum pr_code code;
        const char *says;
    } cases[] = {
        {"", PR_E_FORMAT, "cut off"},
        {"[]", PR_E_FORMAT, "'{'"},
        {"{}", PR_E_FORMAT, "'model' is missing"},
        {"{\"model\":{\"type\":\"Unigram\"}}", PR_E_UNSUPPORTED, "supported: BPE"},
        {"{\"model\":{\"type\":\"WordPiece\"}}", PR_E_UNSUPPORTED, "'WordPiece'"},
        {FILE_WITH("\"vocab\":{\"a\":-1},\"merges\":[]", ""), PR_E_FORMAT, "whole number"},
        {FILE_WITH("\"vocab\":{\"a\":1.5},\"merges\":[]", ""), PR_E_FORMAT, "whole number"},
        {FILE_WITH("\"vocab\":{\"a\":99999999999999999999},\"merges\":[]", ""), PR_E_FORMAT,
            "whole"},
        {FILE_WITH("\"vocab\":{\"a\":16777216},\"merges\":[]", ""), PR_E_FORMAT, "whole number"},
        {FILE_WITH("\"vocab\":[],\"merges\":[]", ""), PR_E_FORMAT, "'{' was expected"},
        {FILE_WITH("\"vocab\":{\"a\":0},\"merges\":{}", ""), PR_E_FORMAT, "'[' was expected"},
        {FILE_WITH("\"vocab\":{\"a\":0},\"merges\":[1]", ""), PR_E_FORMAT, "merges[0]"},
        {FILE_WITH("\"vocab\":{\"a\":0},\"merges\":[\"a\"]", ""), PR_E_FORMAT, "merges[0]"},
        {FILE_WITH("\"vocab\":{\"a\":0},\"merges\":[\"a a\"]", ""), PR_E_FORMAT, "'aa' is not"},
        {FILE_WITH("\"vocab\":{\"a\":0}", ""), PR_E_FORMAT, "'merges' is missing"},
        {FILE_WITH("\"dropout\":0.1," AB, ""), PR_E_UNSUPPORTED, "dropout"},
        {FILE_WITH("\"fuse_unk\":1," AB, ""), PR_E_FORMAT, "'fuse_unk' is an integer"},
        {FILE_WITH(AB, "\"added_tokens\":7,"), PR_E_FORMAT, "a list was expected"},
        {FILE_WITH(AB, "\"added_tokens\":[{\"id\":3}],"), PR_E_FORMAT, "added_tokens[0]"},
        {FILE_WITH(AB, "\"normalizer\":{\"type\":\"Precompiled\"},"), PR_E_UNSUPPORTED,
            "Precompiled"},
        {FILE_WITH(AB, "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a(b\"},"
                       "\"behavior\":\"Isolated\",\"invert\":false},"),
            PR_E_FORMAT, "offset 3"},
        {FILE_WITH(AB, "\"decoder\":{\"type\":\"CTC\"},"), PR_E_UNSUPPORTED,
            "supported: ByteLevel"},
        {FILE_WITH(AB, "\"version\":\"2.0\","), PR_E_UNSUPPORTED, "1.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_tokenizer *t;
        struct pr_error e;
        enum pr_code code =
            pr_tokenizer_parse(cases[i].json, strlen(cases[i].json), "t.json", &t, NULL, &e);
        if (code != cases[i].code || !strstr(e.message, cases[i].says))
            fail_msg("case %zu: %s", i, code ? e.message : "accepted");
    }
}

static void deep_nesting_is_a_limit(void **state)
{
    (void)state;
    struct pr_str s = PR_STR_INIT(1 << 20);
    struct pr_tokenizer *t;
    struct pr_error e;
    pr_str_puts(&s, "{\"x\":");
    for (int i = 0; i < 100000; i++)
        pr_str_putc(&s, '[');
    assert_int_equal(pr_tokenizer_parse(s.data, s.len, "t", &t, NULL, &e), PR_E_LIMIT);
    pr_str_done(&s);
}

/* ---- added tokens -------------------------------------------------------------------------- */

static void expect(const struct pr_tokenizer *t, const char *text, const char *want)
{
    struct pr_ids ids = {0};
    struct pr_str got = PR_STR_INIT(MAX_FILE);
    struct pr_error e;
    assert_int_equal(pr_tokenizer_encode(t, text, strlen(text), &ids, &e), PR_OK);
    for (size_t i = 0; i < ids.n; i++)
        pr_str_printf(&got, "%s%d", i ? " " : "", ids.v[i]);
    assert_string_equal(pr_str_cstr(&got), want);
    pr_ids_done(&ids);
    pr_str_done(&got);
}

#define TOKEN(id, content, flags) "{\"id\":" #id ",\"content\":\"" content "\"," flags "}"
#define FLAGS(single, left, right, norm)                                                           \
    "\"single_word\":" #single ",\"lstrip\":" #left ",\"rstrip\":" #right ",\"normalized\":" #norm \
    ",\"special\":false"

static void added_tokens_follow_their_flags(void **state)
{
    (void)state;
    struct pr_tokenizer *t =
        parse_ok(FILE_WITH(AB, "\"normalizer\":{\"type\":\"Lowercase\"},\"added_tokens\":[" TOKEN(
                                   3, "<x>", FLAGS(false, false, false, false)) "," TOKEN(4, "<xx>",
                                   FLAGS(false, true, false, false)) "," TOKEN(5, "word",
                                   FLAGS(true, false, false, false)) "," TOKEN(6, "<r>",
                                   FLAGS(false, false, true, false)) "," TOKEN(7, "AAB",
                                   FLAGS(false, false, false, true)) "],"));
    expect(t, "<x>ab<xx>", "3 2 4");
    expect(t, "a<x", "0");            /* what the model does not know is left out */
    expect(t, "ab \t<xx>b", "2 4 1"); /* lstrip takes the white space */
    expect(t, "a word b", "0 5 1");
    expect(t, "awordb", "2"); /* letters beside it: no word of its own, and the model has no w */
    expect(t, "<r>  \n a", "6 0");
    expect(t, "xaabx aAb", "7 7"); /* matched after lower-casing */
    pr_tokenizer_free(t);
}

/* ---- hostile text -------------------------------------------------------------------------- */

static double seconds_for(const struct pr_tokenizer *t, const char *unit, size_t times)
{
    struct pr_str s = PR_STR_INIT(MAX_FILE);
    struct pr_ids ids = {0};
    struct pr_error e;
    for (size_t i = 0; i < times; i++)
        pr_str_puts(&s, unit);
    int64_t from = pr_clock_monotonic_ns();
    assert_int_equal(pr_tokenizer_encode(t, s.data, s.len, &ids, &e), PR_OK);
    int64_t took = pr_clock_monotonic_ns() - from;
    assert_true(ids.n > 0);
    pr_ids_done(&ids);
    pr_str_done(&s);
    return (double)took * 1e-9;
}

static void hostile_text_takes_linear_time(void **state)
{
    (void)state;
    struct pr_tokenizer *t = open_ok(PR_FIXTURES "/tokenizers/small-llama3-style/tokenizer.json");
    const char *const units[] = {"a", " ", "\n", "1", "\xe4\xb8\x80", "\xcc\x81", "'", "<|"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double s = seconds_for(t, units[i], 300000);
        if (s > 5) /* some 0.1 s; a quadratic way takes minutes */
            fail_msg("300,000 × '%s' took %.1f s", units[i], s);
    }
    pr_tokenizer_free(t);
}

static void invalid_utf8_is_an_error_with_its_place(void **state)
{
    (void)state;
    struct pr_tokenizer *t = parse_ok(FILE_WITH(AB, ""));
    struct pr_ids ids = {0};
    struct pr_error e;
    assert_int_equal(pr_tokenizer_encode(t, "ab\xff", 3, &ids, &e), PR_E_FORMAT);
    assert_int_equal(e.offset, 2);
    assert_int_equal(ids.n, 0);
    pr_tokenizer_free(t);
}

/* ---- known patterns ------------------------------------------------------------------------ */

static void random_text(struct pr_rng *r, struct pr_str *s)
{
    static const char *const bits[] = {" ", "  ", "\n", "\r\n", "\t", "'", "'s", "'S", "'LL",
        "'\xc5\xbf", "a", "B", "\xc3\xa9", "e\xcc\x81", "\xe4\xb8\xad", "1", "234", "\xc2\xbd",
        "\xe2\x85\xa7", ".", "/", "--", "\xf0\x9f\x98\x80", "\xc2\xa0", "\xe1\xa0\x8e",
        "\xe2\x80\x8b", "\xc7\x85", "\xca\xb0", "\xe0\xb8\x81\xe0\xb8\xb1", "_", "\xe2\x84\xaa",
        "\xc2\x85", "\xe3\x80\x80", "\x01", "ABC", "def"};
    size_t n = 1 + pr_rng_below(r, 24);
    for (size_t i = 0; i < n; i++) {
        if (pr_rng_below(r, 12) == 0) {
            char buf[4];
            uint32_t c = 1 + (uint32_t)pr_rng_below(r, 0x2ffff);
            if (c < 0xd800 || c > 0xdfff)
                pr_str_append(s, buf, pr_utf8_encode(c, buf));
        } else {
            pr_str_puts(s, bits[pr_rng_below(r, sizeof bits / sizeof *bits)]);
        }
    }
}

static void known_matchers_equal_pcre2_on_random_text(void **state)
{
    (void)state;
    static const char *const regexes[] = {
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
        "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
        "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
        "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|"
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"
        "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    };
    struct pr_rng r;
    struct pr_error e;
    pr_tok_unicode_init();
    pr_rng_seed(&r, 7);
    for (size_t k = 0; k < sizeof regexes / sizeof *regexes; k++) {
        struct pr_tok_pattern *ours, *theirs;
        assert_int_equal(pr_tok_pattern_regex(regexes[k], "known", &ours, &e), PR_OK);
        assert_non_null(pr_tok_pattern_matcher(ours));
        pr_tok_match_none = true;
        assert_int_equal(pr_tok_pattern_regex(regexes[k], "general", &theirs, &e), PR_OK);
        pr_tok_match_none = false;
        assert_null(pr_tok_pattern_matcher(theirs));
        for (int round = 0; round < 5000; round++) {
            struct pr_str s = PR_STR_INIT(1 << 16);
            struct pr_tok_matches a, b;
            random_text(&r, &s);
            pr_tok_matches_start(&a, ours, pr_str_cstr(&s), s.len);
            pr_tok_matches_start(&b, theirs, pr_str_cstr(&s), s.len);
            for (bool more = true; more;) {
                size_t from, to, from2, to2;
                bool more2;
                assert_int_equal(pr_tok_matches_next(&a, &from, &to, &more, &e), PR_OK);
                assert_int_equal(pr_tok_matches_next(&b, &from2, &to2, &more2, &e), PR_OK);
                if (more != more2 || (more && (from != from2 || to != to2)))
                    fail_msg("pattern %zu, '%s': %zu–%zu, PCRE2 %zu–%zu", k, s.data, from, to,
                        from2, to2);
            }
            pr_tok_matches_done(&a);
            pr_tok_matches_done(&b);
            pr_str_done(&s);
        }
        pr_tok_pattern_free(ours);
        pr_tok_pattern_free(theirs);
    }
}

/* ---- threads, look-ups, digest ------------------------------------------------------------- */

struct job {
    const struct pr_tokenizer *t;
    struct pr_ids want;
    const char *text;
    bool same;
};

static void *encode_often(void *arg)
{
    struct job *j = arg;
    j->same = true;
    for (int i = 0; i < 200; i++) {
        struct pr_ids ids = {0};
        j->same &= pr_tokenizer_encode(j->t, j->text, strlen(j->text), &ids, NULL) == PR_OK &&
                   ids.n == j->want.n && !memcmp(ids.v, j->want.v, ids.n * sizeof *ids.v);
        pr_ids_done(&ids);
    }
    return NULL;
}

static void encoding_is_the_same_from_many_threads(void **state)
{
    (void)state;
    struct pr_tokenizer *t = open_ok(PR_FIXTURES "/tokenizers/small-qwen-a/tokenizer.json");
    struct job jobs[4];
    pthread_t threads[4];
    const char *const texts[4] = {"Sort these numbers: 12 7 99.", "<|im_start|>user\nhi<|im_end|>",
        "If all A are B, and no B is C …", "   \n\n\t 3 + 4 = 7"};
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){.t = t, .text = texts[i]};
        assert_int_equal(
            pr_tokenizer_encode(t, texts[i], strlen(texts[i]), &jobs[i].want, NULL), PR_OK);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, &jobs[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(jobs[i].same);
        pr_ids_done(&jobs[i].want);
    }
    pr_tokenizer_free(t);
}

static void tokens_are_found_by_content_and_id(void **state)
{
    (void)state;
    struct pr_tokenizer *t = open_ok(PR_FIXTURES "/tokenizers/small-qwen-a/tokenizer.json");
    assert_int_equal(pr_tokenizer_id(t, "<|im_end|>"), 1014);
    assert_string_equal(pr_tokenizer_content(t, 1014), "<|im_end|>");
    assert_true(pr_tokenizer_is_special(t, 1014));
    assert_false(pr_tokenizer_is_special(t, 1015)); /* <tool_call> */
    assert_int_equal(pr_tokenizer_size(t), 1019);
    assert_int_equal(pr_tokenizer_id(t, "no such token"), -1);
    assert_null(pr_tokenizer_content(t, 1019));
    assert_null(pr_tokenizer_content(t, -1));
    pr_tokenizer_free(t);
}

static void the_digest_is_that_of_what_it_does(void **state)
{
    (void)state;
    struct pr_tokenizer *a = parse_ok(FILE_WITH(AB, ""));
    struct pr_tokenizer *b =
        parse_ok("{ \"model\": {\"merges\": [[\"a\", \"b\"]], \"vocab\": {\"ab\": 2,"
                 "\"b\": 1, \"\\u0061\": 0}, \"type\": \"BPE\"}}");
    struct pr_tokenizer *c = parse_ok(FILE_WITH("\"ignore_merges\":true," AB, ""));
    assert_memory_equal(pr_tokenizer_digest(a), pr_tokenizer_digest(b), 32);
    assert_memory_not_equal(pr_tokenizer_digest(a), pr_tokenizer_digest(c), 32);
    pr_tokenizer_free(a);
    pr_tokenizer_free(b);
    pr_tokenizer_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_fixtures_are_equal),
        cmocka_unit_test(vectors_of_real_tokenizers_are_equal),
        cmocka_unit_test(vectors_of_llama_cpp_are_equal),
        cmocka_unit_test(broken_files_are_refused_by_name),
        cmocka_unit_test(a_shared_id_is_noted),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(deep_nesting_is_a_limit),
        cmocka_unit_test(added_tokens_follow_their_flags),
        cmocka_unit_test(hostile_text_takes_linear_time),
        cmocka_unit_test(invalid_utf8_is_an_error_with_its_place),
        cmocka_unit_test(known_matchers_equal_pcre2_on_random_text),
        cmocka_unit_test(encoding_is_the_same_from_many_threads),
        cmocka_unit_test(tokens_are_found_by_content_and_id),
        cmocka_unit_test(the_digest_is_that_of_what_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
