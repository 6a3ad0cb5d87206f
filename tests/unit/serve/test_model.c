/* Answers of a model's thread: asked for from many threads at once each is the one that the model
 * gives alone, and one that is cancelled, too late or too many harms no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "serve/answer.h"

#define MODEL     PR_FIXTURES "/models/qwen3-tiny"
#define N_THREADS 4
#define EACH      12
#define MAX_TOKEN 24

static struct pr_serve_model *open_model(const struct pr_serve_model_options *o)
{
    struct pr_serve_model *m;
    struct pr_error e;
    if (pr_serve_model_open(MODEL, o, &m, &e))
        fail_msg("%s", e.message);
    return m;
}

/* What a reader of an answer has seen. */
struct reader {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pr_str text[4];
    size_t n_tokens[4], pieces;
    const char *finish[4];
    bool over;
    enum pr_serve_end end;
};

static void on_piece(void *ctx, size_t choice, const char *text, size_t n,
    const struct pr_serve_token *tokens, size_t n_tokens)
{
    struct reader *r = ctx;
    pthread_mutex_lock(&r->lock);
    pr_str_append(&r->text[choice], text, n);
    for (size_t i = 0; i < n_tokens; i++)
        assert_true(tokens[i].logprob <= 0 && tokens[i].top[0].logit >= tokens[i].logprob);
    r->n_tokens[choice] += n_tokens;
    r->pieces++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void on_choice(void *ctx, size_t choice, const char *finish)
{
    struct reader *r = ctx;
    assert_null(r->finish[choice]);
    r->finish[choice] = finish;
}

static void on_over(void *ctx, enum pr_serve_end end, const char *why)
{
    struct reader *r = ctx;
    (void)why;
    pthread_mutex_lock(&r->lock);
    assert_false(r->over);
    r->over = true;
    r->end = end;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static const struct pr_serve_calls calls = {on_piece, on_choice, on_over};

static void reader_init(struct reader *r)
{
    *r = (struct reader){0};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    for (int i = 0; i < 4; i++)
        r->text[i] = (struct pr_str)PR_STR_INIT(1 << 20);
}

static void reader_done(struct reader *r)
{
    for (int i = 0; i < 4; i++)
        pr_str_done(&r->text[i]);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
}

static void wait_over(struct reader *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->over)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void wait_pieces(struct reader *r, size_t n)
{
    pthread_mutex_lock(&r->lock);
    while (!r->over && r->pieces < n)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static struct pr_serve_request request(const char *body)
{
    struct pr_serve_request r;
    struct pr_serve_error e;
    if (!pr_serve_request_read(PR_SERVE_COMPLETION, body, strlen(body), &r, &e))
        fail_msg("%s", e.message);
    return r;
}

/* The text that the model gives to a prompt alone. */
static void alone(const char *prompt, double temperature, uint64_t seed, struct pr_str *out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct pr_checkpoint *c;
    struct pr_engine *g;
    const struct pr_tokenizer *t;
    struct pr_ids ids = {0};
    struct pr_error e;
    int32_t made[MAX_TOKEN];
    float logprobs[MAX_TOKEN];
    const struct pr_checkpoint_options co = {.weights = true};
    const struct pr_engine_options eo = {.n_threads = 1};
    pthread_mutex_lock(&lock);
    assert_int_equal(pr_checkpoint_open(MODEL, &co, &c, &e), PR_OK);
    assert_int_equal(pr_checkpoint_tokenizer(c, &t, &e), PR_OK);
    assert_int_equal(pr_engine_new(c, &eo, &g, &e), PR_OK);
    assert_int_equal(pr_tokenizer_encode(t, prompt, strlen(prompt), &ids, &e), PR_OK);
    struct pr_prompter *p;
    assert_int_equal(pr_prompter_new(c, NULL, &p, &e), PR_OK);
    struct pr_request r = {.ids = ids.v,
        .n = ids.n,
        .score_from = ids.n,
        .max_new = MAX_TOKEN,
        .temperature = temperature,
        .seed = seed,
        .new_ids = made,
        .new_logprobs = logprobs};
    r.stop = pr_prompter_stops(p, &r.n_stop);
    assert_int_equal(pr_engine_run(g, &r, 1, NULL, &e), PR_OK);
    size_t n = r.finish == PR_FINISH_STOP ? r.n_new - 1 : r.n_new;
    assert_int_equal(pr_tokenizer_decode(t, made, n, true, out, &e), PR_OK);
    pr_ids_done(&ids);
    pr_prompter_free(p);
    pr_engine_free(g);
    pr_checkpoint_free(c);
    pthread_mutex_unlock(&lock);
}

struct asker {
    struct pr_serve_model *m;
    int number;
};

static void *ask(void *ctx)
{
    const struct asker *k = ctx;
    for (int i = 0; i < EACH; i++) {
        char body[300], prompt[100];
        struct reader r;
        struct pr_serve_answer *a;
        struct pr_serve_error e;
        struct pr_str want = PR_STR_INIT(1 << 20);
        double temperature = i % 3 == 2 ? 0.8 : 0;
        snprintf(prompt, sizeof prompt, "What is %d plus %d? The answer", k->number, i);
        snprintf(body, sizeof body,
            "{\"model\":\"m\",\"prompt\":\"%s\",\"max_tokens\":%d,\"temperature\":%g,\"seed\":%d,"
            "\"logprobs\":2}",
            prompt, MAX_TOKEN, temperature, i);
        struct pr_serve_request q = request(body);
        reader_init(&r);
        assert_true(pr_serve_model_hold(k->m));
        assert_true(pr_serve_answer_new(k->m, &q, 0, 0, &calls, &r, &a, &e));
        pr_serve_answer_start(a);
        if (i % 4 == 3) {
            wait_pieces(&r, 2);
            pr_serve_answer_cancel(a); /* it may just have come to its own end */
            wait_over(&r);
            assert_true(r.end == PR_SERVE_CANCELLED || r.end == PR_SERVE_DONE);
        } else {
            wait_over(&r);
            alone(prompt, temperature, (uint64_t)i, &want);
            assert_int_equal(r.end, PR_SERVE_DONE);
            assert_non_null(r.finish[0]);
            assert_string_equal(pr_str_cstr(&r.text[0]), pr_str_cstr(&want));
            struct pr_serve_usage u;
            pr_serve_answer_usage(a, &u);
            assert_true(u.prompt > 3 && u.completion > 0 && u.completion <= MAX_TOKEN);
            assert_true(r.n_tokens[0] == u.completion || r.n_tokens[0] + 1 == u.completion);
        }
        pr_serve_answer_free(a);
        pr_serve_request_done(&q);
        reader_done(&r);
        pr_str_done(&want);
    }
    return NULL;
}

static void answers_of_many_threads_are_those_that_each_has_alone(void **state)
{
    (void)state;
    const struct pr_serve_model_options o = {.n_threads = 2, .most_cached = 16};
    struct pr_serve_model *m = open_model(&o);
    struct asker askers[N_THREADS];
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        askers[i] = (struct asker){m, i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(strlen(pr_serve_model_fingerprint(m)), 64);
    pr_serve_model_close(m);
}

static void several_choices_differ_by_their_seeds_and_are_told_apart(void **state)
{
    (void)state;
    const struct pr_serve_model_options o = {.n_threads = 1};
    struct pr_serve_model *m = open_model(&o);
    struct pr_serve_request q = request("{\"model\":\"m\",\"prompt\":\"Say something\",\"n\":3,"
                                        "\"max_tokens\":20,\"temperature\":1,\"seed\":5}");
    struct reader r;
    struct pr_serve_answer *a;
    struct pr_serve_error e;
    reader_init(&r);
    assert_true(pr_serve_model_hold(m));
    assert_true(pr_serve_answer_new(m, &q, 0, 0, &calls, &r, &a, &e));
    assert_int_equal(pr_serve_answer_choices(a), 3);
    pr_serve_answer_start(a);
    wait_over(&r);
    assert_true(r.finish[0] && r.finish[1] && r.finish[2]);
    assert_string_not_equal(pr_str_cstr(&r.text[0]), pr_str_cstr(&r.text[1]));
    assert_string_not_equal(pr_str_cstr(&r.text[1]), pr_str_cstr(&r.text[2]));
    pr_serve_answer_free(a);
    pr_serve_request_done(&q);
    reader_done(&r);
    pr_serve_model_close(m);
}

static void an_answer_whose_time_is_over_ends(void **state)
{
    (void)state;
    const struct pr_serve_model_options o = {.n_threads = 1, .most_waiting = 1};
    struct pr_serve_model *m = open_model(&o);
    struct pr_serve_request q =
        request("{\"model\":\"m\",\"prompt\":\"x\",\"max_tokens\":100,\"temperature\":0}");
    struct reader r;
    struct pr_serve_answer *a;
    struct pr_serve_error e;
    reader_init(&r);
    assert_true(pr_serve_model_hold(m));
    assert_false(pr_serve_model_hold(m)); /* the only place is taken */
    assert_true(pr_serve_answer_new(m, &q, 0, pr_clock_monotonic_ns(), &calls, &r, &a, &e));
    pr_serve_answer_start(a);
    wait_over(&r);
    assert_int_equal(r.end, PR_SERVE_DEADLINE);
    pr_serve_answer_free(a);
    assert_true(pr_serve_model_hold(m));
    pr_serve_model_release(m);
    pr_serve_request_done(&q);
    reader_done(&r);
    pr_serve_model_close(m);
}

static void what_is_too_long_is_refused_by_its_numbers(void **state)
{
    (void)state;
    const struct pr_serve_model_options o = {.n_threads = 1};
    struct pr_serve_model *m = open_model(&o);
    static const struct {
        const char *body, *code;
    } cases[] = {
        {"{\"model\":\"m\",\"prompt\":\"x\",\"max_tokens\":1000000}", "context_length_exceeded"},
        {"{\"model\":\"m\",\"prompt\":[99999999]}", "invalid_value"},
        {"{\"model\":\"m\",\"prompt\":\"\"}", "invalid_value"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_serve_request q = request(cases[i].body);
        struct pr_serve_answer *a;
        struct pr_serve_error e;
        assert_true(pr_serve_model_hold(m));
        assert_false(pr_serve_answer_new(m, &q, 0, 0, &calls, NULL, &a, &e));
        assert_int_equal(e.status, 400);
        assert_string_equal(e.code, cases[i].code);
        pr_serve_request_done(&q);
    }
    pr_serve_model_close(m); /* nothing holds it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_many_threads_are_those_that_each_has_alone),
        cmocka_unit_test(several_choices_differ_by_their_seeds_and_are_told_apart),
        cmocka_unit_test(an_answer_whose_time_is_over_ends),
        cmocka_unit_test(what_is_too_long_is_refused_by_its_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
