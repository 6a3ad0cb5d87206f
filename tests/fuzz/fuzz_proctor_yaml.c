/* proctor.yaml and single keys of it: any bytes are read or refused, and what was read holds. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/config_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct pr_config *c)
{
    const struct pr_settings *s = &c->settings;
    int64_t ms;
    double sum = 0;
    must(pr_config_parse_date(c->date, &ms) && c->max_new_tokens >= 1);
    must(
        json_is_object(c->variables) && json_is_array(c->disabled) && json_is_object(c->intervals));
    must(c->grader_nice >= 0 && c->grader_nice <= 19 && c->scan_seconds >= 1);
    for (size_t i = 0; i < PR_SCORE_PARTS; i++) {
        must(s->weights[i] >= 0 && isfinite(s->weights[i]));
        sum += s->weights[i];
    }
    must(sum > 0 && s->n_bins >= 1 && s->n_bins <= PR_MAX_BINS);
    for (int64_t i = 0; i < s->n_bins; i++)
        must(s->edges[i] < s->edges[i + 1]);
    must(s->edges[0] == 0 && s->edges[s->n_bins] == 1);
    must(s->error_rate > 0 && s->error_rate < 1 && s->threshold > 0 && s->last > 0);
}

/* The first byte chooses a key, the rest is its value. */
static void set_one(struct pr_config *c, const uint8_t *data, size_t size)
{
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n), *k = &keys[data[0] % n];
    char name[100], *value = pr_strndup((const char *)data + 1, size - 1);
    struct pr_error e;
    snprintf(name, sizeof name, "%s.%s", k->section, k->name);
    if (pr_config_set(c, name, value, &e))
        must(e.code != PR_OK && *e.message);
    pr_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_config c, copy;
    struct pr_error e;
    char fingerprint[2][65];
    if (pr_config_parse((const char *)data, size, "proctor.yaml", "/base", &c, &e) &&
        pr_config_parse("", 0, "", "/base", &c, &e))
        abort();
    check(&c);
    if (size)
        set_one(&c, data, size);
    check(&c);
    pr_config_copy(&c, &copy);
    pr_config_grading_fingerprint(&c, fingerprint[0]);
    pr_config_done(&c);
    pr_config_grading_fingerprint(&copy, fingerprint[1]);
    must(!strcmp(fingerprint[0], fingerprint[1]));
    pr_config_done(&copy);
    return 0;
}
