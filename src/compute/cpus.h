/* What this CPU can do and how much of the machine this process may use. */
#ifndef PR_COMPUTE_CPUS_H
#define PR_COMPUTE_CPUS_H

#include <stdbool.h>

/* CPUs this process may use: its affinity mask, cut to its control group's CPU quota (rounded up).
 * At least 1. */
int pr_cpus_usable(void);

/* Instruction sets that the CPU has and the system saves the registers of. */
struct pr_cpu_isa {
    bool avx2;       /* AVX2, FMA and F16C */
    bool avx512;     /* AVX-512 F, BW, VL and DQ, and all of avx2 */
    bool avx512bf16; /* AVX-512-BF16, and all of avx512 */
};
struct pr_cpu_isa pr_cpu_isa(void);

#endif
