/* See memory.h. */
#include "machine/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

#define MOST_BYTES 65536

/* Read to its end: files of /proc and of control groups say 0 as their size. */
static char *read_in(const char *folder, const char *name)
{
    char *path = pr_path_join(folder, name), *text = pr_alloc(MOST_BYTES + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 0;
    pr_free(path);
    while (fd >= 0 && n < MOST_BYTES && (got = read(fd, text + n, MOST_BYTES - n)) > 0)
        n += (size_t)got;
    if (fd >= 0)
        close(fd);
    text[n] = 0;
    if (got >= 0)
        return text;
    pr_free(text);
    return NULL;
}

/* The number that follows a line's key ("MemAvailable:", "active_file "; "": the text is it). */
static bool number_of(const char *text, const char *key, uint64_t *ret)
{
    char *end;
    const char *at = text;
    while (at && strncmp(at, key, strlen(key)) != 0) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    if (!at)
        return false;
    errno = 0;
    *ret = strtoull(at + strlen(key), &end, 10);
    return end != at + strlen(key) && !errno;
}

static bool number_in(const char *folder, const char *name, const char *key, uint64_t *ret)
{
    char *text = read_in(folder, name);
    bool ok = text && number_of(text, key, ret);
    pr_free(text);
    return ok;
}

/* What a group leaves of its limit; UINT64_MAX: it has none. */
static uint64_t left_in(const char *group)
{
    uint64_t limit, used, active = 0, inactive = 0;
    if (!number_in(group, "memory.max", "", &limit) ||
        !number_in(group, "memory.current", "", &used))
        return UINT64_MAX;
    if (!number_in(group, "memory.stat", "active_file ", &active) ||
        !number_in(group, "memory.stat", "inactive_file ", &inactive))
        active = inactive = 0;
    uint64_t files = active + inactive < used ? active + inactive : used;
    used -= files;
    return used < limit ? limit - used : 1; /* 0 would say that nothing is known */
}

/* From the process's own group up to the root. */
static uint64_t left_in_groups(const char *own, const char *groups)
{
    uint64_t least = UINT64_MAX;
    char *path = pr_path_join(groups, own);
    for (;;) {
        uint64_t left = left_in(path);
        least = left < least ? left : least;
        char *slash = strrchr(path, '/');
        if (!slash || (size_t)(slash - path) < strlen(groups))
            break;
        *slash = 0;
    }
    pr_free(path);
    return least;
}

uint64_t pr_machine_memory_available(const char *proc, const char *groups)
{
    uint64_t least = UINT64_MAX, kb;
    if (number_in(proc, "meminfo", "MemAvailable:", &kb))
        least = kb << 10;
    char *text = read_in(proc, "self/cgroup");
    char *own = text ? strstr(text, "0::/") : NULL;
    if (own && (own == text || own[-1] == '\n')) {
        own[strcspn(own, "\n")] = 0;
        uint64_t left = left_in_groups(own + 4, groups);
        least = left < least ? left : least;
    }
    pr_free(text);
    return least == UINT64_MAX ? 0 : least;
}
