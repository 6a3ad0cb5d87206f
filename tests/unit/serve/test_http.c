/* The sockets of the inference server, with real connections and a core that computes nothing: what
 * is answered before a body, how answers flow, how it begins and ends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "http_client.h"

/* ---- before a body ---- */

static void what_is_refused_is_refused_before_its_body(void **state)
{
    static const struct {
        const char *path, *status;
        size_t length;
    } cases[] = {{"/nowhere", "HTTP/1.1 404 ", 1000}, {"/secret", "HTTP/1.1 401 ", 1000},
        {"/echo", "HTTP/1.1 413 ", PR_SERVE_MAX_BODY + 1}};
    (void)state;
    int begun = atomic_load(&fake_counts.begun);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = dial();
        post(fd, cases[i].path, "Expect: 100-continue\r\n", cases[i].length);
        assert_has(answer_of(fd, NULL), cases[i].status);
        assert_lacks(got->text, "100 Continue");
        assert_has(got->text, "{\"error\":{\"code\":");
        assert_has(got->text, "Content-Type: application/json");
        assert_true(got->ended);
        assert_true(
            !strstr(cases[i].path, "secret") == !strstr(got->text, "WWW-Authenticate: Bearer\r\n"));
        close(fd);
    }
    assert_int_equal(atomic_load(&fake_counts.begun), begun);
}

/* One that sends its whole body before it looks still learns why it was refused. */
static void a_refusal_is_not_lost_to_a_body_on_its_way(void **state)
{
    size_t n = (size_t)4 << 20;
    char *body = pr_zalloc(n);
    (void)state;
    int fd = dial();
    post(fd, "/secret", "", n);
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(fd, body + sent, n - sent, MSG_NOSIGNAL);
        assert_true(k > 0);
        sent += (size_t)k;
    }
    assert_has(answer_of(fd, NULL), "HTTP/1.1 401 ");
    close(fd);
    pr_free(body);
}

static void a_refusal_without_a_body_keeps_its_connection(void **state)
{
    (void)state;
    int fd = dial();
    put(fd, "GET /nowhere?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer_of(fd, "}}"), "HTTP/1.1 404 ");
    put(fd, "GET /fixed?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer_of(fd, FAKE_FIXED), "HTTP/1.1 200 ");
    close(fd);
}

static void a_method_that_is_not_taken_learns_which_is(void **state)
{
    (void)state;
    int fd = dial();
    put(fd, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer_of(fd, "}}"), "HTTP/1.1 405 ");
    assert_has(got->text, "Allow: POST\r\n");
    put(fd, "DELETE /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
    assert_has(answer_of(fd, NULL), "HTTP/1.1 405 ");
    assert_has(got->text, "Allow: POST\r\n");
    assert_true(got->ended);
    close(fd);
    fd = dial();
    put(fd, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_lacks(answer_of(fd, "}}"), "Allow");
    close(fd);
}

/* ---- answers ---- */

static void an_answer_of_known_length_says_so(void **state)
{
    char length[40];
    (void)state;
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(FAKE_FIXED));
    int fd = dial();
    for (int i = 0; i < 3; i++) {
        post(fd, i % 2 ? "/later" : "/fixed", i < 2 ? "" : "Connection: close\r\n", 2);
        put(fd, "{}");
        assert_has(answer_of(fd, i < 2 ? FAKE_FIXED : NULL), "HTTP/1.1 200 ");
        assert_has(got->text, length);
        assert_has(got->text, "Content-Type: application/json\r\n");
        assert_has(got->text, "Cache-Control: no-store\r\n");
        assert_has(got->text, "X-Model-Fingerprint: fp_fake\r\n");
        assert_lacks(got->text, "Retry-After");
    }
    assert_true(got->ended);
    close(fd);
    fd = dial();
    put(fd, "GET /busy HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer_of(fd, FAKE_FIXED), "HTTP/1.1 429 ");
    assert_has(got->text, "Retry-After: 7\r\n");
    assert_lacks(got->text, "Fingerprint");
    close(fd);
}

static void no_wake_is_lost(void **state)
{
    (void)state;
    int fd = dial();
    put(fd, "GET /once HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer_of(fd, FAKE_FIXED), "HTTP/1.1 200 ");
    close(fd);
}

static void a_body_comes_whole(void **state)
{
    size_t n = PR_SERVE_MAX_BODY;
    char *body = pr_alloc(n), expected[80];
    (void)state;
    memset(body, 1, n);
    int fd = dial();
    post(fd, "/echo", "Expect: 100-continue\r\n", n);
    assert_has(answer_of(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue");
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(fd, body + sent, n - sent, MSG_NOSIGNAL);
        assert_true(k > 0);
        sent += (size_t)k;
    }
    snprintf(expected, sizeof expected, "{\"length\":%zu,\"sum\":%zu}", n, n);
    assert_has(answer_of(fd, "}"), expected);
    put(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    put(fd, "2\r\nde\r\n0\r\n\r\n");
    assert_has(answer_of(fd, "}"), "{\"length\":5,\"sum\":495}");
    close(fd);
    pr_free(body);
}

static void a_body_of_unknown_length_is_cut_off_where_it_is_too_much(void **state)
{
    size_t n = PR_SERVE_MAX_BODY + 1;
    char *body = pr_zalloc(n), size[32];
    (void)state;
    int fd = dial();
    int begun = atomic_load(&fake_counts.begun);
    put(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    snprintf(size, sizeof size, "%zx\r\n", n);
    put(fd, size);
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(fd, body + sent, n - sent, MSG_NOSIGNAL);
        assert_true(k > 0);
        sent += (size_t)k;
    }
    put(fd, "\r\n0\r\n\r\n");
    assert_has(answer_of(fd, NULL), "HTTP/1.1 413 ");
    assert_int_equal(atomic_load(&fake_counts.begun), begun);
    close(fd);
    pr_free(body);
}

static void a_stream_comes_piece_by_piece(void **state)
{
    (void)state;
    int fd = dial();
    for (int turn = 0; turn < 2; turn++) {
        char piece[32];
        size_t at = 0;
        post(fd, "/stream", "", 2);
        put(fd, "{}");
        answer_of(fd, "\r\n0\r\n\r\n");
        assert_has(got->text, "Content-Type: text/event-stream\r\n");
        assert_lacks(got->text, "Content-Length");
        for (int i = 0; i < FAKE_PIECES; i++) {
            snprintf(piece, sizeof piece, "data: %d\n\n", i);
            const char *found = strstr(got->text + at, piece);
            assert_non_null(found);
            at = (size_t)(found - got->text);
        }
    }
    /* The first is not kept back for the others: here it comes alone, and nothing after it. */
    post(fd, "/stuck", "", 2);
    put(fd, "{}");
    assert_has(answer_of(fd, "data: 0\n\n"), "text/event-stream");
    close(fd);
}

static void one_that_breaks_off_does_not_look_whole(void **state)
{
    (void)state;
    int fd = dial();
    post(fd, "/broken", "", 2);
    put(fd, "{}");
    assert_has(answer_of(fd, NULL), "data: 2\n\n");
    assert_lacks(got->text, "\r\n0\r\n\r\n");
    assert_true(got->ended);
    close(fd);
}

static void requests_in_a_row_are_answered_in_order(void **state)
{
    (void)state;
    int fd = dial();
    put(fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
            "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    answer_of(fd, "\"code\":404}}");
    const char *first = strstr(got->text, FAKE_FIXED), *second = strstr(got->text, "\"length\":1");
    assert_true(first && second && first < second);
    close(fd);
}

static void two_hundred_streams_at_once_are_whole(void **state)
{
    int fds[200];
    (void)state;
    for (int i = 0; i < 200; i++) {
        fds[i] = dial();
        post(fds[i], "/stream", "", 2);
        put(fds[i], "{}");
    }
    for (int i = 0; i < 200; i++) {
        answer_of(fds[i], "\r\n0\r\n\r\n");
        assert_has(got->text, "data: 0\n\n");
        assert_has(got->text, "data: 19\n\n");
        close(fds[i]);
    }
    assert_true(becomes(&fake_counts.alive, 0));
}

/* ---- the end ---- */

static void after_a_stop_the_answers_under_way_go_on(void **state)
{
    (void)state;
    int fd = dial(), port = pr_serve_http_port(http);
    post(fd, "/stream", "", 2);
    put(fd, "{}");
    answer_of(fd, "data: 0\n\n");
    pr_serve_http_stop(http);
    assert_int_equal(open_to(port), -1);
    assert_has(answer_of(fd, "\r\n0\r\n\r\n"), "data: 19\n\n");
    /* And the gone are still found. */
    post(fd, "/never", "", 2);
    put(fd, "{}");
    assert_true(becomes(&fake_counts.alive, 1));
    close(fd);
    assert_true(becomes(&fake_counts.alive, 0));
    serve_stop(NULL);
    serve_start(NULL);
}

static void the_end_frees_what_is_still_waiting(void **state)
{
    static const char *const paths[] = {"/never", "/stream", "/endless", "/stuck"};
    int fds[40];
    (void)state;
    for (int i = 0; i < 40; i++) {
        fds[i] = dial();
        post(fds[i], paths[i % 4], "", 2);
        put(fds[i], "{}");
    }
    assert_true(becomes(&fake_counts.alive, 40));
    pr_serve_http_free(http);
    assert_int_equal(atomic_load(&fake_counts.alive), 0);
    http = NULL;
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    serve_stop(NULL);
    serve_start(NULL);
}

static void a_port_that_is_taken_is_named(void **state)
{
    struct pr_serve_http_options o = {.port = pr_serve_http_port(http)};
    struct pr_serve_http *h = NULL;
    struct pr_error e;
    char port[32];
    (void)state;
    assert_int_equal(pr_serve_http_new(NULL, &o, &h, &e), PR_E_IO);
    snprintf(port, sizeof port, "port %d is in use", o.port);
    assert_has(e.message, port);
    assert_int_equal(e.sys_errno, EADDRINUSE);
    o = (struct pr_serve_http_options){.tls_key = "/nowhere.pem"};
    assert_int_equal(pr_serve_http_new(NULL, &o, &h, &e), PR_E_USAGE);
    assert_has(e.message, "the certificate of TLS is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused_is_refused_before_its_body),
        cmocka_unit_test(a_refusal_is_not_lost_to_a_body_on_its_way),
        cmocka_unit_test(a_refusal_without_a_body_keeps_its_connection),
        cmocka_unit_test(a_method_that_is_not_taken_learns_which_is),
        cmocka_unit_test(an_answer_of_known_length_says_so),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(a_body_comes_whole),
        cmocka_unit_test(a_body_of_unknown_length_is_cut_off_where_it_is_too_much),
        cmocka_unit_test(a_stream_comes_piece_by_piece),
        cmocka_unit_test(one_that_breaks_off_does_not_look_whole),
        cmocka_unit_test(requests_in_a_row_are_answered_in_order),
        cmocka_unit_test(two_hundred_streams_at_once_are_whole),
        cmocka_unit_test(after_a_stop_the_answers_under_way_go_on),
        cmocka_unit_test(the_end_frees_what_is_still_waiting),
        cmocka_unit_test(a_port_that_is_taken_is_named),
    };
    return cmocka_run_group_tests(tests, serve_start, serve_stop);
}
