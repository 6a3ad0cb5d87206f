/* systemd's notifications, over one datagram socket a message. */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A word that is a whole number and nothing else; false otherwise. */
static bool number(const char *text, uint64_t *ret)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long x = strtoull(text, &end, 10);
    if (errno || *end)
        return false;
    *ret = x;
    return true;
}

void pr_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof a.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(a.sun_path, path, n);
    if (path[0] == '@') /* a name in the kernel's own space, without a file */
        a.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* A manager that does not read must not hold the daemon up: a lost word is repeated (the
     * watchdog's) or unimportant, but for READY, which is the first. */
    ssize_t sent;
    do
        sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
            (const struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    while (sent < 0 && errno == EINTR);
    close(fd);
}

int64_t pr_notify_watchdog_ms(void)
{
    uint64_t usec, pid;
    const char *of = getenv("WATCHDOG_PID");
    if (!number(getenv("WATCHDOG_USEC"), &usec) || !usec)
        return 0;
    if (of && (!number(of, &pid) || pid != (uint64_t)getpid()))
        return 0; /* meant for another process of the unit */
    uint64_t ms = usec / 2000;
    return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (int64_t)ms;
}

bool pr_notify_journal(void)
{
    /* "device:inode" of the stream: stderr may have been redirected since. */
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];
    if (!stream || fstat(STDERR_FILENO, &st))
        return false;
    snprintf(
        own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return !strcmp(stream, own);
}
