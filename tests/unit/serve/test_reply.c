/* What a client of the OpenAI API gets: the same answer as one document and as a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "serve/reply.h"

#define FINGERPRINT "f00d"

static struct pr_tokenizer *tokenizer;

static int open_tokenizer(void **state)
{
    struct pr_error e;
    (void)state;
    return pr_tokenizer_open(
        PR_FIXTURES "/tokenizers/small-qwen-a/tokenizer.json", &tokenizer, NULL, &e);
}

static int close_tokenizer(void **state)
{
    (void)state;
    pr_tokenizer_free(tokenizer);
    return 0;
}

/* An answer of two choices in five pieces, as a document or a stream. */
static void answer(const char *body, enum pr_serve_kind kind, struct pr_str *out)
{
    struct pr_serve_request q;
    struct pr_serve_error e;
    if (!pr_serve_request_read(kind, body, strlen(body), &q, &e))
        fail_msg("%s", e.message);
    const struct pr_serve_reply_of of = {.request = &q,
        .id = "chatcmpl-1",
        .model = "served",
        .fingerprint = FINGERPRINT,
        .numerics = "f32/avx512/panel64.1",
        .tokenizer = tokenizer,
        .created_s = 1700000000,
        .n_choices = 2};
    struct pr_serve_token t[2] = {
        {.id = 40, .logprob = -0.5f, .n_top = 2}, {.id = 41, .logprob = -INFINITY}};
    t[0].top[0] = (struct pr_top){-0.5f, 40};
    t[0].top[1] = (struct pr_top){-1.5f, 42};
    size_t n = q.logprobs ? 2 : 0;
    struct pr_serve_reply *r = pr_serve_reply_new(&of);
    pr_serve_reply_piece(r, 0, "Hel", 3, t, n, out);
    pr_serve_reply_piece(r, 1, "\"A\"", 3, t, n / 2, out);
    pr_serve_reply_piece(r, 0, "lo \xc3\xa9", 5, t, n, out);
    pr_serve_reply_choice_over(r, 1, "length", out);
    pr_serve_reply_piece(r, 0, "!", 1, NULL, 0, out);
    pr_serve_reply_choice_over(r, 0, "stop", out);
    pr_serve_reply_over(r, &(struct pr_serve_usage){7, 4, 9}, out);
    pr_serve_reply_free(r);
    pr_serve_request_done(&q);
}

static json_t *parse(const char *text, size_t n)
{
    json_t *o;
    struct pr_error e;
    if (pr_json_parse(text, n, PR_JSON_STRICT, NULL, &o, NULL, &e))
        fail_msg("%.*s: %s", (int)n, text, e.message);
    return o;
}

static const json_t *at(const json_t *o, const char *path)
{
    char key[64];
    while (*path && o) {
        size_t n = strcspn(path, ".");
        memcpy(key, path, n);
        key[n] = 0;
        o = json_is_array(o) ? json_array_get(o, (size_t)(key[0] - '0')) : json_object_get(o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

static const char *text_at(const json_t *o, const char *path)
{
    const char *s = json_string_value(at(o, path));
    return s ? s : "(none)";
}

#define CHAT "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":2"
#define TEXT "{\"model\":\"m\",\"prompt\":\"x\",\"n\":2"

static void a_chat_is_a_document(void **state)
{
    (void)state;
    struct pr_str out = PR_STR_INIT(1 << 20);
    answer(CHAT ",\"logprobs\":true,\"top_logprobs\":2}", PR_SERVE_CHAT, &out);
    json_t *o = parse(out.data, out.len);
    assert_string_equal(text_at(o, "object"), "chat.completion");
    assert_string_equal(text_at(o, "model"), "served");
    assert_string_equal(text_at(o, "system_fingerprint"), FINGERPRINT);
    assert_string_equal(text_at(o, "choices.0.message.content"), "Hello \xc3\xa9!");
    assert_string_equal(text_at(o, "choices.0.message.role"), "assistant");
    assert_string_equal(text_at(o, "choices.0.finish_reason"), "stop");
    assert_string_equal(text_at(o, "choices.1.message.content"), "\"A\"");
    assert_string_equal(text_at(o, "choices.1.finish_reason"), "length");
    assert_int_equal(json_integer_value(at(o, "usage.total_tokens")), 16);
    assert_int_equal(json_integer_value(at(o, "usage.prompt_tokens_details.cached_tokens")), 4);
    const json_t *tokens = at(o, "choices.0.logprobs.content");
    assert_int_equal(json_array_size(tokens), 4);
    assert_int_equal(json_array_size(at(tokens, "0.top_logprobs")), 2);
    assert_true(json_real_value(at(tokens, "0.logprob")) == -0.5);
    assert_true(json_real_value(at(tokens, "1.logprob")) == -9999);
    assert_true(json_array_size(at(tokens, "0.bytes")) == strlen(text_at(tokens, "0.token")));
    json_decref(o);
    pr_str_done(&out);
}

static void a_completion_is_a_document(void **state)
{
    (void)state;
    struct pr_str out = PR_STR_INIT(1 << 20);
    answer(TEXT ",\"logprobs\":2}", PR_SERVE_COMPLETION, &out);
    json_t *o = parse(out.data, out.len);
    assert_string_equal(text_at(o, "object"), "text_completion");
    assert_string_equal(text_at(o, "choices.0.text"), "Hello \xc3\xa9!");
    const json_t *l = at(o, "choices.0.logprobs");
    assert_int_equal(json_array_size(at(l, "tokens")), 4);
    assert_int_equal(json_array_size(at(l, "token_logprobs")), 4);
    assert_int_equal(json_object_size(at(l, "top_logprobs.0")), 2);
    assert_int_equal(json_integer_value(at(l, "text_offset.0")), 0);
    assert_int_equal(json_integer_value(at(l, "text_offset.1")), strlen(text_at(l, "tokens.0")));
    json_decref(o);
    pr_str_done(&out);
    out = (struct pr_str)PR_STR_INIT(1 << 20);
    answer(TEXT "}", PR_SERVE_COMPLETION, &out);
    o = parse(out.data, out.len);
    assert_true(json_is_null(at(o, "choices.0.logprobs")));
    json_decref(o);
    pr_str_done(&out);
}

/* Joins what the events of a stream say of each choice. */
static void read_stream(const struct pr_str *out, bool chat, char joined[2][64], size_t *ret_events,
    size_t *ret_usages, size_t *ret_roles)
{
    const char *p = out->data, *end = p + out->len;
    bool done = false;
    memset(joined, 0, 2 * sizeof joined[0]);
    *ret_events = *ret_usages = *ret_roles = 0;
    while (p < end) {
        const char *stop = memmem(p, (size_t)(end - p), "\n\n", 2);
        assert_true(stop && !strncmp(p, "data: ", 6) && !done);
        p += 6;
        done = !strncmp(p, "[DONE]", 6);
        if (!done) {
            json_t *o = parse(p, (size_t)(stop - p));
            const json_t *choice = at(o, "choices.0");
            assert_string_equal(text_at(o, "system_fingerprint"), FINGERPRINT);
            const char *text = json_string_value(at(choice, chat ? "delta.content" : "text"));
            size_t i = (size_t)json_integer_value(at(choice, "index"));
            size_t n = strlen(joined[i]);
            if (text)
                snprintf(joined[i] + n, sizeof joined[i] - n, "%s", text);
            *ret_usages += json_is_object(at(o, "usage"));
            *ret_roles += at(choice, "delta.role") != NULL;
            ++*ret_events;
            json_decref(o);
        }
        p = stop + 2;
    }
    assert_true(done);
}

static void a_stream_says_the_same_piece_by_piece(void **state)
{
    (void)state;
    char joined[2][64];
    size_t events, usages, roles;
    struct pr_str out = PR_STR_INIT(1 << 20);
    answer(
        CHAT ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", PR_SERVE_CHAT, &out);
    read_stream(&out, true, joined, &events, &usages, &roles);
    assert_string_equal(joined[0], "Hello \xc3\xa9!");
    assert_string_equal(joined[1], "\"A\"");
    assert_true(events == 7 && usages == 1 && roles == 2);
    pr_str_done(&out);
    out = (struct pr_str)PR_STR_INIT(1 << 20);
    answer(TEXT ",\"stream\":true}", PR_SERVE_COMPLETION, &out);
    read_stream(&out, false, joined, &events, &usages, &roles);
    assert_string_equal(joined[0], "Hello \xc3\xa9!");
    assert_true(events == 6 && usages == 0);
    pr_str_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chat_is_a_document),
        cmocka_unit_test(a_completion_is_a_document),
        cmocka_unit_test(a_stream_says_the_same_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
