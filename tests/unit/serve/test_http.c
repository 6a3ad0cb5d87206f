/* The sockets of the inference server, with real connections and a core that computes nothing: what
 * is answered before a body, how answers flow, and that clients who go away, dawdle or talk
 * nonsense cost nobody else anything. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake_core.h"
#include "serve/http.h"

#define MAX_ANSWER ((size_t)1 << 20)
#define SECOND_NS  1000000000LL
#define PROMPT_NS  SECOND_NS /* within which the gone are found */

static struct pr_serve_http *http;

/* A clock that can be put forward. */
static _Atomic int64_t ahead_ns;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec + atomic_load(&ahead_ns);
}

static const struct pr_clock our_clock = {.monotonic_ns = now_ns};

static int start(void **state)
{
    struct pr_error e;
    (void)state;
    fake_start();
    if (pr_serve_http_new(NULL, &(struct pr_serve_http_options){0}, &http, &e))
        fail_msg("%s", e.message);
    return 0;
}

/* However a test leaves its connections: nothing may be left of them. */
static int stop(void **state)
{
    (void)state;
    pr_serve_http_free(http);
    fake_stop();
    return atomic_load(&fake_counts.alive) ? -1 : 0;
}

/* ---- a client ---- */

static int open_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval wait = {.tv_sec = 5};
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a)) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return fd;
}

static int dial(void)
{
    int fd = open_to(pr_serve_http_port(http));
    assert_true(fd >= 0);
    return fd;
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void post(int fd, const char *path, const char *more, size_t length)
{
    char head[512];
    snprintf(head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: "
        "%zu\r\n\r\n",
        path, more, length);
    put(fd, head);
}

struct answer {
    char text[MAX_ANSWER + 1];
    size_t n;
    bool ended; /* the server ended the connection */
};

/* Until `end` is there, the connection ends, or nothing comes for 5 s. */
static void receive(int fd, const char *end, struct answer *a)
{
    a->n = 0;
    a->ended = false;
    a->text[0] = '\0';
    while (!(end && strstr(a->text, end)) && a->n < MAX_ANSWER) {
        ssize_t n = recv(fd, a->text + a->n, MAX_ANSWER - a->n, 0);
        a->ended = n == 0 || (n < 0 && errno == ECONNRESET);
        if (n <= 0)
            break;
        a->n += (size_t)n;
        a->text[a->n] = '\0';
    }
}

static struct answer *got; /* of the last receive */

static const char *answer_of(int fd, const char *end)
{
    receive(fd, end, got);
    return got->text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in '%s'", part, text);
}

static bool becomes(atomic_int *what, int value)
{
    for (int64_t until = pr_clock_monotonic_ns() + PROMPT_NS; pr_clock_monotonic_ns() < until;) {
        if (atomic_load(what) == value)
            return true;
        usleep(2000);
    }
    return false;
}

static void assert_serves(void)
{
    int fd = dial();
    int64_t began = pr_clock_monotonic_ns();
    post(fd, "/fixed", "", 2);
    put(fd, "{}");
    assert_has(answer_of(fd, FAKE_FIXED), "HTTP/1.1 200 ");
    assert_true(pr_clock_monotonic_ns() - began < SECOND_NS);
    close(fd);
}

/* One that is refused before its body wakes the thread that looks at the deadlines. */
static void put_forward(int seconds)
{
    atomic_fetch_add(&ahead_ns, seconds * SECOND_NS);
    int fd = dial();
    post(fd, "/nowhere", "", 1);
    answer_of(fd, NULL);
    close(fd);
}

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
        int64_t began = pr_clock_monotonic_ns(), first = 0;
        char piece[32];
        size_t at = 0;
        post(fd, "/stream", "", 2);
        put(fd, "{}");
        got->n = 0;
        got->text[0] = '\0';
        while (!strstr(got->text, "\r\n0\r\n\r\n")) {
            ssize_t n = recv(fd, got->text + got->n, MAX_ANSWER - got->n, 0);
            assert_true(n > 0);
            got->n += (size_t)n;
            got->text[got->n] = '\0';
            if (!first && strstr(got->text, "data: 0\n\n"))
                first = pr_clock_monotonic_ns();
        }
        assert_has(got->text, "Content-Type: text/event-stream\r\n");
        assert_lacks(got->text, "Content-Length");
        for (int i = 0; i < FAKE_PIECES; i++) {
            snprintf(piece, sizeof piece, "data: %d\n\n", i);
            const char *found = strstr(got->text + at, piece);
            assert_non_null(found);
            at = (size_t)(found - got->text);
        }
        /* 20 pieces with a pause of 3 ms after each: the first was not kept back for the others. */
        assert_true(pr_clock_monotonic_ns() - first > (pr_clock_monotonic_ns() - began) / 2);
    }
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

/* ---- those who go away ---- */

static void who_goes_away_is_computed_for_no_longer(void **state)
{
    static const char *const paths[] = {"/never", "/stuck", "/endless"};
    (void)state;
    for (int how = 0; how < 3; how++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            struct linger reset = {.l_onoff = 1};
            int fd = dial();
            post(fd, paths[i], "", 2);
            put(fd, "{}");
            if (i)
                answer_of(fd, i == 1 ? "data: 0\n\n" : "eee");
            assert_true(becomes(&fake_counts.alive, 1));
            if (how == 0)
                shutdown(fd, SHUT_WR);
            if (how == 1)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            if (how)
                close(fd);
            if (!becomes(&fake_counts.alive, 0))
                fail_msg("%s, way %d", paths[i], how);
            if (!how)
                close(fd);
        }
    assert_serves();
}

/* Again and again, while the core wakes them: a race between the two would show. */
static void many_come_and_go_at_once(void **state)
{
    static const char *const paths[] = {"/never", "/stream", "/later", "/stuck"};
    int fds[100];
    (void)state;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 100; i++) {
            fds[i] = dial();
            post(fds[i], paths[i % 4], "", 2);
            put(fds[i], "{}");
        }
        usleep(1000 * (unsigned)(round * 7));
        for (int i = 0; i < 100; i++)
            close(fds[i]);
    }
    assert_true(becomes(&fake_counts.alive, 0));
    assert_serves();
}

static void who_does_not_read_holds_up_himself_alone(void **state)
{
    int fds[20];
    (void)state;
    long long before = atomic_load(&fake_counts.read);
    for (int i = 0; i < 20; i++) {
        int small = 4096;
        fds[i] = dial();
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        post(fds[i], "/endless", "", 2);
        put(fds[i], "{}");
    }
    assert_true(becomes(&fake_counts.alive, 20));
    usleep(100000);
    /* What the core cannot count as unread is bounded. */
    assert_true(atomic_load(&fake_counts.read) - before < 20 * (1LL << 20));
    assert_serves();
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    assert_true(becomes(&fake_counts.alive, 0));
}

static void read_much(int fd)
{
    char block[65536];
    for (int i = 0; i < 40; i++)
        assert_true(recv(fd, block, sizeof block, 0) > 0);
}

static void who_takes_nothing_for_half_a_minute_is_cut(void **state)
{
    (void)state;
    int idle = dial(), slow = dial(), waiting = dial(), stuck = dial();
    post(waiting, "/never", "", 2);
    put(waiting, "{}");
    post(stuck, "/stuck", "", 2);
    put(stuck, "{}");
    answer_of(stuck, "data: 0\n\n");
    post(slow, "/endless", "", 2);
    put(slow, "{}");
    post(idle, "/endless", "", 2);
    put(idle, "{}");
    assert_true(becomes(&fake_counts.alive, 4));
    for (int i = 0; i < 2; i++) {
        usleep(50000);
        put_forward(20);
        read_much(slow);
    }
    assert_true(becomes(&fake_counts.alive, 3));
    usleep(50000);
    close(slow);
    assert_true(becomes(&fake_counts.alive, 2));
    /* Whoever waits for us is not slow. */
    put_forward(3600);
    usleep(50000);
    assert_int_equal(atomic_load(&fake_counts.alive), 2);
    close(waiting);
    close(stuck);
    assert_true(becomes(&fake_counts.alive, 0));
    close(idle);
}

static void a_request_must_arrive_in_time(void **state)
{
    static const struct {
        const char *text;
        int seconds;
    } cases[] = {{"POST /fixed HTTP/1.1\r\nHost: x\r\nCont", 11},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", 31},
        {"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 31}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = dial();
        put(fd, cases[i].text);
        if (i == 2)
            answer_of(fd, "}}");
        usleep(50000);
        put_forward(cases[i].seconds);
        int64_t began = now_ns();
        answer_of(fd, NULL);
        assert_int_equal(got->n, 0);
        assert_true(now_ns() - began < SECOND_NS);
        close(fd);
    }
}

/* One that is being answered stays; one that waits for its next request makes room. */
static void a_full_house_has_room_for_who_asks(void **state)
{
    struct pr_serve_http *big = http;
    struct pr_error e;
    int busy[3];
    (void)state;
    assert_int_equal(
        pr_serve_http_new(NULL, &(struct pr_serve_http_options){.max_connections = 4}, &http, &e),
        PR_OK);
    assert_int_equal(pr_serve_http_max_connections(http), 4);
    for (int i = 0; i < 3; i++) {
        busy[i] = dial();
        post(busy[i], i ? "/endless" : "/never", "", 2);
        put(busy[i], "{}");
    }
    int idle = dial();
    put(idle, "GET /fixed HTTP/1.1\r\nHost: x\r\n\r\n");
    answer_of(idle, FAKE_FIXED);
    usleep(20000);
    atomic_fetch_add(&ahead_ns, 2 * SECOND_NS);
    assert_serves();
    answer_of(idle, NULL);
    assert_true(got->n == 0 && got->ended);
    assert_true(becomes(&fake_counts.alive, 3));
    for (int i = 0; i < 3; i++)
        close(busy[i]);
    assert_true(becomes(&fake_counts.alive, 0));
    close(idle);
    pr_serve_http_free(http);
    http = big;
}

static void half_a_request_holds_up_nobody(void **state)
{
    static const char *const halves[] = {"", "POST /fix", "POST /fixed HTTP/1.1\r\nHost: x\r\nCont",
        "POST /fixed HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        "POST /fixed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"};
    int fds[200];
    (void)state;
    for (int i = 0; i < 200; i++) {
        fds[i] = dial();
        put(fds[i], halves[i % 5]);
    }
    assert_serves();
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    assert_true(becomes(&fake_counts.alive, 0));
}

static void nonsense_is_refused_and_forgotten(void **state)
{
    static const struct {
        const char *text, *status; /* NULL: as it likes, but no 200 */
    } cases[] = {
        {"\r\n\r\n\r\nxyz\r\n\r\n", NULL},
        {"GET\r\n\r\n", NULL},
        {"GET /fixed HTTP/9.9\r\n\r\n", NULL},
        {"GET /fixed HTTP/1.1\r\n\r\n", "400"},
        {"GET /fixed HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "400"},
        {"\x16\x03\x01\x02\x00\x01\xfc\x03\x03\r\n\r\n", NULL},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
            "400"},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: "
         "chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "400"},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nContent-Length: -2\r\n\r\n{}", "400"},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
            NULL},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}", "501"},
        {"POST /fixed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char status[32];
        int fd = dial();
        put(fd, cases[i].text);
        if (!cases[i].status) {
            usleep(20000);
            put_forward(11); /* it may wait for more */
        }
        answer_of(fd, NULL);
        assert_lacks(got->text, " 200 ");
        snprintf(status, sizeof status, "HTTP/1.1 %s ", cases[i].status ? cases[i].status : "");
        if (cases[i].status && !strstr(got->text, status))
            fail_msg("case %zu: '%s'", i, got->text);
        close(fd);
    }
    assert_true(becomes(&fake_counts.alive, 0));
    assert_serves();
}

static void a_head_that_is_too_long_is_refused(void **state)
{
    char line[3000];
    (void)state;
    int fd = dial();
    put(fd, "GET /fixed HTTP/1.1\r\nHost: x\r\n");
    memset(line, 'a', sizeof line);
    memcpy(line, "X-A: ", 5);
    memcpy(line + sizeof line - 3, "\r\n", 3);
    for (int i = 0; i < 3; i++)
        put(fd, line);
    put(fd, "\r\n");
    assert_has(answer_of(fd, NULL), "HTTP/1.1 431 ");
    close(fd);
}

/* ---- many, and the end ---- */

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
    stop(NULL);
    start(NULL);
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
    stop(NULL);
    start(NULL);
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
        cmocka_unit_test(an_answer_of_known_length_says_so),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(a_body_comes_whole),
        cmocka_unit_test(a_body_of_unknown_length_is_cut_off_where_it_is_too_much),
        cmocka_unit_test(a_stream_comes_piece_by_piece),
        cmocka_unit_test(one_that_breaks_off_does_not_look_whole),
        cmocka_unit_test(requests_in_a_row_are_answered_in_order),
        cmocka_unit_test(who_goes_away_is_computed_for_no_longer),
        cmocka_unit_test(many_come_and_go_at_once),
        cmocka_unit_test(who_does_not_read_holds_up_himself_alone),
        cmocka_unit_test(who_takes_nothing_for_half_a_minute_is_cut),
        cmocka_unit_test(a_request_must_arrive_in_time),
        cmocka_unit_test(a_full_house_has_room_for_who_asks),
        cmocka_unit_test(half_a_request_holds_up_nobody),
        cmocka_unit_test(nonsense_is_refused_and_forgotten),
        cmocka_unit_test(a_head_that_is_too_long_is_refused),
        cmocka_unit_test(two_hundred_streams_at_once_are_whole),
        cmocka_unit_test(after_a_stop_the_answers_under_way_go_on),
        cmocka_unit_test(the_end_frees_what_is_still_waiting),
        cmocka_unit_test(a_port_that_is_taken_is_named),
    };
    got = pr_alloc(sizeof *got);
    pr_clock_override = &our_clock;
    int ret = cmocka_run_group_tests(tests, start, stop);
    pr_free(got);
    return ret;
}
