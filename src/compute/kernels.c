/* The table of instruction sets and the choice among them. */
#include "compute/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "compute/cpus.h"
#include "compute/tables.h"

static bool always(struct pr_cpu_isa isa)
{
    (void)isa;
    return true;
}

#if defined(__x86_64__)
static bool has_avx2(struct pr_cpu_isa isa)
{
    return isa.avx2;
}

static bool has_avx512(struct pr_cpu_isa isa)
{
    return isa.avx512;
}

static bool has_avx512bf16(struct pr_cpu_isa isa)
{
    return isa.avx512bf16;
}
#endif

/* Best first. */
static const struct {
    const struct pr_kernels *kernels;
    bool (*runs_here)(struct pr_cpu_isa isa);
} tables[] = {
#if defined(__x86_64__)
    {&pr_kernels_avx512bf16, has_avx512bf16},
    {&pr_kernels_avx512, has_avx512},
    {&pr_kernels_avx2, has_avx2},
#endif
    {&pr_kernels_portable, always},
};
#define N_TABLES (sizeof tables / sizeof *tables)

static const struct pr_kernels *usable[N_TABLES]; /* those that this CPU runs */
static size_t n_usable;
static pthread_once_t found = PTHREAD_ONCE_INIT;

static void find_usable(void)
{
    struct pr_cpu_isa isa = pr_cpu_isa();
    for (size_t i = 0; i < N_TABLES; i++) {
        if (tables[i].runs_here(isa))
            usable[n_usable++] = tables[i].kernels;
    }
}

const struct pr_kernels *const *pr_kernels_all(size_t *ret_n)
{
    pthread_once(&found, find_usable);
    *ret_n = n_usable;
    return usable;
}

const struct pr_kernels *pr_kernels_named(const char *isa)
{
    size_t n;
    const struct pr_kernels *const *all = pr_kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(all[i]->isa, isa))
            return all[i];
    }
    return NULL;
}

const struct pr_kernels *pr_kernels_default(void)
{
    size_t n;
    const char *name = getenv("PROCTOR_ISA");
    if (name && *name)
        return pr_kernels_named(name);
    return pr_kernels_all(&n)[0];
}
