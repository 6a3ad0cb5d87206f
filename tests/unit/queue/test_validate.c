/* Validation: each defect is found on its line and called by its name, whatever reader and however
 * many threads looked at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "queue/line.h"
#include "skills/skill.h"

static char dir[] = "/tmp/proctor-validate-XXXXXX";

static struct pr_validation *validate(
    const char *name, const char *text, size_t n, struct pr_validate_options *o)
{
    char *path = pr_path_join(dir, name);
    const char *paths[] = {path};
    struct pr_validation *v = NULL;
    struct pr_error e;
    assert_int_equal(pr_file_write_atomic(path, text, n, &e), PR_OK);
    if (pr_validate(paths, 1, o, &v, &e))
        fail_msg("%s", e.message);
    pr_free(path);
    return v;
}

#define PAIR(q, a)  "{\"prompt\":\"" q "\",\"golden\":\"" a "\"}"
#define TURN(r, c)  "{\"role\":\"" r "\",\"content\":\"" c "\"}"
#define CHAT(turns) "{\"messages\":[" turns "]}"

static const struct {
    const char *line;
    enum pr_defect defect; /* PR_N_DEFECTS: none */
} lines[] = {
    {PAIR("a", "b"), PR_N_DEFECTS},
    {CHAT(TURN("system", "s") "," TURN("user", "a") "," TURN("assistant", "b")), PR_N_DEFECTS},
    {CHAT(TURN("user", "a") "," TURN("assistant", "<think>x</think>\\n\\nb")), PR_N_DEFECTS},
    {"{\"text\":\"<|im_start|>user\\na<|im_end|>\\n<|im_start|>assistant\\nb<|im_end|>\"}",
        PR_N_DEFECTS},
    {"{\"text\":\"plain\"}", PR_N_DEFECTS},
    {PAIR("a \\ud83d\\ude00", "b"), PR_N_DEFECTS},
    {PAIR("a \xff", "b"), PR_DEFECT_NOT_UTF8},
    {"{\"prompt\":\"a\",", PR_DEFECT_NOT_JSON},
    {PAIR("a", "b") "x", PR_DEFECT_NOT_JSON},
    {"[1]", PR_DEFECT_MISSING_FIELD},
    {"{\"prompt\":\"a\"}", PR_DEFECT_MISSING_FIELD},
    {"{\"prompt\":\"a\",\"golden\":null}", PR_DEFECT_MISSING_FIELD},
    {"{\"messages\":\"a\"}", PR_DEFECT_BAD_FIELD},
    {CHAT("{\"role\":\"user\"}," TURN("assistant", "b")), PR_DEFECT_BAD_FIELD},
    {"{\"prompt\":\"a\",\"golden\":\"b\",\"check\":\"nonsense\"}", PR_DEFECT_BAD_FIELD},
    {PAIR("a \\ud83d", "b"), PR_DEFECT_SURROGATE},
    {PAIR("a \\u0000", "b"), PR_DEFECT_NUL},
    {CHAT(TURN("user", "a")), PR_DEFECT_NO_ANSWER},
    {CHAT(TURN("user", "a") "," TURN("user", "c") "," TURN("assistant", "b")),
        PR_DEFECT_ROLE_ORDER},
    {CHAT(TURN("user", "a") "," TURN("assistant", "c") "," TURN("assistant", "b")),
        PR_DEFECT_ROLE_ORDER},
    {CHAT(TURN("user", "a") "," TURN("system", "s") "," TURN("assistant", "b")),
        PR_DEFECT_ROLE_ORDER},
    {CHAT(TURN("system", "s") "," TURN("assistant", "b")), PR_DEFECT_ROLE_ORDER},
    {PAIR(" \\n", "b"), PR_DEFECT_EMPTY_TURN},
    {PAIR("a", ""), PR_DEFECT_EMPTY_TURN},
    {PAIR("a", "<think>only</think> "), PR_DEFECT_EMPTY_TURN},
    {PAIR("a", "0123456789012345678901234567890123456789012345678901234567890123456789"
               "0123456789012345678901234567890123456789"),
        PR_DEFECT_LONG_TURN},
    {PAIR("a", "<think>never closed"), PR_DEFECT_THINK},
    {PAIR("a", "no start</think> b"), PR_DEFECT_THINK},
    {PAIR("a", "<think>a<think>b</think></think>c"), PR_DEFECT_THINK},
    {"{\"prompt\":\"12+30=\",\"golden\":\"43\",\"skill\":\"addition\",\"check\":\"verifier\"}",
        PR_DEFECT_WRONG_ANSWER},
    {"{\"prompt\":\"12+30=\",\"golden\":\"42\",\"skill\":\"addition\",\"check\":\"verifier\"}",
        PR_N_DEFECTS},
    {"{\"prompt\":\"12+30=\",\"golden\":\"42\",\"skill\":\"alchemy\",\"check\":\"verifier\"}",
        PR_DEFECT_BAD_FIELD},
    {"{\"prompt\":\"x\",\"golden\":\"abc\",\"check\":{\"regex\":\"^d\"}}", PR_DEFECT_WRONG_ANSWER},
    {"{\"prompt\":\"y\",\"golden\":\"abc\",\"check\":{\"command\":[\"rm\"]}}", PR_N_DEFECTS},
    {CHAT(TURN("user", "a") "," TURN("narrator", "n") "," TURN("assistant", "b")), PR_DEFECT_ODD},
    {CHAT(TURN("user", "a") "," TURN("assistant", "b") "," TURN("user", "more")), PR_DEFECT_ODD},
    {"{\"prompt\":\"a\",\"prompt\":\"c\",\"golden\":\"b\"}", PR_DEFECT_ODD},
};
#define N_LINES (sizeof lines / sizeof *lines)

static char *all_lines(size_t *ret_n)
{
    struct pr_str s = PR_STR_INIT(1 << 20);
    for (size_t i = 0; i < N_LINES; i++)
        pr_str_printf(&s, "%s\n%s", lines[i].line, i % 3 ? "" : "  \n");
    *ret_n = s.len;
    return pr_str_take(&s);
}

static void each_defect_is_named_on_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LINES; i++) {
        struct pr_validation *v = validate("x.jsonl", lines[i].line, strlen(lines[i].line),
            &(struct pr_validate_options){.threads = 1, .max_turn = 100});
        enum pr_defect found = v->n ? v->v[0].defect : PR_N_DEFECTS;
        if (found != lines[i].defect || (v->n && v->v[0].line != 1) || v->n_lines != 1)
            fail_msg("%s: %s", lines[i].line, v->n ? v->v[0].text : "nothing");
        assert_int_equal(v->n_refused, v->n && pr_defect_refuses(found));
        pr_validation_free(v);
    }
}

static enum pr_defect defect_of(
    const char *question, const char *answer, const char *before, const char *after)
{
    static struct pr_line_result r;
    struct pr_line_checker c = {.max_turn = 10000};
    struct pr_str line = PR_STR_INIT(1 << 16), a = PR_STR_INIT(1 << 12);
    json_t *o = json_object();
    pr_str_printf(&a, "%s%s%s", before, answer, after);
    pr_json_set_str(o, "prompt", question);
    pr_json_set_str(o, "golden", pr_str_cstr(&a));
    pr_json_dump(o, 0, 0, &line);
    pr_line_check(&c, line.data, line.len, &r);
    json_decref(o);
    pr_str_done(&line);
    pr_str_done(&a);
    pr_line_checker_done(&c);
    return r.n_reasons ? r.reasons[0].defect : PR_N_DEFECTS;
}

/* Every skill that knows its questions (solve): the right answer passes bare and at the end of an
 * explanation, a wrong one is refused, and an explanation that names no answer is not judged. */
static void verifiers_judge_answers_they_know(void **state)
{
    (void)state;
    size_t n;
    const struct pr_skill *const *all = pr_skills(&n);
    for (size_t i = 0; i < n; i++) {
        struct pr_str q = PR_STR_INIT(1 << 16), a = PR_STR_INIT(1 << 12),
                      wrong = PR_STR_INIT(1 << 12);
        struct pr_rng rng;
        pr_rng_seed(&rng, i);
        all[i]->make(&rng, 1, &q, &a);
        pr_str_printf(&wrong, "%sx7", a.data);
        if (all[i]->solve) {
            assert_int_equal(defect_of(q.data, a.data, "", ""), PR_N_DEFECTS);
            assert_int_equal(defect_of(q.data, a.data, "<think>hm</think>\n\n", ""), PR_N_DEFECTS);
            assert_int_equal(
                defect_of(q.data, a.data, "First this, then that.\n", ""), PR_N_DEFECTS);
            assert_int_equal(
                defect_of(q.data, a.data, "So it is.\nThe answer is ", "."), PR_N_DEFECTS);
            assert_int_equal(defect_of(q.data, wrong.data, "", ""), PR_DEFECT_WRONG_ANSWER);
            assert_int_equal(
                defect_of(q.data, wrong.data, "So it is.\n#### ", ""), PR_DEFECT_WRONG_ANSWER);
            assert_int_equal(
                defect_of(q.data, wrong.data, "I think\nof ", "\nand more"), PR_N_DEFECTS);
        }
        pr_str_done(&q);
        pr_str_done(&a);
        pr_str_done(&wrong);
    }
}

/* Quick and slow readers say the same of every line. */
static void the_quick_reader_changes_nothing(void **state)
{
    (void)state;
    struct pr_line_checker quick = {.max_turn = 100}, slow = {.max_turn = 100, .always_slow = true};
    static struct pr_line_result a, b;
    for (size_t i = 0; i < N_LINES; i++) {
        pr_line_check(&quick, lines[i].line, strlen(lines[i].line), &a);
        pr_line_check(&slow, lines[i].line, strlen(lines[i].line), &b);
        assert_int_equal(a.refused, b.refused);
        assert_int_equal(a.n_reasons, b.n_reasons);
        for (size_t k = 0; k < a.n_reasons; k++)
            assert_int_equal(a.reasons[k].defect, b.reasons[k].defect);
    }
    pr_line_checker_done(&quick);
    pr_line_checker_done(&slow);
}

/* --- order, threads, callback --- */

struct heard {
    struct pr_str text;
    size_t last;
    const char *file;
};

static void hear(void *ctx, const struct pr_validated *v)
{
    struct heard *h = ctx;
    assert_true(v->line > h->last || !v->line);
    h->last = v->line;
    pr_str_printf(&h->text, "%zu:%d:%zu", v->line, (int)v->verdict, v->n_reasons);
    for (size_t i = 0; i < v->n_reasons; i++)
        pr_str_printf(&h->text, ":%s", v->reasons[i].text);
    pr_str_putc(&h->text, '\n');
    if (v->bytes) /* offset and length say where the bytes are in the file */
        assert_memory_equal(v->bytes, h->file + v->offset, v->length);
}

static char *heard_with(size_t threads, const char *text, size_t n)
{
    struct heard h = {.text = PR_STR_INIT(1 << 26), .file = text};
    struct pr_known *k = pr_known_new();
    struct pr_validate_options o = {
        .threads = threads, .known = k, .each = hear, .ctx = &h, .max_line = 50000};
    pr_validation_free(validate("x.jsonl", text, n, &o));
    pr_known_free(k);
    return pr_str_take(&h.text);
}

static void threads_do_not_change_what_comes_out(void **state)
{
    (void)state;
    struct pr_str s = PR_STR_INIT(1 << 26);
    size_t n;
    char *few = all_lines(&n);
    for (int i = 0; i < 300; i++) {
        pr_str_append(&s, few, n);
        pr_str_printf(&s, PAIR("number %d", "%d") "\r\n", i % 250, i % 250);
        if (i % 100 == 50) {
            for (int k = 0; k < 60000; k++)
                pr_str_putc(&s, 'x');
            pr_str_putc(&s, '\n');
        }
    }
    pr_str_puts(&s, PAIR("the", "end")); /* no newline at the end */
    char *one = heard_with(1, s.data, s.len), *four = heard_with(4, s.data, s.len);
    assert_string_equal(one, four);
    assert_non_null(strstr(one, "the line has 60000 bytes, the limit is 50000"));
    assert_non_null(strstr(one, "the same text is at "));
    pr_free(one);
    pr_free(four);
    pr_free(few);
    pr_str_done(&s);
}

static void what_repeats_is_named_with_its_place(void **state)
{
    (void)state;
    static const char text[] = "{\"id\":\"a\",\"prompt\":\"one\",\"golden\":\"1\"}\n"
                               "\n"
                               "{\"id\":\"a\",\"prompt\":\"two\",\"golden\":\"2\"}\n"
                               "{\"id\":\"b\",\"question\":\"ONE\",\"answer\":\"1.\"}\n";
    struct pr_known *k = pr_known_new();
    struct pr_validation *v = validate(
        "x.jsonl", text, sizeof text - 1, &(struct pr_validate_options){.known = k, .threads = 1});
    assert_int_equal(v->n, 2);
    assert_int_equal(v->v[0].defect, PR_DEFECT_REPEATED_ID);
    assert_int_equal(v->v[0].line, 3);
    assert_non_null(strstr(v->v[0].text, "x.jsonl:1"));
    assert_int_equal(v->v[1].defect, PR_DEFECT_DUPLICATE);
    assert_int_equal(v->v[1].line, 4);
    assert_non_null(strstr(v->v[1].text, "x.jsonl:1"));
    assert_int_equal(v->n_valid, 1);
    assert_int_equal(v->n_warned, 1);
    assert_int_equal(v->n_refused, 1);
    pr_validation_free(v);
    pr_known_free(k);
}

/* --- whole files --- */

static enum pr_defect first_defect(const char *name, const char *text, size_t *ret_lines)
{
    struct pr_validation *v =
        validate(name, text, strlen(text), &(struct pr_validate_options){.threads = 1});
    enum pr_defect d = v->n ? v->v[0].defect : PR_N_DEFECTS;
    *ret_lines = v->n_lines;
    assert_int_equal(v->n_lines, v->n_valid + v->n_warned + v->n_refused);
    pr_validation_free(v);
    return d;
}

static void an_array_counts_as_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t n;
        enum pr_defect defect;
    } t[] = {
        {"a.json", "[" PAIR("a", "b") " ,\n" PAIR("c\\\"]", "d") "]\n", 2, PR_N_DEFECTS},
        {"a.json", "\xef\xbb\xbf [\n" PAIR("a", "b") "]", 1, PR_DEFECT_BOM},
        {"a.json", PAIR("a", "b") "\n" PAIR("c", "d") "\n", 2, PR_N_DEFECTS}, /* JSON Lines */
        {"a.json", "{\"canary\":\"[x]\",\"n\":[1],\"examples\":[" PAIR("a", "b") "]}", 1,
            PR_N_DEFECTS},
        {"a.json", "[]", 0, PR_DEFECT_EMPTY_FILE},
        {"a.json", "[" PAIR("a", "b") ",", 1, PR_DEFECT_UNREADABLE},
        {"a.json", "[" PAIR("a", "b"), 1, PR_DEFECT_UNREADABLE},
        {"a.json", "[" PAIR("a", "b") " " PAIR("c", "d") "]", 1, PR_DEFECT_UNREADABLE},
        {"a.json", "[" PAIR("a", "b") ",{\"pro", 1, PR_DEFECT_UNREADABLE},
        {"a.json", "[{\"prompt\":1}]", 1, PR_DEFECT_MISSING_FIELD},
        {"a.json", "{\"a\":1}", 0, PR_DEFECT_UNREADABLE},
        {"a.json", "[,]", 1, PR_DEFECT_NOT_JSON},
        {"a.jsonl", "", 0, PR_DEFECT_EMPTY_FILE},
        {"a.jsonl", " \n\n", 0, PR_DEFECT_EMPTY_FILE},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        size_t n;
        enum pr_defect d = first_defect(t[i].name, t[i].text, &n);
        if (d != t[i].defect || n != t[i].n)
            fail_msg("case %zu: %s, %zu lines", i, d < PR_N_DEFECTS ? pr_defect_name(d) : "", n);
    }
}

static void a_file_that_cannot_be_opened_is_a_defect(void **state)
{
    (void)state;
    const char *paths[] = {"/nowhere/x.jsonl"};
    struct pr_validation *v;
    struct pr_error e;
    assert_int_equal(pr_validate(paths, 1, NULL, &v, &e), PR_OK);
    assert_int_equal(v->by_defect[PR_DEFECT_UNREADABLE], 1);
    assert_true(v->files[0].refused);
    assert_int_equal(v->v[0].line, 0);
    pr_validation_free(v);
}

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static void it_can_be_stopped(void **state)
{
    (void)state;
    char *path = pr_path_join(dir, "x.jsonl");
    const char *paths[] = {path};
    struct pr_validation *v;
    struct pr_error e;
    assert_int_equal(pr_file_write_atomic(path, "{}\n", 3, NULL), PR_OK);
    assert_int_equal(
        pr_validate(paths, 1, &(struct pr_validate_options){.stopped = at_once}, &v, &e),
        PR_E_CANCELLED);
    pr_free(path);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return pr_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_defect_is_named_on_its_line),
        cmocka_unit_test(verifiers_judge_answers_they_know),
        cmocka_unit_test(the_quick_reader_changes_nothing),
        cmocka_unit_test(threads_do_not_change_what_comes_out),
        cmocka_unit_test(what_repeats_is_named_with_its_place),
        cmocka_unit_test(an_array_counts_as_lines),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_a_defect),
        cmocka_unit_test(it_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
