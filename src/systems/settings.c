/* The systems' defaults. */
#include "systems/settings.h"

#include <string.h>

static const struct pr_settings defaults = {
    .baseline_p = 1e-5,
    .threshold = 15,
    .margin_nats = 0.02,
    .error_rate = 0.01,
    .loss_share = 0.05,
    .warn_points = 1,
    .warn_percent = 1,
    .last = 5,
    .early_rate = 0.001,
    .weights = {[PR_SCORE_ACCURACY] = 0.5,
        [PR_SCORE_LOSS] = 0.3,
        [PR_SCORE_CALIBRATION] = 0.1,
        [PR_SCORE_FORMAT] = 0.1},
    .edges = {0, 0.2, 0.4, 0.6, 0.8, 0.95, 1},
    .n_bins = 6,
    .test_samples = 100,
    .test_threshold = 5,
    .curriculum_last = 3,
    .curriculum_samples = 50,
    .curriculum_seeds = 5,
    .curriculum_error_rate = 0.05,
    .curriculum_probe_seconds = 600,
    .curriculum_budget_percent = 25,
    .curriculum_probe_tokens = 20000,
    .curriculum_batch = 8,
    .curriculum_learning_rate = 0,
    .curriculum_lora_rank = -1,
    .curriculum_threads = 0,
    .curriculum_cpu_percent = 100,
    .curriculum_nice = 19,
    .curriculum_memory_mb = 0,
    .curriculum_pool_mb = 8,
    .curriculum_pool_days = 7,
    .miner_samples = 100,
    .miner_kept = 50,
    .miner_rounds = 3,
    .correction_threshold = 50,
    .correction_samples = 200,
    .correction_max_samples = 2000,
    .generation_min_files = 2,
    .generation_lines = 500,
    .generation_hard_percent = 20,
    .generation_correction_percent = 10,
    .generation_mix_hours = 24,
    .generation_disk_mb = 1024,
    .generation_seed = 1,
};

void pr_settings_default(struct pr_settings *ret)
{
    memcpy(ret, &defaults, sizeof defaults);
}
