/* The operations with AVX-512 F, BW, VL and DQ; compiled with flags of its own. */
#include <math.h>
#include <string.h>

#include "compute/kernels.h"
#include "compute/tables.h"
#include "compute/vec_avx512.h"

#include "compute/vec_math.inc.h"

#include "compute/turn_avx512.h"

#include "compute/gemm.inc.h"
#include "compute/pack.inc.h"
#include "compute/vec_ops.inc.h"

#include "compute/train_ops.inc.h"

const struct pr_kernels pr_kernels_avx512 = PR_KERNELS_TABLE("avx512");
