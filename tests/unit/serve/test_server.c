/* The server without its sockets: routes and refusals, limits, cancelling, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "server_client.h"

static void each_route_answers_and_others_are_refused_by_status(void **state)
{
    static const struct {
        const char *method, *path, *body, *key;
        int status;
    } cases[] = {
        {"GET", "/health", NULL, NULL, 200},
        {"GET", "/metrics", NULL, "Bearer " KEY, 200},
        {"GET", "/metrics", NULL, NULL, 401},
        {"GET", "/v1/models", NULL, "bearer " KEY, 200},
        {"GET", "/v1/models", NULL, "Bearer " KEY "x", 401},
        {"GET", "/v1/models", NULL, KEY, 401},
        {"GET", "/v1/models/qwen3-tiny", NULL, "Bearer " KEY, 200},
        {"GET", "/v1/models/q%77en3%2Dtiny", NULL, "Bearer " KEY, 200},
        {"GET", "/v1/models/gpt-4", NULL, "Bearer " KEY, 404},
        {"GET", "/nothing", NULL, "Bearer " KEY, 404},
        {"GET", "/nothing", NULL, NULL, 401},
        {"GET", "/v1/completions", NULL, "Bearer " KEY, 405},
        {"POST", "/v1/completions", NULL, "Bearer " KEY, 415},
        {"POST", "/v1/completions", "{}", "Bearer " KEY, 400},
        {"POST", "/v1/completions", "{\"model\":\"gpt-4\",\"prompt\":\"x\"}", "Bearer " KEY, 404},
        {"POST", "/v1/chat/completions", "no", "Bearer " KEY, 400},
        {"POST", "/v1/load", "{\"path\":\"/\"}", "Bearer " KEY, 403},
        {"POST", "/tokenize", "{\"text\":\"one two\"}", "Bearer " KEY, 200},
        {"POST", "/tokenize", "{\"text\":\"x\",\"prompt\":\"y\"}", "Bearer " KEY, 400},
        {"POST", "/detokenize", "{\"tokens\":[5,6]}", "Bearer " KEY, 200},
        {"POST", "/detokenize", "{\"tokens\":[-1]}", "Bearer " KEY, 400},
    };
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.key = KEY});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct client c;
        ask_as(&c, s, cases[i].method, cases[i].path, cases[i].body, cases[i].key);
        read_all(&c);
        if (c.head.status != cases[i].status)
            fail_msg("%zu: %d: %s", i, c.head.status, pr_str_cstr(&c.body));
        assert_int_equal(c.head.authenticate, cases[i].status == 401);
        assert_true(cases[i].status != 405 || !strcmp(c.head.allow, "POST"));
        end_client(&c);
    }
    pr_serve_server_free(s);
}

static void what_is_refused_before_its_body_is_counted_under_its_route(void **state)
{
    static const struct {
        const char *method, *path, *key, *type, *label;
        uint64_t length;
        int status;
    } cases[] = {
        {"POST", "/v1/completions", NULL, "application/json", "/v1/completions", 5, 401},
        {"PUT", "/v1/completions", "Bearer " KEY, "application/json", "/v1/completions", 5, 405},
        {"POST", "/v1/models/x", "Bearer " KEY, "application/json", "/v1/models/", 5, 405},
        {"POST", "/tokenize", "Bearer " KEY, "application/json", "/tokenize", PR_SERVE_MAX_BODY + 1,
            413},
        {"POST", "/tokenize", "Bearer " KEY, "text/plain", "/tokenize", 5, 415},
        {"POST", "/nowhere", "Bearer " KEY, "application/json", "other", 5, 404},
        {"POST", "/nowhere", NULL, "application/json", "other", 5, 401},
        {"POST", "/tokenize", "Bearer " KEY, "application/json", NULL, PR_SERVE_MAX_BODY, 0},
    };
    struct client c;
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.key = KEY});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pr_serve_head h = {.method = cases[i].method,
            .path = cases[i].path,
            .authorization = cases[i].key,
            .content_type = cases[i].type};
        struct pr_serve_refusal why;
        assert_int_equal(pr_serve_server_check(s, &h, cases[i].length, &why), cases[i].status != 0);
        assert_int_equal(why.status, cases[i].status);
        assert_int_equal(cases[i].status == 405, why.allow != NULL);
        if (why.allow)
            assert_string_equal(why.allow, strcmp(cases[i].method, "PUT") ? "GET" : "POST");
        if (why.status == 401)
            assert_non_null(strstr(pr_str_cstr(&why.body), "invalid_api_key"));
        pr_str_done(&why.body);
    }
    ask_as(&c, s, "GET", "/metrics", NULL, "Bearer " KEY);
    read_all(&c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[160];
        snprintf(line, sizeof line, "proctor_serve_requests_total{route=\"%s\",status=\"%d\"} 1\n",
            cases[i].label, cases[i].status);
        if (cases[i].label && !strstr(pr_str_cstr(&c.body), line))
            fail_msg("no %s in\n%s", line, pr_str_cstr(&c.body));
    }
    end_client(&c);
    pr_serve_server_free(s);
}

static void tokens_go_to_text_and_back(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){0});
    json_t *o = ask(s, "POST", "/tokenize", "{\"prompt\":\"What is 2 + 2? \\u00e9\"}", 200);
    assert_true(json_integer_value(json_object_get(o, "count")) > 3);
    assert_int_equal(json_array_size(json_object_get(o, "tokens")),
        json_integer_value(json_object_get(o, "count")));
    json_t *body = json_object();
    json_object_set(body, "tokens", json_object_get(o, "tokens"));
    struct pr_str text = PR_STR_INIT(1 << 20);
    pr_json_dump(body, 0, 0, &text);
    json_t *back = ask(s, "POST", "/detokenize", pr_str_cstr(&text), 200);
    assert_string_equal(text_at(back, "prompt", NULL), "What is 2 + 2? \xc3\xa9");
    pr_str_done(&text);
    json_decref(body);
    json_decref(back);
    json_decref(o);
    pr_serve_server_free(s);
}

static void as_many_answers_as_there_are_places_and_the_next_is_told_to_wait(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.most_waiting = 32});
    struct client a, b, c;
    char body[300];
    make_body(body, "default", "Hello", "");
    ask_as(&a, s, "POST", "/v1/completions", LONG, NULL);
    ask_as(&b, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&a, 1);
    ask_as(&c, s, "POST", "/v1/completions", body, NULL);
    read_all(&c);
    assert_int_equal(c.head.status, 429);
    assert_true(c.head.retry_after_s > 0);
    end_client(&c);
    end_client(&a);
    wait_answers(s, 16); /* its places are free before the next pass */
    json_decref(ask(s, "POST", "/v1/completions", body, 200));
    end_client(&b);
    pr_serve_server_free(s);
}

/* Of 128 choices none is over in a second. */
static void an_answer_that_takes_too_long_ends_as_an_error_of_the_api(void **state)
{
    static const char body[] = "{\"model\":\"default\",\"prompt\":\"Once\",\"n\":128,"
                               "\"max_tokens\":3000,\"temperature\":1,\"seed\":1}";
    static const char streamed[] = "{\"model\":\"default\",\"prompt\":\"Once\",\"n\":128,"
                                   "\"max_tokens\":3000,\"temperature\":1,\"stream\":true}";
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.deadline_s = 1});
    struct client whole, stream;
    ask_as(&whole, s, "POST", "/v1/completions", body, NULL);
    ask_as(&stream, s, "POST", "/v1/completions", streamed, NULL);
    read_all(&stream);
    read_all(&whole);
    assert_int_equal(whole.head.status, 504);
    assert_non_null(strstr(pr_str_cstr(&whole.body), "deadline_exceeded"));
    assert_int_equal(stream.head.status, 200); /* it had begun: its last event is the error */
    const char *error = strstr(pr_str_cstr(&stream.body), "data: {\"error\"");
    assert_non_null(error);
    assert_non_null(strstr(error, "deadline_exceeded"));
    assert_string_equal(strstr(error, "\n\n"), "\n\n");
    assert_null(strstr(pr_str_cstr(&stream.body), "[DONE]"));
    end_client(&whole);
    end_client(&stream);
    pr_serve_server_free(s);
}

static void a_reader_that_is_too_slow_is_cut_off(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.most_unread = 2000});
    struct client c;
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    char byte;
    int n = 0;
    for (int i = 0; i < 60000 && n != -2; i++) {
        n = pr_serve_exchange_read(c.x, &byte, 0);
        usleep(1000);
    }
    assert_int_equal(n, -2);
    end_client(&c);
    pr_serve_server_free(s);
}

/* ---- a pass that takes long ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int pass, held; /* passes begun; the one that is held */
    bool let_go, gave_up;
} hold = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .held = 2};

/* On the model's thread.  The time is for a build in which the test would wait for ever. */
static void hold_pass(enum pr_fault point)
{
    struct timespec until;
    if (point != PR_FAULT_SERVE_PASS)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&hold.lock);
    bool held = ++hold.pass == hold.held;
    pthread_cond_broadcast(&hold.changed);
    while (held && !hold.let_go && !hold.gave_up)
        hold.gave_up = pthread_cond_timedwait(&hold.changed, &hold.lock, &until) != 0;
    pthread_mutex_unlock(&hold.lock);
}

static void who_goes_away_waits_for_no_pass(void **state)
{
    struct client a, b, c;
    (void)state;
    pr_fault_hook = hold_pass;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){0});
    ask_as(&a, s, "POST", "/v1/completions", LONG, NULL);
    pthread_mutex_lock(&hold.lock);
    while (hold.pass < hold.held)
        pthread_cond_wait(&hold.changed, &hold.lock);
    pthread_mutex_unlock(&hold.lock);
    ask_as(&b, s, "POST", "/v1/completions", LONG, NULL); /* it waits for the pass's end */
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    end_client(&a);
    end_client(&b);
    json_decref(ask(s, "GET", "/health", NULL, 200));
    assert_true(
        has_line(s, "proctor_serve_requests_total{route=\"/v1/completions\",status=\"499\"} 2\n"));
    assert_true(has_line(s, "proctor_serve_answers 48\n")); /* the model has them still */
    pthread_mutex_lock(&hold.lock);
    assert_int_equal(hold.pass, hold.held);
    assert_false(hold.gave_up);
    hold.let_go = true;
    pthread_cond_broadcast(&hold.changed);
    pthread_mutex_unlock(&hold.lock);
    wait_answers(s, 16);
    read_some(&c, 1); /* who is still there is answered */
    end_client(&c);
    pr_serve_server_free(s);
    pr_fault_hook = NULL;
}

/* ---- the end ---- */

static void one_that_ends_takes_no_more_and_lets_what_goes_on_end(void **state)
{
    (void)state;
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){0});
    struct client a, b;
    char body[300];
    make_body(body, "default", "Hello", ",\"stream\":true");
    ask_as(&a, s, "POST", "/v1/completions", body, NULL);
    pr_serve_server_drain(s, 500);
    read_all(&a);
    assert_int_equal(a.end, -1); /* what is over is still read */
    assert_non_null(strstr(pr_str_cstr(&a.body), "[DONE]"));
    json_decref(ask(s, "GET", "/health", NULL, 503));
    json_decref(ask(s, "POST", "/v1/completions", body, 503));
    struct pr_error e;
    assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_E_CANCELLED);
    end_client(&a);
    pr_serve_server_free(s);
    s = open_server((struct pr_serve_server_options){0});
    ask_as(&b, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&b, 1);
    pr_serve_server_drain(s, 1);
    read_all(&b);
    assert_int_equal(b.end, -2);
    end_client(&b);
    pr_serve_server_free(s);
}

static void counts_are_those_of_what_was_asked(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "proctor_serve_requests_total{route=\"/v1/completions\",status=\"200\"} 1\n",
        "proctor_serve_requests_total{route=\"/v1/completions\",status=\"404\"} 1\n",
        "proctor_serve_requests_total{route=\"/v1/completions\",status=\"499\"} 1\n",
        "proctor_serve_requests_total{route=\"other\",status=\"404\"} 1\n",
        "proctor_serve_answers 0\n", "proctor_serve_swaps_total 1\n",
        "proctor_serve_request_seconds_count 1\n", "proctor_serve_first_token_seconds_count 2\n",
        "proctor_serve_request_seconds_bucket{le=\"+Inf\"} 1\n", "name=\"served\""};
    struct pr_serve_server *s = open_server((struct pr_serve_server_options){.name = "served"});
    struct client c;
    struct pr_error e;
    char body[300], line[100];
    make_body(body, "served", "Hello there", "");
    json_t *o = ask(s, "POST", "/v1/completions", body, 200);
    long long generated =
        json_integer_value(json_object_get(json_object_get(o, "usage"), "completion_tokens"));
    json_decref(o);
    make_body(body, "gpt-4", "Hello there", "");
    json_decref(ask(s, "POST", "/v1/completions", body, 404));
    json_decref(ask(s, "GET", "/nowhere", NULL, 404));
    assert_int_equal(pr_serve_server_swap(s, MODEL_B, &e), PR_OK);
    ask_as(&c, s, "GET", "/metrics", NULL, NULL);
    read_all(&c);
    snprintf(line, sizeof line, "proctor_serve_tokens_generated_total %lld\n", generated);
    assert_non_null(strstr(pr_str_cstr(&c.body), line)); /* of the model that was replaced too */
    end_client(&c);
    ask_as(&c, s, "POST", "/v1/completions", LONG, NULL);
    read_some(&c, 1);
    end_client(&c);
    wait_answers(s, 0);
    ask_as(&c, s, "GET", "/metrics", NULL, NULL);
    read_all(&c);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(pr_str_cstr(&c.body), lines[i]))
            fail_msg("no %s in\n%s", lines[i], strstr(pr_str_cstr(&c.body), "requests_total"));
    end_client(&c);
    pr_serve_server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_answers_and_others_are_refused_by_status),
        cmocka_unit_test(what_is_refused_before_its_body_is_counted_under_its_route),
        cmocka_unit_test(tokens_go_to_text_and_back),
        cmocka_unit_test(as_many_answers_as_there_are_places_and_the_next_is_told_to_wait),
        cmocka_unit_test(an_answer_that_takes_too_long_ends_as_an_error_of_the_api),
        cmocka_unit_test(a_reader_that_is_too_slow_is_cut_off),
        cmocka_unit_test(who_goes_away_waits_for_no_pass),
        cmocka_unit_test(one_that_ends_takes_no_more_and_lets_what_goes_on_end),
        cmocka_unit_test(counts_are_those_of_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
