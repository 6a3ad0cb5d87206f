/* Clients of the inference server who go away, dawdle or talk nonsense cost nobody else anything.
 */
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

/* Until nothing more is taken from the core: whoever does not read has all that he will get. */
static void settle(void)
{
    long long before;
    do {
        before = atomic_load(&fake_counts.read);
        usleep(200000);
    } while (atomic_load(&fake_counts.read) != before);
}

static void read_much(int fd)
{
    char block[65536];
    long long before = atomic_load(&fake_counts.read);
    for (int i = 0; i < 40; i++)
        assert_true(recv(fd, block, sizeof block, 0) > 0);
    while (atomic_load(&fake_counts.read) == before) /* it is seen to read */
        usleep(2000);
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
        settle();
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
        usleep(300000); /* it has come by then */
        put_forward(cases[i].seconds);
        int64_t began = now_ns();
        answer_of(fd, NULL);
        assert_int_equal(got->n, 0);
        assert_true(now_ns() - began < AT_ONCE_NS);
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
    usleep(200000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_goes_away_is_computed_for_no_longer),
        cmocka_unit_test(many_come_and_go_at_once),
        cmocka_unit_test(who_does_not_read_holds_up_himself_alone),
        cmocka_unit_test(who_takes_nothing_for_half_a_minute_is_cut),
        cmocka_unit_test(a_request_must_arrive_in_time),
        cmocka_unit_test(a_full_house_has_room_for_who_asks),
        cmocka_unit_test(half_a_request_holds_up_nobody),
        cmocka_unit_test(nonsense_is_refused_and_forgotten),
        cmocka_unit_test(a_head_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, serve_start, serve_stop);
}
