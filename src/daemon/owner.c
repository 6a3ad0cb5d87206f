/* The owner's side: the lock on proctor.lock, and proctor.sock with the peers that are connected.
 *
 * The lock comes first and goes last: whoever holds it may replace what it finds of the socket.
 * A peer is never freed where it is used: dropping one marks it, and the loop's next turn ends it,
 * so that sending is safe from within any callback. */
#include "daemon/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/log.h"
#include "daemon/owner_internal.h"

#define MAX_PEERS     256
#define HELLO_MS      10000 /* for a peer to say who it is */
#define ACCEPT_WAIT   1000  /* ms, when there are no descriptors left to accept with */
#define LOCK_FILE_MAX 256

struct pr_peer {
    struct pr_owner *owner;
    struct pr_peer *next, *prev;
    int fd;
    pid_t pid;
    struct pr_frames frames;
    struct pr_timer greeting; /* runs out unless it says hello */
    bool greeted, ended;
    void *data;
};

struct pr_owner {
    char *base_dir;
    struct pr_loop *loop;
    struct pr_owner_events events;
    int dir_fd, lock_fd, listen_fd;
    struct pr_peer *peers;
    size_t n_peers;
    struct pr_timer reap, accept_again;
};

/* Peers. */

/* Ends it at the loop's next turn. */
static void end_peer(struct pr_peer *p)
{
    if (p->ended)
        return;
    p->ended = true;
    pr_loop_unwatch(p->owner->loop, p->fd);
    pr_timer_after(p->owner->loop, &p->owner->reap, 0);
}

static void free_peer(struct pr_peer *p)
{
    struct pr_owner *o = p->owner;
    pr_loop_unwatch(o->loop, p->fd);
    pr_timer_stop(o->loop, &p->greeting);
    *(p->prev ? &p->prev->next : &o->peers) = p->next;
    if (p->next)
        p->next->prev = p->prev;
    o->n_peers--;
    pr_frames_done(&p->frames);
    close(p->fd);
    pr_free(p);
}

static void reap(void *ctx)
{
    struct pr_owner *o = ctx;
    struct pr_peer *next;
    for (struct pr_peer *p = o->peers; p; p = next) {
        next = p->next;
        if (!p->ended)
            continue;
        if (o->events.left)
            o->events.left(o->events.ctx, p);
        next = p->next;
        free_peer(p);
    }
}

static void peer_ready(void *ctx, int fd, unsigned what);

static void watch_peer(struct pr_peer *p)
{
    unsigned what = PR_LOOP_READ | (pr_frames_waiting(&p->frames) ? PR_LOOP_WRITE : 0u);
    struct pr_error e;
    if (!p->ended && pr_loop_watch(p->owner->loop, p->fd, what, peer_ready, p, &e)) {
        pr_log(PR_LOG_WARN, "owner", "peer-lost", "pid=%d why=%s", (int)p->pid,
            pr_log_quote(e.message));
        end_peer(p);
    }
}

void pr_peer_send(struct pr_peer *p, const json_t *message)
{
    struct pr_error e;
    if (p->ended)
        return;
    if (pr_frames_put(&p->frames, message, &e)) {
        pr_log(PR_LOG_WARN, "owner", "peer-dropped", "pid=%d why=%s", (int)p->pid,
            pr_log_quote(e.message));
        end_peer(p);
    }
    watch_peer(p);
}

void pr_peer_refuse(struct pr_peer *p, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *m = json_object();
    pr_json_set_str(m, "type", "error");
    pr_json_set_str(m, "message", text);
    pr_peer_send(p, m);
    json_decref(m);
    pr_log(PR_LOG_WARN, "owner", "peer-refused", "pid=%d why=%s", (int)p->pid, pr_log_quote(text));
    end_peer(p);
}

void pr_peer_close(struct pr_peer *p)
{
    end_peer(p);
}

void *pr_peer_data(struct pr_peer *p)
{
    return p->data;
}

void pr_peer_set_data(struct pr_peer *p, void *data)
{
    p->data = data;
}

pid_t pr_peer_pid(const struct pr_peer *p)
{
    return p->pid;
}

size_t pr_owner_peers(const struct pr_owner *o)
{
    return o->n_peers;
}

static void take_message(struct pr_peer *p, const json_t *m)
{
    struct pr_error e;
    if (p->greeted) {
        p->owner->events.message(p->owner->events.ctx, p, m);
    } else if (pr_owner_check_hello(m, &e)) {
        pr_peer_refuse(p, "%s", e.message);
    } else {
        p->greeted = true;
        pr_timer_stop(p->owner->loop, &p->greeting);
    }
}

static void take_messages(struct pr_peer *p)
{
    struct pr_error e;
    while (!p->ended) {
        json_t *m = NULL;
        if (pr_frames_take(&p->frames, &m, &e)) {
            if (p->frames.eof)
                end_peer(p); /* went in the middle of a word */
            else
                pr_peer_refuse(p, "%s", e.message);
            return;
        }
        if (!m)
            break;
        take_message(p, m);
        json_decref(m);
    }
    if (!p->ended && p->frames.got.len - p->frames.taken > PR_OWNER_MAX_MESSAGE)
        pr_peer_refuse(p, "a message of more than %zu bytes", PR_OWNER_MAX_MESSAGE);
    if (p->frames.eof)
        end_peer(p);
}

static void peer_ready(void *ctx, int fd, unsigned what)
{
    struct pr_peer *p = ctx;
    struct pr_error e;
    (void)fd;
    if ((what & PR_LOOP_WRITE && pr_frames_flush(&p->frames, &e)) ||
        (what & PR_LOOP_READ && pr_frames_read(&p->frames, &e))) {
        end_peer(p);
        return;
    }
    take_messages(p);
    watch_peer(p);
}

static void no_hello(void *ctx)
{
    struct pr_peer *p = ctx;
    pr_peer_refuse(p, "no hello within %d seconds", HELLO_MS / 1000);
}

/* Accepting. */

static void add_peer(struct pr_owner *o, int fd)
{
    pid_t pid = 0;
    if (!pr_owner_same_user(fd, &pid) || o->n_peers >= MAX_PEERS) {
        pr_log(PR_LOG_WARN, "owner", "peer-refused", "pid=%d why=%s", (int)pid,
            o->n_peers >= MAX_PEERS ? "too-many" : "other-user");
        close(fd);
        return;
    }
    struct pr_peer *p = pr_zalloc(sizeof *p);
    p->owner = o;
    p->fd = fd;
    p->pid = pid;
    p->greeting = (struct pr_timer){.fired = no_hello, .ctx = p};
    pr_frames_init(&p->frames, fd, fd, PR_OWNER_MAX_KEPT);
    p->next = o->peers;
    if (p->next)
        p->next->prev = p;
    o->peers = p;
    o->n_peers++;
    pr_timer_after(o->loop, &p->greeting, HELLO_MS);
    json_t *hello = pr_owner_hello();
    pr_peer_send(p, hello);
    json_decref(hello);
}

static void accept_peers(void *ctx, int fd, unsigned what)
{
    struct pr_owner *o = ctx;
    (void)what;
    int got;
    while ((got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        add_peer(o, got);
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        pr_log(PR_LOG_WARN, "owner", "cannot-accept", "why=%s", pr_log_quote(strerror(errno)));
        pr_loop_unwatch(o->loop, fd);
        pr_timer_after(o->loop, &o->accept_again, ACCEPT_WAIT);
    }
}

static void accept_again(void *ctx)
{
    struct pr_owner *o = ctx;
    struct pr_error e;
    if (pr_loop_watch(o->loop, o->listen_fd, PR_LOOP_READ, accept_peers, o, &e))
        pr_timer_after(o->loop, &o->accept_again, ACCEPT_WAIT);
}

/* The lock. */

/* "1234 2026-11-24T01:02:03Z" → its words, or what there is to say when it cannot be read. */
static enum pr_code held_by_another(struct pr_owner *o, struct pr_error *e)
{
    char text[LOCK_FILE_MAX] = "", *since;
    ssize_t n = pread(o->lock_fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    long long pid = strtoll(text, &since, 10);
    since += *since == ' ';
    size_t len = strcspn(since, "\n");
    if (pid <= 0 || !len)
        return pr_fail(e, PR_E_LIMIT, "another proctor runs on the base folder %s", o->base_dir);
    return pr_fail(e, PR_E_LIMIT,
        "another proctor (process %lld, since %.*s) runs on the base folder %s", pid, (int)len,
        since, o->base_dir);
}

/* Is the file that we have locked still the one of that name? */
static bool same_file(const struct pr_owner *o)
{
    struct stat ours, named;
    return !fstat(o->lock_fd, &ours) &&
           !fstatat(o->dir_fd, PR_OWNER_LOCK, &named, AT_SYMLINK_NOFOLLOW) &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static enum pr_code open_lock(struct pr_owner *o, struct pr_error *e)
{
    if (o->lock_fd >= 0)
        close(o->lock_fd);
    o->lock_fd = openat(
        o->dir_fd, PR_OWNER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (o->lock_fd < 0 && (errno == EROFS || errno == EACCES || errno == EPERM))
        return pr_fail_errno(e, errno,
            "cannot write to the base folder %s, in which proctor keeps its gradebook and its "
            "findings: " PR_OWNER_LOCK,
            o->base_dir);
    if (o->lock_fd < 0)
        return pr_fail_errno(e, errno, "%s/" PR_OWNER_LOCK, o->base_dir);
    return PR_OK;
}

static enum pr_code take_lock(struct pr_owner *o, struct pr_error *e)
{
    /* A lock on a file that somebody removed in between keeps nobody out. */
    do {
        enum pr_code code = open_lock(o, e);
        if (code)
            return code;
        if (flock(o->lock_fd, LOCK_EX | LOCK_NB))
            return errno == EWOULDBLOCK
                       ? held_by_another(o, e)
                       : pr_fail_errno(e, errno, "cannot lock %s/" PR_OWNER_LOCK, o->base_dir);
    } while (!same_file(o));
    char since[32], text[LOCK_FILE_MAX];
    pr_clock_iso8601(pr_clock_utc_ms() / 1000 * 1000, since);
    int n = snprintf(text, sizeof text, "%d %s\n", (int)getpid(), since);
    /* One write over what was there, then its length: a reader sees whole words at any moment. */
    if (pwrite(o->lock_fd, text, (size_t)n, 0) != n || ftruncate(o->lock_fd, n))
        return pr_fail_errno(e, errno, "cannot write %s/" PR_OWNER_LOCK, o->base_dir);
    return PR_OK;
}

/* The socket is made under a name of its own: whoever sees it as PR_OWNER_SOCKET can connect. */
#define SOCKET_NEW PR_OWNER_SOCKET ".new"

static enum pr_code clear_socket(struct pr_owner *o, const char *name, struct pr_error *e)
{
    struct stat st;
    if (fstatat(o->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
        return PR_OK;
    if (!S_ISSOCK(st.st_mode))
        return pr_fail(e, PR_E_FORMAT, "%s/%s is in the way: it is no socket", o->base_dir, name);
    if (unlinkat(o->dir_fd, name, 0) && errno != ENOENT)
        return pr_fail_errno(e, errno, "cannot remove the old %s/%s", o->base_dir, name);
    return PR_OK;
}

static enum pr_code open_socket(struct pr_owner *o, struct pr_error *e)
{
    struct sockaddr_un address;
    enum pr_code code = clear_socket(o, PR_OWNER_SOCKET, e);
    if (!code)
        code = clear_socket(o, SOCKET_NEW, e);
    if (code)
        return code;
    pr_owner_address(o->base_dir, o->dir_fd, SOCKET_NEW, &address);
    o->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode goes over to the file that bind makes: there is no moment of a wider one. */
    if (o->listen_fd < 0 || fchmod(o->listen_fd, 0600) ||
        bind(o->listen_fd, (const struct sockaddr *)&address, sizeof address) ||
        fchmodat(o->dir_fd, SOCKET_NEW, 0600, 0) || listen(o->listen_fd, 128) ||
        renameat(o->dir_fd, SOCKET_NEW, o->dir_fd, PR_OWNER_SOCKET))
        return pr_fail_errno(e, errno, "cannot open %s/" PR_OWNER_SOCKET, o->base_dir);
    return pr_loop_watch(o->loop, o->listen_fd, PR_LOOP_READ, accept_peers, o, e);
}

enum pr_code pr_owner_new(const char *base_dir, struct pr_loop *loop,
    const struct pr_owner_events *events, struct pr_owner **ret, struct pr_error *e)
{
    int dir_fd = open(base_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return pr_fail_errno(e, errno, "base folder %s", base_dir);
    struct pr_owner *o = pr_zalloc(sizeof *o);
    o->base_dir = pr_strdup(base_dir);
    o->loop = loop;
    o->events = *events;
    o->dir_fd = dir_fd;
    o->lock_fd = o->listen_fd = -1;
    o->reap = (struct pr_timer){.fired = reap, .ctx = o};
    o->accept_again = (struct pr_timer){.fired = accept_again, .ctx = o};
    enum pr_code code = take_lock(o, e);
    if (!code)
        code = open_socket(o, e);
    if (code)
        pr_owner_free(o);
    else
        *ret = o;
    return code;
}

void pr_owner_free(struct pr_owner *o)
{
    if (!o)
        return;
    while (o->peers)
        free_peer(o->peers);
    pr_timer_stop(o->loop, &o->reap);
    pr_timer_stop(o->loop, &o->accept_again);
    if (o->listen_fd >= 0) {
        pr_loop_unwatch(o->loop, o->listen_fd);
        unlinkat(o->dir_fd, PR_OWNER_SOCKET, 0);
        close(o->listen_fd);
        if (ftruncate(o->lock_fd, 0)) {
            /* Its words are for people, and wrong from now on either way. */
        }
    }
    if (o->lock_fd >= 0)
        close(o->lock_fd);
    close(o->dir_fd);
    pr_free(o->base_dir);
    pr_free(o);
}
