/* doctor: the machine that proctor runs on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "compute/cpus.h"
#include "compute/kernels.h"
#include "daemon/doctor_internal.h"
#include "grader/sandbox.h"

#define MB          ((uint64_t)1 << 20)
#define NEED_FACTOR 1.3 /* memory of a grader by its weights: packed copies, KV cache … */
#define NEED_MB     100 /* … and what every grader needs */
#define NEED_FILES  256

void pr_doctor_cpu(struct pr_doctor *d)
{
    const struct pr_kernels *k = pr_kernels_default();
    const char *forced = getenv("PROCTOR_ISA");
    if (!k)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "unset PROCTOR_ISA, or name one that this CPU has",
            "PROCTOR_ISA=%s: no such instruction set, or this CPU lacks it", forced ? forced : "");
    else if (!strcmp(k->isa, "portable"))
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            forced ? "unset PROCTOR_ISA" : "grade on a machine with AVX2 or AVX-512",
            "portable C%s, which is many times slower", forced ? " by PROCTOR_ISA" : "");
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s%s, %d CPUs", k->isa,
            forced ? " by PROCTOR_ISA" : "", pr_cpus_usable());
}

/* Bytes of a line "MemTotal:  123 kB" of /proc/meminfo; 0 where there is none. */
static uint64_t meminfo(const char *name)
{
    char text[16384];
    uint64_t ret = 0;
    if (!pr_doctor_read("/proc/meminfo", text, sizeof text))
        return 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t len = strlen(name);
        if (!strncmp(line, name, len) && line[len] == ':')
            ret = strtoull(line + len + 1, NULL, 10) * 1024;
    }
    return ret;
}

/* The tightest memory.max of this process's control group and those above it; 0: none. */
static uint64_t group_limit(void)
{
    char text[16384];
    uint64_t least = 0;
    if (!pr_doctor_read("/proc/self/cgroup", text, sizeof text))
        return 0;
    const char *line = strstr(text, "0::/");
    char *group = line ? pr_strndup(line + 3, strcspn(line + 3, "\n")) : NULL;
    while (group) {
        struct pr_str path = PR_STR_INIT(8192);
        uint64_t limit;
        pr_str_printf(&path, "/sys/fs/cgroup%s/memory.max", group);
        if (pr_doctor_number(pr_str_cstr(&path), &limit) && (!least || limit < least))
            least = limit; /* "max" is no number */
        pr_str_done(&path);
        char *slash = strrchr(group, '/');
        if (!slash)
            break;
        *slash = 0;
    }
    pr_free(group);
    return least;
}

void pr_doctor_memory(struct pr_doctor *d)
{
    uint64_t all = meminfo("MemTotal"), group = group_limit(), swap = meminfo("SwapTotal");
    uint64_t given = (uint64_t)d->config.grader_memory_mb * MB, need;
    bool limited = group && group < all;
    if (limited)
        all = group;
    if (!given)
        given = all / 2;
    need = d->largest_bytes ? (uint64_t)((double)d->largest_bytes * NEED_FACTOR) + NEED_MB * MB : 0;
    const char *of = limited ? "this process may take" : "the machine has";
    unsigned long long all_mb = all / MB, given_mb = given / MB, need_mb = need / MB;
    if (all && given > all)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "lower graders.memory_mb",
            "graders may take %llu MB, and %s %llu MB", given_mb, of, all_mb);
    if (need > given)
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            need < all ? "raise graders.memory_mb" : "grade on a machine with more memory",
            "%s needs some %llu MB, graders may take %llu MB, %s %llu MB", d->largest, need_mb,
            given_mb, of, all_mb);
    else if (need)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL,
            "the largest checkpoint, %s, needs some %llu MB; graders may take %llu MB", d->largest,
            need_mb, given_mb);
    else
        pr_doctor_say(
            d, PR_DOCTOR_OK, NULL, "graders may take %llu MB; %s %llu MB", given_mb, of, all_mb);
    if (swap && need > all / 2)
        pr_doctor_say(d, PR_DOCTOR_NOTE, "MemorySwapMax= in the unit keeps graders out of it",
            "weights that do not stay in memory go to %llu MB of swap, and grading slows down a "
            "lot",
            (unsigned long long)(swap / MB));
}

void pr_doctor_limits(struct pr_doctor *d)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return;
    if (r.rlim_cur < NEED_FILES)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "raise it: ulimit -n 1024, or LimitNOFILE=1024 in the unit",
            "a process may open %llu, and proctor wants %d", (unsigned long long)r.rlim_cur,
            NEED_FILES);
    else
        pr_doctor_say(
            d, PR_DOCTOR_OK, NULL, "a process may open %llu", (unsigned long long)r.rlim_cur);
}

void pr_doctor_inotify(struct pr_doctor *d)
{
    uint64_t watches = 0, need = d->n_folders + 64;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "raise fs.inotify.max_user_instances with sysctl, or end what uses them up",
            "none to be had (%s): changes are found by looking, every %lld s", strerror(errno),
            (long long)d->config.scan_seconds);
        return;
    }
    close(fd);
    if (!pr_doctor_number("/proc/sys/fs/inotify/max_user_watches", &watches))
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL, "its limits cannot be read here");
    else if (watches < need)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "sysctl fs.inotify.max_user_watches=65536",
            "a user may watch %llu folders, and %llu are needed: what is not watched is found by "
            "looking, every %lld s",
            (unsigned long long)watches, (unsigned long long)need,
            (long long)d->config.scan_seconds);
    else
        pr_doctor_say(
            d, PR_DOCTOR_OK, NULL, "a user may watch %llu folders", (unsigned long long)watches);
}

void pr_doctor_sandbox(struct pr_doctor *d)
{
    struct pr_sandbox_support s;
    pr_sandbox_support(&s);
    if (s.landlock_abi && s.seccomp)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "Landlock %d and seccomp", s.landlock_abi);
    else if (s.seccomp)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            *s.why ? s.why : "a kernel with Landlock, 5.13 or newer, closes that",
            "no Landlock: a hostile checkpoint that takes over a grader can read this user's "
            "files, "
            "though it can reach no network");
    else
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            *s.why ? s.why : "allow seccomp filters, or grade only checkpoints that you trust",
            "no seccomp: graders are not shut in");
}

void pr_doctor_clock(struct pr_doctor *d)
{
    char now[32];
    int64_t first_ms = 0;
    pr_clock_iso8601(d->now_ms / 1000 * 1000, now);
    if (pr_config_parse_date("2024-01-01", &first_ms) && d->now_ms < first_ms)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "set the clock, or start a time service such as chrony",
            "it says %s, before proctor was written: findings would be dated wrongly", now);
    else if (*d->from_future)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "set the clocks of this machine and of the one that wrote it",
            "it says %s, and %s is from later", now, d->from_future);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s", now);
}
