/* What needs no model. */
#include <proctor.h>

#include "base/alloc.h"
#include "base/error.h"

const char *proctor_version(void)
{
    return PR_VERSION;
}

const char *proctor_code_name(enum pr_code code)
{
    return pr_code_name(code);
}

void proctor_free(void *text)
{
    pr_free(text);
}
