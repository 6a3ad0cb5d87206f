/* Metrics of the data side: the queue and its light, hard examples, corrections, generated files.
 * The same documents as /api/queue, /api/adversarial and /api/self_correction. */
#include <string.h>

#include "api/metrics_internal.h"
#include "base/alloc.h"
#include "base/file.h"
#include "daemon/queue_look.h"
#include "queue/folder.h"

#define LOOK_SECONDS 0.25 /* into files that are new; what is left the next scrape sees */
#define HOUR         3600.0

enum pr_code pr_metrics_queue(struct pr_metrics *m)
{
    json_t *health = NULL;
    const char *base = m->x->config->base_dir;
    char *queue = pr_path_join(base, "queue");
    enum pr_code code = PR_OK;
    if (pr_path_is_dir(queue))
        code = pr_queue_look_with(
            m->x->config, json_object_get(m->state, "training"), LOOK_SECONDS, &health, m->e);
    if (health)
        pr_json_set(m->state, "queue", health);
    pr_free(queue);
    return code;
}

/* Green 0, yellow 1, red 2; -1: none of them. */
static int level_of(const json_t *word)
{
    static const char *const levels[] = {"green", "yellow", "red"};
    const char *s = json_string_value(word);
    for (int i = 0; s && i < 3; i++)
        if (!strcmp(s, levels[i]))
            return i;
    return -1;
}

static enum pr_code queue_level(struct pr_metrics *m)
{
    int level = level_of(pr_metrics_at(m->state, "queue.status"));
    if (level >= 0)
        pr_metrics_sample(m, level, NULL);
    return PR_OK;
}

/* Red ones come first: the first of a code is the worst. */
static bool is_first(const json_t *reasons, size_t i, const char *code)
{
    for (size_t k = 0; k < i; k++) {
        const char *other = json_string_value(json_object_get(json_array_get(reasons, k), "code"));
        if (other && !strcmp(other, code))
            return false;
    }
    return true;
}

static enum pr_code queue_reasons(struct pr_metrics *m)
{
    size_t i;
    const json_t *r, *all = pr_metrics_at(m->state, "queue.reasons");
    json_array_foreach (all, i, r) {
        const char *code = json_string_value(json_object_get(r, "code"));
        if (code && is_first(all, i, code))
            pr_metrics_sample(m, level_of(json_object_get(r, "level")), "reason", code, NULL);
    }
    return PR_OK;
}

/* A field of each folder of the queue. */
static enum pr_code of_folders(struct pr_metrics *m, const char *key)
{
    const json_t *all = pr_metrics_at(m->state, "queue.queues");
    for (int q = 0; q < PR_N_QUEUES; q++) {
        const char *name = pr_queue_name((enum pr_queue)q);
        pr_metrics_json(m, json_object_get(json_object_get(all, name), key), 1, "queue", name);
    }
    return PR_OK;
}

/* Counts that a document has beside each other, by name. */
static void counts(struct pr_metrics *m, const json_t *o, const char *label,
    const char *const (*names)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_metrics_json(m, json_object_get(o, names[i][0]), 1, label, names[i][1]);
}

static enum pr_code intake_files(struct pr_metrics *m)
{
    static const char *const names[][2] = {
        {"moved", "moved"}, {"split", "split"}, {"rejected", "rejected"}, {"failed", "failed"}};
    counts(m, pr_metrics_at(pr_metrics_finding(m, "self-correction"), "validation.total"),
        "outcome", names, sizeof names / sizeof *names);
    return PR_OK;
}

static enum pr_code intake_lines(struct pr_metrics *m)
{
    static const char *const names[][2] = {
        {"lines_moved", "moved"}, {"lines_rejected", "rejected"}};
    counts(m, pr_metrics_at(pr_metrics_finding(m, "self-correction"), "validation.total"),
        "outcome", names, sizeof names / sizeof *names);
    return PR_OK;
}

/* What stands at a path of a system's finding. */
static enum pr_code found(struct pr_metrics *m, const char *system, const char *path)
{
    pr_metrics_json(m, pr_metrics_at(pr_metrics_finding(m, system), path), 1, NULL, NULL);
    return PR_OK;
}

#define FOLDERS(name, key)                                                                         \
    static enum pr_code name(struct pr_metrics *m)                                                 \
    {                                                                                              \
        return of_folders(m, key);                                                                 \
    }
FOLDERS(queue_files, "files")
FOLDERS(queue_bytes, "bytes")
FOLDERS(queue_oldest, "oldest_seconds")
#undef FOLDERS

#define FOUND(name, system, path)                                                                  \
    static enum pr_code name(struct pr_metrics *m)                                                 \
    {                                                                                              \
        return found(m, system, path);                                                             \
    }
FOUND(failures, "adversarial-miner", "failures_total")
FOUND(mining_asked, "adversarial-miner", "asked")
FOUND(mining_yield, "adversarial-miner", "yield")
FOUND(hard_kept, "adversarial-miner", "kept")
FOUND(hard_today, "adversarial-miner", "kept_total_today")
FOUND(forgotten, "adversarial-miner", "forgetting.n")
FOUND(queue_asked, "self-correction", "asked")
FOUND(queue_answered, "self-correction", "answered")
FOUND(queue_errors, "self-correction", "errors")
FOUND(corrections, "self-correction", "corrections_written.total")
FOUND(corrections_today, "self-correction", "corrections_written.today")
FOUND(generated_files, "data-generation", "today.files")
FOUND(generated_lines, "data-generation", "today.lines")
#undef FOUND

#define GAUGE   "gauge"
#define COUNTER "counter"
const struct pr_metric pr_metrics_data[] = {
    {"proctor_queue_level", GAUGE, "",
        "is the queue of training files in order: 0 green, 1 yellow, 2 red", queue_level},
    {"proctor_queue_reason_level", GAUGE, "reason",
        "why it is not, as in docs/queue.md: 1 yellow, 2 red", queue_reasons},
    {"proctor_queue_files", GAUGE, "queue", "training files in the folder of the queue",
        queue_files},
    {"proctor_queue_size_bytes", GAUGE, "queue", "size of these files", queue_bytes},
    {"proctor_queue_oldest_age_seconds", GAUGE, "queue",
        "since when the one that came first is there", queue_oldest},
    {"proctor_queue_waiting_examples", GAUGE, "", "examples in the files that wait", NULL,
        "queue.waiting.examples", 1},
    {"proctor_queue_unchecked_files", GAUGE, "", "files that wait and were not looked into yet",
        NULL, "queue.unchecked", 1},
    {"proctor_queue_remaining_seconds", GAUGE, "",
        "training that the files that wait last for, at its present rate", NULL, "queue.hours_left",
        HOUR},
    {"proctor_intake_files_total", COUNTER, "outcome",
        "files of queue/unvalidated that were validated", intake_files},
    {"proctor_intake_lines_total", COUNTER, "outcome", "lines of these files", intake_lines},
    {"proctor_mining_failed_examples", GAUGE, "",
        "validation examples that the newest checkpoint fails", failures},
    {"proctor_mining_asked_examples", GAUGE, "",
        "problems that it was asked beside, to find hard examples", mining_asked},
    {"proctor_mining_yield_ratio", GAUGE, "", "failed of these, 0 to 1", mining_yield},
    {"proctor_mining_forgotten_examples", GAUGE, "",
        "validation examples that a checkpoint before it solved and it fails", forgotten},
    {"proctor_hard_examples_kept", GAUGE, "", "hard examples kept of the newest checkpoint",
        hard_kept},
    {"proctor_hard_examples_kept_today", GAUGE, "", "hard examples kept this day (UTC)",
        hard_today},
    {"proctor_queue_asked_examples", GAUGE, "",
        "examples of the queue that the newest checkpoint is asked", queue_asked},
    {"proctor_queue_answered_examples", GAUGE, "", "those that have a verdict", queue_answered},
    {"proctor_queue_wrong_examples", GAUGE, "", "those that it got wrong", queue_errors},
    {"proctor_corrections_written", GAUGE, "", "corrections in queue/corrections", corrections},
    {"proctor_corrections_written_today", GAUGE, "", "corrections written this day (UTC)",
        corrections_today},
    {"proctor_generated_files_today", GAUGE, "", "training files generated this day (UTC)",
        generated_files},
    {"proctor_generated_lines_today", GAUGE, "", "examples in them", generated_lines},
    {NULL},
};
