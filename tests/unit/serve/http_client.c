/* See http_client.h. */
#include "http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"

struct pr_serve_http *http;
struct answer *got;
_Atomic int64_t ahead_ns;

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec + atomic_load(&ahead_ns);
}

static const struct pr_clock our_clock = {.monotonic_ns = now_ns};

int serve_start(void **state)
{
    struct pr_error e;
    (void)state;
    pr_clock_override = &our_clock;
    if (!got)
        got = pr_alloc(sizeof *got);
    fake_start();
    if (pr_serve_http_new(NULL, &(struct pr_serve_http_options){0}, &http, &e))
        fail_msg("%s", e.message);
    return 0;
}

/* However a test leaves its connections: nothing may be left of them. */
int serve_stop(void **state)
{
    (void)state;
    pr_serve_http_free(http);
    fake_stop();
    pr_free(got);
    got = NULL;
    return atomic_load(&fake_counts.alive) ? -1 : 0;
}

/* ---- a client ---- */

int open_to(int port)
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

int dial(void)
{
    int fd = open_to(pr_serve_http_port(http));
    assert_true(fd >= 0);
    return fd;
}

void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void post(int fd, const char *path, const char *more, size_t length)
{
    char head[512];
    snprintf(head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: "
        "%zu\r\n\r\n",
        path, more, length);
    put(fd, head);
}

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

const char *answer_of(int fd, const char *end)
{
    receive(fd, end, got);
    return got->text;
}

void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in '%s'", part, text);
}

bool becomes(atomic_int *what, int value)
{
    for (int64_t until = pr_clock_monotonic_ns() + AT_ONCE_NS; pr_clock_monotonic_ns() < until;) {
        if (atomic_load(what) == value)
            return true;
        usleep(2000);
    }
    return false;
}

void assert_serves(void)
{
    int fd = dial();
    int64_t began = pr_clock_monotonic_ns();
    post(fd, "/fixed", "", 2);
    put(fd, "{}");
    assert_has(answer_of(fd, FAKE_FIXED), "HTTP/1.1 200 ");
    assert_true(pr_clock_monotonic_ns() - began < AT_ONCE_NS);
    close(fd);
}

/* One that is refused before its body wakes the thread that looks at the deadlines. */
void put_forward(int seconds)
{
    atomic_fetch_add(&ahead_ns, seconds * SECOND_NS);
    int fd = dial();
    post(fd, "/nowhere", "", 1);
    answer_of(fd, NULL);
    close(fd);
}
