/* YAML as a tree that remembers its lines, over libyaml's events: this header's .c file is the only
 * one that includes it.  (libcyaml maps YAML onto fixed structs: it has neither maps with free
 * keys, which `models.bases` is, nor line numbers for keys that it does not know.)
 *
 * Bounded before anything is built: bytes, depth, nodes; anchors and aliases are refused, so that a
 * small file cannot unfold into a large tree; repeated keys are errors. */
#ifndef PR_DAEMON_CONFIG_YAML_H
#define PR_DAEMON_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

enum pr_yaml_type { PR_YAML_SCALAR, PR_YAML_LIST, PR_YAML_MAP };

struct pr_yaml {
    enum pr_yaml_type type;
    size_t line; /* from 1 */
    char *key;   /* of a map's member, else NULL */
    char *text;  /* of a scalar */
    bool quoted; /* a scalar in quotes is text whatever it looks like */
    struct pr_yaml **items;
    size_t n, cap;
};

/* Parses n bytes; name starts messages ("proctor.yaml:3: …").  *ret NULL for an empty document. */
PR_MUST_CHECK enum pr_code pr_yaml_parse(
    const char *text, size_t n, const char *name, struct pr_yaml **ret, struct pr_error *e);
void pr_yaml_free(struct pr_yaml *y);

/* The value as JSON by YAML's core rules: null, true, false, numbers, else text.  New reference. */
json_t *pr_yaml_to_json(const struct pr_yaml *y);
/* A plain scalar that is a number, exactly as JSON's rules read it. */
bool pr_yaml_is_null(const struct pr_yaml *y);

#endif
