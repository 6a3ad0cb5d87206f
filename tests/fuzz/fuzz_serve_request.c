/* Bodies of the OpenAI API: the first byte says of which endpoint.  Whatever comes is read or
 * refused with a whole error, and what is read keeps to its limits. */
#include <stdint.h>
#include <stdlib.h>

#include "serve/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_serve_request r;
    struct pr_serve_error e;
    if (!size)
        return 0;
    enum pr_serve_kind kind = data[0] & 1 ? PR_SERVE_COMPLETION : PR_SERVE_CHAT;
    if (!pr_serve_request_read(kind, (const char *)data + 1, size - 1, &r, &e)) {
        json_t *o = pr_serve_error_json(&e);
        must(e.status == 400 && *e.message && o);
        json_decref(o);
        return 0;
    }
    must(r.model && r.n >= 1 && r.n <= PR_SERVE_MAX_CHOICES && r.n_stop <= PR_SERVE_MAX_STOPS);
    must(kind == PR_SERVE_CHAT ? json_array_size(r.messages) > 0 : r.n_prompts > 0);
    must(r.sampling.temperature >= 0 && r.sampling.temperature <= 2 && r.sampling.top_p <= 1);
    pr_serve_request_done(&r);
    return 0;
}
