/* Seeded, nearly normal numbers, fast enough to fill a checkpoint of a gigabyte in a second.  Used
 * by make_checkpoint.c and the benches. */
#ifndef PR_TOOLS_RANDOM_TENSOR_H
#define PR_TOOLS_RANDOM_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "compute/dtype.h"

#define PR_RANDOM_LANES 32

/* A stream of its own for each (seed, stream): the same numbers on every machine. */
struct pr_random_stream {
    uint32_t lane[PR_RANDOM_LANES];
};
void pr_random_stream_init(struct pr_random_stream *s, uint64_t seed, uint64_t stream);

/* Fills n elements of type t (F32, F16 or BF16, rounded to nearest even) at dst with mean + std ·
 * z, z being the sum of four random bytes, centred and scaled: mean 0, variance 1, |z| < 3.5.  n is
 * a multiple of PR_RANDOM_LANES save in the last call on a stream. */
void pr_random_fill(
    struct pr_random_stream *s, enum pr_dtype t, float mean, float std, size_t n, void *dst);

/* Round to nearest, ties to even; overflow to infinity. */
uint16_t pr_f32_to_f16_bits(float f);

#endif
