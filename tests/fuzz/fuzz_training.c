/* training_status.json. */
#include <assert.h>
#include <math.h>

#include "systems/training_internal.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct pr_training_source s = {0};
    struct pr_notes notes = {0};
    struct pr_error e;
    if (!pr_training_status_parse((const char *)data, size, &s, &notes, &e)) {
        for (size_t i = 0; i < PR_TRAINING_FIELD_COUNT; i++)
            assert(!s.v[i].known || isfinite(s.v[i].x));
        assert(!s.v[PR_TRAINING_STEP].known || s.v[PR_TRAINING_STEP].x >= 0);
        assert(s.timestamp_ms >= 0);
    }
    pr_training_source_done(&s);
    pr_notes_done(&notes);
    return 0;
}
