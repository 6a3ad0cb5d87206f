/* proctor.yaml: the base folder's one configuration file.
 *
 * One table, {key, kind, default, range, help}, makes the parser and the commented default file.
 * To add a key: a line in that table (config.c), a field in struct pr_config, a use of it, and a
 * case in tests/unit/daemon/test_config.c.
 */
#ifndef PR_DAEMON_CONFIG_H
#define PR_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

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

/* Appends the default file: every key with its meaning, range and default, all commented out. */
void pr_config_default_file(struct pr_str *out);

/* Milliseconds since 1970 of "YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SSZ"; false for anything else. */
bool pr_config_parse_date(const char *text, int64_t *ret_ms);

#endif
