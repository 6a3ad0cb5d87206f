/* The training's rate; see health_rate.h. */
#include "queue/health_rate.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

#define STALE_MS        ((int64_t)3600 * 1000)
#define STATUS_MAX_SIZE ((size_t)8 << 20)

static double first_number(const json_t *doc, const char *const *keys)
{
    for (; *keys; keys++) {
        double x = json_number_value(json_object_get(doc, *keys));
        if (x > 0 && isfinite(x))
            return x;
    }
    return NAN;
}

static int64_t age_of(const char *path, int64_t now_ms)
{
    struct pr_file_id id;
    int fd;
    if (pr_file_open(AT_FDCWD, path, false, &fd, &id, NULL))
        return 0;
    close(fd);
    return now_ms - id.mtime_ns / 1000000;
}

struct pr_health_rate pr_health_rate(
    const char *base_dir, const struct pr_queue_health_options *o, int64_t now_ms)
{
    static const char *const examples[] = {
        "examples_per_second", "samples_per_second", "train_samples_per_second", NULL};
    static const char *const tokens[] = {"tokens_per_second", "tokens_per_sec", NULL};
    struct pr_health_rate r = {
        NAN, NAN, NULL, "the training says neither examples nor tokens a second"};
    char *status = pr_path_join(base_dir, "status"),
         *path = pr_path_join(status, "training_status.json");
    json_t *doc = NULL;
    if (pr_json_read(AT_FDCWD, path, STATUS_MAX_SIZE, PR_JSON_NAN, &doc, NULL)) {
        doc = NULL;
        snprintf(r.why, sizeof r.why, "there is no status/training_status.json that can be read");
    } else if (age_of(path, now_ms) > STALE_MS) {
        snprintf(r.why, sizeof r.why,
            "status/training_status.json is %.0f hours old: the training is not running",
            (double)age_of(path, now_ms) / 3.6e6);
    } else {
        r.examples = first_number(doc, examples);
        r.tokens = first_number(doc, tokens);
        r.source = isnan(r.examples) && isnan(r.tokens) ? NULL : "training_status.json";
    }
    if (!r.source && o->tokens_per_second > 0) {
        r.tokens = o->tokens_per_second;
        r.source = o->rate_source ? o->rate_source : "given";
    }
    json_decref(doc);
    pr_free(status);
    pr_free(path);
    return r;
}
