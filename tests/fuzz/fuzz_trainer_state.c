/* trainer_state.json. */
#include <assert.h>

#include "model/trainer_state.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct pr_trainer_state s;
    struct pr_notes notes = {0};
    struct pr_error e;
    if (!pr_trainer_state_parse((const char *)data, size, "trainer_state.json", &s, &notes, &e)) {
        assert(s.global_step >= 0);
        for (size_t i = 0; i < s.n_log; i++)
            assert(s.log[i].step >= 0 && json_is_object(s.log[i].raw));
        pr_trainer_state_done(&s);
    }
    pr_notes_done(&notes);
    return 0;
}
