/* One GPU's figures: their names and bounds. */
#include "base/str.h"
#include "machine/machine_internal.h"

#define PIB 1125899906842624.0

static const struct {
    const char *key;
    double max;
    bool whole;
} figures[PR_GPU_FIGURES] = {
    [PR_GPU_MEMORY_USED] = {"memory_used_bytes", PIB, true},
    [PR_GPU_MEMORY_TOTAL] = {"memory_total_bytes", PIB, true},
    [PR_GPU_UTILIZATION] = {"utilization_percent", 100, true},
    [PR_GPU_TEMPERATURE] = {"temperature_celsius", 200, true},
    [PR_GPU_POWER] = {"power_watts", 100000, false},
    [PR_GPU_POWER_LIMIT] = {"power_limit_watts", 100000, false},
};

void pr_gpu_set(json_t *gpu, enum pr_gpu_figure f, double value)
{
    if (!(value >= 0 && value <= figures[f].max)) {
        struct pr_str reason = PR_STR_INIT(200);
        pr_str_printf(&reason, "the driver said %g, which cannot be", value);
        pr_gpu_set_unknown(gpu, f, pr_str_cstr(&reason));
        pr_str_done(&reason);
    } else if (figures[f].whole) {
        pr_json_set_int(gpu, figures[f].key, (int64_t)value);
    } else {
        pr_json_set_real(gpu, figures[f].key, value, NULL);
    }
}

void pr_gpu_set_unknown(json_t *gpu, enum pr_gpu_figure f, const char *reason)
{
    pr_json_set_null(gpu, figures[f].key, reason);
}
