/* The journal: what was written is read again, also after a crash in the middle of a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "deploy/journal.h"

static char dir[] = "/tmp/test-journal-XXXXXX";
static const char *path;
static struct pr_error e;

static void append(const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(pr_file_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

static json_t *plan(const char *fingerprint)
{
    json_t *o = json_object();
    pr_json_set_str(o, "fingerprint", fingerprint);
    pr_json_set_str(o, "version", fingerprint);
    return o;
}

static void put(struct pr_journal *j, int64_t id, enum pr_deploy_step step, const char *fingerprint)
{
    json_t *more = fingerprint ? plan(fingerprint) : NULL;
    if (pr_journal_put(j, id, step, more, &e))
        fail_msg("%s", e.message);
    json_decref(more);
}

static void what_was_written_is_read_again(void **state)
{
    (void)state;
    struct pr_journal j;
    unlink(path);
    assert_int_equal(pr_journal_read(path, &j, &e), PR_OK);
    assert_null(pr_journal_last(&j));
    put(&j, 1, PR_DEPLOY_INTENT, "a");
    put(&j, 1, PR_DEPLOY_DONE, NULL);
    put(&j, 2, PR_DEPLOY_INTENT, "b");
    put(&j, 2, PR_DEPLOY_SWAPPED, NULL);
    pr_journal_done(&j);
    assert_int_equal(pr_journal_read(path, &j, &e), PR_OK);
    assert_int_equal(j.n, 2);
    assert_int_equal(pr_journal_last(&j)->step, PR_DEPLOY_SWAPPED);
    assert_false(pr_deployment_is_over(pr_journal_last(&j)));
    assert_int_equal(pr_journal_served(&j)->id, 1);
    put(&j, 2, PR_DEPLOY_ROLLED_BACK, NULL);
    put(&j, 3, PR_DEPLOY_INTENT, "b");
    put(&j, 3, PR_DEPLOY_DONE, NULL);
    assert_int_equal(pr_journal_served(&j)->id, 3);
    pr_journal_done(&j);
}

/* At every byte of the last line: the step that it says was not made. */
static void a_line_that_a_crash_cut_is_cut_off(void **state)
{
    (void)state;
    static const char whole[] = "{\"at\":\"t\",\"deployment\":1,\"step\":\"intent\"}\n",
                      last[] = "{\"at\":\"t\",\"deployment\":1,\"step\":\"copied\"}\n";
    for (size_t n = 0; n < strlen(last); n++) {
        char cut[sizeof last];
        struct pr_journal j;
        memcpy(cut, last, n);
        cut[n] = 0;
        unlink(path);
        append(whole);
        append(cut);
        assert_int_equal(pr_journal_read(path, &j, &e), PR_OK);
        assert_int_equal(pr_journal_last(&j)->step, PR_DEPLOY_INTENT);
        put(&j, 1, PR_DEPLOY_FAILED, NULL);
        pr_journal_done(&j);
        assert_int_equal(pr_journal_read(path, &j, &e), PR_OK);
        assert_int_equal(pr_journal_last(&j)->step, PR_DEPLOY_FAILED);
        pr_journal_done(&j);
    }
}

static void what_is_no_journal_is_refused_by_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"x\n", "{}\n", "[]\n", "{\"deployment\":1}\n",
        "{\"deployment\":1,\"step\":\"nonsense\"}\n", "{\"deployment\":0,\"step\":\"intent\"}\n",
        "{\"deployment\":1,\"step\":\"done\"}\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pr_journal j;
        unlink(path);
        append(bad[i]);
        assert_int_equal(pr_journal_read(path, &j, &e), PR_E_FORMAT);
        assert_non_null(strstr(e.message, "journal:1 "));
        assert_non_null(strstr(e.message, "move the file away"));
    }
}

/* Few deployments with long questions; and the fingerprints of old ones are not forgotten. */
static void it_is_compacted_by_bytes_and_keeps_the_fingerprints(void **state)
{
    (void)state;
    struct pr_journal j;
    struct stat st;
    char *text = pr_zalloc((512 << 10) + 1);
    memset(text, 'q', 512 << 10);
    unlink(path);
    assert_int_equal(pr_journal_read(path, &j, &e), PR_OK);
    for (int64_t id = 1; id <= 50; id++) {
        json_t *more = plan(id == 1 ? "first" : "x");
        pr_json_set_str(more, "questions", text);
        assert_int_equal(pr_journal_put(&j, id, PR_DEPLOY_INTENT, more, &e), PR_OK);
        put(&j, id, PR_DEPLOY_FAILED, NULL);
        json_decref(more);
    }
    assert_int_equal(pr_journal_compact(&j, &e), PR_OK);
    pr_journal_done(&j);
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 10 << 20, 11 << 20);
    assert_int_equal(pr_journal_read(path, &j, &e), PR_OK);
    assert_int_equal(j.n, 50);
    assert_string_equal(json_string_value(json_object_get(j.v[0].plan, "fingerprint")), "first");
    assert_null(json_object_get(j.v[29].plan, "questions"));
    assert_non_null(json_object_get(j.v[30].plan, "questions"));
    pr_journal_done(&j);
    pr_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(a_line_that_a_crash_cut_is_cut_off),
        cmocka_unit_test(what_is_no_journal_is_refused_by_line),
        cmocka_unit_test(it_is_compacted_by_bytes_and_keeps_the_fingerprints),
    };
    if (!mkdtemp(dir))
        return 1;
    char *p = pr_path_join(dir, "journal");
    path = p;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (pr_remove_tree(dir, &e))
        return 1;
    return failed;
}
