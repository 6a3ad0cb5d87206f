/* The fake model; see fake_model.h. */
#include "fake_model.h"

#include <string.h>

#include "base/alloc.h"

struct fake fake = {.template = "chat", .max_position = 4096};

static const char *const special[] = {"<eot>", "<think>", "</think>"};
enum { FIRST = 256, N_SPECIAL = 3 };

struct pr_checkpoint *fake_checkpoint(void)
{
    return (struct pr_checkpoint *)&fake;
}

struct pr_engine *fake_engine(void)
{
    return (struct pr_engine *)&fake;
}

void pr_ids_push(struct pr_ids *ids, int32_t id)
{
    PR_PUSH(ids->v, ids->n, ids->cap, id);
}

void pr_ids_done(struct pr_ids *ids)
{
    pr_free(ids->v);
    *ids = (struct pr_ids){0};
}

const char *pr_checkpoint_dir(const struct pr_checkpoint *c)
{
    (void)c;
    return "/models/checkpoint-7";
}

const char *pr_checkpoint_name(const struct pr_checkpoint *c)
{
    (void)c;
    return "checkpoint-7";
}

const struct pr_model_config *pr_checkpoint_config(const struct pr_checkpoint *c)
{
    static struct pr_model_config config;
    (void)c;
    config.vocab = FIRST + N_SPECIAL;
    config.max_position = fake.max_position;
    return &config;
}

const char *pr_checkpoint_template(const struct pr_checkpoint *c)
{
    (void)c;
    return fake.template;
}

const char *pr_checkpoint_special(const struct pr_checkpoint *c, const char *role)
{
    (void)c;
    return strcmp(role, "eos_token") ? NULL : "<eot>";
}

const json_t *pr_checkpoint_specials(const struct pr_checkpoint *c)
{
    (void)c;
    return NULL;
}

const int32_t *pr_checkpoint_eos(const struct pr_checkpoint *c, size_t *ret_n)
{
    static const int32_t eos[] = {FIRST};
    (void)c;
    *ret_n = 1;
    return eos;
}

enum pr_code pr_checkpoint_tokenizer(
    struct pr_checkpoint *c, const struct pr_tokenizer **ret, struct pr_error *e)
{
    (void)e;
    *ret = (const struct pr_tokenizer *)c;
    return PR_OK;
}

enum pr_code pr_checkpoint_fingerprint(
    struct pr_checkpoint *c, int n_threads, char ret[65], struct pr_error *e)
{
    (void)c;
    (void)n_threads;
    (void)e;
    memset(ret, fake.wrong ? 'b' : 'a', 64);
    ret[64] = 0;
    return PR_OK;
}

enum pr_code pr_checkpoint_unchanged(const struct pr_checkpoint *c, struct pr_error *e)
{
    (void)c;
    return fake.changed ? pr_fail(e, PR_E_CHANGED, "model.safetensors: changed") : PR_OK;
}

enum pr_code pr_checkpoint_origin(
    const char *dir, struct pr_checkpoint_origin *ret, struct pr_error *e)
{
    (void)dir;
    (void)e;
    *ret = (struct pr_checkpoint_origin){.step = 7, .run = "0123456789abcdef"};
    return PR_OK;
}

static int32_t special_at(const char *s, size_t n)
{
    for (int i = 0; i < N_SPECIAL; i++)
        if (n >= strlen(special[i]) && !memcmp(s, special[i], strlen(special[i])))
            return FIRST + i;
    return -1;
}

enum pr_code pr_tokenizer_encode(const struct pr_tokenizer *t, const char *text, size_t n,
    struct pr_ids *out, struct pr_error *e)
{
    (void)t;
    (void)e;
    for (size_t i = 0; i < n;) {
        int32_t id = special_at(text + i, n - i);
        pr_ids_push(out, id >= 0 ? id : (unsigned char)text[i]);
        i += id >= 0 ? strlen(special[id - FIRST]) : 1;
    }
    return PR_OK;
}

enum pr_code pr_tokenizer_decode(const struct pr_tokenizer *t, const int32_t *ids, size_t n,
    bool skip_special, struct pr_str *out, struct pr_error *e)
{
    (void)t;
    (void)e;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < FIRST)
            pr_str_putc(out, (char)ids[i]);
        else if (!skip_special || ids[i] != FIRST)
            pr_str_puts(out, special[ids[i] - FIRST]);
    }
    return PR_OK;
}

int32_t pr_tokenizer_id(const struct pr_tokenizer *t, const char *content)
{
    (void)t;
    return special_at(content, strlen(content));
}

const char *pr_tokenizer_content(const struct pr_tokenizer *t, int32_t id)
{
    (void)t;
    return id >= FIRST ? special[id - FIRST] : NULL;
}

enum pr_code pr_template_compile(
    const char *source, size_t n, struct pr_template **ret, struct pr_error *e)
{
    (void)n;
    if (!strcmp(source, "broken"))
        return pr_fail(e, PR_E_FORMAT, "line 1: broken");
    *ret = (struct pr_template *)&fake;
    return PR_OK;
}

void pr_template_free(struct pr_template *t)
{
    (void)t;
}

enum pr_code pr_template_render(const struct pr_template *t, const json_t *vars,
    const struct pr_template_options *options, struct pr_str *out, struct pr_error *e)
{
    size_t i;
    json_t *turn;
    (void)t;
    (void)options;
    json_array_foreach (json_object_get(vars, "messages"), i, turn) {
        const char *content = json_string_value(json_object_get(turn, "content"));
        if (strstr(content, "RAISE"))
            return pr_fail(e, PR_E_TEMPLATE, "no such turns");
        pr_str_printf(out, "[%s]%s%s<eot>\n", json_string_value(json_object_get(turn, "role")),
            content, strcmp(fake.template, "spaced") ? "" : " ");
    }
    if (json_is_true(json_object_get(vars, "add_generation_prompt")))
        pr_str_puts(out, strcmp(fake.template, "thinks") ? "[assistant]" : "[assistant]<think>\n");
    return PR_OK;
}

enum pr_math pr_engine_math(const struct pr_engine *g)
{
    (void)g;
    return PR_MATH_F32;
}

const char *pr_engine_numerics(const struct pr_engine *g)
{
    (void)g;
    return "f32/fake/1";
}

static void say(struct pr_request *r, const char *prompt, size_t n)
{
    struct pr_ids ids = {0};
    const char *at = memmem(prompt, n, "say:", 4),
               *end = at ? memmem(at, n - (size_t)(at - prompt), "<eot>", 5) : NULL;
    end = end ? end : prompt + n;
    if (fake.wrong)
        pr_ids_push(&ids, 'x');
    if (at)
        (void)!pr_tokenizer_encode(NULL, at + 4, (size_t)(end - at - 4), &ids, NULL);
    pr_ids_push(&ids, FIRST);
    r->n_new = ids.n < r->max_new ? ids.n : r->max_new;
    r->finish = ids.n <= r->max_new ? PR_FINISH_STOP : PR_FINISH_LENGTH;
    for (size_t i = 0; i < r->n_new; i++) {
        r->new_ids[i] = ids.v[i];
        r->new_logprobs[i] = -0.01f * (float)(i + 1);
    }
    pr_ids_done(&ids);
}

enum pr_code pr_engine_run(struct pr_engine *g, struct pr_request *requests, size_t n,
    struct pr_run *run, struct pr_error *e)
{
    (void)g;
    for (size_t k = n; k-- > 0;) { /* from the last on: the order is not to matter */
        struct pr_request *r = &requests[k];
        struct pr_str prompt = PR_STR_INIT(1 << 24);
        (void)!pr_tokenizer_decode(NULL, r->ids, r->n, false, &prompt, NULL);
        r->bad_number = memmem(pr_str_cstr(&prompt), prompt.len, "NAN", 3);
        for (size_t i = r->score_from; r->logprobs && i < r->n; i++)
            r->logprobs[i - r->score_from] = r->ids[i] == 'G' ? -0.1f : -0.5f;
        if (r->max_new)
            say(r, pr_str_cstr(&prompt), prompt.len);
        run->tokens_prefilled += r->n;
        pr_str_done(&prompt);
        if ((run->done && run->done(run->ctx, r)) ||
            (run->progress && run->progress(run->ctx, n - k, n)))
            return pr_fail(e, PR_E_CANCELLED, "stopped");
    }
    return PR_OK;
}
