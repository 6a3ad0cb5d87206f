/* The owner of a base folder: real locks, sockets and processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/log.h"
#include "daemon/owner.h"

static char folder[64];
static struct pr_loop *loop;
static struct pr_owner *owner;
static int n_messages, n_left;

static int set_up(void **state)
{
    (void)state;
    struct pr_error e;
    pr_log_init(&(struct pr_log_options){.quiet = true});
    snprintf(folder, sizeof folder, "/tmp/proctor-owner-XXXXXX");
    n_messages = n_left = 0;
    return !mkdtemp(folder) || pr_loop_new(&loop, &e) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    pr_owner_free(owner);
    owner = NULL;
    pr_loop_free(loop);
    static const char *const names[] = {"proctor.lock", "proctor.sock"};
    for (size_t i = 0; i < 2; i++) {
        char *path = pr_path_join(folder, names[i]);
        unlink(path);
        pr_free(path);
    }
    return rmdir(folder);
}

static json_t *of_type(const char *type)
{
    json_t *m = json_object();
    pr_json_set_str(m, "type", type);
    return m;
}

/* "ping" is answered, "flood" as long as the peer is there, "close" closes. */
static void on_message(void *ctx, struct pr_peer *p, const json_t *message)
{
    (void)ctx;
    const char *type = json_string_value(json_object_get(message, "type"));
    n_messages++;
    if (!strcmp(type, "ping")) {
        json_t *m = of_type("pong");
        pr_json_set_int(m, "pid", getpid());
        pr_peer_send(p, m);
        json_decref(m);
    } else if (!strcmp(type, "flood")) {
        json_t *m = of_type("water");
        char *text = pr_zalloc(1 << 20);
        memset(text, 'x', (1 << 20) - 1);
        pr_json_set_str(m, "text", text);
        for (int i = 0; i < 20; i++)
            pr_peer_send(p, m);
        pr_free(text);
        json_decref(m);
    } else if (!strcmp(type, "close")) {
        pr_peer_close(p);
    }
}

static void on_left(void *ctx, struct pr_peer *p)
{
    (void)ctx;
    (void)p;
    n_left++;
}

static const struct pr_owner_events events = {on_message, on_left, NULL};

static void own(void)
{
    struct pr_error e;
    if (pr_owner_new(folder, loop, &events, &owner, &e))
        fail_msg("%s", e.message);
}

static void stop(void *ctx)
{
    (void)ctx;
    pr_loop_stop(loop, 0);
}

static void turn(int ms)
{
    struct pr_timer t = {.fired = stop};
    pr_timer_after(loop, &t, ms);
    pr_loop_run(loop);
}

/* A plain connection as a stranger's program would make it. */
static int connect_plain(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/proctor.sock", folder);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static json_t *next_message(struct pr_frames *f)
{
    struct pr_error e;
    json_t *m = NULL;
    for (int i = 0; i < 100 && !m && !f->eof; i++) {
        turn(2);
        if (pr_frames_read(f, &e) || pr_frames_take(f, &m, &e))
            fail_msg("%s", e.message);
    }
    return m;
}

/* The next message is of this type and its "message" holds this text. */
static void expect(struct pr_frames *f, const char *type, const char *part)
{
    json_t *m = next_message(f);
    assert_non_null(m);
    assert_string_equal(json_string_value(json_object_get(m, "type")), type);
    const char *text = json_string_value(json_object_get(m, "message"));
    if (part && !(text && strstr(text, part)))
        fail_msg("'%s' lacks '%s'", text ? text : "(none)", part);
    json_decref(m);
}

static void expect_end(struct pr_frames *f)
{
    json_t *m = next_message(f);
    assert_null(m);
    assert_true(f->eof);
}

static void put(struct pr_frames *f, json_t *stolen)
{
    struct pr_error e;
    assert_int_equal(pr_frames_put(f, stolen, &e), PR_OK);
    json_decref(stolen);
}

static void *serve(void *ctx)
{
    (void)ctx;
    pr_loop_run(loop);
    return NULL;
}

static void a_second_owner_is_refused_and_told_of_the_first(void **state)
{
    (void)state;
    struct pr_owner *second = NULL;
    struct pr_error e;
    char pid[32];
    own();
    assert_int_equal(pr_owner_new(folder, loop, &events, &second, &e), PR_E_LIMIT);
    assert_null(second);
    snprintf(pid, sizeof pid, "process %d, since 20", (int)getpid());
    assert_non_null(strstr(e.message, pid));
    /* and the first is none the worse for it */
    char *path = pr_path_join(folder, "proctor.sock");
    assert_true(pr_path_exists(path));
    pr_free(path);
    pr_owner_free(owner);
    own();
}

static void the_socket_is_for_its_user_alone(void **state)
{
    (void)state;
    struct stat st;
    mode_t before = umask(0);
    own();
    umask(before);
    char *path = pr_path_join(folder, "proctor.sock");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    pr_free(path);
}

static void a_peer_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid()) {
        print_message("skipped: only root can pretend to be another user\n");
        skip();
    }
    own();
    char *path = pr_path_join(folder, "proctor.sock");
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    pr_free(path);
    int p[2];
    assert_int_equal(pipe(p), 0);
    pid_t child = fork();
    if (!child) {
        char c;
        if (setuid(65534))
            _exit(3);
        int fd = connect_plain();
        struct pollfd w = {.fd = fd, .events = POLLIN};
        if (write(p[1], "", 1) != 1 || poll(&w, 1, 5000) != 1)
            _exit(4);
        _exit(read(fd, &c, 1) == 0 ? 0 : 5);
    }
    char c;
    int status;
    assert_int_equal(read(p[0], &c, 1), 1);
    turn(50);
    assert_int_equal(pr_owner_peers(owner), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(p[0]);
    close(p[1]);
}

static void one_question_gets_one_answer(void **state)
{
    (void)state;
    struct pr_error e;
    json_t *question = of_type("ping"), *answer = NULL;
    assert_int_equal(pr_owner_ask(folder, question, 2000, &answer, &e), PR_E_NOT_FOUND);
    own();
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, serve, NULL), 0);
    if (pr_owner_ask(folder, question, 5000, &answer, &e))
        fail_msg("%s", e.message);
    pr_loop_post(loop, stop, NULL);
    pthread_join(t, NULL);
    assert_string_equal(json_string_value(json_object_get(answer, "type")), "pong");
    json_decref(answer);
    json_decref(question);
    turn(20);
    assert_int_equal(n_left, 1);
    assert_int_equal(pr_owner_peers(owner), 0);
}

static void who_does_not_greet_or_speaks_another_version_is_told_so(void **state)
{
    (void)state;
    struct pr_frames f;
    own();
    int fd = connect_plain();
    pr_frames_init(&f, fd, fd, 1 << 20);
    put(&f, of_type("ping"));
    expect(&f, "hello", NULL);
    expect(&f, "error", "a hello was expected");
    expect_end(&f);
    pr_frames_done(&f);
    close(fd);

    fd = connect_plain();
    pr_frames_init(&f, fd, fd, 1 << 20);
    json_t *hello = of_type("hello");
    pr_json_set_int(hello, "version", 77);
    pr_json_set_str(hello, "proctor", "9.9");
    put(&f, hello);
    expect(&f, "hello", NULL);
    expect(&f, "error", "proctor 9.9 speaks protocol version 77");
    expect_end(&f);
    pr_frames_done(&f);
    close(fd);
    assert_int_equal(n_messages, 0);
}

/* What breaks the format, and what is too long: a peer's undoing and nobody else's. */
static void bad_bytes_end_their_peer_alone(void **state)
{
    (void)state;
    static const char no_frame[] = "GET / HTTP/1.1\r\n\r\n", huge[] = "PR1\n\xff\xff\xff\xff{",
                      no_json[] = "PR1\n\2\0\0\0{x", no_type[] = "PR1\n\2\0\0\0{}";
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {{no_frame, sizeof no_frame - 1}, {huge, sizeof huge - 1},
        {no_json, sizeof no_json - 1}, {no_type, sizeof no_type - 1}};
    struct pr_frames f, good;
    struct pr_error e;
    own();
    int good_fd;
    assert_int_equal(pr_owner_connect(folder, &good_fd, &e), PR_OK);
    pr_frames_init(&good, good_fd, good_fd, 1 << 20);
    expect(&good, "hello", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = connect_plain();
        pr_frames_init(&f, fd, fd, 1 << 20);
        assert_int_equal(write(fd, cases[i].bytes, cases[i].n), (ssize_t)cases[i].n);
        expect(&f, "hello", NULL);
        expect(&f, "error", "frame");
        expect_end(&f);
        pr_frames_done(&f);
        close(fd);
    }
    put(&good, of_type("ping"));
    expect(&good, "pong", NULL);
    pr_frames_done(&good);
    close(good_fd);
}

static void an_oversized_message_is_refused_before_it_is_whole(void **state)
{
    (void)state;
    struct pr_frames f;
    struct pr_error e;
    int fd;
    own();
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_OK);
    pr_frames_init(&f, fd, fd, 1 << 20);
    expect(&f, "hello", NULL);
    static const char head[] = "PR1\n\0\0\0\2"; /* 32 MiB: a legal frame, too long for an owner */
    assert_int_equal(write(fd, head, 8), 8);
    static char block[65536];
    memset(block, ' ', sizeof block);
    for (int sent = 0; sent < 20 << 20;) {
        ssize_t n = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (n > 0)
            sent += (int)n;
        else if (errno != EAGAIN)
            break;
        turn(1);
    }
    expect(&f, "error", "a message of more than");
    expect_end(&f);
    pr_frames_done(&f);
    close(fd);
}

static void half_a_message_and_silence_blocks_nobody(void **state)
{
    (void)state;
    struct pr_frames f;
    struct pr_error e;
    int fd;
    own();
    int half = connect_plain();
    assert_int_equal(write(half, "PR1\n\100\0\0\0{\"type\":", 15), 15);
    turn(10);
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_OK);
    pr_frames_init(&f, fd, fd, 1 << 20);
    expect(&f, "hello", NULL);
    put(&f, of_type("ping"));
    expect(&f, "pong", NULL);
    assert_int_equal(pr_owner_peers(owner), 2);
    close(half);
    put(&f, of_type("ping"));
    expect(&f, "pong", NULL);
    assert_int_equal(pr_owner_peers(owner), 1);
    pr_frames_done(&f);
    close(fd);
}

static void a_peer_that_does_not_read_is_dropped(void **state)
{
    (void)state;
    struct pr_frames f;
    struct pr_error e;
    int fd;
    own();
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_OK);
    pr_frames_init(&f, fd, fd, 1 << 20);
    put(&f, of_type("flood"));
    for (int i = 0; i < 500 && !n_left; i++)
        turn(10);
    assert_int_equal(n_messages, 1);
    assert_int_equal(n_left, 1);
    assert_int_equal(pr_owner_peers(owner), 0);
    pr_frames_done(&f);
    close(fd);
}

static void a_peer_may_be_closed_from_its_own_message(void **state)
{
    (void)state;
    struct pr_frames f;
    struct pr_error e;
    int fd;
    own();
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_OK);
    pr_frames_init(&f, fd, fd, 1 << 20);
    put(&f, of_type("close"));
    put(&f, of_type("ping")); /* in the same read: nobody is there any more */
    expect(&f, "hello", NULL);
    expect_end(&f);
    assert_int_equal(n_messages, 1);
    assert_int_equal(n_left, 1);
    pr_frames_done(&f);
    close(fd);
}

/* A process that owns the folder until it is killed; its children inherit nothing. */
static pid_t owner_elsewhere(pid_t *ret_grandchild)
{
    int p[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child) {
        close(p[1]);
        assert_int_equal(
            read(p[0], ret_grandchild, sizeof *ret_grandchild), sizeof *ret_grandchild);
        close(p[0]);
        return child;
    }
    struct pr_loop *l;
    struct pr_owner *o;
    struct pr_error e;
    if (pr_loop_new(&l, &e) || pr_owner_new(folder, l, &events, &o, &e))
        _exit(1);
    pid_t grandchild = fork();
    if (!grandchild) {
        execlp("sleep", "sleep", "600", (char *)NULL);
        _exit(1);
    }
    /* Whoever starts a program with exec gives nothing of the lock away: wait until it has. */
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)grandchild);
    while (strncmp(name, "sleep", 5)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, name, sizeof name - 1) < 0)
            _exit(1);
        close(fd);
    }
    if (write(p[1], &grandchild, sizeof grandchild) != (ssize_t)sizeof grandchild)
        _exit(1);
    pr_loop_run(l);
    _exit(0);
}

static void a_killed_owner_leaves_lock_and_socket_to_the_next(void **state)
{
    (void)state;
    struct pr_error e;
    int fd, status;
    pid_t grandchild, child = owner_elsewhere(&grandchild);
    assert_int_equal(pr_owner_new(folder, loop, &events, &owner, &e), PR_E_LIMIT);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d,", (int)child);
    assert_non_null(strstr(e.message, pid));
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_OK);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    /* The connection says so to whoever registered. */
    struct pr_frames f;
    pr_frames_init(&f, fd, fd, 1 << 20);
    json_t *m;
    do {
        m = NULL;
        assert_int_equal(pr_frames_wait(&f, 5000, &m, &e), PR_OK);
        json_decref(m);
    } while (m);
    assert_true(f.eof);
    pr_frames_done(&f);
    close(fd);
    /* Nobody answers at the socket that it left, and the lock is free although its child lives. */
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_E_NOT_FOUND);
    own();
    assert_int_equal(pr_owner_connect(folder, &fd, &e), PR_OK);
    close(fd);
    assert_int_equal(kill(grandchild, SIGKILL), 0);
}

static void a_path_too_long_for_a_socket_works_too(void **state)
{
    (void)state;
    struct pr_error e;
    char home[64], deep[400];
    int fd;
    snprintf(home, sizeof home, "%s", folder);
    snprintf(deep, sizeof deep, "%s/%0100d/%0100d", home, 1, 2);
    assert_int_equal(pr_mkdirs(deep, &e), PR_OK);
    if (pr_owner_new(deep, loop, &events, &owner, &e))
        fail_msg("%s", e.message);
    if (pr_owner_connect(deep, &fd, &e))
        fail_msg("%s", e.message);
    turn(10);
    assert_int_equal(pr_owner_peers(owner), 1);
    close(fd);
    pr_owner_free(owner);
    owner = NULL;
    char *lock = pr_path_join(deep, "proctor.lock");
    unlink(lock);
    pr_free(lock);
    rmdir(deep);
    *strrchr(deep, '/') = 0;
    rmdir(deep);
}

static void a_folder_that_cannot_be_written_to_is_named(void **state)
{
    (void)state;
    struct pr_error e;
    /* /proc refuses root as well */
    enum pr_code code = pr_owner_new("/proc/self", loop, &events, &owner, &e);
    assert_int_not_equal(code, PR_OK);
    assert_non_null(strstr(e.message, "/proc/self"));
    if (!geteuid())
        return;
    assert_int_equal(chmod(folder, 0500), 0);
    assert_int_equal(pr_owner_new(folder, loop, &events, &owner, &e), PR_E_IO);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_non_null(strstr(e.message, "cannot write to the base folder"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_second_owner_is_refused_and_told_of_the_first),
        TEST(the_socket_is_for_its_user_alone),
        TEST(a_peer_of_another_user_is_refused),
        TEST(one_question_gets_one_answer),
        TEST(who_does_not_greet_or_speaks_another_version_is_told_so),
        TEST(bad_bytes_end_their_peer_alone),
        TEST(an_oversized_message_is_refused_before_it_is_whole),
        TEST(half_a_message_and_silence_blocks_nobody),
        TEST(a_peer_that_does_not_read_is_dropped),
        TEST(a_peer_may_be_closed_from_its_own_message),
        TEST(a_killed_owner_leaves_lock_and_socket_to_the_next),
        TEST(a_path_too_long_for_a_socket_works_too),
        TEST(a_folder_that_cannot_be_written_to_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
