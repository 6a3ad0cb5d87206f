/* The table of configuration keys, for the files that are config.h's inside: the parser, the
 * setter of values, the default file and the documentation. */
#ifndef PR_DAEMON_CONFIG_KEYS_H
#define PR_DAEMON_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/config.h"
#include "daemon/config_yaml.h"

enum pr_config_kind {
    PR_CONFIG_INT,        /* int64_t in [min, max] */
    PR_CONFIG_REAL,       /* double in [min, max] */
    PR_CONFIG_BOOL,       /* bool */
    PR_CONFIG_CHOICE,     /* char *, one of choices */
    PR_CONFIG_FOLDER,     /* char *, relative to the base folder; NULL without a default */
    PR_CONFIG_DATE,       /* char * */
    PR_CONFIG_FOLDER_MAP, /* bases and n_bases */
    PR_CONFIG_VALUE_MAP,  /* json_t *, an object of anything */
    PR_CONFIG_SYSTEMS,    /* json_t *, an array of names of systems */
    PR_CONFIG_SECONDS,    /* json_t *, an object: name of a system → seconds in [min, max] */
    PR_CONFIG_WEIGHTS,    /* double[PR_SCORE_PARTS] */
    PR_CONFIG_EDGES,      /* settings.edges and settings.n_bins */
    PR_CONFIG_PATHS,      /* json_t *, an array of files and folders, relative to the base folder */
    PR_CONFIG_COMMAND,    /* json_t *, an array: a program and its arguments */
    PR_CONFIG_TEXT,       /* char *, one line; NULL without a default */
    PR_CONFIG_TEXTS,      /* json_t *, an array of texts */
    PR_CONFIG_FILE,       /* as PR_CONFIG_FOLDER */
};

struct pr_config_key {
    const char *section, *name;
    enum pr_config_kind kind;
    size_t offset;        /* of the field in struct pr_config */
    const char *fallback; /* the default as it would stand in the file; NULL: none */
    double min, max;
    const char *choices; /* "f32|bf16|auto" */
    const char *help;    /* a sentence without a full stop */
    const char *example; /* a value, where the default does not show what one looks like */
};

const struct pr_config_key *pr_config_keys(size_t *ret_n);
/* NULL: there is none. */
const struct pr_config_key *pr_config_key_find(
    const char *section, size_t section_len, const char *name);
/* What a value of this key must be: "a whole number from 0 to 4096". */
void pr_config_key_expects(const struct pr_config_key *k, struct pr_str *out);

/* Where a value stands, for messages. */
struct pr_config_place {
    const char *name; /* "proctor.yaml"; NULL: the value is from elsewhere and has no line */
    struct pr_error *e;
};
/* Sets the key's field from y (not null), replacing and freeing what was there; on failure nothing
 * has changed. */
PR_MUST_CHECK enum pr_code pr_config_value_set(const struct pr_config_place *p,
    const struct pr_config_key *k, const struct pr_yaml *y, struct pr_config *c);
/* The same from text, as the file or a command line would have it; NULL or "" is the default. */
PR_MUST_CHECK enum pr_code pr_config_value_set_text(const struct pr_config_place *p,
    const struct pr_config_key *k, const char *text, struct pr_config *c);
/* Replaces the field, copied bit by bit from another configuration, by a copy of its own. */
void pr_config_value_own(const struct pr_config_key *k, struct pr_config *c);
/* Do both have the same value? */
bool pr_config_value_same(
    const struct pr_config_key *k, const struct pr_config *a, const struct pr_config *b);
/* Frees what the field owns. */
void pr_config_value_done(const struct pr_config_key *k, struct pr_config *c);

#endif
