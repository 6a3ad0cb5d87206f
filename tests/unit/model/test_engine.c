/* The engine against float64 references, and against itself: a request's numbers must not depend on
 * what else runs, on threads, on the size of passes or of the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "model/engine.h"
#include "model/plan.h"

struct loaded {
    struct pr_checkpoint *c;
    struct pr_engine *g;
};

static struct loaded load_on(
    const char *model, const char *base, const struct pr_engine_options *options)
{
    struct loaded l;
    struct pr_error e;
    struct pr_str path = PR_STR_INIT(4096);
    pr_str_printf(&path, "%s/%s", PR_FIXTURES, model);
    struct pr_checkpoint_options co = {.weights = true, .base_model = base};
    if (pr_checkpoint_open(path.data, &co, &l.c, &e) || pr_engine_new(l.c, options, &l.g, &e))
        fail_msg("%s: %s", model, e.message);
    pr_str_done(&path);
    return l;
}

static struct loaded load(const char *model, const struct pr_engine_options *options)
{
    return load_on(model, NULL, options);
}

static void unload(struct loaded *l)
{
    pr_engine_free(l->g);
    pr_checkpoint_free(l->c);
}

static json_t *reference(const char *name)
{
    struct pr_error e;
    struct pr_str path = PR_STR_INIT(4096);
    json_t *v;
    pr_str_printf(&path, "%s/reference/%s.forward.json", PR_FIXTURES, name);
    if (pr_json_read(AT_FDCWD, path.data, 64 << 20, PR_JSON_STRICT, &v, &e))
        fail_msg("%s", e.message);
    pr_str_done(&path);
    return v;
}

static size_t int_array(const json_t *a, int32_t **ret)
{
    size_t n = json_array_size(a);
    *ret = pr_alloc((n + 1) * sizeof **ret);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = (int32_t)json_integer_value(json_array_get(a, i));
    return n;
}

static double real_at(const json_t *a, size_t i)
{
    return json_number_value(json_array_get(a, i));
}

#define TOP 5
#define NEW 32

/* A request that wants everything, with its own output arrays. */
static void want_all(struct pr_request *r, const int32_t *ids, size_t n, size_t vocab)
{
    *r = (struct pr_request){.ids = ids, .n = n, .score_from = 1, .top_k = TOP, .max_new = NEW};
    r->logprobs = pr_zalloc(n * sizeof(float));
    r->top_ids = pr_zalloc(n * TOP * sizeof(int32_t));
    r->top_logprobs = pr_zalloc(n * TOP * sizeof(float));
    r->logits = pr_zalloc(vocab * sizeof(float));
    r->new_ids = pr_zalloc(NEW * sizeof(int32_t));
    r->new_logprobs = pr_zalloc(NEW * sizeof(float));
}

static void drop(struct pr_request *r)
{
    pr_free(r->logprobs);
    pr_free(r->top_ids);
    pr_free(r->top_logprobs);
    pr_free(r->logits);
    pr_free(r->new_ids);
    pr_free(r->new_logprobs);
}

static void run_all(struct pr_engine *g, struct pr_request *r, size_t n, struct pr_run *run)
{
    struct pr_error e;
    if (pr_engine_run(g, r, n, run, &e))
        fail_msg("%s", e.message);
}

static const char *const models[] = {"qwen3-tiny", "qwen3-tiny-untied", "qwen2-tiny", "llama-tiny"};

static double compare_f32(const json_t *seq, const struct pr_request *r, const char *model)
{
    const json_t *lp = json_object_get(seq, "token_logprobs"),
                 *top = json_object_get(seq, "top5_ids");
    const json_t *top_lp = json_object_get(seq, "top5_logprobs"),
                 *greedy = json_object_get(seq, "greedy32_ids");
    double worst = 0;
    for (size_t i = 0; i < json_array_size(lp); i++)
        worst = fmax(worst, fabs(r->logprobs[i] - real_at(lp, i)));
    for (size_t i = 0; i < json_array_size(top); i++)
        for (size_t k = 0; k < TOP; k++)
            worst = fmax(
                worst, fabs(r->top_logprobs[i * TOP + k] - real_at(json_array_get(top_lp, i), k)));
    const json_t *logits = json_object_get(seq, "logits");
    char last[32];
    snprintf(last, sizeof last, "%zu", r->n - 1);
    const json_t *row = json_object_get(logits, last);
    assert_non_null(row);
    for (size_t i = 0; i < json_array_size(row); i++)
        worst = fmax(worst, fabs(r->logits[i] - real_at(row, i)));
    assert_int_equal(r->n_new, NEW);
    for (size_t i = 0; i < NEW; i++)
        if (r->new_ids[i] != json_integer_value(json_array_get(greedy, i)))
            fail_msg("%s %s: greedy token %zu differs", model,
                json_string_value(json_object_get(seq, "name")), i);
    return worst;
}

static void f32_matches_float64_within_2e_5(void **state)
{
    (void)state;
    size_t n_kernels;
    const struct pr_kernels *const *all = pr_kernels_all(&n_kernels);
    for (size_t m = 0; m < 4; m++) {
        json_t *ref = reference(models[m]), *seqs = json_object_get(ref, "sequences");
        size_t n = json_array_size(seqs);
        for (size_t k = 0; k < n_kernels; k++) {
            char dir[64];
            snprintf(dir, sizeof dir, "models/%s", models[m]);
            struct loaded l =
                load(dir, &(struct pr_engine_options){
                              .math = PR_MATH_F32, .n_threads = 2, .kernels = all[k]});
            struct pr_request *r = pr_zalloc(n * sizeof *r);
            int32_t **ids = pr_zalloc(n * sizeof *ids);
            for (size_t i = 0; i < n; i++) {
                size_t len =
                    int_array(json_object_get(json_array_get(seqs, i), "token_ids"), &ids[i]);
                want_all(&r[i], ids[i], len, pr_checkpoint_config(l.c)->vocab);
            }
            run_all(l.g, r, n, NULL);
            double worst = 0;
            for (size_t i = 0; i < n; i++)
                worst = fmax(worst, compare_f32(json_array_get(seqs, i), &r[i], models[m]));
            print_message("%-18s %-10s max |difference| %.2e\n", models[m], all[k]->isa, worst);
            assert_true(worst <= 2e-5);
            for (size_t i = 0; i < n; i++) {
                drop(&r[i]);
                pr_free(ids[i]);
            }
            pr_free(r);
            pr_free(ids);
            unload(&l);
        }
        json_decref(ref);
    }
}

/* Scores every sequence of a folder's reference.json; the largest difference of a log-probability.
 */
static double worst_of_folder(struct loaded *l, const json_t *seqs)
{
    double worst = 0;
    for (size_t s = 0; s < json_array_size(seqs); s++) {
        const json_t *seq = json_array_get(seqs, s), *lp = json_object_get(seq, "token_logprobs");
        int32_t *ids;
        struct pr_request r;
        size_t n = int_array(json_object_get(seq, "token_ids"), &ids);
        want_all(&r, ids, n, pr_checkpoint_config(l->c)->vocab);
        run_all(l->g, &r, 1, NULL);
        for (size_t i = 0; i < json_array_size(lp); i++)
            worst = fmax(worst, fabs(r.logprobs[i] - real_at(lp, i)));
        drop(&r);
        pr_free(ids);
    }
    return worst;
}

static void adapters_and_variants_match_float64_within_1e_4(void **state)
{
    (void)state;
    static const char *const kinds[] = {"adapters", "variants"};
    size_t n_kernels, n_folders = 0;
    const struct pr_kernels *const *all = pr_kernels_all(&n_kernels);
    for (size_t kind = 0; kind < 2; kind++) {
        char dir[512], **names;
        size_t n;
        struct pr_error e;
        snprintf(dir, sizeof dir, "%s/%s", PR_FIXTURES, kinds[kind]);
        assert_int_equal(pr_dir_list(dir, &names, &n, &e), PR_OK);
        for (size_t i = 0; i < n * n_kernels; i++) {
            char path[1024], model[512], base[1024];
            snprintf(model, sizeof model, "%s/%s", kinds[kind], names[i / n_kernels]);
            snprintf(path, sizeof path, "%s/%s/reference.json", PR_FIXTURES, model);
            json_t *ref;
            if (pr_json_read(AT_FDCWD, path, 1 << 24, PR_JSON_STRICT, &ref, &e))
                fail_msg("%s", e.message);
            const char *of = json_string_value(json_object_get(ref, "base"));
            snprintf(base, sizeof base, "%s/models/%s", PR_FIXTURES, of ? of : "");
            struct loaded l = load_on(model, of ? base : NULL,
                &(struct pr_engine_options){.math = PR_MATH_F32, .kernels = all[i % n_kernels]});
            double worst = worst_of_folder(&l, json_object_get(ref, "sequences"));
            print_message(
                "%-28s %-10s max |difference| %.2e\n", model, all[i % n_kernels]->isa, worst);
            assert_true(worst <= 1e-4); /* their weights, and so their rounding, are larger */
            unload(&l);
            json_decref(ref);
            n_folders++;
        }
        pr_names_free(names, n);
    }
    assert_true(n_folders >= 13);
}

static void bf16_stays_within_its_rounding(void **state)
{
    (void)state;
    size_t n_kernels;
    const struct pr_kernels *const *all = pr_kernels_all(&n_kernels);
    for (size_t m = 0; m < 4; m++) {
        json_t *ref = reference(models[m]), *seqs = json_object_get(ref, "sequences");
        for (size_t k = 0; k < n_kernels; k++) {
            char dir[64];
            snprintf(dir, sizeof dir, "models/%s", models[m]);
            struct loaded l =
                load(dir, &(struct pr_engine_options){
                              .math = PR_MATH_BF16, .n_threads = 2, .kernels = all[k]});
            double sum = 0;
            size_t count = 0;
            for (size_t s = 0; s < json_array_size(seqs); s++) {
                const json_t *seq = json_array_get(seqs, s),
                             *lp = json_object_get(seq, "token_logprobs");
                const json_t *top = json_object_get(seq, "top5_ids"),
                             *top_lp = json_object_get(seq, "top5_logprobs");
                int32_t *ids;
                struct pr_request r;
                size_t n = int_array(json_object_get(seq, "token_ids"), &ids);
                want_all(&r, ids, n, pr_checkpoint_config(l.c)->vocab);
                run_all(l.g, &r, 1, NULL);
                for (size_t i = 0; i < json_array_size(lp); i++, count++)
                    sum += fabs(r.logprobs[i] - real_at(lp, i));
                for (size_t i = 0; i < json_array_size(top); i++) {
                    const json_t *p = json_array_get(top_lp, i);
                    if (real_at(p, 0) - real_at(p, 1) > 0.05)
                        assert_int_equal(r.top_ids[i * TOP],
                            json_integer_value(json_array_get(json_array_get(top, i), 0)));
                }
                drop(&r);
                pr_free(ids);
            }
            print_message("%-18s %-10s mean |difference| %.2e over %zu\n", models[m], all[k]->isa,
                sum / (double)count, count);
            assert_true(sum / (double)count <= 0.02);
            unload(&l);
        }
        json_decref(ref);
    }
}

/* ---- independence ---- */

#define N_RANDOM 24
#define MAX_LEN  200

struct batch {
    struct pr_request r[N_RANDOM];
    int32_t ids[N_RANDOM][MAX_LEN];
};

/* Random sequences, many of which begin alike. */
static void random_batch(struct batch *b, uint64_t seed, size_t vocab)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t i = 0; i < N_RANDOM; i++) {
        size_t n = 1 + pr_rng_below(&rng, i % 3 ? 40 : MAX_LEN), shared = 0;
        if (i && pr_rng_below(&rng, 2)) {
            size_t from = pr_rng_below(&rng, i);
            shared = pr_rng_below(&rng, b->r[from].n) + 1;
            shared = shared < n ? shared : n;
            memcpy(b->ids[i], b->ids[from], shared * sizeof(int32_t));
        }
        for (size_t k = shared; k < n; k++)
            b->ids[i][k] = (int32_t)pr_rng_below(&rng, vocab);
        want_all(&b->r[i], b->ids[i], n, vocab);
        b->r[i].max_new = pr_rng_below(&rng, 3) ? NEW : 0;
        if (i % 4 == 3) {
            b->r[i].temperature = 0.8;
            b->r[i].seed = i;
        }
        if (i % 5 == 4)
            b->r[i].score_from = 1 + pr_rng_below(&rng, n);
    }
}

static void drop_batch(struct batch *b)
{
    for (size_t i = 0; i < N_RANDOM; i++)
        drop(&b->r[i]);
    pr_free(b);
}

static void assert_same(
    const struct pr_request *x, const struct pr_request *y, size_t vocab, const char *what)
{
    size_t scored = x->n - x->score_from;
    bool same = x->n_new == y->n_new && x->finish == y->finish &&
                !memcmp(x->logprobs, y->logprobs, scored * sizeof(float)) &&
                !memcmp(x->top_ids, y->top_ids, x->n * TOP * sizeof(int32_t)) &&
                !memcmp(x->top_logprobs, y->top_logprobs, x->n * TOP * sizeof(float)) &&
                !memcmp(x->logits, y->logits, vocab * sizeof(float)) &&
                !memcmp(x->new_ids, y->new_ids, x->n_new * sizeof(int32_t)) &&
                !memcmp(x->new_logprobs, y->new_logprobs, x->n_new * sizeof(float));
    if (!same)
        fail_msg("numbers differ by bits: %s", what);
}

static void numbers_are_bit_identical_alone_or_packed_at_any_thread_count_and_cache_size(
    void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int threads;
        size_t pass, kv;
    } ways[] = {
        {"1 thread", 1, 0, 0},
        {"3 threads", 3, 0, 0},
        {"passes of 7 tokens", 2, 7, 0},
        {"passes of 65 tokens", 2, 65, 0},
        {"hardly any cache", 2, 100, 1},
        {"little cache", 2, 0, 3 << 20},
    };
    size_t n_kernels;
    const struct pr_kernels *const *all = pr_kernels_all(&n_kernels);
    for (size_t m = 0; m < 4; m++)
        for (size_t k = 0; k < 2 * n_kernels; k++) {
            enum pr_math math = k % 2 ? PR_MATH_BF16 : PR_MATH_F32;
            char dir[64];
            snprintf(dir, sizeof dir, "models/%s", models[m]);
            struct loaded l = load(dir,
                &(struct pr_engine_options){.math = math, .n_threads = 2, .kernels = all[k / 2]});
            size_t vocab = pr_checkpoint_config(l.c)->vocab;
            struct batch *alone = pr_zalloc(sizeof *alone);
            random_batch(alone, 100 * m + k, vocab);
            for (size_t i = 0; i < N_RANDOM; i++)
                run_all(l.g, &alone->r[i], 1, NULL);
            unload(&l);
            for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
                l = load(dir, &(struct pr_engine_options){.math = math,
                                  .n_threads = ways[w].threads,
                                  .kernels = all[k / 2],
                                  .pass_tokens = ways[w].pass,
                                  .kv_bytes = ways[w].kv});
                struct batch *b = pr_zalloc(sizeof *b);
                random_batch(b, 100 * m + k, vocab);
                struct pr_run run = {0};
                run_all(l.g, b->r, N_RANDOM, &run);
                assert_true(run.tokens_shared > 0);
                for (size_t i = 0; i < N_RANDOM; i++)
                    assert_same(&alone->r[i], &b->r[i], vocab, ways[w].what);
                drop_batch(b);
                unload(&l);
            }
            drop_batch(alone);
        }
}

static void scoring_what_was_decoded_gives_the_same_bits(void **state)
{
    (void)state;
    struct loaded l = load("models/qwen3-tiny", &(struct pr_engine_options){.math = PR_MATH_BF16});
    size_t vocab = pr_checkpoint_config(l.c)->vocab;
    struct batch *b = pr_zalloc(sizeof *b);
    random_batch(b, 5, vocab);
    run_all(l.g, b->r, N_RANDOM, NULL);
    for (size_t i = 0; i < N_RANDOM; i++) {
        struct pr_request *r = &b->r[i], again;
        int32_t ids[MAX_LEN + NEW];
        memcpy(ids, r->ids, r->n * sizeof *ids);
        memcpy(ids + r->n, r->new_ids, r->n_new * sizeof *ids);
        want_all(&again, ids, r->n + r->n_new, vocab);
        again.score_from = r->n;
        again.max_new = 0;
        run_all(l.g, &again, 1, NULL);
        assert_memory_equal(again.logprobs, r->new_logprobs, r->n_new * sizeof(float));
        drop(&again);
    }
    drop_batch(b);
    unload(&l);
}

static void a_generation_ends_at_a_stop_token_which_it_includes(void **state)
{
    (void)state;
    struct loaded l = load("models/qwen3-tiny", &(struct pr_engine_options){.math = PR_MATH_F32});
    int32_t ids[] = {5, 6, 7, 8};
    struct pr_request r, stopped;
    size_t vocab = pr_checkpoint_config(l.c)->vocab;
    want_all(&r, ids, 4, vocab);
    want_all(&stopped, ids, 4, vocab);
    run_all(l.g, &r, 1, NULL);
    assert_int_equal(r.finish, PR_FINISH_LENGTH);
    stopped.stop = &r.new_ids[9];
    stopped.n_stop = 1;
    run_all(l.g, &stopped, 1, NULL);
    assert_int_equal(stopped.finish, PR_FINISH_STOP);
    assert_true(stopped.n_new >= 1 && stopped.n_new <= 10);
    assert_int_equal(stopped.new_ids[stopped.n_new - 1], r.new_ids[9]);
    drop(&r);
    drop(&stopped);
    unload(&l);
}

static int stop_at_once(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    return done <= total;
}

static void a_cancelled_run_leaves_the_engine_usable(void **state)
{
    (void)state;
    struct loaded l = load("models/llama-tiny", &(struct pr_engine_options){.pass_tokens = 16});
    size_t vocab = pr_checkpoint_config(l.c)->vocab;
    struct batch *b = pr_zalloc(sizeof *b);
    random_batch(b, 9, vocab);
    struct pr_run run = {.progress = stop_at_once};
    struct pr_error e;
    assert_int_equal(pr_engine_run(l.g, b->r, N_RANDOM, &run, &e), PR_E_CANCELLED);
    run_all(l.g, b->r, N_RANDOM, NULL);
    drop_batch(b);
    unload(&l);
}

static void requests_that_make_no_sense_are_named(void **state)
{
    (void)state;
    struct loaded l = load("models/qwen3-tiny", &(struct pr_engine_options){0});
    int32_t ids[] = {1, 2, 99999};
    struct pr_request r[2] = {{.ids = ids, .n = 2}, {.ids = ids, .n = 3}};
    struct pr_error e;
    assert_int_equal(pr_engine_run(l.g, r, 2, NULL, &e), PR_E_USAGE);
    assert_string_equal(e.message, "request 1: token id 99999 at place 2, the vocabulary has 1024");
    r[1].n = 0;
    assert_int_equal(pr_engine_run(l.g, r, 2, NULL, &e), PR_E_USAGE);
    unload(&l);
}

static void nan_weights_are_flagged_and_never_a_number(void **state)
{
    (void)state;
    struct loaded l = load("malformed/checkpoint/nan_weight", &(struct pr_engine_options){0});
    int32_t ids[] = {1, 2, 3};
    struct pr_request r;
    want_all(&r, ids, 3, pr_checkpoint_config(l.c)->vocab);
    run_all(l.g, &r, 1, NULL);
    assert_true(r.bad_number);
    assert_int_equal(r.n_new, 0);
    assert_true(isnan(r.logprobs[0]));
    drop(&r);
    unload(&l);
}

static void shared_beginnings_are_planned_once(void **state)
{
    (void)state;
    int32_t a[] = {1, 2, 3, 4, 5, 6, 7}, b[] = {1, 2, 3, 4, 5, 9}, c[] = {1, 2, 3, 4, 5},
            d[] = {8, 8};
    float out[8];
    struct pr_request r[] = {{.ids = a, .n = 7, .score_from = 6, .logprobs = out},
        {.ids = b, .n = 6}, {.ids = c, .n = 5, .max_new = 1}, {.ids = d, .n = 2},
        {.ids = c, .n = 5}};
    struct pr_plan p = {0};
    pr_plan_build(&p, r, 5, 4);
    assert_int_equal(p.tokens, 5 + 2 + 1 + 2);
    assert_int_equal(p.shared, 5 + 5 + 5);
    const struct pr_node *root = p.first_root;
    assert_true(root->start == 0 && root->end == 5 && root->n_ending == 2);
    assert_int_equal(root->n_wanting, 1); /* c's new token; a's row lies in its own branch */
    pr_plan_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_beginnings_are_planned_once),
        cmocka_unit_test(f32_matches_float64_within_2e_5),
        cmocka_unit_test(adapters_and_variants_match_float64_within_1e_4),
        cmocka_unit_test(bf16_stays_within_its_rounding),
        cmocka_unit_test(
            numbers_are_bit_identical_alone_or_packed_at_any_thread_count_and_cache_size),
        cmocka_unit_test(scoring_what_was_decoded_gives_the_same_bits),
        cmocka_unit_test(a_generation_ends_at_a_stop_token_which_it_includes),
        cmocka_unit_test(a_cancelled_run_leaves_the_engine_usable),
        cmocka_unit_test(requests_that_make_no_sense_are_named),
        cmocka_unit_test(nan_weights_are_flagged_and_never_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
