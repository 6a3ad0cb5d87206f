/* Continuous batching: whatever comes and goes beside it, a sequence has the tokens and the bits
 * that it has alone; nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "model/batcher.h"

#define MAX_IDS 400
#define MAX_NEW 40
#define TOP     3

struct loaded {
    struct pr_checkpoint *c;
    struct pr_engine *g;
};

static struct loaded load(const char *model, size_t pass_tokens, size_t kv_bytes)
{
    struct loaded l;
    struct pr_error e;
    const struct pr_checkpoint_options co = {.weights = true};
    const struct pr_engine_options o = {
        .n_threads = 2, .pass_tokens = pass_tokens, .kv_bytes = kv_bytes};
    char path[512];
    snprintf(path, sizeof path, "%s/%s", PR_FIXTURES, model);
    if (pr_checkpoint_open(path, &co, &l.c, &e) || pr_engine_new(l.c, &o, &l.g, &e))
        fail_msg("%s: %s", model, e.message);
    return l;
}

static void unload(struct loaded *l)
{
    pr_engine_free(l->g);
    pr_checkpoint_free(l->c);
}

/* A sequence, what came of it, and what it is alone. */
struct one {
    struct pr_live l;
    int32_t ids[MAX_IDS], got[MAX_NEW], want[MAX_NEW];
    float logprobs[MAX_NEW], want_logprobs[MAX_NEW];
    struct pr_top top[MAX_NEW][TOP];
    size_t n_got, n_want, until; /* until: token() wants no more after so many; 0: all */
    enum pr_finish finish;
    bool over, added, cancelled;
};

static bool token(void *ctx, const struct pr_live_token *t)
{
    struct one *x = ctx;
    assert_false(x->over || x->cancelled);
    assert_true(x->n_got < MAX_NEW);
    x->got[x->n_got] = t->id;
    x->logprobs[x->n_got] = t->logprob;
    for (size_t k = 0; k < t->n_top; k++)
        x->top[x->n_got][k] = t->top[k];
    return ++x->n_got != x->until;
}

static void over(void *ctx, struct pr_live *l)
{
    struct one *x = ctx;
    assert_false(x->over || x->cancelled);
    x->over = true;
    x->finish = l->finish;
}

static const struct pr_live_calls calls = {token, over};

static void prepare(struct one *x, size_t n, size_t max_new)
{
    x->l = (struct pr_live){
        .ids = x->ids, .n = n, .max_new = max_new, .top = TOP, .calls = &calls, .ctx = x};
}

/* What pr_engine_run makes of each by itself. */
static void run_alone(struct pr_engine *g, struct one *x)
{
    struct pr_error e;
    struct pr_request r = {.ids = x->ids,
        .n = x->l.n,
        .score_from = x->l.n,
        .max_new = x->l.max_new,
        .stop = x->l.stop,
        .n_stop = x->l.n_stop,
        .temperature = x->l.sampling.temperature,
        .seed = x->l.sampling.seed,
        .new_ids = x->want,
        .new_logprobs = x->want_logprobs};
    if (pr_engine_run(g, &r, 1, NULL, &e))
        fail_msg("%s", e.message);
    x->n_want = r.n_new;
    x->l.finish = r.finish;
}

static void compare(const struct one *x)
{
    assert_int_equal(x->n_got, x->n_want);
    assert_memory_equal(x->got, x->want, x->n_got * sizeof *x->got);
    assert_memory_equal(x->logprobs, x->want_logprobs, x->n_got * sizeof *x->logprobs);
    for (size_t i = 0; i < x->n_got && !(x->l.sampling.temperature > 0); i++) {
        assert_int_equal(x->top[i][0].id, x->got[i]);
        assert_true(
            x->top[i][0].logit == x->logprobs[i] && x->top[i][1].logit >= x->top[i][2].logit);
    }
}

static void add(struct pr_batcher *b, struct one *x)
{
    struct pr_error e;
    if (pr_batcher_add(b, &x->l, &e))
        fail_msg("%s", e.message);
    x->added = true;
}

static bool pass(struct pr_batcher *b)
{
    struct pr_error e;
    bool busy;
    if (pr_batcher_pass(b, &busy, &e))
        fail_msg("%s", e.message);
    return busy;
}

static size_t pages_in_use(const struct pr_batcher *b)
{
    struct pr_batcher_counts c;
    pr_batcher_count(b, &c);
    return c.kv_pages;
}

/* Prompts that begin alike in groups of three, some sampled; of different lengths. */
static struct one *make_some(struct pr_rng *r, struct pr_engine *g, size_t n, int32_t vocab)
{
    struct one *v = pr_zalloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        size_t len = 1 + pr_rng_below(r, 200), alike = i % 3 ? 1 + pr_rng_below(r, 190) : 0;
        for (size_t k = 0; k < MAX_IDS; k++)
            v[i].ids[k] = k < alike ? v[i - 1].ids[k] : (int32_t)pr_rng_below(r, (uint64_t)vocab);
        prepare(&v[i], len > alike ? len : alike, 1 + pr_rng_below(r, MAX_NEW));
        if (i % 4 == 3)
            v[i].l.sampling = (struct pr_sampling){.temperature = 0.9, .seed = i};
        run_alone(g, &v[i]);
    }
    return v;
}

static void a_sequence_has_the_bits_that_it_has_alone(void **state)
{
    (void)state;
    enum { N = 36 };
    static const char *const models[] = {"models/qwen3-tiny", "models/llama-tiny"};
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    for (int round = 0; round < 4; round++) {
        /* Roomy; and a cache of so few pages that sequences are set back. */
        struct loaded l = load(models[round % 2], round < 2 ? 96 : 24, round < 2 ? 0 : 400 << 10);
        int32_t vocab = (int32_t)pr_checkpoint_config(l.c)->vocab;
        struct one *v = make_some(&r, l.g, N, vocab);
        struct pr_batcher *b = pr_batcher_new(l.g, 20);
        struct pr_batcher_counts c;
        bool busy = true;
        for (size_t added = 0; busy || added < N; busy = pass(b))
            for (size_t k = pr_rng_below(&r, 4); k && added < N; k--)
                add(b, &v[added++]);
        for (size_t i = 0; i < N; i++) {
            assert_true(v[i].over);
            compare(&v[i]);
            assert_int_equal(v[i].finish, PR_FINISH_LENGTH);
        }
        pr_batcher_count(b, &c);
        assert_true(c.tokens_cached > 0 && (round < 2 || c.set_back > 0));
        assert_int_equal(c.waiting + c.running, 0);
        pr_batcher_free(b);
        pr_free(v);
        unload(&l);
    }
}

static void one_that_is_cancelled_is_heard_no_more_and_leaves_nothing(void **state)
{
    (void)state;
    enum { N = 24 };
    struct loaded l = load("models/qwen3-tiny", 64, 0);
    struct pr_rng r;
    pr_rng_seed(&r, 2);
    struct one *v = make_some(&r, l.g, N, (int32_t)pr_checkpoint_config(l.c)->vocab);
    struct pr_batcher *b = pr_batcher_new(l.g, 0);
    for (size_t i = 0; i < N; i++)
        add(b, &v[i]);
    for (bool busy = true; busy; busy = pass(b)) {
        size_t i = pr_rng_below(&r, N);
        if (v[i].over || v[i].cancelled || i % 2)
            continue;
        pr_batcher_cancel(b, &v[i].l);
        v[i].cancelled = true;
    }
    size_t n_cancelled = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(v[i].over != v[i].cancelled);
        n_cancelled += v[i].cancelled;
        if (v[i].over)
            compare(&v[i]);
    }
    assert_true(n_cancelled > 0 && n_cancelled < N);
    assert_int_equal(pages_in_use(b), 0);
    pr_batcher_free(b);
    pr_free(v);
    unload(&l);
}

static void a_beginning_that_was_computed_is_not_computed_again(void **state)
{
    (void)state;
    struct loaded l = load("models/qwen3-tiny", 0, 0);
    struct pr_batcher *b = pr_batcher_new(l.g, 2);
    struct pr_batcher_counts c;
    struct one *v = pr_zalloc(4 * sizeof *v);
    for (size_t i = 0; i < MAX_IDS; i++) {
        v[0].ids[i] = v[1].ids[i] = v[2].ids[i] = (int32_t)(i * 7 % 250);
        v[3].ids[i] = (int32_t)(i * 11 % 250);
    }
    prepare(&v[0], 150, 4);
    prepare(&v[1], 128, 4); /* whole pages: its last token is computed all the same */
    prepare(&v[2], 200, 4);
    prepare(&v[3], 150, 4);
    static const size_t cached[] = {0, 64, 128, 0};
    for (size_t i = 0; i < 4; i++) {
        run_alone(l.g, &v[i]);
        add(b, &v[i]);
        while (pass(b))
            continue;
        assert_int_equal(v[i].l.n_cached, cached[i]);
        compare(&v[i]);
    }
    pr_batcher_count(b, &c);
    assert_int_equal(c.cached, 2); /* the third has all of the first; the fourth is another */
    assert_int_equal(c.tokens_cached, 192);
    pr_batcher_free(b);
    pr_free(v);
    unload(&l);
}

static void it_ends_where_it_should(void **state)
{
    (void)state;
    struct loaded l = load("models/qwen3-tiny", 0, 0);
    struct pr_batcher *b = pr_batcher_new(l.g, 4);
    struct one *v = pr_zalloc(3 * sizeof *v);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 9; k++)
            v[i].ids[k] = (int32_t)(5 * k + 1);
        prepare(&v[i], 9, 20);
    }
    run_alone(l.g, &v[0]);
    v[1].l.stop = &v[0].want[5]; /* the first time that it comes */
    v[1].l.n_stop = 1;
    run_alone(l.g, &v[1]);
    v[2].until = 3;
    for (size_t i = 0; i < 3; i++)
        add(b, &v[i]);
    while (pass(b))
        continue;
    compare(&v[0]);
    compare(&v[1]);
    assert_int_equal(v[0].finish, PR_FINISH_LENGTH);
    assert_int_equal(v[1].finish, PR_FINISH_STOP);
    assert_int_equal(v[1].got[v[1].n_got - 1], v[0].want[5]);
    assert_int_equal(v[2].finish, PR_FINISH_NONE);
    assert_int_equal(v[2].n_got, 3);
    pr_batcher_free(b);
    pr_free(v);
    unload(&l);
}

static void what_cannot_be_answered_is_refused(void **state)
{
    (void)state;
    struct loaded l = load("models/qwen3-tiny", 0, 0);
    const struct pr_model_config *c = pr_checkpoint_config(l.c);
    struct pr_batcher *b = pr_batcher_new(l.g, 0);
    struct pr_error e;
    int32_t *many = pr_zalloc((c->max_position + 1) * sizeof *many);
    int32_t beyond = (int32_t)c->vocab, negative = -1;
    struct pr_live x = {.ids = many, .n = 1, .max_new = 1, .calls = &calls};
    struct pr_live bad[] = {x, x, x, x, x, x, x};
    bad[0].n = 0;
    bad[1].max_new = 0;
    bad[2].n = c->max_position;
    bad[3].ids = &beyond;
    bad[4].ids = &negative;
    bad[5].top = PR_MAX_TOP + 1;
    bad[6].sampling.top_p = 1.5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pr_batcher_add(b, &bad[i], &e), PR_E_USAGE);
    assert_false(pass(b));
    pr_batcher_free(b);
    pr_free(many);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sequence_has_the_bits_that_it_has_alone),
        cmocka_unit_test(one_that_is_cancelled_is_heard_no_more_and_leaves_nothing),
        cmocka_unit_test(a_beginning_that_was_computed_is_not_computed_again),
        cmocka_unit_test(it_ends_where_it_should),
        cmocka_unit_test(what_cannot_be_answered_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
