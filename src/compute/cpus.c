/* CPU features by cpuid and xgetbv, and the number of CPUs by affinity and control group. */
#include "compute/cpus.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/alloc.h"
#include "base/file.h"

/* The quota of one control group in CPUs, rounded up; 0 where it has none. */
static int group_quota(const char *folder)
{
    char *path = pr_path_join(folder, "cpu.max"), *text = NULL;
    size_t len = 0;
    long quota, period;
    int cpus = 0;
    if (!pr_file_read(AT_FDCWD, path, 4096, &text, &len, NULL)) {
        char *end;
        quota = strtol(text, &end, 10); /* "max 100000" where there is no limit: quota 0 */
        period = strtol(end, NULL, 10);
        if (quota > 0 && period > 0 && quota / period < 1 << 20)
            cpus = (int)((quota + period - 1) / period);
    }
    pr_free(text);
    pr_free(path);
    return cpus;
}

/* The smallest quota from this process's control group (version 2) up to the root; 0 without one.
 */
static int cgroup_quota(void)
{
    char *text = NULL;
    size_t len = 0;
    int best = 0;
    if (pr_file_read(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text, &len, NULL))
        return 0;
    char *line = strstr(text, "0::/");
    if (line && (line == text || line[-1] == '\n')) {
        line[strcspn(line, "\n")] = 0;
        char *path = pr_path_join("/sys/fs/cgroup", line + 4);
        size_t root = strlen("/sys/fs/cgroup");
        for (;;) {
            int q = group_quota(path);
            if (q && (!best || q < best))
                best = q;
            char *slash = strrchr(path, '/');
            if (!slash || (size_t)(slash - path) < root)
                break;
            *slash = 0;
        }
        pr_free(path);
    }
    pr_free(text);
    return best;
}

int pr_cpus_usable(void)
{
    cpu_set_t set;
    int n = 0;
    if (!sched_getaffinity(0, sizeof set, &set))
        n = CPU_COUNT(&set);
    else /* more CPUs than the fixed-size set has room for */
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int quota = cgroup_quota();
    if (quota && quota < n)
        n = quota;
    return n > 1 ? n : 1;
}

#if defined(__x86_64__)

/* The register sets whose contents the operating system saves. */
static unsigned saved_registers(void)
{
    unsigned lo, hi;
    __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

static bool all(unsigned word, unsigned bits)
{
    return (word & bits) == bits;
}

struct pr_cpu_isa pr_cpu_isa(void)
{
    struct pr_cpu_isa isa = {0};
    unsigned a, b, c, d, leaf1_c;
    if (!__get_cpuid(1, &a, &b, &leaf1_c, &d) || !(leaf1_c & bit_OSXSAVE))
        return isa;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return isa;
    unsigned saved = saved_registers();
    /* bits of XCR0: 1 xmm, 2 ymm, 5 opmask, 6 upper halves of zmm0–15, 7 zmm16–31 */
    isa.avx2 = all(saved, 0x6) && all(leaf1_c, bit_AVX | bit_FMA | bit_F16C) && (b & bit_AVX2);
    isa.avx512 = isa.avx2 && all(saved, 0xe6) &&
                 all(b, bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ);
    if (isa.avx512 && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
        isa.avx512bf16 = a >> 5 & 1;
    return isa;
}

#else

struct pr_cpu_isa pr_cpu_isa(void)
{
    return (struct pr_cpu_isa){0};
}

#endif
