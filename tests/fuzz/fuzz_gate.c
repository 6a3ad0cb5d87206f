/* What another machine says of its checkpoints decides what is served here: any document is judged,
 * and deployed only with a candidate that has a fingerprint and all checks passed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const json_t *gate)
{
    const char *verdict = json_string_value(json_object_get(gate, "verdict"));
    const json_t *x, *candidate = json_object_get(gate, "candidate");
    bool all = true;
    size_t i;
    json_array_foreach (json_object_get(gate, "checks"), i, x)
        all &= json_is_true(json_object_get(x, "passed"));
    must(verdict && (!strcmp(verdict, "deploy") || !strcmp(verdict, "hold")));
    if (!strcmp(verdict, "deploy"))
        must(all && json_is_string(json_object_get(candidate, "fingerprint")));
    else
        must(json_is_string(json_object_get(gate, "why")));
}

/* {"comparison":…,"regression":…,"status":…} */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pr_deploy_settings s = {
        .error_rate = 0.05, .min_examples = 50, .min_steps = 10};
    json_t *o = NULL;
    struct pr_error e;
    if (pr_json_parse((const char *)data, size, PR_JSON_STRICT, NULL, &o, NULL, &e))
        return 0;
    const struct pr_gate g = {json_object_get(o, "comparison"), json_object_get(o, "regression"),
        json_object_get(o, "status"), &s};
    json_t *gate = pr_gate_judge(&g);
    check(gate);
    json_decref(gate);
    json_decref(o);
    return 0;
}
