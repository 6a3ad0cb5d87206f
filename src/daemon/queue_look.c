/* See queue_look.h. */
#include "daemon/queue_look.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/state.h"
#include "queue/health.h"

/* The run's newest checkpoint, whose trainer_state.json may tell the rate; NULL: none. */
static char *newest_checkpoint(const struct pr_config *c)
{
    char *runs =
        c->current ? pr_strdup(c->current) : pr_path_join(c->base_dir, "models/current_model");
    char **names, *best = NULL;
    size_t n;
    long step = -1;
    if (!pr_dir_list(runs, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            char *end = names[i];
            long at = strncmp(names[i], "checkpoint-", 11) ? -1 : strtol(names[i] + 11, &end, 10);
            if (at <= step || *end)
                continue;
            step = at;
            pr_free(best);
            best = pr_path_join(runs, names[i]);
        }
        pr_names_free(names, n);
    }
    pr_free(runs);
    return best;
}

enum pr_code pr_queue_look_with(const struct pr_config *c, const json_t *training,
    double check_seconds, json_t **ret, struct pr_error *e)
{
    struct pr_queue_health_options o = {.stuck_warning_hours = c->stuck_warning_hours,
        .stuck_critical_hours = c->stuck_critical_hours,
        .backlog_files = (size_t)c->backlog_files,
        .check_seconds = check_seconds,
        .rate_source = json_string_value(json_object_get(training, "source"))};
    /* What status/training_status.json says is read there, with its age. */
    if (o.rate_source && strcmp(o.rate_source, "training_status.json") != 0)
        o.tokens_per_second = json_number_value(json_object_get(training, "tokens_per_second"));
    return pr_queue_health(c->base_dir, &o, ret, e);
}

enum pr_code pr_queue_look(
    const struct pr_config *c, double check_seconds, json_t **ret, struct pr_error *e)
{
    char *checkpoint = newest_checkpoint(c);
    const char *const folders[] = {checkpoint};
    json_t *training = pr_state_training(c, folders, checkpoint != NULL, pr_clock_utc_ms());
    enum pr_code code = pr_queue_look_with(c, training, check_seconds, ret, e);
    json_decref(training);
    pr_free(checkpoint);
    return code;
}
