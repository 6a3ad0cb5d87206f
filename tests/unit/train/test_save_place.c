/* Where checkpoints come to lie: whole or not at all, whatever happens; what is removed and what
 * never is; where a training goes on. */
#include "save_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fault.h"

static size_t entries(const char *dir)
{
    char **names;
    size_t n;
    struct pr_error e;
    if (pr_dir_list(dir, &names, &n, &e))
        fail_msg("%s", e.message);
    pr_names_free(names, n);
    return n;
}

static bool exists(const char *name)
{
    return pr_path_exists(temp_path(name));
}

static void one_that_is_there_is_replaced(void **state)
{
    (void)state;
    char before[65], after[65];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    saved(f, 5);
    temp_text("out/checkpoint-5/leftover.txt", "of before");
    fingerprint_of(temp_path("out/checkpoint-5"), NULL, before);
    fake_net_shake(f->net, 3);
    saved(f, 5);
    fingerprint_of(temp_path("out/checkpoint-5"), NULL, after);
    assert_string_not_equal(before, after);
    assert_false(exists("out/checkpoint-5/leftover.txt"));
    assert_int_equal(entries(f->save.out), 1);
    fixture_free(f);
}

static void the_folder_that_was_started_from_is_never_overwritten(void **state)
{
    (void)state;
    char path[512];
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_mkdir("out");
    assert_int_equal(rename(temp_path("model"), temp_path("out/checkpoint-5")), 0);
    temp_mkdir("out/checkpoint-5/proctor"); /* of an earlier training of ours */
    temp_text("out/checkpoint-5/proctor/training.json", "{}");
    snprintf(path, sizeof path, "%s", temp_path("out/../out/checkpoint-5/"));
    f->save.model = path;
    assert_int_equal(save_as(f, 5, &e), PR_E_USAGE);
    f->keep = 1;
    saved(f, 6);
    saved(f, 7);
    assert_true(exists("out/checkpoint-5/model.safetensors"));
    assert_false(exists("out/checkpoint-6"));
    assert_int_equal(entries(f->save.out), 2);
    fixture_free(f);
}

/* Makes another trainer's checkpoint-6 in the middle of a save. */
static void make_theirs(enum pr_fault point)
{
    if (point != PR_FAULT_SAVE_WRITTEN)
        return;
    temp_mkdir("out/checkpoint-6");
    temp_text("out/checkpoint-6/theirs.txt", "stays");
}

static void what_no_training_of_ours_wrote_is_never_replaced(void **state)
{
    (void)state;
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_copy_folder("models/qwen3-tiny", "out/checkpoint-2"); /* another trainer's */
    temp_text("out/checkpoint-3", "a file");
    saved(f, 9);
    assert_int_equal(rename(temp_path("out/checkpoint-9"), temp_path("elsewhere")), 0);
    assert_int_equal(symlink(temp_path("elsewhere"), temp_path("out/checkpoint-4")), 0);
    for (int64_t step = 2; step <= 4; step++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-%lld in %s ", (long long)step, f->save.out);
        assert_int_equal(save_as(f, step, &e), PR_E_USAGE);
        if (strncmp(e.message, name, strlen(name)) || !strstr(e.message, "give another --out"))
            fail_msg("'%s'", e.message);
    }
    pr_fault_hook = make_theirs;
    enum pr_code code = save_as(f, 6, &e);
    pr_fault_hook = NULL;
    assert_int_equal(code, PR_E_USAGE);
    if (strncmp(e.message, "checkpoint-6: ", 14) || !strstr(e.message, f->save.out))
        fail_msg("'%s'", e.message);
    assert_true(exists("out/checkpoint-2/model.safetensors") && exists("out/checkpoint-3"));
    assert_true(exists("out/checkpoint-4/proctor") && exists("elsewhere/proctor"));
    assert_true(exists("out/checkpoint-6/theirs.txt"));
    assert_int_equal(entries(f->save.out), 4);
    fixture_free(f);
}

static void steps_that_find_no_room_are_named_beforehand(void **state)
{
    static const struct {
        int64_t from, every, last;
        enum pr_code code;
    } cases[] = {
        {0, 0, 6, PR_E_USAGE}, /* the last */
        {0, 3, 8, PR_E_USAGE}, /* on the way */
        {6, 3, 8, PR_OK},      /* made already */
        {0, 3, 5, PR_OK},      /* never reached */
        {0, 4, 7, PR_OK},      /* never saved */
        {0, 3, 0, PR_OK},      /* no last step: may never be reached */
        {0, 5, 7, PR_OK},      /* ours */
    };
    (void)state;
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    const char *none = temp_path("nowhere");
    assert_int_equal(pr_save_check_places(none, 0, 1, 9, f->save.model, &e), PR_OK);
    saved(f, 5);
    temp_copy_folder("models/qwen3-tiny", "out/checkpoint-6");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum pr_code code = pr_save_check_places(
            f->save.out, cases[i].from, cases[i].every, cases[i].last, f->save.model, &e);
        if (code != cases[i].code || (code && !strstr(e.message, "no training of proctor")))
            fail_msg("case %zu: %d", i, code);
    }
    char start[512];
    snprintf(start, sizeof start, "%s/../out/checkpoint-5", f->save.out);
    assert_int_equal(pr_save_check_places(f->save.out, 0, 5, 7, start, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, "the training started from"));
    fixture_free(f);
}

static void keep_removes_the_oldest_of_ours(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_copy_folder("models/qwen3-tiny", "out/checkpoint-2"); /* another trainer's */
    temp_mkdir("out/checkpoint-best/proctor");
    saved(f, 900); /* of a training that went further */
    f->keep = 2;
    for (int64_t step = 9; step <= 12; step++)
        saved(f, step);
    assert_true(exists("out/checkpoint-2") && exists("out/checkpoint-best"));
    assert_true(exists("out/checkpoint-900"));
    assert_true(exists("out/checkpoint-11") && exists("out/checkpoint-12"));
    assert_int_equal(entries(f->save.out), 5);
    f->keep = 0;
    saved(f, 13); /* and killed before the oldest was removed */
    struct pr_error e;
    assert_int_equal(pr_save_keep(f->save.out, 13, 2, f->save.model, &e), 0);
    assert_false(exists("out/checkpoint-11"));
    assert_int_equal(entries(f->save.out), 5);
    fixture_free(f);
}

/* Deeper than anything that is removed. */
static void make_lasting(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/1/2/3/4/5/6/7/8/9/10", name);
    temp_mkdir(path);
}

static void what_keep_cannot_remove_keeps_no_other(void **state)
{
    (void)state;
    char note[256];
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    for (int64_t step = 5; step <= 8; step++)
        saved(f, step);
    make_lasting("out/checkpoint-6");
    assert_int_equal(pr_save_keep(f->save.out, 8, 1, f->save.model, &e), PR_E_IO);
    assert_non_null(strstr(e.message, ".checkpoint-6.gone: cannot be removed"));
    assert_false(exists("out/checkpoint-5") || exists("out/checkpoint-6"));
    assert_false(exists("out/checkpoint-7"));
    /* It is in no save's way, unlike what a save needs the name of. */
    assert_string_equal(newest(f, note), "checkpoint-8");
    assert_non_null(strstr(note, ".checkpoint-6.gone: cannot be removed"));
    make_lasting("out/.checkpoint-9.tmp");
    assert_int_equal(save_as(f, 9, &e), PR_E_IO);
    assert_non_null(strstr(e.message, ".checkpoint-9.tmp: cannot be removed"));
    fixture_free(f);
}

static void a_folder_in_which_nothing_can_be_written_is_an_error(void **state)
{
    (void)state;
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_text("out", "a file");
    assert_int_equal(save_as(f, 5, &e), PR_E_IO);
    fixture_free(f);
}

static void a_full_disk_leaves_the_one_before(void **state)
{
    (void)state;
    char before[65], after[65];
    struct pr_error e;
    struct rlimit was, small;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    saved(f, 5);
    fingerprint_of(temp_path("out/checkpoint-5"), NULL, before);
    fake_net_shake(f->net, 2);
    getrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, SIG_IGN);
    /* In the weights, in the optimizer's state, in the tokenizer. */
    for (rlim_t limit = 5000; limit < 700000; limit *= 5) {
        small = (struct rlimit){limit, was.rlim_max};
        setrlimit(RLIMIT_FSIZE, &small);
        enum pr_code codes[] = {save_as(f, 5, &e), save_as(f, 6, &e)};
        setrlimit(RLIMIT_FSIZE, &was);
        assert_int_equal(codes[0], PR_E_IO);
        assert_int_equal(codes[1], PR_E_IO);
        assert_int_equal(e.sys_errno, EFBIG);
        if (strncmp(e.message, "checkpoint-6: ", 14))
            fail_msg("'%s'", e.message);
        assert_int_equal(entries(f->save.out), 1);
    }
    fingerprint_of(temp_path("out/checkpoint-5"), NULL, after);
    assert_string_equal(before, after);
    fixture_free(f);
}

static void a_source_cannot_make_us_read_elsewhere(void **state)
{
    (void)state;
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_text("secret", "not for others");
    temp_unlink("model/tokenizer_config.json");
    assert_int_equal(symlink(temp_path("secret"), temp_path("model/tokenizer_config.json")), 0);
    assert_int_equal(save_as(f, 5, &e), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "tokenizer_config.json"));
    temp_unlink("model/tokenizer_config.json");
    assert_int_equal(mkfifo(temp_path("model/tokenizer_config.json"), 0600), 0);
    assert_int_equal(save_as(f, 5, &e), PR_E_FORMAT);
    temp_unlink("model/tokenizer_config.json");
    temp_text("model/chat_template.jinja", "x");
    assert_int_equal(truncate(temp_path("model/chat_template.jinja"), (off_t)5 << 20), 0);
    assert_int_equal(save_as(f, 5, &e), PR_E_LIMIT);
    assert_false(exists("out"));
    fixture_free(f);
}

/* Turns a bit of the last byte. */
static void temp_flip(const char *name)
{
    char byte;
    int fd = open(temp_path(name), O_RDWR);
    off_t at = lseek(fd, -1, SEEK_END);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void the_newest_that_is_whole_is_gone_on_from(void **state)
{
    (void)state;
    char note[256];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_BF16, 0);
    assert_string_equal(newest(f, NULL), "");
    saved(f, 9);
    saved(f, 10);
    saved(f, 100);
    assert_string_equal(newest(f, note), "checkpoint-100");
    assert_string_equal(note, "");
    temp_cut("out/checkpoint-100/proctor/optimizer.safetensors", 1);
    assert_string_equal(newest(f, note), "checkpoint-10");
    assert_non_null(strstr(note, "checkpoint-100 is passed over: proctor/optimizer.safetensors: "));
    temp_flip("out/checkpoint-10/proctor/optimizer.safetensors");
    assert_string_equal(newest(f, note), "checkpoint-9");
    assert_non_null(strstr(note, "optimizer.safetensors: its content is not what was saved"));
    temp_flip("out/checkpoint-10/proctor/optimizer.safetensors");
    assert_string_equal(newest(f, note), "checkpoint-10");
    temp_flip("out/checkpoint-10/model.safetensors");
    assert_string_equal(newest(f, note), "checkpoint-9");
    assert_non_null(strstr(note, "model.safetensors: its content is not what was saved"));
    temp_flip("out/checkpoint-10/model.safetensors");
    temp_text("out/checkpoint-10/trainer_state.json", "{\"global_step\": 10, \"log_history\": []}");
    assert_string_equal(newest(f, note), "checkpoint-9");
    assert_non_null(strstr(note, "trainer_state.json: its content is not what was saved"));
    temp_text("out/checkpoint-10/proctor/training.json", "{");
    assert_string_equal(newest(f, note), "checkpoint-9");
    assert_non_null(strstr(note, "checkpoint-10 is passed over: proctor/training.json"));
    temp_cut("out/checkpoint-9/model.safetensors", 1);
    assert_string_equal(newest(f, note), "");
    temp_copy_folder("models/qwen3-tiny", "out/checkpoint-200");
    assert_string_equal(newest(f, note), "");
    fixture_free(f);
}

static void another_trainers_checkpoint_is_passed_over_and_named(void **state)
{
    (void)state;
    char note[256];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    saved(f, 5);
    temp_copy_folder("models/qwen3-tiny", "out/checkpoint-6");
    assert_string_equal(newest(f, note), "checkpoint-5");
    assert_non_null(strstr(note, "checkpoint-6 is passed over: written by another trainer"));
    fixture_free(f);
}

static void leftovers_are_removed_or_put_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_mkdir("precious");
    temp_text("precious/file", "stays");
    temp_mkdir("out/.checkpoint-6.tmp/proctor");
    assert_int_equal(symlink(temp_path("precious"), temp_path("out/.checkpoint-6.tmp/link")), 0);
    assert_int_equal(symlink(temp_path("precious"), temp_path("out/.checkpoint-8.gone")), 0);
    temp_mkdir("out/.checkpoint-x.tmp");
    temp_mkdir("out/.mine");
    saved(f, 5);
    /* Killed between the two renames of a file system that cannot exchange. */
    assert_int_equal(rename(temp_path("out/checkpoint-5"), temp_path("out/.checkpoint-5.old")), 0);
    temp_mkdir("out/.checkpoint-5.tmp");
    assert_string_equal(newest(f, NULL), "checkpoint-5");
    assert_int_equal(entries(f->save.out), 3);
    assert_true(exists("out/.mine") && exists("out/.checkpoint-x.tmp"));
    assert_true(exists("precious/file"));
    fixture_free(f);
}

static void a_second_training_is_kept_out(void **state)
{
    (void)state;
    int first, second;
    struct pr_error e;
    assert_int_equal(pr_save_lock(temp_path("a/b"), &first, &e), 0);
    assert_int_equal(pr_save_lock(temp_path("a/b"), &second, &e), PR_E_IO);
    assert_non_null(strstr(e.message, "another training"));
    close(first);
    assert_int_equal(pr_save_lock(temp_path("a/b"), &second, &e), 0);
    close(second);
}

/* A file system that cannot exchange two folders, and a kill before the n-th plain rename. */
static bool exchange_missing;
static unsigned renames_left;

int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    if (exchange_missing) {
        errno = EINVAL;
        return -1;
    }
    return __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (renames_left && !--renames_left)
        kill(getpid(), SIGKILL);
    return __real_renameat(from_fd, from, to_fd, to);
}

static void a_file_system_without_exchange_loses_nothing_either(void **state)
{
    (void)state;
    char before[65], after[65], fresh[65];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    for (unsigned nth = 1; nth <= 3; nth++) {
        int status;
        exchange_missing = false;
        fake_net_shake(f->net, nth);
        saved(f, 6);
        fingerprint_of(temp_path("out/checkpoint-6"), NULL, before);
        fake_net_shake(f->net, 100 + nth);
        exchange_missing = true;
        pid_t child = fork();
        if (!child) {
            struct pr_error e;
            renames_left = nth;
            _exit(save_as(f, 6, &e) ? 1 : 0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WIFSIGNALED(status), nth < 3); /* it takes two */
        assert_string_equal(newest(f, NULL), "checkpoint-6");
        assert_int_equal(entries(f->save.out), 1);
        fingerprint_of(temp_path("out/checkpoint-6"), NULL, after);
        saved(f, 6);
        fingerprint_of(temp_path("out/checkpoint-6"), NULL, fresh);
        assert_string_equal(after, nth < 3 ? before : fresh);
        assert_int_equal(entries(f->save.out), 1);
    }
    exchange_missing = false;
    fixture_free(f);
}

static enum pr_fault wanted;
static unsigned left;

static void die(enum pr_fault point)
{
    if (point == wanted && !--left)
        kill(getpid(), SIGKILL);
}

/* Saves checkpoint-6 over an older one, and 7, with 2 kept; true where it was killed. */
static bool killed_while_saving(struct fixture *f)
{
    int status;
    pid_t child = fork();
    if (!child) {
        struct pr_error e;
        pr_fault_hook = die;
        for (int64_t step = 6; step <= 7; step++)
            if (save_as(f, step, &e) || pr_save_keep(f->save.out, step, f->keep, f->save.model, &e))
                _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return true;
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* Everything under a plain name is whole, and the two that a training could go on from are there
 * or were replaced by newer ones. */
static void check_whole(struct fixture *f)
{
    char **names, fingerprint[65];
    size_t n, plain = 0;
    assert_int_equal(pr_dir_list(f->save.out, &names, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        char path[1024];
        if (names[i][0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", f->save.out, names[i]);
        fingerprint_of(path, NULL, fingerprint);
        plain++;
    }
    pr_names_free(names, n);
    assert_true(plain >= 2);
}

static void killed_at_any_moment_leaves_whole_checkpoints_alone(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_BF16, 0);
    struct pr_error e;
    for (wanted = PR_FAULT_SAVE_BEGUN; wanted <= PR_FAULT_SAVE_REMOVING; wanted++) {
        unsigned kills = 0;
        for (unsigned nth = 1; nth < 99; nth++) {
            f->keep = 2;
            saved(f, 5);
            saved(f, 6);
            left = nth;
            bool killed = killed_while_saving(f);
            check_whole(f);
            if (!killed)
                break;
            kills++;
            const char *name = newest(f, NULL);
            assert_true(!strcmp(name, "checkpoint-6") || !strcmp(name, "checkpoint-7"));
            char *path = pr_path_join(f->save.out, name);
            if (pr_save_restore(path, f->net, &f->optimizer, &e))
                fail_msg("%s", e.message);
            pr_free(path);
            assert_true(entries(f->save.out) <= 3);
            temp_remove(f->save.out);
        }
        if (!kills)
            fail_msg("%s was never reached", pr_fault_names[wanted]);
    }
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_there_is_replaced),
        TEST(the_folder_that_was_started_from_is_never_overwritten),
        TEST(what_no_training_of_ours_wrote_is_never_replaced),
        TEST(steps_that_find_no_room_are_named_beforehand),
        TEST(keep_removes_the_oldest_of_ours),
        TEST(what_keep_cannot_remove_keeps_no_other),
        TEST(a_folder_in_which_nothing_can_be_written_is_an_error),
        TEST(a_full_disk_leaves_the_one_before),
        TEST(a_source_cannot_make_us_read_elsewhere),
        TEST(the_newest_that_is_whole_is_gone_on_from),
        TEST(another_trainers_checkpoint_is_passed_over_and_named),
        TEST(leftovers_are_removed_or_put_back),
        TEST(a_second_training_is_kept_out),
        TEST(a_file_system_without_exchange_loses_nothing_either),
        TEST(killed_at_any_moment_leaves_whole_checkpoints_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
