/* The names of the fault points, and the hook. */
#include "base/fault.h"

#include <stddef.h>

const char *const pr_fault_names[PR_FAULT_COUNT] = {
#define PR_X(name, text) text,
    PR_FAULT_POINTS(PR_X)
#undef PR_X
};

void (*pr_fault_hook)(enum pr_fault point);
