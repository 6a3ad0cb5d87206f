/* The host: CPUs, memory, its control group's limit, file systems. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "machine/machine_internal.h"

#define GROUPS    "/sys/fs/cgroup"
#define MAX_DISKS 8

struct pr_host_eye {
    char *folders[MAX_DISKS];
    size_t n_folders;
    struct pr_cpu_ticks before; /* all 0: there was no look yet */
    char *group;                /* the control group's folder whose limit holds; NULL: none */
};

/* ---- /proc ---- */

/* Files of /proc tell no size; what does not fit is cut, and what is wanted stands in front. */
static bool read_proc(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t r = -1;
    while (fd >= 0 && n < size - 1 && (r = read(fd, ret + n, size - 1 - n)) > 0)
        n += (size_t)r;
    if (fd >= 0)
        close(fd);
    ret[n] = 0;
    return n > 0;
}

/* user nice system idle iowait irq softirq steal; guests are counted in user and nice already. */
enum pr_code pr_cpu_parse(const char *text, struct pr_cpu_ticks *ret, struct pr_error *e)
{
    uint64_t v[8] = {0};
    int n = 0;
    const char *at = strncmp(text, "cpu ", 4) != 0 ? "" : text + 4;
    for (; n < 8; n++) {
        char *end = NULL;
        at += strspn(at, " ");
        if (*at < '0' || *at > '9')
            break;
        errno = 0;
        v[n] = strtoull(at, &end, 10);
        if (errno)
            break;
        at = end;
    }
    if (n < 4)
        return pr_fail(e, PR_E_FORMAT, "/proc/stat does not begin with the CPUs' ticks");
    *ret = (struct pr_cpu_ticks){0};
    for (int i = 0; i < 8; i++) {
        ret->all += v[i];
        if (i != 3 && i != 4)
            ret->busy += v[i];
    }
    return PR_OK;
}

double pr_cpu_percent(
    const struct pr_cpu_ticks *before, const struct pr_cpu_ticks *now, const char **ret_reason)
{
    *ret_reason = NULL;
    if (!before->all)
        *ret_reason = "a share of time needs two looks, this is the first";
    else if (now->all <= before->all)
        *ret_reason = "the kernel counted no time between two looks";
    else if (now->busy < before->busy || now->busy - before->busy > now->all - before->all)
        *ret_reason = "the kernel's counters went back";
    if (*ret_reason)
        return NAN;
    return 100.0 * (double)(now->busy - before->busy) / (double)(now->all - before->all);
}

bool pr_meminfo_parse(const char *text, const char *name, uint64_t *ret)
{
    size_t n = strlen(name);
    for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
        if (strncmp(s, name, n) || s[n] != ':')
            continue;
        char *end;
        errno = 0;
        unsigned long long kb = strtoull(s + n + 1, &end, 10);
        if (errno || end == s + n + 1 || strncmp(end, " kB", 3) || kb > UINT64_MAX >> 10)
            return false;
        *ret = kb << 10;
        return true;
    }
    return false;
}

static void set_cpus(struct pr_host_eye *h, json_t *o)
{
    char text[1024];
    struct pr_cpu_ticks now;
    struct pr_error e;
    const char *reason;
    if (!read_proc("/proc/stat", text, sizeof text)) {
        pr_json_set_null(o, "cpu_percent", "/proc/stat cannot be read");
    } else if (pr_cpu_parse(text, &now, &e)) {
        pr_json_set_null(o, "cpu_percent", e.message);
    } else {
        double percent = pr_cpu_percent(&h->before, &now, &reason);
        pr_json_set_real(o, "cpu_percent", percent, reason);
        if (now.all != h->before.all)
            h->before = now;
    }
    pr_json_set_int(o, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    double load = NAN;
    if (read_proc("/proc/loadavg", text, sizeof text)) {
        char *end;
        load = strtod(text, &end);
        if (end == text)
            load = NAN;
    }
    pr_json_set_real(o, "load1", load, "/proc/loadavg cannot be read");
}

static void set_memory(json_t *o)
{
    char text[4096];
    uint64_t total, available;
    if (!read_proc("/proc/meminfo", text, sizeof text) ||
        !pr_meminfo_parse(text, "MemTotal", &total)) {
        pr_json_set_null(o, "memory_used_bytes", "/proc/meminfo does not tell the memory");
        pr_json_set_null(o, "memory_total_bytes", "/proc/meminfo does not tell the memory");
        return;
    }
    if (pr_meminfo_parse(text, "MemAvailable", &available) && available <= total)
        pr_json_set_int(o, "memory_used_bytes", (int64_t)(total - available));
    else
        pr_json_set_null(o, "memory_used_bytes", "/proc/meminfo does not tell what is available");
    pr_json_set_int(o, "memory_total_bytes", (int64_t)total);
}

/* ---- control groups, version 2 ---- */

/* "max" is no number: no limit here. */
static bool read_bytes(const char *folder, const char *name, uint64_t *ret)
{
    char text[64], *end;
    char *path = pr_path_join(folder, name);
    bool ok = read_proc(path, text, sizeof text);
    pr_free(path);
    errno = 0;
    *ret = ok ? strtoull(text, &end, 10) : 0;
    return ok && end != text && !errno && *ret <= INT64_MAX;
}

/* The folder, from this process's own up to the root, whose memory.max is the least. */
static char *find_group(void)
{
    char text[4096];
    uint64_t least = UINT64_MAX, limit;
    if (!read_proc("/proc/self/cgroup", text, sizeof text))
        return NULL;
    char *line = strstr(text, "0::/"), *found = NULL;
    if (!line || (line != text && line[-1] != '\n'))
        return NULL;
    line[strcspn(line, "\n")] = 0;
    char *path = pr_path_join(GROUPS, line + 4);
    for (;;) {
        if (read_bytes(path, "memory.max", &limit) && limit < least) {
            least = limit;
            pr_free(found);
            found = pr_strdup(path);
        }
        char *slash = strrchr(path, '/');
        if (!slash || (size_t)(slash - path) < strlen(GROUPS))
            break;
        *slash = 0;
    }
    pr_free(path);
    return found;
}

/* Its files count as used too until somebody needs the room, so `used` may be near the limit with
 * no harm: it is told, and is no curve. */
static void set_group(const struct pr_host_eye *h, json_t *o)
{
    uint64_t limit, used;
    if (!h->group || !read_bytes(h->group, "memory.max", &limit)) {
        pr_json_set_null(o, "memory_limit_bytes", "no control group limits it");
        return;
    }
    pr_json_set_int(o, "memory_limit_bytes", (int64_t)limit);
    if (read_bytes(h->group, "memory.current", &used))
        pr_json_set_int(o, "memory_limit_used_bytes", (int64_t)used);
    else
        pr_json_set_null(o, "memory_limit_used_bytes", "the control group does not tell it");
}

/* ---- file systems ---- */

static int64_t blocks_bytes(fsblkcnt_t blocks, unsigned long size)
{
    uint64_t bytes;
    return __builtin_mul_overflow((uint64_t)blocks, (uint64_t)size, &bytes) || bytes > INT64_MAX
               ? INT64_MAX
               : (int64_t)bytes;
}

/* used + free is less than total where blocks are reserved for root, as in df. */
static void add_disk(json_t *list, const char *folder)
{
    static const char *const keys[] = {"used_bytes", "total_bytes", "free_bytes"};
    struct statvfs v;
    json_t *o = json_object();
    pr_json_set_str(o, "path", folder);
    if (statvfs(folder, &v)) {
        for (int i = 0; i < 3; i++)
            pr_json_set_null(o, keys[i], strerror(errno));
    } else {
        unsigned long size = v.f_frsize ? v.f_frsize : v.f_bsize;
        pr_json_set_int(o, keys[0], blocks_bytes(v.f_blocks - v.f_bfree, size));
        pr_json_set_int(o, keys[1], blocks_bytes(v.f_blocks, size));
        pr_json_set_int(o, keys[2], blocks_bytes(v.f_bavail, size));
    }
    json_array_append_new(list, o);
}

/* The base folder always; another folder where it lies on another file system. */
static json_t *disks(const struct pr_host_eye *h)
{
    json_t *list = json_array();
    dev_t seen[MAX_DISKS];
    size_t n = 0;
    for (size_t i = 0; i < h->n_folders; i++) {
        struct stat st;
        bool there = !stat(h->folders[i], &st), known = !there && i > 0;
        for (size_t k = 0; there && k < n && !known; k++)
            known = seen[k] == st.st_dev;
        if (known)
            continue;
        if (there)
            seen[n++] = st.st_dev;
        add_disk(list, h->folders[i]);
    }
    return list;
}

/* ---- all of it ---- */

struct pr_host_eye *pr_host_eye_new(const char *const *folders)
{
    struct pr_host_eye *h = pr_zalloc(sizeof *h);
    for (; *folders && h->n_folders < MAX_DISKS; folders++) {
        char whole[PATH_MAX]; /* "." tells a reader on another machine nothing */
        bool found = **folders != '/' && realpath(*folders, whole);
        h->folders[h->n_folders++] = pr_strdup(found ? whole : *folders);
    }
    h->group = find_group();
    return h;
}

void pr_host_eye_free(struct pr_host_eye *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n_folders; i++)
        pr_free(h->folders[i]);
    pr_free(h->group);
    pr_free(h);
}

json_t *pr_host_eye_look(struct pr_host_eye *h)
{
    json_t *o = json_object();
    set_cpus(h, o);
    set_memory(o);
    set_group(h, o);
    pr_json_set(o, "disks", disks(h));
    return o;
}
