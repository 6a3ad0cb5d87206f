/* Requests of the OpenAI API: what a request asks for is read, what it cannot have is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "serve/request.h"

#define HELLO "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]"

static struct pr_serve_request read_ok(enum pr_serve_kind kind, const char *body)
{
    struct pr_serve_request r;
    struct pr_serve_error e;
    if (!pr_serve_request_read(kind, body, strlen(body), &r, &e))
        fail_msg("%s: %s", body, e.message);
    return r;
}

static void a_plain_request_has_the_defaults_of_the_api(void **state)
{
    (void)state;
    struct pr_serve_request r = read_ok(PR_SERVE_CHAT, "{" HELLO "}");
    assert_string_equal(r.model, "m");
    assert_int_equal(json_array_size(r.messages), 1);
    assert_true(r.max_tokens == -1 && r.n == 1 && !r.stream && !r.logprobs && !r.has_seed);
    assert_true(r.sampling.temperature == 1 && !r.sampling.top_k && !r.n_stop);
    pr_serve_request_done(&r);
    r = read_ok(PR_SERVE_COMPLETION, "{\"model\":\"m\",\"prompt\":\"Once\"}");
    assert_true(r.max_tokens == 16 && r.n_prompts == 1);
    assert_string_equal(r.prompts[0].text, "Once");
    pr_serve_request_done(&r);
}

static void all_that_is_asked_for_is_read(void **state)
{
    (void)state;
    struct pr_serve_request r = read_ok(PR_SERVE_CHAT,
        "{" HELLO ",\"max_completion_tokens\":7,\"max_tokens\":3,\"n\":2,\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true},\"stop\":[\"a\",\"bc\"],\"temperature\":0.5,"
        "\"top_p\":0.9,\"top_k\":40,\"min_p\":0.05,\"seed\":-3,\"logprobs\":true,\"top_logprobs\":"
        "4,"
        "\"chat_template_kwargs\":{\"enable_thinking\":false},\"user\":\"u\",\"tools\":[],"
        "\"tool_choice\":\"none\",\"frequency_penalty\":0,\"presence_penalty\":null,"
        "\"response_format\":{\"type\":\"text\"}}");
    const struct pr_sampling *s = &r.sampling;
    assert_true(r.max_tokens == 7 && r.n == 2 && r.stream && r.include_usage && r.n_stop == 2);
    assert_string_equal(r.stop[1], "bc");
    assert_true(s->temperature == 0.5 && s->top_p == 0.9 && s->top_k == 40 && s->min_p == 0.05);
    assert_true(r.has_seed && s->seed == (uint64_t)-3 && r.logprobs && r.top_logprobs == 4);
    assert_true(json_is_false(json_object_get(r.template_vars, "enable_thinking")));
    pr_serve_request_done(&r);
    r = read_ok(PR_SERVE_COMPLETION, "{\"model\":\"m\",\"prompt\":[[1,2],[3]],\"logprobs\":2,"
                                     "\"stop\":\"x\",\"top_k\":-1,\"top_p\":1}");
    assert_true(r.n_prompts == 2 && r.prompts[0].n == 2 && r.prompts[1].ids[0] == 3);
    assert_true(r.logprobs && r.top_logprobs == 2 && !r.sampling.top_k && r.n_stop == 1);
    pr_serve_request_done(&r);
}

static void a_content_in_parts_is_joined(void **state)
{
    (void)state;
    struct pr_serve_request r = read_ok(PR_SERVE_CHAT,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"name\":\"x\",\"content\":["
        "{\"type\":\"text\",\"text\":\"a \"},{\"type\":\"text\",\"text\":\"b\"}]}]}");
    const json_t *m = json_array_get(r.messages, 0);
    assert_string_equal(json_string_value(json_object_get(m, "content")), "a b");
    assert_string_equal(json_string_value(json_object_get(m, "name")), "x");
    pr_serve_request_done(&r);
}

static void what_cannot_be_had_is_named(void **state)
{
    (void)state;
    static const struct {
        enum pr_serve_kind kind;
        const char *body, *param, *code, *says;
    } cases[] = {
        {PR_SERVE_CHAT, "{", "", NULL, "no JSON"},
        {PR_SERVE_CHAT, "[]", "", NULL, "no JSON object"},
        {PR_SERVE_CHAT, "{}", "model", "missing_required_parameter", "'model' is missing"},
        {PR_SERVE_CHAT, "{\"model\":\"m\"}", "messages", "missing_required_parameter", "missing"},
        {PR_SERVE_COMPLETION, "{\"model\":\"m\"}", "prompt", "missing_required_parameter",
            "missing"},
        {PR_SERVE_CHAT, "{" HELLO ",\"tempratur\":1}", "tempratur", "unknown_parameter",
            "not known"},
        {PR_SERVE_CHAT, "{" HELLO ",\"prompt\":\"x\"}", "prompt", "unknown_parameter", "not known"},
        {PR_SERVE_CHAT, "{" HELLO ",\"temperature\":2.5}", "temperature", "invalid_value",
            "0 to 2"},
        {PR_SERVE_CHAT, "{" HELLO ",\"temperature\":\"hot\"}", "temperature", "invalid_type",
            "a number"},
        {PR_SERVE_CHAT, "{" HELLO ",\"n\":0}", "n", "invalid_value", "from 1"},
        {PR_SERVE_CHAT, "{" HELLO ",\"max_tokens\":1.5}", "max_tokens", "invalid_type", "whole"},
        {PR_SERVE_CHAT, "{" HELLO ",\"top_logprobs\":3}", "top_logprobs", "invalid_value",
            "logprobs"},
        {PR_SERVE_CHAT, "{" HELLO ",\"stream_options\":{\"include_usage\":true}}", "stream_options",
            "invalid_value", "'stream': true"},
        {PR_SERVE_CHAT, "{" HELLO ",\"frequency_penalty\":0.5}", "frequency_penalty",
            "unsupported_parameter", "not supported"},
        {PR_SERVE_CHAT, "{" HELLO ",\"response_format\":{\"type\":\"json_object\"}}",
            "response_format", "unsupported_parameter", "not supported"},
        {PR_SERVE_CHAT, "{" HELLO ",\"tools\":[{}]}", "tools", "unsupported_parameter", "not"},
        {PR_SERVE_CHAT, "{" HELLO ",\"stop\":[\"\"]}", "stop", "invalid_value", "empty"},
        {PR_SERVE_CHAT, "{" HELLO ",\"chat_template_kwargs\":{\"messages\":1}}",
            "chat_template_kwargs", "invalid_value", "request itself"},
        {PR_SERVE_CHAT, "{\"model\":\"m\",\"messages\":[]}", "messages", "invalid_value",
            "at least one"},
        {PR_SERVE_CHAT,
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
            "\"image_url\"}]}]}",
            "messages", "invalid_value", "no others"},
        {PR_SERVE_COMPLETION, "{\"model\":\"m\",\"prompt\":[1,\"x\"]}", "prompt", "invalid_value",
            "something else"},
        {PR_SERVE_COMPLETION, "{\"model\":\"m\",\"prompt\":[]}", "prompt", "invalid_value",
            "empty"},
        {PR_SERVE_COMPLETION, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"n\":100}", "n",
            "invalid_value", "200 answers"},
        {PR_SERVE_COMPLETION, "{\"model\":\"m\",\"prompt\":\"a\",\"echo\":true}", "echo",
            "unsupported_parameter", "not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_serve_request r;
        struct pr_serve_error e;
        if (pr_serve_request_read(cases[i].kind, cases[i].body, strlen(cases[i].body), &r, &e))
            fail_msg("%s was taken", cases[i].body);
        assert_int_equal(e.status, 400);
        assert_string_equal(e.type, "invalid_request_error");
        assert_string_equal(e.param, cases[i].param);
        if (!strstr(e.message, cases[i].says))
            fail_msg("%s: %s", cases[i].body, e.message);
        if (cases[i].code)
            assert_string_equal(e.code, cases[i].code);
        else
            assert_null(e.code);
        pr_serve_request_done(&r);
    }
}

static void an_error_has_the_form_of_the_api(void **state)
{
    (void)state;
    struct pr_serve_error e;
    pr_serve_refuse(&e, 404, "model_not_found", "model", "no model '%s'", "x");
    json_t *o = pr_serve_error_json(&e), *error = json_object_get(o, "error");
    assert_string_equal(json_string_value(json_object_get(error, "message")), "no model 'x'");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "model_not_found");
    assert_string_equal(json_string_value(json_object_get(error, "param")), "model");
    json_decref(o);
    pr_serve_refuse(&e, 429, NULL, NULL, "full");
    o = pr_serve_error_json(&e);
    error = json_object_get(o, "error");
    assert_string_equal(json_string_value(json_object_get(error, "type")), "rate_limit_error");
    assert_true(json_is_null(json_object_get(error, "code")) &&
                json_is_null(json_object_get(error, "param")));
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_has_the_defaults_of_the_api),
        cmocka_unit_test(all_that_is_asked_for_is_read),
        cmocka_unit_test(a_content_in_parts_is_joined),
        cmocka_unit_test(what_cannot_be_had_is_named),
        cmocka_unit_test(an_error_has_the_form_of_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
