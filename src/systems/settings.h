/* What the systems can be told, as plain values; proctor.yaml's table (daemon/config.c) fills them
 * and says what each means to the user. */
#ifndef PR_SYSTEMS_SETTINGS_H
#define PR_SYSTEMS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum pr_score_part { PR_SCORE_ACCURACY, PR_SCORE_LOSS, PR_SCORE_CALIBRATION, PR_SCORE_FORMAT };
#define PR_SCORE_PARTS 4
#define PR_MAX_BINS    64

struct pr_settings {
    /* baseline.*: when it moves */
    double baseline_p; /* paired loss improvement at this p or below: 1e-5 */
    /* monitor.* */
    double threshold;    /* percent of loss increase that is critical: 15 */
    double margin_nats;  /* and by more than this many nats: 0.02 */
    double error_rate;   /* false alarms a checkpoint, all tests of a suite together: 0.01 */
    double loss_share;   /* of it for the loss test, the rest for accuracy */
    double warn_points;  /* an accuracy drop below this many points is no warning */
    double warn_percent; /* a loss increase below this is no warning */
    int64_t last;        /* checkpoints shown and judged first: 5 */
    double early_rate;   /* error rate of the sequential test: 0.001 */
    /* comparison.* */
    double weights[PR_SCORE_PARTS]; /* 0.5, 0.3, 0.1, 0.1 */
    /* calibrator.* */
    double edges[PR_MAX_BINS + 1]; /* of n_bins bins; six by default */
    int64_t n_bins;
    /* testing.* */
    int64_t test_samples;  /* 100 */
    double test_threshold; /* points: 5 */
    /* curriculum.* */
    int64_t curriculum_last;    /* checkpoints that learning progress is taken over: 3 */
    int64_t curriculum_samples; /* validation examples a probe is graded on: 50 */
    int64_t curriculum_seeds;   /* blocks before a name is given: 5 */
    double
        curriculum_error_rate; /* of ever naming one that is not better, for one question: 0.05 */
    int64_t curriculum_probe_seconds;  /* the longest that one probe may take: 600 */
    int64_t curriculum_budget_percent; /* share of the time that probes may run: 25; 0: none */
    int64_t curriculum_probe_tokens;   /* answer tokens that a probe trains on: 20000 */
    int64_t curriculum_batch;          /* examples a step: 8 */
    double curriculum_learning_rate;   /* 0: the trainer's, else 1e-4 */
    int64_t curriculum_lora_rank;      /* 0: all parameters; -1: by the model's size */
    int64_t curriculum_threads;        /* 0: by cpu_percent */
    int64_t curriculum_cpu_percent;    /* of the machine's CPUs: 100 */
    int64_t curriculum_nice;           /* 19 */
    int64_t curriculum_memory_mb;      /* that a probe may take; 0: half of the machine's */
    int64_t curriculum_pool_mb;        /* of training examples that are kept for probes: 8 */
    int64_t curriculum_pool_days;      /* that a pool out of the queue is kept: 7 */
    /* miner.* */
    int64_t miner_samples; /* asked of a checkpoint: 100 */
    int64_t miner_kept;    /* of a checkpoint at most: 50 */
    int64_t miner_rounds;  /* 3 */
    /* correction.* */
    int64_t correction_threshold;   /* errors that make a report: 50 */
    int64_t correction_samples;     /* asked in one go: 200 */
    int64_t correction_max_samples; /* of a checkpoint: 2000 */
    bool correction_continuous;
    /* generation.* */
    int64_t generation_min_files;                                   /* 2 */
    int64_t generation_lines;                                       /* of a file: 500 */
    int64_t generation_hard_percent, generation_correction_percent; /* 20, 10 */
    int64_t generation_mix_hours;                                   /* 24 */
    int64_t generation_disk_mb;                                     /* 1024 */
    int64_t generation_seed;                                        /* 1 */
    bool generation_repeat;
};

/* The defaults, of which proctor.yaml's table repeats each (a test compares them). */
void pr_settings_default(struct pr_settings *ret);

#endif
