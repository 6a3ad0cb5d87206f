/* Fetching from a folder of this machine: whole and verified, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "transfer/fetch.h"

static char top[] = "/tmp/proctor-fetch-XXXXXX";
static char runs[64], local[64];
static struct pr_store *source;
static struct pr_listing listing;
static atomic_bool stop;
static struct pr_error e;

static const char *path_of(const char *dir, const char *folder, const char *file)
{
    static char paths[2][512];
    static int i;
    i = !i;
    snprintf(paths[i], sizeof paths[i], "%s/%s/%s", dir, folder, file);
    return paths[i];
}

static void put(const char *folder, const char *file, const char *text)
{
    assert_int_equal(pr_mkdirs(path_of(runs, folder, ""), NULL), PR_OK);
    assert_int_equal(
        pr_file_write_atomic(path_of(runs, folder, file), text, strlen(text), NULL), PR_OK);
}

static void copy(const char *folder, const char *file)
{
    char *bytes;
    size_t n;
    const char *from = path_of(PR_FIXTURES "/models", "qwen2-tiny", file);
    assert_int_equal(pr_file_read(AT_FDCWD, from, (size_t)1 << 24, &bytes, &n, NULL), PR_OK);
    assert_int_equal(pr_file_write_atomic(path_of(runs, folder, file), bytes, n, NULL), PR_OK);
    pr_free(bytes);
}

static void make(const char *folder)
{
    put(folder, "optimizer.pt", "state");
    copy(folder, "config.json");
    copy(folder, "model.safetensors");
    copy(folder, "tokenizer.json");
}

static const struct pr_listed *look(const char *name)
{
    pr_listing_done(&listing);
    if (pr_store_list(source, &listing, &e))
        fail_msg("%s", e.message);
    return pr_listing_find(&listing, name);
}

static enum pr_code fetch(const struct pr_listed *what, struct pr_fetch_options o)
{
    struct pr_fetched f = {0};
    o.local_dir = local;
    o.stop = &stop;
    enum pr_code code = pr_fetch_checkpoint(source, what, &o, &f, &e);
    if (!code)
        assert_true(f.hashed && f.n_files && f.bytes);
    pr_free(f.path);
    return code;
}

static bool here(const char *folder, const char *file)
{
    return pr_path_exists(path_of(local, folder, file));
}

static void test_which_files(void **state)
{
    (void)state;
    static const char *const yes[] = {"model.safetensors", "model-00001-of-00002.safetensors",
        "adapter_model.safetensors", "config.json", "tokenizer.json", "merges.txt", "vocab.json",
        "tokenizer.model", "chat_template.jinja", "trainer_state.json", "a b'$(c).json"};
    static const char *const no[] = {"optimizer.pt", "optimizer.safetensors", "optimizer.bin",
        "scheduler.pt", "rng_state.pth", "rng_state_0.pth", "training_args.bin", "model.py",
        "pytorch_model.bin", "README.md", "core"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(pr_fetch_wants(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(pr_fetch_wants(no[i]));
}

static void test_a_checkpoint_comes_whole(void **state)
{
    (void)state;
    make("checkpoint-1");
    assert_int_equal(fetch(look("checkpoint-1"), (struct pr_fetch_options){0}), PR_OK);
    assert_true(here("checkpoint-1", "model.safetensors") && here("checkpoint-1", "config.json"));
    assert_false(here("checkpoint-1", "optimizer.pt"));
    assert_false(here(".incoming", "checkpoint-1"));
    struct stat a, b;
    assert_int_equal(stat(path_of(runs, "checkpoint-1", "model.safetensors"), &a), 0);
    assert_int_equal(stat(path_of(local, "checkpoint-1", "model.safetensors"), &b), 0);
    assert_true(a.st_size == b.st_size && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec);
    assert_int_equal(fetch(look("checkpoint-1"),
                         (struct pr_fetch_options){.as = "with-state", .optimizer_state = true}),
        PR_OK);
    assert_true(here("with-state", "optimizer.pt"));
}

static void test_nothing_is_ever_replaced(void **state)
{
    (void)state;
    assert_int_equal(fetch(look("checkpoint-1"), (struct pr_fetch_options){0}), PR_E_USAGE);
    assert_non_null(strstr(e.message, "already"));
    static const char *const names[] = {"", ".", "..", "a/b", ".hidden"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(
            fetch(look("checkpoint-1"), (struct pr_fetch_options){.as = names[i]}), PR_E_USAGE);
}

static void test_what_changed_meanwhile_is_not_put_in_place(void **state)
{
    (void)state;
    make("checkpoint-2");
    struct pr_listed then = pr_listed_copy(look("checkpoint-2"));
    put("checkpoint-2", "config.json", "{}");
    assert_int_equal(fetch(&then, (struct pr_fetch_options){0}), PR_E_CHANGED);
    assert_non_null(strstr(e.message, "was written to"));
    assert_int_equal(pr_remove_tree(path_of(runs, "checkpoint-2", ""), NULL), PR_OK);
    assert_int_equal(fetch(&then, (struct pr_fetch_options){0}), PR_E_CHANGED);
    assert_non_null(strstr(e.message, "was removed"));
    assert_false(here("checkpoint-2", ""));
    pr_listed_done(&then);
}

/* What an earlier try left is not believed: right size and time, wrong bytes. */
static void test_hashes_decide(void **state)
{
    (void)state;
    make("checkpoint-3");
    const struct pr_listed *l = look("checkpoint-3");
    const struct pr_listed_file *f = pr_listed_find(l, "config.json");
    char *bytes = pr_zalloc(f->size + 1);
    assert_int_equal(pr_mkdirs(path_of(local, ".incoming/checkpoint-3", ""), NULL), PR_OK);
    const char *path = path_of(local, ".incoming/checkpoint-3", "config.json");
    assert_int_equal(pr_file_write_atomic(path, bytes, f->size, NULL), PR_OK);
    struct timespec at[2] = {{0}, {f->mtime_ns / 1000000000, f->mtime_ns % 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, at, 0), 0);
    pr_free(bytes);
    assert_int_equal(
        pr_file_write_atomic(path_of(local, ".incoming/checkpoint-3", "stray.json"), "", 0, NULL),
        PR_OK);
    assert_int_equal(fetch(l, (struct pr_fetch_options){0}), PR_E_CHANGED);
    assert_non_null(strstr(e.message, "SHA-256"));
    assert_false(here("checkpoint-3", ""));
    assert_int_equal(fetch(l, (struct pr_fetch_options){0}), PR_OK); /* made over now */
    assert_true(here("checkpoint-3", "config.json"));
    assert_false(here("checkpoint-3", "stray.json"));
}

static void test_incomplete_ones_are_not_put_in_place(void **state)
{
    (void)state;
    make("checkpoint-4");
    assert_int_equal(truncate(path_of(runs, "checkpoint-4", "model.safetensors"), 5000), 0);
    enum pr_code code = fetch(look("checkpoint-4"), (struct pr_fetch_options){0});
    assert_true(code == PR_E_INCOMPLETE || code == PR_E_FORMAT);
    assert_false(here("checkpoint-4", ""));
    assert_int_equal(pr_fetch_discard(local, "checkpoint-4", &e), PR_OK);
    assert_false(here(".incoming", "checkpoint-4"));
    assert_int_equal(pr_fetch_discard(local, "../checkpoint-1", &e), PR_E_USAGE);
    assert_int_equal(pr_fetch_discard(local, NULL, &e), PR_OK);
    assert_false(here(".incoming", ""));
}

static void test_room_is_looked_at_before(void **state)
{
    (void)state;
    make("checkpoint-5");
    assert_int_equal(
        fetch(look("checkpoint-5"), (struct pr_fetch_options){.reserve_bytes = UINT64_MAX}),
        PR_E_LIMIT);
    assert_non_null(strstr(e.message, "keep fewer"));
    assert_false(here(".incoming/checkpoint-5", "config.json"));
}

static void test_it_stops_when_asked(void **state)
{
    (void)state;
    atomic_store(&stop, true);
    assert_int_equal(fetch(look("checkpoint-5"), (struct pr_fetch_options){0}), PR_E_CANCELLED);
    atomic_store(&stop, false);
    assert_false(here("checkpoint-5", ""));
    assert_int_equal(fetch(look("checkpoint-5"), (struct pr_fetch_options){0}), PR_OK);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(top))
        return -1;
    snprintf(runs, sizeof runs, "%s/runs", top);
    snprintf(local, sizeof local, "%s/local", top);
    return pr_store_open(&(struct pr_store_options){.dir = runs}, &source, &e) ? -1 : 0;
}

static int clean(void **state)
{
    (void)state;
    pr_store_free(source);
    pr_listing_done(&listing);
    return pr_remove_tree(top, NULL) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_files),
        cmocka_unit_test(test_a_checkpoint_comes_whole),
        cmocka_unit_test(test_nothing_is_ever_replaced),
        cmocka_unit_test(test_what_changed_meanwhile_is_not_put_in_place),
        cmocka_unit_test(test_hashes_decide),
        cmocka_unit_test(test_incomplete_ones_are_not_put_in_place),
        cmocka_unit_test(test_room_is_looked_at_before),
        cmocka_unit_test(test_it_stops_when_asked),
    };
    return cmocka_run_group_tests(tests, set_up, clean);
}
