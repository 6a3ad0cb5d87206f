/* The operations in plain C, for any CPU. */
#include <math.h>
#include <string.h>

#include "compute/kernels.h"
#include "compute/tables.h"
#include "compute/vec_portable.h"

#include "compute/vec_math.inc.h"

#include "compute/gemm.inc.h"
#include "compute/pack.inc.h"
#include "compute/vec_ops.inc.h"

#include "compute/train_ops.inc.h"

const struct pr_kernels pr_kernels_portable = PR_KERNELS_TABLE("portable");
