/* The operations with AVX2, FMA and F16C; compiled with flags of its own. */
#include <math.h>
#include <string.h>

#include "compute/kernels.h"
#include "compute/tables.h"
#include "compute/vec_avx2.h"

#include "compute/vec_math.inc.h"

#include "compute/turn_avx2.h"

#include "compute/gemm.inc.h"
#include "compute/pack.inc.h"
#include "compute/vec_ops.inc.h"

#include "compute/train_ops.inc.h"

const struct pr_kernels pr_kernels_avx2 = PR_KERNELS_TABLE("avx2");
