/* How much memory there is for one more program or model. */
#ifndef PR_MACHINE_MEMORY_H
#define PR_MACHINE_MEMORY_H

#include <stdint.h>

/* The least of what the system says is available (MemAvailable) and what each control group (v2)
 * that this process is in leaves of its limit, files that would give way not counted as used.  0:
 * none of them tells.  proc: "/proc", groups: "/sys/fs/cgroup". */
uint64_t pr_machine_memory_available(const char *proc, const char *groups);

#endif
