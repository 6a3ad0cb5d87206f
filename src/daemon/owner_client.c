/* The other side of proctor.sock: connecting to the owner, and asking it one thing.  Called by
 * systems that register (host.c) and by commands that look at what goes on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <proctor.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/owner.h"
#include "daemon/owner_internal.h"

/* A connection is refused for a moment while many others wait to be accepted. */
#define CONNECT_TRIES   50
#define CONNECT_WAIT_NS 10000000

void pr_owner_address(const char *base_dir, int dir_fd, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/%s", base_dir, name);
    if (n < 0 || (size_t)n >= sizeof ret->sun_path)
        snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
}

json_t *pr_owner_hello(void)
{
    json_t *m = json_object();
    pr_json_set_str(m, "type", "hello");
    pr_json_set_int(m, "version", PR_FRAME_VERSION);
    pr_json_set_str(m, "proctor", proctor_version());
    pr_json_set_int(m, "pid", getpid());
    return m;
}

enum pr_code pr_owner_check_hello(const json_t *message, struct pr_error *e)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    int64_t version = 0;
    if (!type || strcmp(type, "hello"))
        return pr_fail(e, PR_E_FORMAT, "a hello was expected first");
    enum pr_code code = pr_json_get_int(message, "version", true, 1, INT32_MAX, &version, e);
    if (code)
        return code;
    if (version == PR_FRAME_VERSION)
        return PR_OK;
    const char *theirs = json_string_value(json_object_get(message, "proctor"));
    return pr_fail(e, PR_E_UNSUPPORTED,
        "proctor %s speaks protocol version %lld, this proctor %s speaks version %d: use the same "
        "proctor for all that work on one base folder",
        theirs ? theirs : "?", (long long)version, proctor_version(), PR_FRAME_VERSION);
}

bool pr_owner_same_user(int fd, pid_t *ret_pid)
{
    struct ucred who;
    socklen_t n = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) || n != sizeof who)
        return false;
    *ret_pid = who.pid;
    return who.uid == geteuid();
}

static int try_connect(int fd, const struct sockaddr_un *address)
{
    static const struct timespec wait = {0, CONNECT_WAIT_NS};
    for (int i = 0; i < CONNECT_TRIES; i++) {
        if (!connect(fd, (const struct sockaddr *)address, sizeof *address))
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        nanosleep(&wait, NULL);
    }
    return -1;
}

static enum pr_code say_hello(int fd, struct pr_error *e)
{
    struct pr_str bytes = PR_STR_INIT(4096);
    json_t *hello = pr_owner_hello();
    pr_frame_append(&bytes, hello);
    json_decref(hello);
    /* The first bytes of a new connection always fit. */
    ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
    enum pr_code code = PR_OK;
    if (n < 0 || (size_t)n != bytes.len)
        code = pr_fail_errno(e, n < 0 ? errno : EPIPE, "cannot greet the owner");
    pr_str_done(&bytes);
    return code;
}

static enum pr_code connect_in(const char *base_dir, int dir_fd, int *ret_fd, struct pr_error *e)
{
    struct sockaddr_un address;
    pr_owner_address(base_dir, dir_fd, PR_OWNER_SOCKET, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return pr_fail_errno(e, errno, "cannot make a socket");
    enum pr_code code = PR_OK;
    pid_t pid;
    if (try_connect(fd, &address))
        code = errno == ENOENT || errno == ECONNREFUSED
                   ? pr_fail(e, PR_E_NOT_FOUND, "no proctor runs on the base folder %s", base_dir)
                   : pr_fail_errno(e, errno, "cannot connect to %s/" PR_OWNER_SOCKET, base_dir);
    else if (!pr_owner_same_user(fd, &pid))
        code = pr_fail(
            e, PR_E_UNSUPPORTED, "%s/" PR_OWNER_SOCKET " belongs to another user", base_dir);
    else
        code = say_hello(fd, e);
    if (code)
        close(fd);
    else
        *ret_fd = fd;
    return code;
}

enum pr_code pr_owner_connect(const char *base_dir, int *ret_fd, struct pr_error *e)
{
    int dir_fd = open(base_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return pr_fail_errno(e, errno, "base folder %s", base_dir);
    enum pr_code code = connect_in(base_dir, dir_fd, ret_fd, e);
    close(dir_fd);
    return code;
}

static enum pr_code refusal(const json_t *m, struct pr_error *e)
{
    const char *why = json_string_value(json_object_get(m, "message"));
    return pr_fail(e, PR_E_USAGE, "%s", why ? why : "the owner refused without a reason");
}

/* The first message that is no greeting.  Each may take timeout_ms. */
static enum pr_code wait_answer(
    struct pr_frames *f, int timeout_ms, json_t **ret, struct pr_error *e)
{
    json_t *m = NULL;
    enum pr_code code = pr_frames_wait(f, timeout_ms, &m, e);
    const char *type = json_string_value(json_object_get(m, "type"));
    if (!code && type && !strcmp(type, "hello")) {
        code = pr_owner_check_hello(m, e);
        json_decref(m);
        m = NULL;
        if (!code)
            code = pr_frames_wait(f, timeout_ms, &m, e);
        type = json_string_value(json_object_get(m, "type"));
    }
    if (!code && !type)
        code = pr_fail(e, PR_E_NOT_FOUND, "the owner went away before it answered");
    else if (!code && !strcmp(type, "error"))
        code = refusal(m, e);
    if (code)
        json_decref(m);
    else
        *ret = m;
    return code;
}

enum pr_code pr_owner_exchange(
    const char *base_dir, const json_t *question, int timeout_ms, json_t **ret, struct pr_error *e)
{
    int fd;
    enum pr_code code = pr_owner_connect(base_dir, &fd, e);
    if (code)
        return code;
    struct pr_frames f;
    pr_frames_init(&f, fd, fd, PR_OWNER_MAX_KEPT);
    code = pr_frames_put(&f, question, e);
    if (!code)
        code = wait_answer(&f, timeout_ms, ret, e);
    pr_frames_done(&f);
    close(fd);
    return code ? pr_wrap(e, code, "asking the proctor that runs on %s", base_dir) : PR_OK;
}

enum pr_code pr_owner_ask(
    const char *base_dir, const json_t *question, int timeout_ms, json_t **ret, struct pr_error *e)
{
    json_t *m = NULL;
    enum pr_code code = pr_owner_exchange(base_dir, question, timeout_ms, &m, e);
    if (code)
        return code;
    const char *type = json_string_value(json_object_get(m, "type"));
    if (type && !strcmp(type, "refused")) {
        code = pr_wrap(e, refusal(m, e), "asking the proctor that runs on %s", base_dir);
        json_decref(m);
        return code;
    }
    *ret = m;
    return PR_OK;
}
