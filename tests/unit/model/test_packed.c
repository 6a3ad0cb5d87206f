/* Weights that are independent of the files they came from, and packing that is told to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/engine.h"
#include "model/packed.h"
#include "temp_folder.h"

#define N_IDS 23
#define N_NEW 16

struct numbers {
    float logprobs[N_IDS], new_logprobs[N_NEW];
    int32_t new_ids[N_NEW];
    size_t n_new;
};

static struct pr_engine *engine_of(
    struct pr_checkpoint *c, enum pr_math math, const struct pr_kernels *kernels, bool own)
{
    const struct pr_engine_options o = {
        .math = math, .n_threads = 2, .kernels = kernels, .own_weights = own};
    struct pr_engine *g;
    struct pr_error e;
    if (pr_engine_new(c, &o, &g, &e))
        fail_msg("%s", e.message);
    return g;
}

/* Of a prompt with tokens of the first, the last and the panels between. */
static struct numbers numbers_of(struct pr_engine *g, const struct pr_checkpoint *c)
{
    struct numbers ret = {0};
    int32_t ids[N_IDS];
    struct pr_error e;
    uint32_t vocab = pr_checkpoint_config(c)->vocab;
    for (uint32_t i = 0; i < N_IDS; i++)
        ids[i] = (int32_t)(i * (vocab - 1) / (N_IDS - 1));
    struct pr_request r = {.ids = ids,
        .n = N_IDS,
        .score_from = 1,
        .logprobs = ret.logprobs,
        .max_new = N_NEW,
        .new_ids = ret.new_ids,
        .new_logprobs = ret.new_logprobs};
    if (pr_engine_run(g, &r, 1, NULL, &e))
        fail_msg("%s", e.message);
    assert_false(r.bad_number);
    ret.n_new = r.n_new;
    return ret;
}

static struct pr_checkpoint *open_copy(void)
{
    const struct pr_checkpoint_options co = {.weights = true};
    struct pr_checkpoint *c;
    struct pr_error e;
    if (pr_checkpoint_open(temp_path("m"), &co, &c, &e))
        fail_msg("%s", e.message);
    return c;
}

/* Every file of weights: other bytes in the same place, then none at all, where a read of the
 * mapping is SIGBUS. */
static void ruin_weights(void)
{
    char **names, name[300];
    size_t n;
    assert_int_equal(pr_dir_list(temp_path("m"), &names, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "m/%s", names[i]);
        if (!strstr(name, ".safetensors") || strstr(name, ".json"))
            continue;
        temp_text(name, "overwritten");
        temp_text(name, "");
    }
    pr_names_free(names, n);
}

static void check_model(const char *fixture, enum pr_math math, const struct pr_kernels *kernels)
{
    temp_copy_folder(fixture, "m");
    struct pr_checkpoint *c = open_copy();
    struct pr_engine *mapped = engine_of(c, math, kernels, false);
    struct numbers want = numbers_of(mapped, c);
    pr_engine_free(mapped);
    struct pr_engine *own = engine_of(c, math, kernels, true);
    ruin_weights();
    struct numbers got = numbers_of(own, c);
    if (memcmp(&got, &want, sizeof got))
        fail_msg("%s: other numbers", fixture);
    pr_engine_free(own);
    pr_checkpoint_free(c);
    temp_remove(temp_path("m"));
}

static void weights_of_their_own_give_the_same_bits_whatever_becomes_of_the_files(void **state)
{
    static const char *const folders[] = {"models", "variants"};
    size_t n_kernels, n_models = 0;
    const struct pr_kernels *const *kernels = pr_kernels_all(&n_kernels);
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        char path[512], **names;
        size_t n;
        snprintf(path, sizeof path, "%s/%s", PR_FIXTURES, folders[f]);
        assert_int_equal(pr_dir_list(path, &names, &n, NULL), 0);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 2 * n_kernels; k++) {
                snprintf(path, sizeof path, "%s/%s", folders[f], names[i]);
                check_model(path, k % 2 ? PR_MATH_BF16 : PR_MATH_F32, kernels[k / 2]);
                n_models++;
            }
        pr_names_free(names, n);
    }
    assert_true(n_models >= 24);
}

/* What the embedding takes beside the panels: nothing where the head is it, to the bit. */
static void an_embedding_is_copied_only_where_no_panel_holds_it(void **state)
{
    static const struct {
        const char *fixture;
        uint64_t f32, bf16;
    } cases[] = {{"models/qwen3-tiny", 0, 1024 * 64 * 4}, {"variants/smollm-style", 0, 0},
        {"models/llama-tiny", 1504 * 64 * 2, 1504 * 64 * 2},
        {"variants/qwen3-untied-f32", 96 * 24 * 4, 96 * 24 * 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        temp_copy_folder(cases[i].fixture, "m");
        struct pr_checkpoint *c = open_copy();
        assert_int_equal(pr_packed_copy_bytes(c, false), cases[i].f32);
        assert_int_equal(pr_packed_copy_bytes(c, true), cases[i].bf16);
        pr_checkpoint_free(c);
        temp_remove(temp_path("m"));
    }
}

static bool always(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

static void packing_ends_when_it_is_told_to(void **state)
{
    int asked = 0;
    const struct pr_engine_options o = {.n_threads = 1, .stop = {always, &asked}};
    struct pr_engine *g = NULL;
    struct pr_error e;
    (void)state;
    temp_copy_folder("models/qwen3-tiny", "m");
    struct pr_checkpoint *c = open_copy();
    assert_int_equal(pr_engine_new(c, &o, &g, &e), PR_E_CANCELLED);
    assert_non_null(strstr(e.message, "told to stop"));
    assert_null(g);
    assert_int_equal(asked, 1024 / 64); /* the panels of the first matrix, the head, and no more */
    pr_engine_free(engine_of(c, PR_MATH_F32, NULL, true));
    pr_checkpoint_free(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        T(weights_of_their_own_give_the_same_bits_whatever_becomes_of_the_files),
        T(an_embedding_is_copied_only_where_no_panel_holds_it),
        T(packing_ends_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
