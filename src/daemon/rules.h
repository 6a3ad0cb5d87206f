/* What the supervisor itself watches for, beside the systems: rules over what is known now.
 *
 * To add a rule: a function in rules.c and its line in the table there, what it needs in struct
 * pr_rule_input, a test in tests/unit/daemon/test_rules.c, docs/alerts.md.
 *
 * A rule says of its subject (a key) that it is wrong, or in order, or neither: between two limits,
 * or while nothing is known.  Then an alert stays as it is, so that a value that wavers around its
 * limit raises one alert and not twenty.  Pure: no clock, no file, no gradebook. */
#ifndef PR_DAEMON_RULES_H
#define PR_DAEMON_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "gradebook/gradebook.h"

struct pr_rule_system {
    const char *name;
    int failures;       /* runs that failed in a row */
    const char *reason; /* of the last */
};
struct pr_rule_input {
    int64_t now_ns;         /* monotonic */
    const json_t *training; /* as pr_training_read says; NULL: not known now */
    double disk_free;       /* bytes that proctor may use; NaN: not known */
    const json_t *machine;  /* the last sample, while it counts; NULL: none */
    const json_t *queue;    /* as pr_queue_health says; NULL: not known now */
    const struct pr_rule_system *systems;
    size_t n_systems;
    /* limits; 0: the rule is off, and what it raised is over */
    int64_t stalled_minutes, gpu_celsius;
    double disk_free_gb;
};

/* An alert of the supervisor's own is to be raised (or its level changes), or is over. */
typedef void pr_rule_raise(void *ctx, const char *key, enum pr_alert_level level, const char *text);
typedef void pr_rule_clear(void *ctx, const char *key);

struct pr_rules; /* what was seen before */
struct pr_rules *pr_rules_new(void);
void pr_rules_free(struct pr_rules *r);
/* Asks every rule.  raise and clear are called when something changed, and clear once for each key
 * that is in order at the first look: it may be open since an earlier process. */
void pr_rules_look(struct pr_rules *r, const struct pr_rule_input *in, pr_rule_raise *raise,
    pr_rule_clear *clear, void *ctx);

#endif
