/* Frames: cut anywhere, broken anyhow, too big, and a reader that does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "grader/frame.h"

struct pair {
    int fds[2];
    struct pr_frames a, b;
};

static void open_pair(struct pair *p, size_t max_kept)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p->fds), 0);
    pr_frames_init(&p->a, p->fds[0], p->fds[0], max_kept);
    pr_frames_init(&p->b, p->fds[1], p->fds[1], max_kept);
}

static void close_pair(struct pair *p)
{
    pr_frames_done(&p->a);
    pr_frames_done(&p->b);
    close(p->fds[0]);
    if (p->fds[1] >= 0)
        close(p->fds[1]);
}

static json_t *sample(size_t text_bytes)
{
    json_t *m = json_object();
    char *text = pr_alloc(text_bytes + 1);
    memset(text, 'x', text_bytes);
    if (text_bytes > 2)
        memcpy(text, "\0\"\n", 3);
    pr_json_set_str(m, "type", "sample");
    pr_json_set_strn(m, "text", text, text_bytes);
    pr_json_set_real(m, "number", 0.1 + 0.2, NULL);
    pr_json_set_int(m, "count", INT64_C(1) << 60);
    pr_free(text);
    return m;
}

static void a_message_survives_whatever_it_holds(void **state)
{
    (void)state;
    struct pr_str bytes = PR_STR_INIT(1 << 20);
    json_t *m = sample(100), *back = NULL;
    size_t used;
    pr_frame_append(&bytes, m);
    assert_int_equal(pr_frame_parse(bytes.data, bytes.len, &back, &used, NULL), PR_OK);
    assert_int_equal(used, bytes.len);
    assert_true(json_equal(m, back)); /* NUL and every bit of the number included */
    json_decref(m);
    json_decref(back);
    pr_str_done(&bytes);
}

static void a_frame_cut_at_any_byte_waits_for_the_rest(void **state)
{
    (void)state;
    struct pr_str bytes = PR_STR_INIT(1 << 20);
    json_t *m = sample(40);
    pr_frame_append(&bytes, m);
    for (size_t n = 0; n < bytes.len; n++) {
        json_t *back = NULL;
        size_t used = 1;
        assert_int_equal(pr_frame_parse(bytes.data, n, &back, &used, NULL), PR_OK);
        assert_int_equal(used, 0);
        assert_null(back);
    }
    json_decref(m);
    pr_str_done(&bytes);
}

static void messages_arrive_whatever_pieces_they_come_in(void **state)
{
    (void)state;
    struct pr_str bytes = PR_STR_INIT(1 << 20);
    json_t *m = sample(50);
    struct pr_error e;
    pr_frame_append(&bytes, m);
    pr_frame_append(&bytes, m);
    for (size_t cut = 1; cut < bytes.len; cut++) {
        struct pair p;
        size_t taken = 0;
        open_pair(&p, 1 << 20);
        for (int part = 0; part < 2; part++) {
            size_t from = part ? cut : 0, to = part ? bytes.len : cut;
            assert_int_equal(write(p.fds[1], bytes.data + from, to - from), (ssize_t)(to - from));
            assert_int_equal(pr_frames_read(&p.a, &e), PR_OK);
            for (json_t *back; !pr_frames_take(&p.a, &back, &e) && back; taken++) {
                assert_true(json_equal(m, back));
                json_decref(back);
            }
        }
        assert_int_equal(taken, 2);
        close_pair(&p);
    }
    json_decref(m);
    pr_str_done(&bytes);
}

static void assert_refused(const char *bytes, size_t n, enum pr_code expected)
{
    json_t *back = NULL;
    size_t used;
    struct pr_error e;
    assert_int_equal(pr_frame_parse(bytes, n, &back, &used, &e), expected);
    assert_null(back);
    assert_true(strlen(e.message) > 10);
}

static void what_is_no_frame_is_refused_at_once(void **state)
{
    (void)state;
    assert_refused("x", 1, PR_E_FORMAT);
    assert_refused("PX", 2, PR_E_FORMAT);
    assert_refused("PR1 ", 4, PR_E_FORMAT);
    assert_refused("PR2\n", 4, PR_E_UNSUPPORTED);
    assert_refused("PR1\n\x01\0\0\x04", 8, PR_E_FORMAT); /* 64 MiB and one byte */
    assert_refused("PR1\n\2\0\0\0[]", 10, PR_E_FORMAT);
    assert_refused("PR1\n\2\0\0\0{}", 10, PR_E_FORMAT);             /* no type */
    assert_refused("PR1\n\x0a\0\0\0{\"type\":1}", 18, PR_E_FORMAT); /* not a string */
    assert_refused("PR1\n\0\0\0\0", 8, PR_E_FORMAT);
    assert_refused("PR1\n\3\0\0\0\"\xff\"", 11, PR_E_FORMAT);
    assert_refused("PR1\n\5\0\0\0{\"a\":", 13, PR_E_FORMAT);
}

static void a_frame_of_too_many_values_is_refused(void **state)
{
    (void)state;
    size_t n = PR_FRAME_NODES + 100, len = 2 * n + 40;
    char *bytes = pr_zalloc(8 + len);
    memcpy(bytes, "PR1\n", 4);
    memset(bytes + 8, ' ', len);
    memcpy(bytes + 8, "{\"type\":\"a\",\"b\":[0", 18);
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + 26 + 2 * i, ",0", 2);
    memcpy(bytes + 26 + 2 * n, "]}", 2);
    for (size_t i = 0; i < 4; i++)
        bytes[4 + i] = (char)(len >> 8 * i & 0xff);
    assert_refused(bytes, 8 + len, PR_E_FORMAT);
    pr_free(bytes);
}

static void more_than_may_wait_is_an_error_and_no_block(void **state)
{
    (void)state;
    struct pair p;
    struct pr_error e;
    json_t *m = sample(10000);
    enum pr_code code = PR_OK;
    size_t put = 0, got = 0;
    open_pair(&p, 1 << 20);
    while (!(code = pr_frames_put(&p.a, m, &e)))
        put++;
    assert_int_equal(code, PR_E_LIMIT);
    assert_true(pr_frames_waiting(&p.a) > (1 << 20) - 20000);
    /* What was taken is all there, and goes on as soon as the other side reads. */
    while (got < put) {
        json_t *back;
        assert_int_equal(pr_frames_flush(&p.a, &e), PR_OK);
        assert_int_equal(pr_frames_read(&p.b, &e), PR_OK);
        for (; !pr_frames_take(&p.b, &back, &e) && back; got++) {
            assert_true(json_equal(m, back));
            json_decref(back);
        }
    }
    assert_int_equal(pr_frames_waiting(&p.a), 0);
    json_decref(m);
    close_pair(&p);
}

static void a_message_past_the_limit_is_not_sent(void **state)
{
    (void)state;
    struct pair p;
    struct pr_error e;
    json_t *m = sample(PR_FRAME_MAX);
    open_pair(&p, (size_t)1 << 30);
    assert_int_equal(pr_frames_put(&p.a, m, &e), PR_E_LIMIT);
    assert_int_equal(pr_frames_waiting(&p.a), 0);
    json_decref(m);
    close_pair(&p);
}

static void a_peer_that_is_gone_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct pair p;
    struct pr_error e;
    json_t *m = sample(10);
    signal(SIGPIPE, SIG_DFL);
    open_pair(&p, 1 << 20);
    close(p.fds[1]);
    p.fds[1] = -1;
    assert_int_equal(pr_frames_put(&p.a, m, &e), PR_E_IO);
    json_decref(m);
    close_pair(&p);
}

static void a_stream_that_ends_within_a_frame_is_told(void **state)
{
    (void)state;
    struct pair p;
    struct pr_error e;
    json_t *back;
    open_pair(&p, 1 << 20);
    assert_int_equal(write(p.fds[1], "PR1\n\x40", 5), 5);
    assert_int_equal(shutdown(p.fds[1], SHUT_WR), 0);
    assert_int_equal(pr_frames_wait(&p.a, 1000, &back, &e), PR_E_FORMAT);
    close_pair(&p);
}

static void waiting_ends_with_the_message_the_stream_or_the_time(void **state)
{
    (void)state;
    struct pair p;
    struct pr_error e;
    json_t *m = sample(300000), *back;
    open_pair(&p, 1 << 20);
    assert_int_equal(pr_frames_wait(&p.a, 20, &back, &e), PR_E_LIMIT);
    /* Larger than the socket's buffer: the waiting side writes on. */
    assert_int_equal(pr_frames_put(&p.b, m, &e), PR_OK);
    while (pr_frames_waiting(&p.b)) {
        assert_int_equal(pr_frames_read(&p.a, &e), PR_OK);
        assert_int_equal(pr_frames_flush(&p.b, &e), PR_OK);
    }
    assert_int_equal(pr_frames_wait(&p.a, 1000, &back, &e), PR_OK);
    assert_true(json_equal(m, back));
    json_decref(back);
    assert_int_equal(shutdown(p.fds[1], SHUT_WR), 0);
    assert_int_equal(pr_frames_wait(&p.a, 1000, &back, &e), PR_OK);
    assert_null(back);
    assert_true(p.a.eof);
    json_decref(m);
    close_pair(&p);
}

static struct {
    struct pair *pair;
    size_t len, half, written, read, seen;
} points;

/* At FRAME_HALF a part of the frame, and not all of it, has really left. */
static void on_point(enum pr_fault point)
{
    points.half += point == PR_FAULT_FRAME_HALF;
    points.written += point == PR_FAULT_FRAME_WRITTEN;
    points.read += point == PR_FAULT_FRAME_READ;
    if (point == PR_FAULT_FRAME_HALF) {
        char bytes[4096];
        ssize_t n = recv(points.pair->fds[1], bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
        points.seen = n > 0 ? (size_t)n : 0;
    }
}

static void fault_points_lie_where_their_names_say(void **state)
{
    (void)state;
    struct pair p;
    struct pr_error e;
    struct pr_str bytes = PR_STR_INIT(1 << 20);
    json_t *m = sample(500), *back;
    pr_frame_append(&bytes, m);
    open_pair(&p, 1 << 20);
    points.pair = &p;
    pr_fault_hook = on_point;
    assert_int_equal(pr_frames_put(&p.a, m, &e), PR_OK);
    assert_int_equal(pr_frames_wait(&p.b, 1000, &back, &e), PR_OK);
    pr_fault_hook = NULL;
    assert_in_range(points.seen, 1, bytes.len - 1);
    assert_int_equal(points.half, 1);
    assert_int_equal(points.written, 1);
    assert_int_equal(points.read, 1);
    json_decref(back);
    json_decref(m);
    pr_str_done(&bytes);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_survives_whatever_it_holds),
        cmocka_unit_test(a_frame_cut_at_any_byte_waits_for_the_rest),
        cmocka_unit_test(messages_arrive_whatever_pieces_they_come_in),
        cmocka_unit_test(what_is_no_frame_is_refused_at_once),
        cmocka_unit_test(a_frame_of_too_many_values_is_refused),
        cmocka_unit_test(more_than_may_wait_is_an_error_and_no_block),
        cmocka_unit_test(a_message_past_the_limit_is_not_sent),
        cmocka_unit_test(a_peer_that_is_gone_is_an_error_and_no_signal),
        cmocka_unit_test(a_stream_that_ends_within_a_frame_is_told),
        cmocka_unit_test(waiting_ends_with_the_message_the_stream_or_the_time),
        cmocka_unit_test(fault_points_lie_where_their_names_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
