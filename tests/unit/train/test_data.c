/* Training data: the exam's tokens with the answer's marked, and which examples make a batch. */
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
#include "train/data.h"

#define MODEL PR_SOURCE_ROOT "/tests/fixtures/run_a/checkpoints/checkpoint-2886"

static char dir[] = "/tmp/proctor-data-XXXXXX";
static struct pr_checkpoint *model;
static struct pr_prompter *prompter;
static char message[1024]; /* of the last failure */

static char *file(const char *name, const char *content)
{
    static char path[4][200];
    static int next;
    char *p = path[next++ % 4];
    struct pr_error e;
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    assert_int_equal(pr_file_write_atomic(p, content, strlen(content), &e), PR_OK);
    return p;
}

static enum pr_code try_load(struct pr_train_data_options o, struct pr_train_data **ret)
{
    struct pr_error e = {.message = ""};
    enum pr_code code = pr_train_data_load(prompter, pr_checkpoint_config(model), &o, ret, &e);
    snprintf(message, sizeof message, "%s", e.message);
    return code;
}

static struct pr_train_data *load(struct pr_train_data_options o)
{
    struct pr_train_data *d = NULL;
    if (try_load(o, &d))
        fail_msg("%s", message);
    return d;
}

static struct pr_train_data_options options(const char *const *paths, uint32_t batch)
{
    return (struct pr_train_data_options){
        .files = paths, .n_files = 1, .batch = batch, .seed = 5, .end = -1};
}

static struct pr_batch batch(struct pr_train_data *d, int64_t step, uint64_t *counted)
{
    struct pr_batch b;
    struct pr_error e;
    uint64_t n;
    assert_int_equal(pr_train_data_batch(d, step, &b, counted ? counted : &n, &e), PR_OK);
    return b;
}

static int64_t fact(const struct pr_train_data *d, const char *key)
{
    return json_integer_value(json_object_get(pr_train_data_json(d), key));
}

/* The id of sequence i of the last batch, as a number. */
static int id_of(const struct pr_train_data *d, uint32_t i)
{
    json_t *o = pr_train_data_show(d, prompter, i, 100);
    int id = (int)strtol(json_string_value(json_object_get(o, "id")), NULL, 10);
    json_decref(o);
    return id;
}

/* n examples with ids 0, 1, … */
static const char *numbered(int n)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    for (int i = 0; i < n; i++)
        pr_str_printf(&text, "{\"id\":%d,\"prompt\":\"What is %d?\",\"golden\":\"%d\"}\n", i, i, i);
    const char *path = file("numbered.jsonl", pr_str_cstr(&text));
    pr_str_done(&text);
    return path;
}

/* ---- tokens ---- */

static void what_is_trained_is_what_the_exam_scores(void **state)
{
    (void)state;
    const char *path = file("one.jsonl",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\","
        "\"content\":\"12 + 30?\"},{\"role\":\"assistant\",\"content\":\"42, I think\"}]}\n");
    struct pr_train_data *d = load(options(&path, 1));
    struct pr_suite *s;
    struct pr_prompt p;
    struct pr_error e;
    uint64_t counted;
    assert_int_equal(pr_suite_load(&path, 1, NULL, &s, &e), PR_OK);
    assert_int_equal(pr_prompter_build(prompter, &s->v[0], s->v[0].golden, &p, &e), PR_OK);
    assert_int_equal(p.ids.v[p.ids.n - 1], pr_prompter_end_of_turn(prompter));
    struct pr_batch b = batch(d, 1, &counted);
    assert_int_equal(b.n_sequences, 1);
    assert_int_equal(b.n_rows, p.ids.n - 1);
    assert_int_equal(counted, p.ids.n - p.n_prompt);
    assert_memory_equal(b.ids, p.ids.v, b.n_rows * sizeof *b.ids);
    for (uint32_t i = 0; i < b.n_rows; i++)
        assert_int_equal(b.targets[i], i + 1 >= p.n_prompt ? p.ids.v[i + 1] : -100);
    pr_prompt_done(&p);
    pr_suite_free(s);
    pr_train_data_free(d);
}

static void plain_text_is_trained_on_all_but_its_first_token(void **state)
{
    (void)state;
    const char *path = file("text.jsonl", "{\"text\":\"one two three four\"}\n");
    struct pr_train_data *d = load(options(&path, 1));
    uint64_t counted;
    struct pr_batch b = batch(d, 1, &counted);
    assert_true(b.n_rows > 2);
    assert_int_equal(counted, b.n_rows);
    for (uint32_t i = 0; i + 1 < b.n_rows; i++)
        assert_int_equal(b.targets[i], b.ids[i + 1]);
    pr_train_data_free(d);
}

static void a_new_models_answers_end_as_its_config_says(void **state)
{
    (void)state;
    /* A tokenizer without a template and without an eos_token. */
    struct pr_checkpoint *bare = NULL;
    struct pr_prompter *p = NULL;
    struct pr_train_data *d = NULL;
    struct pr_error e;
    char *folder = pr_path_join(dir, "bare"), *text, *path;
    size_t n;
    assert_int_equal(pr_mkdirs(folder, &e), PR_OK);
    assert_int_equal(pr_file_read(-100, MODEL "/tokenizer.json", 1 << 24, &text, &n, &e), PR_OK);
    path = pr_path_join(folder, "tokenizer.json");
    assert_int_equal(pr_file_write_atomic(path, text, n, &e), PR_OK);
    struct pr_checkpoint_options co = {0};
    assert_int_equal(pr_checkpoint_open(folder, &co, &bare, &e), PR_OK);
    assert_int_equal(pr_prompter_new(bare, NULL, &p, &e), PR_OK);
    assert_int_equal(pr_prompter_end_of_turn(p), -1);
    const char *data = numbered(1);
    struct pr_train_data_options o = options(&data, 1);
    o.end = 1012;
    assert_int_equal(pr_train_data_load(p, pr_checkpoint_config(model), &o, &d, &e), PR_OK);
    struct pr_batch b = batch(d, 1, NULL);
    assert_int_equal(b.targets[b.n_rows - 1], 1012);
    pr_train_data_free(d);
    pr_prompter_free(p);
    pr_checkpoint_free(bare);
    unlink(path);
    rmdir(folder);
    pr_free(path);
    pr_free(folder);
    pr_free(text);
}

static void long_ones_and_broken_lines_are_left_out_and_counted(void **state)
{
    (void)state;
    const char *path = file("mixed.jsonl",
        "{\"prompt\":\"a\",\"golden\":\"b\"}\n"
        "{\"prompt\":\"a a a a a a a a a a a a a a a a a a a a a a a a a a a\",\"golden\":\"b\"}\n"
        "{\"nothing\":1}\n"
        "{\"prompt\":\"c\",\"golden\":\"d\"}\n"
        "not json\n");
    struct pr_train_data_options o = options(&path, 4);
    o.max_tokens = 20;
    struct pr_train_data *d = load(o);
    assert_int_equal(pr_train_data_size(d), 2);
    assert_int_equal(fact(d, "examples"), 2);
    assert_int_equal(fact(d, "too_long"), 1);
    assert_int_equal(fact(d, "skipped"), 2);
    struct pr_str text = PR_STR_INIT(1 << 20);
    pr_json_dump(json_object_get(pr_train_data_json(d), "warnings"), 0, 0, &text);
    assert_non_null(strstr(pr_str_cstr(&text), "mixed.jsonl:3: "));
    assert_non_null(strstr(pr_str_cstr(&text), "mixed.jsonl:5: "));
    assert_non_null(strstr(pr_str_cstr(&text), "1 example of more than 20 tokens"));
    pr_str_done(&text);
    assert_int_equal(batch(d, 1, NULL).n_sequences, 4); /* a batch is never short */
    pr_train_data_free(d);
}

static void nothing_usable_is_an_error_that_says_why(void **state)
{
    static const struct {
        const char *text, *why;
        uint32_t max;
    } cases[] = {
        {"{\"nothing\":1}\n", "bad.jsonl:1: ", 0},
        {"", "no examples", 0},
        {"{\"prompt\":\"a\",\"golden\":\"b\"}\n", "--max-tokens", 3},
        {"{\"text\":\"\"}\n", "bad.jsonl:1: ", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = file("bad.jsonl", cases[i].text);
        struct pr_train_data_options o = options(&path, 1);
        struct pr_train_data *d = NULL;
        o.max_tokens = cases[i].max;
        assert_int_not_equal(try_load(o, &d), PR_OK);
        if (!strstr(message, cases[i].why))
            fail_msg("'%s' does not say '%s'", message, cases[i].why);
        assert_null(d);
    }
}

static void an_id_that_repeats_is_used_each_time(void **state)
{
    (void)state;
    const char *path = file("repeat.jsonl", "{\"id\":1,\"prompt\":\"a\",\"golden\":\"b\"}\n"
                                            "{\"id\":1,\"prompt\":\"a\",\"golden\":\"b\"}\n");
    struct pr_train_data *d = load(options(&path, 1));
    assert_int_equal(pr_train_data_size(d), 2);
    assert_int_equal(fact(d, "repeated_ids"), 1);
    pr_train_data_free(d);
}

/* ---- batches ---- */

static void an_epoch_holds_each_example_once(void **state)
{
    (void)state;
    const char *path = numbered(12);
    struct pr_train_data *d = load(options(&path, 4));
    int order[2][12];
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[12] = {0};
        for (int s = 0; s < 3; s++) {
            batch(d, epoch * 3 + s + 1, NULL);
            for (uint32_t i = 0; i < 4; i++) {
                int id = id_of(d, i);
                order[epoch][s * 4 + (int)i] = id;
                assert_int_equal(seen[id]++, 0);
            }
        }
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]); /* another shuffle each epoch */
    assert_true(pr_train_data_epoch(d, 3) == 1.0);
    pr_train_data_free(d);
}

static void data_that_end_are_trained_on_exactly_so_often(void **state)
{
    (void)state;
    const char *path = numbered(10);
    struct pr_train_data_options o = options(&path, 4);
    o.epochs = 3;
    struct pr_train_data *d = load(o), *endless = load(options(&path, 4));
    int seen[10] = {0};
    assert_int_equal(pr_train_data_steps(endless), 0);
    assert_int_equal(pr_train_data_steps(d), 8); /* 30 examples */
    for (int64_t s = 1; s <= 8; s++) {
        uint32_t n = s < 8 ? 4 : 2;
        assert_int_equal(batch(d, s, NULL).n_sequences, n);
        batch(endless, s, NULL);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(id_of(d, i), id_of(endless, i));
            seen[id_of(d, i)]++;
        }
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(seen[i], 3);
    pr_train_data_free(endless);
    pr_train_data_free(d);
}

static void a_batch_follows_from_data_seed_and_step_alone(void **state)
{
    (void)state;
    const char *path = numbered(10);
    struct pr_train_data *a = load(options(&path, 4)), *b = load(options(&path, 4));
    struct pr_train_data_options o = options(&path, 4);
    o.seed = 6;
    struct pr_train_data *other = load(o);
    bool differs = false;
    for (int64_t s = 1; s <= 9; s++)
        batch(a, s, NULL);
    for (int64_t s = 9; s >= 1; s--) { /* epochs end within batches: back and forth */
        batch(a, s, NULL);
        batch(b, s, NULL);
        batch(other, s, NULL);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(id_of(a, i), id_of(b, i));
            differs = differs || id_of(a, i) != id_of(other, i);
        }
    }
    assert_true(differs);
    assert_string_equal(pr_train_data_fingerprint(a), pr_train_data_fingerprint(b));
    pr_train_data_free(a);
    pr_train_data_free(b);
    pr_train_data_free(other);
}

static void an_order_is_followed_to_the_letter_and_then_again(void **state)
{
    (void)state;
    const char *path = numbered(6);
    struct pr_train_data_options o = options(&path, 2);
    static const int want[] = {5, 0, 0, 3, 1, 5, 0, 0};
    o.order =
        file("order.jsonl", "{\"id\":5,\"prompt\":\"whatever\"}\n{\"id\":\"0\"}\n\n{\"id\":0}\n"
                            "{\"id\":3}\n{\"id\":1}\n");
    struct pr_train_data *d = load(o);
    assert_int_equal(pr_train_data_size(d), 5);
    for (int64_t s = 1; s <= 4; s++) {
        batch(d, s, NULL);
        for (uint32_t i = 0; i < 2; i++)
            assert_int_equal(id_of(d, i), want[(s - 1) * 2 + i]);
    }
    pr_train_data_free(d);
}

static void an_order_that_cannot_be_followed_names_its_line(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{\"id\":1}\n{\"id\":99}\n", "order.jsonl:2: id '99'"},
        {"{\"id\":1}\n{\"prompt\":\"a\"}\n", "order.jsonl:2: 'id' is missing"},
        {"{\"id\":1}\n[1]\n", "order.jsonl:2: an array"},
        {"{\"id\":\n", "order.jsonl:1: "},
        {"{\"id\":\"\"}\n", "order.jsonl:1: 'id' is empty"},
        {"\n", "no lines"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = numbered(3);
        struct pr_train_data_options o = options(&path, 2);
        struct pr_train_data *d = NULL;
        o.order = file("order.jsonl", cases[i].text);
        assert_int_equal(try_load(o, &d), PR_E_FORMAT);
        if (!strstr(message, cases[i].why))
            fail_msg("'%s' does not say '%s'", message, cases[i].why);
    }
}

/* ---- given batches ---- */

static struct pr_train_data *given(const char *text, enum pr_code want)
{
    struct pr_error e = {.message = ""};
    struct pr_train_data *d = NULL;
    static const struct pr_model_config small = {.vocab = 100, .max_position = 8};
    static const struct pr_train_data_options o;
    enum pr_code code = pr_train_data_load_batches(file("given.jsonl", text), &small, &o, &d, &e);
    snprintf(message, sizeof message, "%s", e.message);
    if (code != want)
        fail_msg("%s: code %d", message, code);
    return d;
}

static void a_given_sequence_keeps_to_the_models_positions(void **state)
{
    (void)state;
    struct pr_train_data *d =
        given("{\"input_ids\":[[0,1,2,3,4,5,6,7,8]],\"labels\":[[-100,1,2,3,4,5,6,7,8]],"
              "\"attention_mask\":[[0,1,1,1,1,1,1,1,1]]}\n",
            PR_OK);
    pr_train_data_free(d);
    given("{\"input_ids\":[[1,2]],\"labels\":[[1,2]]}\n"
          "{\"input_ids\":[[1,2],[1,2,3,4,5,6,7,8,9]],\"labels\":[[1,2],[1,2,3,4,5,6,7,8,9]]}\n",
        PR_E_FORMAT);
    assert_non_null(
        strstr(message, "given.jsonl:2: input_ids[1] has 9 tokens, and the model 8 positions"));
}

static void given_batches_lose_their_padding(void **state)
{
    (void)state;
    struct pr_train_data *d = given(
        "{\"input_ids\":[[1,2,3,4,0],[0,0,5,6,7]],\"labels\":[[-100,2,3,-100,-100],[-100,-100,-100,"
        "6,7]],\"attention_mask\":[[1,1,1,1,0],[0,0,1,1,1]]}\n"
        "\n"
        "{\"input_ids\":[[9,8]],\"labels\":[[9,8]]}\n",
        PR_OK);
    static const int32_t ids[] = {1, 2, 5, 6}, targets[] = {2, 3, 6, 7};
    uint64_t counted;
    struct pr_batch b = batch(d, 3, &counted); /* the first one's second turn */
    assert_int_equal(b.n_rows, 4);
    assert_int_equal(b.n_sequences, 2);
    assert_int_equal(b.starts[1], 2);
    assert_int_equal(b.starts[2], 4);
    assert_memory_equal(b.ids, ids, sizeof ids);
    assert_memory_equal(b.targets, targets, sizeof targets);
    assert_int_equal(counted, 4);
    b = batch(d, 2, &counted); /* the very first label is not counted: nothing precedes it */
    assert_int_equal(b.n_rows, 1);
    assert_int_equal(b.targets[0], 8);
    assert_int_equal(pr_train_data_size(d), 2);
    pr_train_data_free(d);
}

static void a_given_batch_without_labels_counts_nothing(void **state)
{
    (void)state;
    struct pr_train_data *d = given("{\"input_ids\":[[1,2],[3]],\"labels\":[[1,-100],[3]]}\n"
                                    "{\"input_ids\":[[1,2]],\"labels\":[[-100,2]]}\n",
        PR_OK);
    uint64_t counted;
    struct pr_batch b = batch(d, 1, &counted);
    assert_int_equal(counted, 0);
    assert_int_equal(b.n_sequences, 0);
    assert_int_equal(fact(d, "empty_batches"), 1);
    pr_train_data_free(d);
}

static void a_given_batch_that_is_wrong_is_named(void **state)
{
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"[]", "an array"},
        {"{}", "'input_ids' is missing"},
        {"{\"input_ids\":[[1,2]]}", "'labels' is missing"},
        {"{\"input_ids\":[],\"labels\":[]}", "empty"},
        {"{\"input_ids\":[1],\"labels\":[1]}", "input_ids[0]"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1]]}", "labels[0] has 1"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1,2],[3]]}", "another number of rows"},
        {"{\"input_ids\":[[1,100]],\"labels\":[[1,2]]}", "input_ids[0][1]"},
        {"{\"input_ids\":[[1,-1]],\"labels\":[[1,2]]}", "input_ids[0][1]"},
        {"{\"input_ids\":[[1,2.5]],\"labels\":[[1,2]]}", "input_ids[0][1]"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1,100]]}", "labels[0][1]"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1,-5]]}", "labels[0][1]"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1,2]],\"attention_mask\":[[1,0]]}", "leaves out"},
        {"{\"input_ids\":[[1,2,3]],\"labels\":[[1,-100,3]],\"attention_mask\":[[1,0,1]]}",
            "between ones"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1,2]],\"attention_mask\":[[1,2]]}",
            "attention_mask[0][1]"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[1,2]],\"attention_mask\":7}", "'attention_mask'"},
        {"{\"input_ids\":[[1,2]],\"labels\":[[-100,-100]]}", "no batch has a label that counts"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        given(cases[i].line, PR_E_FORMAT);
        if (!strstr(message, cases[i].why))
            fail_msg("%s: '%s' does not say '%s'", cases[i].line, message, cases[i].why);
    }
    given("{\"input_ids\":[[1,2]],\"labels\":[[1,2]]}\n{\"input_ids\":[[1,2]],\"labels\":[[1]]}\n",
        PR_E_FORMAT);
    assert_non_null(strstr(message, "given.jsonl:2: "));
}

static int setup(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_checkpoint_options o = {0};
    if (!mkdtemp(dir) || pr_checkpoint_open(MODEL, &o, &model, &e) ||
        pr_prompter_new(model, NULL, &prompter, &e))
        return 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"one.jsonl", "text.jsonl", "mixed.jsonl", "bad.jsonl",
        "repeat.jsonl", "numbered.jsonl", "order.jsonl", "given.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = pr_path_join(dir, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_prompter_free(prompter);
    pr_checkpoint_free(model);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_trained_is_what_the_exam_scores),
        cmocka_unit_test(plain_text_is_trained_on_all_but_its_first_token),
        cmocka_unit_test(a_new_models_answers_end_as_its_config_says),
        cmocka_unit_test(long_ones_and_broken_lines_are_left_out_and_counted),
        cmocka_unit_test(nothing_usable_is_an_error_that_says_why),
        cmocka_unit_test(an_id_that_repeats_is_used_each_time),
        cmocka_unit_test(an_epoch_holds_each_example_once),
        cmocka_unit_test(data_that_end_are_trained_on_exactly_so_often),
        cmocka_unit_test(a_batch_follows_from_data_seed_and_step_alone),
        cmocka_unit_test(an_order_is_followed_to_the_letter_and_then_again),
        cmocka_unit_test(an_order_that_cannot_be_followed_names_its_line),
        cmocka_unit_test(given_batches_lose_their_padding),
        cmocka_unit_test(a_given_sequence_keeps_to_the_models_positions),
        cmocka_unit_test(a_given_batch_without_labels_counts_nothing),
        cmocka_unit_test(a_given_batch_that_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
