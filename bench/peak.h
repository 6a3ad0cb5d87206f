/* What this machine can do at most, measured beside every bench so that results are shares of a
 * limit taken in the same minute.  Each call measures once, for some 5 ms; callers alternate them
 * with their own measurements and take the best of both, which a machine that is busy with other
 * things distorts least. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/pool.h"

struct peak {
    struct pr_pool *pool; /* borrowed: all its threads work */
    char *memory;         /* much larger than the last-level cache */
    size_t bytes;
};

/* Aborts when there is no memory: a bench has nothing else to do then. */
void peak_init(struct peak *p, struct pr_pool *pool);
void peak_done(struct peak *p);

double peak_read(struct peak *p);    /* bytes a second from memory */
double peak_read_l3(struct peak *p); /* bytes a second from 12 MiB */
/* Floating-point operations a second (a multiply-add counts two) of the instruction set `isa` of
 * struct pr_kernels, in f32 or (where it has products of bf16 pairs, else the same) in bf16. */
double peak_flops(struct peak *p, const char *isa, bool bf16);

/* Seconds of a clock that only goes forward. */
double bench_now(void);
/* The greatest of n rates. */
double bench_best(const double *values, size_t n);

#endif
