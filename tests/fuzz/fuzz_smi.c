/* What nvidia-smi prints: any bytes are GPUs whose every figure is a number that can be or null
 * with a reason, or are refused with a message. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "machine/machine_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(json_t *gpu)
{
    static const char *const keys[] = {"name", "uuid", "memory_used_bytes", "memory_total_bytes",
        "utilization_percent", "temperature_celsius", "power_watts", "power_limit_watts"};
    must(json_is_integer(json_object_get(gpu, "index")));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct pr_str reason = PR_STR_INIT(100);
        pr_str_printf(&reason, "%s_reason", keys[i]);
        const json_t *v = json_object_get(gpu, keys[i]);
        if (json_is_null(v))
            must(json_is_string(json_object_get(gpu, pr_str_cstr(&reason))));
        else if (i < 2)
            must(json_is_string(v));
        else
            must(json_is_number(v) && isfinite(json_number_value(v)) && json_number_value(v) >= 0);
        pr_str_done(&reason);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_error e;
    json_t *list = NULL, *gpu;
    size_t i;
    if (pr_smi_parse((const char *)data, size, &list, &e)) {
        must(!list && *e.message);
        return 0;
    }
    must(json_array_size(list) <= PR_MACHINE_MAX_GPUS);
    json_array_foreach (list, i, gpu)
        check(gpu);
    json_decref(list);
    return 0;
}
