/* What a skill's program or server answers: arbitrary bytes as info, problems and verdict.  None
 * may crash or leak, and what is taken keeps to the bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "skills/source_kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { COUNT = 3 };
    const char *text = (const char *)data;
    struct pr_error e;
    struct pr_source_info info;
    struct pr_source_problems p = {0};
    enum pr_source_verdict verdict;
    char *reason = NULL;
    bool verifies;
    if (!pr_outside_info(text, size, &info, &verifies, &e) &&
        (info.n_levels < 1 || info.n_levels > PR_SOURCE_MAX_LEVELS))
        abort();
    if (pr_outside_problems(text, size, COUNT, &p, &e) ? p.n > 0 : p.n > COUNT)
        abort();
    for (size_t i = 0; i < p.n; i++)
        if (!*p.v[i].prompt || !*p.v[i].golden)
            abort();
    pr_source_problems_done(&p);
    if (!pr_outside_verdict(text, size, &verdict, &reason, &e))
        pr_free(reason);
    return 0;
}
