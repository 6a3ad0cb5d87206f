/* proctor.yaml: the base folder's one configuration file.
 *
 * One table, {key, kind, default, range, help}, makes the parser, the commented default file and
 * docs/configuration.md.  To add a key: a line in that table (config_keys.c), a field in struct
 * pr_config, a use of it, a case in tests/unit/daemon/test_config.c, and
 * `proctor init --markdown > docs/configuration.md`.
 */
#ifndef PR_DAEMON_CONFIG_H
#define PR_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "systems/deploy_settings.h"
#include "systems/settings.h"
#include "systems/sync_settings.h"

struct pr_config {
    char *base_dir; /* the base folder, absolute or as given */
    char *path;     /* of proctor.yaml, NULL where there is none */
    /* models */
    const char *(*bases)[2]; /* {name in adapter_config.json, folder} */
    size_t n_bases;
    char *current; /* folder that holds the run's checkpoints; NULL: the usual places */
    /* template */
    json_t *variables; /* an object */
    char *date;        /* "2026-01-01": what strftime_now shows while grading; never NULL */
    bool date_given;
    /* eval */
    int64_t max_new_tokens;
    char *dtype;     /* "auto", "f32", "bf16" */
    int64_t threads; /* 0: one for each CPU */
    bool allow_commands;
    char *reference; /* folder of the model that is graded beside the checkpoints; NULL: none */
    /* machine */
    char *role;        /* "all", "training", "inference" */
    json_t *disabled;  /* an array of names of systems that `proctor run` leaves out */
    json_t *intervals; /* an object: name of a system → seconds */
    /* curriculum: what is no plain value of it */
    json_t *pool; /* an array of files and folders; empty: the queue's */
    char *correction_queue, *generation_count;
    json_t *generation_skills; /* {skill: weight} */
    json_t *probe_command; /* an array: the user's trainer, its arguments; empty: the built-in */
    /* watch */
    int64_t scan_seconds; /* between looks at the folders when nothing was heard of them */
    int64_t backfill;     /* older checkpoints graded too: at most so many; -1: all */
    /* graders */
    int64_t grader_memory_mb;       /* 0: half of the machine's */
    int64_t grader_nice;            /* 0–19 */
    int64_t grader_cpu_percent;     /* 1–100 */
    int64_t grader_idle_seconds;    /* kept with its model loaded, in case more is ordered */
    int64_t grader_timeout_seconds; /* without a word from it */
    bool grader_scan;               /* look through the weights for NaN */
    /* gradebook */
    int64_t texts_days, findings_days, orders_days, machine_days;
    struct {
        bool enabled;
        char *bind;
        int64_t port, page_port;         /* 0: a free one */
        char *token_file;                /* NULL: api.token in the base folder */
        json_t *hosts;                   /* an array of names */
        char *tls_certificate, *tls_key; /* NULL: no TLS */
        int64_t max_connections, max_streams;
    } api;
    struct {
        bool enabled;
        char *target;              /* the checkpoint's folder, or a link to it; NULL: none */
        char *name;                /* NULL: the folder's */
        char *bind, *api_key_file; /* NULL: no key */
        int64_t port, kv_mb, deadline_seconds; /* 0: a free one; the default; none */
    } serve;
    json_t *peers; /* an object: name → {"url","token_file","ca_file"} */
    int64_t peers_seconds;
    struct {
        json_t *channels;                        /* an object: name → {"kind", …} */
        char *quiet_hours;                       /* "22:00-07:00"; NULL: none */
        int64_t repeat_minutes, stalled_minutes; /* 0: never */
        double disk_free_gb;                     /* 0: never */
        int64_t gpu_celsius;                     /* 0: never */
    } alerts;
    /* queue */
    double stuck_warning_hours, stuck_critical_hours;
    int64_t backlog_files, max_turn_bytes;
    struct {
        json_t *programs; /* an object: name → a text, or an array of texts */
        json_t *servers;  /* an object: name → url */
        int64_t timeout_seconds;
    } skills;
    struct pr_sync_settings sync;     /* `current` is set for a run alone */
    struct pr_deploy_settings deploy; /* what is no key of it: pr_deploy_config_of */
    /* log */
    char *log_level; /* "debug", "info", "warning", "error" */
    int64_t log_max_mb, log_max_days, log_keep;
    /* monitor, baseline, comparison, calibrator, testing, curriculum */
    struct pr_settings settings;
};

/* The base folder: `given` (an option's value or NULL), else $PROCTOR_BASE_DIR, else the nearest
 * parent of the working folder that has a proctor.yaml, else ~/TRAINING.  pr_free. */
char *pr_config_base_dir(const char *given);

/* Reads base_dir/proctor.yaml; a base folder without one gives the defaults.  Unknown keys, wrong
 * types and values out of range are PR_E_FORMAT "proctor.yaml:LINE: …".  Folders in the file are
 * relative to the base folder. */
PR_MUST_CHECK enum pr_code pr_config_load(
    const char *base_dir, struct pr_config *ret, struct pr_error *e);
/* The same from text; name starts messages. */
PR_MUST_CHECK enum pr_code pr_config_parse(const char *text, size_t n, const char *name,
    const char *base_dir, struct pr_config *ret, struct pr_error *e);
void pr_config_done(struct pr_config *c);

/* Sets one key ("monitor.threshold") as if proctor.yaml said so; for command-line options and
 * requests; lists may be "a,b", and "" is the default.  PR_E_USAGE for an unknown key, PR_E_FORMAT
 * for a value that does not fit: then nothing has changed. */
PR_MUST_CHECK enum pr_code pr_config_set(
    struct pr_config *c, const char *key, const char *value, struct pr_error *e);
/* Has a key that is a text or folder a value?  False for any other key. */
bool pr_config_is_set(const struct pr_config *c, const char *key);
/* A copy that is independent of c. */
void pr_config_copy(const struct pr_config *c, struct pr_config *ret);
/* Do all keys of a section ("curriculum") have the same values in both? */
bool pr_config_same_section(
    const struct pr_config *a, const struct pr_config *b, const char *section);
/* The fingerprint of what grades depend on beside the model: eval.* but threads, template.*, and
 * proctor's own arithmetic on this machine (kernels by default).  64 hex digits. */
void pr_config_grading_fingerprint(const struct pr_config *c, char ret[65]);

/* Appends the default file: every key with its meaning, range and default, all commented out. */
void pr_config_default_file(struct pr_str *out);
/* The same with some keys given a value: {"machine.role", "training"}. */
void pr_config_file(const char *const (*set)[2], size_t n_set, struct pr_str *out);
/* Appends docs/configuration.md. */
void pr_config_markdown(struct pr_str *out);

/* Milliseconds since 1970 of "YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SSZ"; false for anything else. */
bool pr_config_parse_date(const char *text, int64_t *ret_ms);

#endif
