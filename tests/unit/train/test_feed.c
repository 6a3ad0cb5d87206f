/* The row of a queue's files: what a training that died goes on with, from what it left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "queue/folder.h"
#include "train/feed.h"

static struct pr_error e;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != PR_OK)                                                                       \
            fail_msg("%s: %s", #call, e.message);                                                  \
    } while (0)

struct world {
    char base[64], out[80], row[100];
    struct pr_feed *feed;
};

static void open_feed(struct world *w, const json_t *state)
{
    pr_feed_free(w->feed); /* as if it had died */
    w->feed = NULL;
    OK(pr_feed_open(w->base, w->out, &w->feed, &e));
    OK(pr_feed_resume(w->feed, state, false, &e));
}

static int setup(void **state)
{
    struct world *w = pr_zalloc(sizeof *w);
    snprintf(w->base, sizeof w->base, "/tmp/proctor-feed-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    snprintf(w->out, sizeof w->out, "%s/out", w->base);
    snprintf(w->row, sizeof w->row, "%s/" PR_FEED_ROW, w->out);
    OK(pr_mkdirs(w->out, &e));
    open_feed(w, NULL);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    pr_feed_free(w->feed);
    OK(pr_remove_tree(w->base, &e));
    pr_free(w);
    return 0;
}

static void put(const struct world *w, enum pr_queue q, const char *name, const char *text)
{
    OK(pr_queue_put(w->base, q, name, text, strlen(text), &e));
}

/* "next" and, where it is one, begun; "" where none waits. */
static const char *next(struct world *w)
{
    static char name[64];
    struct pr_feed_file f;
    OK(pr_feed_next(w->feed, &f, &e));
    snprintf(name, sizeof name, "%s", f.path ? f.name : "");
    if (f.path) {
        assert_true(pr_path_exists(f.path));
        OK(pr_feed_begin(w->feed, &e));
    }
    return name;
}

static void train(struct world *w, const char *name)
{
    assert_string_equal(next(w), name);
    pr_feed_trained(w->feed);
}

/* The state of a checkpoint that is then durable. */
static json_t *save(struct world *w, int64_t steps)
{
    json_t *state = pr_feed_state(w->feed, steps);
    OK(pr_feed_saved(w->feed, &e));
    return state;
}

static size_t count(const struct world *w, enum pr_queue q)
{
    struct pr_queue_file *v;
    size_t n;
    OK(pr_queue_list(w->base, q, &v, &n, &e));
    pr_queue_files_free(v, n);
    return n;
}

static void what_was_taken_comes_again_in_its_order(void **state)
{
    struct world *w = *state;
    put(w, PR_QUEUE_NORMAL, "b.jsonl", "b");
    train(w, "b.jsonl");
    put(w, PR_QUEUE_HIGH, "z.jsonl", "z");
    put(w, PR_QUEUE_NORMAL, "a.jsonl", "a");
    train(w, "z.jsonl");
    train(w, "a.jsonl");
    assert_string_equal(next(w), "");
    put(w, PR_QUEUE_HIGH, "0.jsonl", "later, and yet first by name and queue");
    open_feed(w, NULL);
    assert_int_equal(count(w, PR_QUEUE_PROCESSING), 3);
    train(w, "b.jsonl");
    train(w, "z.jsonl");
    train(w, "a.jsonl");
    train(w, "0.jsonl");
    json_decref(save(w, 0));
    assert_int_equal(count(w, PR_QUEUE_PROCESSING), 0);
    assert_int_equal(count(w, PR_QUEUE_COMPLETED), 4);
}

static void a_checkpoint_says_where_in_the_row_it_stands(void **state)
{
    struct world *w = *state;
    struct pr_feed_file f;
    put(w, PR_QUEUE_NORMAL, "a.jsonl", "a");
    put(w, PR_QUEUE_NORMAL, "b.jsonl", "b");
    train(w, "a.jsonl");
    assert_string_equal(next(w), "b.jsonl");
    json_t *at = pr_feed_state(w->feed, 3); /* durable, and then it died */
    pr_feed_trained(w->feed);
    assert_int_equal(count(w, PR_QUEUE_PROCESSING), 2);
    open_feed(w, at);
    assert_int_equal(count(w, PR_QUEUE_PROCESSING), 1);
    assert_int_equal(pr_feed_completed(w->feed), 1);
    OK(pr_feed_next(w->feed, &f, &e));
    assert_string_equal(f.name, "b.jsonl");
    assert_string_equal(f.from, "normal");
    assert_int_equal(f.steps, 3);
    assert_int_equal(f.number, 1);
    json_decref(at);
}

static void the_same_file_again_is_another(void **state)
{
    struct world *w = *state;
    put(w, PR_QUEUE_NORMAL, "a.jsonl", "a");
    train(w, "a.jsonl");
    json_t *held = save(w, 0);
    /* Taken, and it died before a line of it was written. */
    put(w, PR_QUEUE_PROCESSING, "a.jsonl", "a");
    open_feed(w, held);
    assert_int_equal(count(w, PR_QUEUE_COMPLETED), 1);
    train(w, "a.jsonl");
    json_decref(held);
    held = save(w, 0);
    assert_int_equal(count(w, PR_QUEUE_COMPLETED), 2);
    assert_int_equal(json_integer_value(json_object_get(held, "files_completed")), 2);
    json_decref(held);
}

static void append(const char *path, const char *text)
{
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_torn_line_is_as_good_as_none(void **state)
{
    struct world *w = *state;
    put(w, PR_QUEUE_NORMAL, "a.jsonl", "a");
    put(w, PR_QUEUE_NORMAL, "b.jsonl", "b");
    train(w, "a.jsonl");
    append(w->row, "{\"taken\":1,\"name\":\"b.jsonl\",\"from\":\"nor");
    open_feed(w, NULL);
    train(w, "a.jsonl");
    train(w, "b.jsonl");
    open_feed(w, NULL);
    train(w, "a.jsonl");
    train(w, "b.jsonl");
    /* Lines that do not belong where they are: those before them count. */
    append(w->row, "{\"completed\":1}\n{\"taken\":2}\n");
    open_feed(w, NULL);
    train(w, "a.jsonl");
    train(w, "b.jsonl");
    assert_string_equal(next(w), "");
}

static void a_row_of_another_training_is_forgotten(void **state)
{
    struct world *w = *state;
    put(w, PR_QUEUE_NORMAL, "a.jsonl", "a");
    put(w, PR_QUEUE_NORMAL, "b.jsonl", "b");
    train(w, "a.jsonl");
    json_t *held = save(w, 0);
    train(w, "b.jsonl");
    assert_int_equal(unlink(w->row), 0);
    append(w->row, "{\"taken\":0,\"name\":\"x.jsonl\",\"from\":\"low\",\"bytes\":1,\"sha256\":\""
                   "0000000000000000000000000000000000000000000000000000000000000000\"}\n");
    open_feed(w, held);
    train(w, "b.jsonl");
    assert_string_equal(next(w), "");
    json_decref(held);
}

static void a_checkpoint_that_makes_no_sense_is_refused(void **state)
{
    static const char *const wrong[] = {"{}", "{\"files\":[],\"files_completed\":1}",
        "{\"files\":[],\"files_completed\":0,\"files_moved\":0,\"current_steps\":2}",
        "{\"files\":[{\"name\":\"../x\",\"from\":\"low\",\"bytes\":1,\"sha256\":\"0\"}],"
        "\"files_completed\":1,\"files_moved\":0,\"current_steps\":0}",
        "{\"files\":[],\"files_completed\":0,\"files_moved\":1,\"current_steps\":0}"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *o;
        OK(pr_json_parse(wrong[i], strlen(wrong[i]), PR_JSON_STRICT, NULL, &o, NULL, &e));
        pr_feed_free(w->feed);
        OK(pr_feed_open(w->base, w->out, &w->feed, &e));
        assert_int_equal(pr_feed_resume(w->feed, o, false, &e), PR_E_FORMAT);
        json_decref(o);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_taken_comes_again_in_its_order),
        TEST(a_checkpoint_says_where_in_the_row_it_stands),
        TEST(the_same_file_again_is_another),
        TEST(a_torn_line_is_as_good_as_none),
        TEST(a_row_of_another_training_is_forgotten),
        TEST(a_checkpoint_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
