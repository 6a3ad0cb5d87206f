/* libyaml's events into a tree. */
#include "daemon/config_yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"

#define MAX_BYTES ((size_t)1 << 20)
#define MAX_DEPTH 32
#define MAX_NODES 10000

struct reader {
    yaml_parser_t parser;
    const char *name;
    size_t depth, nodes;
    struct pr_error *e;
};

void pr_yaml_free(struct pr_yaml *y)
{
    if (!y)
        return;
    for (size_t i = 0; i < y->n; i++)
        pr_yaml_free(y->items[i]);
    pr_free(y->items);
    pr_free(y->key);
    pr_free(y->text);
    pr_free(y);
}

static enum pr_code next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return PR_OK;
    const yaml_parser_t *p = &r->parser;
    return pr_fail(r->e, PR_E_FORMAT, "%s:%zu: not valid YAML: %s", r->name,
        p->problem_mark.line + 1, p->problem ? p->problem : "unreadable");
}

static enum pr_code read_node(struct reader *r, yaml_event_t *event, struct pr_yaml **ret);

static enum pr_code check_key(
    struct reader *r, const struct pr_yaml *map, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    if (event->type != YAML_SCALAR_EVENT)
        return pr_fail(r->e, PR_E_FORMAT, "%s:%zu: a key must be plain text", r->name, line);
    const char *key = (const char *)event->data.scalar.value;
    for (size_t i = 0; i < map->n; i++)
        if (!strcmp(map->items[i]->key, key))
            return pr_fail(r->e, PR_E_FORMAT, "%s:%zu: key '%s' was already given on line %zu",
                r->name, line, key, map->items[i]->line);
    return PR_OK;
}

/* The members of a list or map up to its end event. */
static enum pr_code read_items(struct reader *r, struct pr_yaml *y)
{
    yaml_event_type_t end =
        y->type == PR_YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (;;) {
        yaml_event_t event;
        enum pr_code code = next_event(r, &event);
        if (code)
            return code;
        if (event.type == end) {
            yaml_event_delete(&event);
            return PR_OK;
        }
        char *key = NULL;
        size_t line = event.start_mark.line + 1;
        if (y->type == PR_YAML_MAP) {
            code = check_key(r, y, &event);
            if (!code)
                key = pr_strdup((const char *)event.data.scalar.value);
            yaml_event_delete(&event);
            if (code || (code = next_event(r, &event))) {
                pr_free(key);
                return code;
            }
        }
        struct pr_yaml *item = NULL;
        code = read_node(r, &event, &item);
        if (code) {
            pr_free(key);
            return code;
        }
        item->key = key;
        if (key)
            item->line = line;
        PR_PUSH(y->items, y->n, y->cap, item);
    }
}

/* Builds the node that `event` begins; consumes the event. */
static enum pr_code read_node(struct reader *r, yaml_event_t *event, struct pr_yaml **ret)
{
    size_t line = event->start_mark.line + 1;
    bool scalar = event->type == YAML_SCALAR_EVENT, alias = event->type == YAML_ALIAS_EVENT;
    const yaml_char_t *anchor =
        scalar                                     ? event->data.scalar.anchor
        : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
        : event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.anchor
                                                   : NULL;
    bool refused = alias || anchor;
    struct pr_yaml *y = pr_zalloc(sizeof *y);
    y->line = line;
    y->type = scalar                                    ? PR_YAML_SCALAR
              : event->type == YAML_MAPPING_START_EVENT ? PR_YAML_MAP
                                                        : PR_YAML_LIST;
    if (scalar) {
        y->text = pr_strndup((const char *)event->data.scalar.value, event->data.scalar.length);
        y->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    }
    yaml_event_delete(event);
    enum pr_code code = PR_OK;
    if (refused)
        code = pr_fail(
            r->e, PR_E_UNSUPPORTED, "%s:%zu: anchors and aliases are not supported", r->name, line);
    else if (++r->nodes > MAX_NODES || r->depth == MAX_DEPTH)
        code = pr_fail(r->e, PR_E_LIMIT, "%s:%zu: more than %d values or %d levels", r->name, line,
            MAX_NODES, MAX_DEPTH);
    else if (!scalar) {
        r->depth++;
        code = read_items(r, y);
        r->depth--;
    }
    if (code)
        pr_yaml_free(y);
    else
        *ret = y;
    return code;
}

static enum pr_code read_document(struct reader *r, struct pr_yaml **ret)
{
    yaml_event_t event;
    bool seen = false;
    for (;;) {
        enum pr_code code = next_event(r, &event);
        if (code)
            return code;
        switch (event.type) {
        case YAML_STREAM_END_EVENT:
            yaml_event_delete(&event);
            return PR_OK;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            yaml_event_delete(&event);
            break;
        default:
            if (seen) {
                size_t line = event.start_mark.line + 1;
                yaml_event_delete(&event);
                return pr_fail(r->e, PR_E_FORMAT, "%s:%zu: a second document; one was expected",
                    r->name, line);
            }
            seen = true;
            if ((code = read_node(r, &event, ret)))
                return code;
        }
    }
}

enum pr_code pr_yaml_parse(
    const char *text, size_t n, const char *name, struct pr_yaml **ret, struct pr_error *e)
{
    struct reader r = {.name = name, .e = e};
    struct pr_yaml *root = NULL;
    if (n > MAX_BYTES)
        return pr_fail(e, PR_E_LIMIT, "%s: %zu bytes, at most %zu are taken", name, n, MAX_BYTES);
    if (!yaml_parser_initialize(&r.parser))
        return pr_fail(e, PR_E_MEMORY, "%s: no memory for the YAML parser", name);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    enum pr_code code = read_document(&r, &root);
    yaml_parser_delete(&r.parser);
    if (code)
        pr_yaml_free(root);
    else
        *ret = root;
    return code;
}

bool pr_yaml_is_null(const struct pr_yaml *y)
{
    return y->type == PR_YAML_SCALAR && !y->quoted &&
           (!*y->text || !strcmp(y->text, "~") || !strcmp(y->text, "null"));
}

static json_t *scalar_to_json(const struct pr_yaml *y)
{
    const char *s = y->text;
    char *end;
    if (pr_yaml_is_null(y))
        return json_null();
    if (!y->quoted && (!strcmp(s, "true") || !strcmp(s, "false")))
        return json_boolean(*s == 't');
    if (!y->quoted && strspn(s, "+-.0123456789eE") == strlen(s)) {
        errno = 0;
        long long i = strtoll(s, &end, 10);
        if (!*end && !errno)
            return json_integer(i);
        double x = strtod(s, &end);
        if (!*end && isfinite(x))
            return json_real(x);
    }
    return json_string(s);
}

json_t *pr_yaml_to_json(const struct pr_yaml *y)
{
    if (y->type == PR_YAML_SCALAR)
        return scalar_to_json(y);
    json_t *v = y->type == PR_YAML_MAP ? json_object() : json_array();
    for (size_t i = 0; i < y->n; i++) {
        json_t *item = pr_yaml_to_json(y->items[i]);
        if (y->type == PR_YAML_MAP)
            json_object_set_new(v, y->items[i]->key, item);
        else
            json_array_append_new(v, item);
    }
    return v;
}
