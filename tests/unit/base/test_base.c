/* What the base layer promises: capped strings, lines of any length, JSON limits, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mapped.h"
#include "base/remove.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/subprocess.h"
#include "base/utf8.h"

static void string_past_its_maximum_appends_nothing(void **state)
{
    (void)state;
    struct pr_str s = PR_STR_INIT(4);
    pr_str_puts(&s, "abc");
    pr_str_puts(&s, "de");
    assert_true(s.over);
    assert_string_equal(pr_str_cstr(&s), "abc");
    pr_str_done(&s);
}

static void errors_replace_control_characters_and_carry_prefixes(void **state)
{
    (void)state;
    struct pr_error e;
    assert_int_equal(pr_fail_at(&e, PR_E_FORMAT, 7, "tensor '%s'", "a\033[2Jb\n"), PR_E_FORMAT);
    pr_wrap(&e, e.code, "file");
    assert_string_equal(e.message, "file: tensor 'a?[2Jb?' (byte 7)");
    assert_int_equal(e.offset, 7);
}

static void lines_longer_than_the_maximum_are_reported_and_passed_over(void **state)
{
    (void)state;
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    char big[3000];
    memset(big, 'x', sizeof big);
    assert_int_equal(write(fd[1], "one\r\n", 5), 5);
    assert_int_equal(write(fd[1], big, sizeof big), (ssize_t)sizeof big);
    assert_int_equal(write(fd[1], "\n\nlast", 6), 6);
    close(fd[1]);
    struct pr_lines l;
    struct pr_error e;
    char *s;
    size_t n;
    pr_lines_init(&l, fd[0], 100);
    assert_int_equal(pr_lines_next(&l, &s, &n, &e), PR_LINE_OK);
    assert_string_equal(s, "one");
    assert_int_equal(pr_lines_next(&l, &s, &n, &e), PR_LINE_TOO_LONG);
    assert_int_equal(l.number, 2);
    assert_int_equal(pr_lines_next(&l, &s, &n, &e), PR_LINE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(pr_lines_next(&l, &s, &n, &e), PR_LINE_OK);
    assert_string_equal(s, "last");
    assert_int_equal(l.number, 4);
    assert_int_equal(pr_lines_next(&l, &s, &n, &e), PR_LINE_END);
    pr_lines_done(&l);
    close(fd[0]);
}

static enum pr_code parse(
    const char *text, unsigned flags, json_t **v, struct pr_json_notes *notes, struct pr_error *e)
{
    return pr_json_parse(text, strlen(text), flags, NULL, v, notes, e);
}

static void json_deeper_than_the_limit_is_refused_before_the_parser_recurses(void **state)
{
    (void)state;
    size_t n = 100000;
    char *deep = pr_alloc(n + 1);
    memset(deep, '[', n);
    deep[n] = 0;
    json_t *v;
    struct pr_error e;
    assert_int_equal(parse(deep, PR_JSON_STRICT, &v, NULL, &e), PR_E_LIMIT);
    assert_int_equal(e.offset, PR_JSON_MAX_DEPTH);
    pr_free(deep);
}

static void json_is_strict_by_default(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"a\":NaN}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\ud800\"}",
        "{\"a\":1", "{\"a\":1e999}", "3", "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *v = NULL;
        struct pr_error e;
        assert_int_equal(parse(bad[i], PR_JSON_STRICT, &v, NULL, &e), PR_E_FORMAT);
        assert_null(v);
    }
}

static void json_integers_past_64_bits_become_reals(void **state)
{
    (void)state;
    json_t *v;
    struct pr_error e;
    assert_int_equal(
        parse("{\"n\":1000000000000000019884624838656}", PR_JSON_STRICT, &v, NULL, &e), PR_OK);
    assert_true(json_real_value(json_object_get(v, "n")) == 1e30);
    int64_t n = 7;
    assert_int_equal(
        pr_json_get_int(v, "n", true, 0, INT64_MAX, &n, &e), PR_E_FORMAT); /* not silently cut */
    json_decref(v);
}

static void json_lenient_forgives_and_says_so(void **state)
{
    (void)state;
    json_t *v;
    struct pr_error e;
    struct pr_json_notes notes;
    assert_int_equal(
        parse("{\"a\":\"x\\ud800y\\u0000\",\"b\":1,\"b\":1e999,\"c\":123456789012345678901,"
              "\"d\":\"NaN 1e999\"}",
            PR_JSON_LENIENT, &v, &notes, &e),
        PR_OK);
    assert_true(notes.lone_surrogate && notes.nul && notes.repeated_key && notes.number_range);
    assert_int_equal(json_string_length(json_object_get(v, "a")), 6);
    assert_true(json_is_null(json_object_get(v, "b")));
    assert_true(json_real_value(json_object_get(v, "c")) == 123456789012345678901.0);
    assert_string_equal(json_string_value(json_object_get(v, "d")), "NaN 1e999");
    json_decref(v);
}

static void json_of_python_reads_nan_as_null(void **state)
{
    (void)state;
    json_t *v;
    struct pr_error e;
    struct pr_json_notes notes;
    assert_int_equal(
        parse("{\"a\":NaN,\"b\":[-Infinity,Infinity,-1]}", PR_JSON_NAN, &v, &notes, &e), PR_OK);
    assert_true(notes.nan);
    assert_true(json_is_null(json_object_get(v, "a")));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(v, "b"), 2)), -1);
    json_decref(v);
}

static void json_never_writes_nan(void **state)
{
    (void)state;
    json_t *v = json_object();
    pr_json_set_real(v, "loss", NAN, "no example could be scored");
    pr_json_set_strn(v, "s", "a\xff", 2);
    struct pr_str out = PR_STR_INIT(1000);
    pr_json_dump(v, 0, 0, &out);
    assert_string_equal(pr_str_cstr(&out), "{\"loss\": null, \"loss_reason\": \"no example could "
                                           "be scored\", \"s\": \"a\xef\xbf\xbd\"}");
    pr_str_done(&out);
    json_decref(v);
}

static void atomic_write_replaces_and_leaves_no_temporary(void **state)
{
    (void)state;
    char dir[] = "/tmp/pr-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *path = pr_path_join(dir, "x.json");
    struct pr_error e;
    assert_int_equal(pr_file_write_atomic(path, "one", 3, &e), PR_OK);
    assert_int_equal(pr_file_write_atomic(path, "two!", 4, &e), PR_OK);
    char *text, **names;
    size_t n;
    assert_int_equal(pr_file_read(AT_FDCWD, path, 100, &text, &n, &e), PR_OK);
    assert_string_equal(text, "two!");
    pr_free(text);
    assert_int_equal(pr_file_read(AT_FDCWD, path, 3, &text, &n, &e), PR_E_LIMIT);
    assert_int_equal(pr_dir_list(dir, &names, &n, &e), PR_OK);
    assert_int_equal(n, 1);
    pr_names_free(names, n);
    unlink(path);
    rmdir(dir);
    pr_free(path);
}

static void a_long_text_is_shortened_between_characters_and_keeps_its_end(void **state)
{
    (void)state;
    char text[200], ret[40];
    pr_utf8_shorten("all of it", ret, sizeof ret);
    assert_string_equal(ret, "all of it");
    for (size_t shift = 0; shift < 2; shift++) {
        size_t n = shift;
        memset(text, 'a', shift);
        for (; n + 2 < 150; n += 2)
            memcpy(text + n, "\xc3\xa4", 2);
        snprintf(text + n, sizeof text - n, "%s", "the end");
        for (size_t size = 16; size <= sizeof ret; size++) {
            pr_utf8_shorten(text, ret, size);
            assert_true(strlen(ret) < size && strlen(ret) + 4 > size);
            assert_true(pr_utf8_valid(ret, strlen(ret)));
            assert_non_null(strstr(ret, " \xe2\x80\xa6 "));
            assert_string_equal(ret + strlen(ret) - 3, "end");
        }
    }
}

static void utf8_is_checked_and_repaired_by_maximal_subparts(void **state)
{
    (void)state;
    assert_false(pr_utf8_valid("\xed\xa0\x80", 3)); /* a surrogate */
    assert_false(pr_utf8_valid("\xc0\x80", 2));     /* overlong */
    assert_true(pr_utf8_valid("\xf4\x8f\xbf\xbf", 4));
    struct pr_str s = PR_STR_INIT(100);
    pr_utf8_append_lossy(&s,
        "a\xf0\x9f\x98"
        "b\xff",
        6); /* a cut character is one U+FFFD */
    assert_string_equal(pr_str_cstr(&s), "a\xef\xbf\xbd"
                                         "b\xef\xbf\xbd");
    pr_str_clear(&s);
    struct pr_error e;
    assert_int_equal(pr_utf8_normalize(PR_NFC, "e\xcc\x81", 3, &s, &e), PR_OK);
    assert_string_equal(pr_str_cstr(&s), "\xc3\xa9");
    size_t n;
    const char *t = pr_utf8_trim("\xe3\x80\x80 x \n", 7, &n);
    assert_true(n == 1 && *t == 'x');
    pr_str_done(&s);
}

static void sha256_matches_fips_180(void **state)
{
    (void)state;
    uint8_t d[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_sha256("abc", 3, d);
    pr_sha256_hex(d, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_child_answers_lines_and_a_silent_one_times_out(void **state)
{
    (void)state;
    struct pr_child c = {0};
    struct pr_error e;
    const char *cat[] = {"cat", NULL}, *mute[] = {"sleep", "100", NULL};
    char *answer;
    assert_int_equal(pr_child_start(&c, cat, &e), PR_OK);
    assert_int_equal(pr_child_ask(&c, "hello", 5, 10000, 100, &answer, &e), PR_OK);
    assert_string_equal(answer, "hello");
    pr_free(answer);
    pr_child_stop(&c);
    assert_int_equal(pr_child_start(&c, mute, &e), PR_OK);
    assert_int_equal(pr_child_ask(&c, "hello", 5, 20, 100, &answer, &e), PR_E_LIMIT);
    assert_int_equal(c.pid, 0);
    const char *none[] = {"/no/such/program", NULL};
    assert_int_equal(pr_child_start(&c, none, &e), PR_E_NOT_FOUND);
}

static void what_a_child_said_before_it_ended_is_heard(void **state)
{
    (void)state;
    char *got, wide[200000];
    struct pr_error e;
    struct pr_child c = {0};
    memset(wide, 'x', sizeof wide); /* more than a pipe takes: writing it finds the child gone */
    assert_int_equal(pr_child_start(&c, (const char *const[]){"echo", "none", NULL}, &e), PR_OK);
    assert_int_equal(pr_child_ask(&c, wide, sizeof wide, 10000, 100, &got, &e), PR_OK);
    assert_string_equal(got, "none");
    pr_free(got);
    assert_int_equal(pr_child_ask(&c, wide, sizeof wide, 10000, 100, &got, &e), PR_E_IO);
    assert_string_equal(e.message, "it ended without an answer");
    pr_child_stop(&c);
}

static void the_rest_of_a_child_comes_with_how_it_ended(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        enum pr_code code;
        int status;
        const char *said, *why;
    } cases[] = {
        {"echo one; echo two; exit 3", PR_OK, 3, "one\ntwo\n", NULL},
        {"cat; printf end", PR_OK, 0, "end", NULL}, /* its input is closed */
        {"kill -9 $$", PR_OK, 137, "", NULL},
        {"echo 12345678901", PR_E_LIMIT, 0, NULL, "more than 10 bytes"},
        {"exec sleep 1000", PR_E_LIMIT, 0, NULL, "in time"},
        {"exec >&-; exec sleep 1000", PR_E_LIMIT, 0, NULL,
            "in time"}, /* its output closed, and it stays */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const argv[] = {"sh", "-c", cases[i].script, NULL};
        struct pr_child c = {0};
        struct pr_error e;
        struct pr_str out = PR_STR_INIT(10);
        int status = -1, ms = cases[i].why && strstr(cases[i].why, "time") ? 50 : 60000;
        assert_int_equal(pr_child_start(&c, argv, &e), PR_OK);
        assert_int_equal(pr_child_rest(&c, ms, &out, &status, &e), cases[i].code);
        assert_int_equal(c.pid, 0);
        if (cases[i].said) {
            assert_string_equal(pr_str_cstr(&out), cases[i].said);
            assert_int_equal(status, cases[i].status);
        } else {
            assert_non_null(strstr(e.message, cases[i].why));
        }
        pr_str_done(&out);
    }
}

/* A folder's path for system calls that take none. */
static char *made_folder(char path[64])
{
    memcpy(path, "/tmp/proctor-test-XXXXXX", 25);
    assert_non_null(mkdtemp(path));
    return path;
}

static void a_tree_deeper_than_any_path_is_removed(void **state)
{
    (void)state;
    char path[64];
    struct pr_error e;
    int fd = open(made_folder(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(mkdirat(fd, "deeper", 0700), 0);
        assert_int_equal(mkdirat(fd, ".removing-7", 0700), 0); /* a name that is taken */
        close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        int next = openat(fd, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(fchmod(fd, i % 10 ? 0700 : 0), 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_int_equal(pr_remove_tree(path, &e), PR_OK);
    assert_false(pr_path_exists(path));
    assert_int_equal(pr_remove_tree(path, &e), PR_OK); /* none is fine */
}

static void what_a_link_names_and_what_is_spared_stays(void **state)
{
    (void)state;
    char path[64], other[64], *kept;
    struct pr_error e;
    int fd = open(made_folder(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    made_folder(other);
    kept = pr_path_join(other, "kept");
    assert_int_equal(pr_file_write_atomic(kept, "x", 1, &e), PR_OK);
    assert_int_equal(symlinkat(other, fd, "link"), 0);
    assert_int_equal(mkdirat(fd, "a", 0700), 0);
    assert_int_equal(symlinkat(other, fd, "a/link"), 0);
    close(openat(fd, "spare", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(pr_remove_in(fd, "spare", &e), PR_OK);
    assert_int_equal(faccessat(fd, "a", F_OK, 0), -1);
    assert_int_equal(faccessat(fd, "spare", F_OK, 0), 0);
    assert_true(pr_path_exists(kept));
    close(fd);
    assert_int_equal(pr_remove_tree(path, &e), PR_OK);
    assert_int_equal(pr_remove_tree(other, &e), PR_OK);
    pr_free(kept);
}

/* What is remembered by its path holds from wherever it is asked for. */
static void on_sigbus(int number, siginfo_t *info, void *ctx)
{
    (void)number, (void)ctx;
    if (!pr_mapped_mend(info->si_addr))
        _exit(1);
}

static void a_page_of_a_mapping_that_is_lost_is_zeros_and_known(void **state)
{
    (void)state;
    struct sigaction act = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGBUS, &act, &old);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 3 * page;
    const unsigned char *map[2];
    struct pr_error e;
    int fd[2];
    for (int i = 0; i < 2; i++) {
        char name[] = "/tmp/proctor-test-XXXXXX";
        fd[i] = mkstemp(name);
        assert_true(fd[i] >= 0 && !unlink(name));
        for (size_t at = 0; at < bytes; at += page)
            assert_int_equal(pwrite(fd[i], "page", 4, (off_t)at), 4);
        assert_int_equal(ftruncate(fd[i], (off_t)bytes), 0);
        assert_int_equal(pr_mapped_open(fd[i], bytes, "file", &map[i], &e), PR_OK);
    }
    assert_int_equal(map[0][page], 'p');
    assert_true(pr_mapped_is_whole(map[0]));
    assert_int_equal(ftruncate(fd[0], (off_t)page), 0);
    assert_int_equal(map[0][0], 'p');
    assert_int_equal(map[0][page], 0);
    assert_int_equal(map[0][3 * page - 1], 0);
    assert_false(pr_mapped_is_whole(map[0]));
    assert_int_equal(ftruncate(fd[0], (off_t)bytes), 0); /* nor when it is there again */
    assert_false(pr_mapped_is_whole(map[0]));
    assert_int_equal(map[1][page], 'p');
    assert_true(pr_mapped_is_whole(map[1]));
    assert_false(pr_mapped_mend(&page));
    for (int i = 0; i < 2; i++) {
        pr_mapped_close(map[i], bytes);
        assert_false(pr_mapped_mend(map[i]));
        close(fd[i]);
    }
    sigaction(SIGBUS, &old, NULL);
}

static void test_a_path_is_made_absolute(void **state)
{
    (void)state;
    static const struct {
        const char *given, *absolute;
    } from_usr[] = {{".", "/usr"}, {"./", "/usr"}, {"", "/usr"}, {"a", "/usr/a"},
        {"./a/./b//c/.", "/usr/a/b/c"}, {"../x", "/usr/../x"}, {"/", "/"}, {"/.", "/"},
        {"//a/", "/a"}, {"/a/.b/..", "/a/.b/.."}};
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir("/usr"), 0);
    for (size_t i = 0; i < sizeof from_usr / sizeof *from_usr; i++) {
        char *path = pr_path_absolute(from_usr[i].given);
        assert_string_equal(path, from_usr[i].absolute);
        pr_free(path);
    }
    assert_int_equal(fchdir(here), 0);
    close(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_made_absolute),
        cmocka_unit_test(string_past_its_maximum_appends_nothing),
        cmocka_unit_test(errors_replace_control_characters_and_carry_prefixes),
        cmocka_unit_test(lines_longer_than_the_maximum_are_reported_and_passed_over),
        cmocka_unit_test(json_deeper_than_the_limit_is_refused_before_the_parser_recurses),
        cmocka_unit_test(json_is_strict_by_default),
        cmocka_unit_test(json_integers_past_64_bits_become_reals),
        cmocka_unit_test(json_lenient_forgives_and_says_so),
        cmocka_unit_test(json_of_python_reads_nan_as_null),
        cmocka_unit_test(json_never_writes_nan),
        cmocka_unit_test(atomic_write_replaces_and_leaves_no_temporary),
        cmocka_unit_test(a_long_text_is_shortened_between_characters_and_keeps_its_end),
        cmocka_unit_test(utf8_is_checked_and_repaired_by_maximal_subparts),
        cmocka_unit_test(a_tree_deeper_than_any_path_is_removed),
        cmocka_unit_test(what_a_link_names_and_what_is_spared_stays),
        cmocka_unit_test(sha256_matches_fips_180),
        cmocka_unit_test(a_child_answers_lines_and_a_silent_one_times_out),
        cmocka_unit_test(a_page_of_a_mapping_that_is_lost_is_zeros_and_known),
        cmocka_unit_test(what_a_child_said_before_it_ended_is_heard),
        cmocka_unit_test(the_rest_of_a_child_comes_with_how_it_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
