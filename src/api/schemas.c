/* See schemas.h.  A schema is written as its members, `name:type name:type …`:
 *
 *   int num str bool time   a whole number, a number, a string, true or false, an ISO 8601 time
 *   obj any                 any object; anything
 *   <a|b|c>                 one of these strings
 *   @Name                   another schema
 *   {type}                  an object whose members all are of this type
 *   type?                   or null
 *   type[]                  an array of it; `num?[]`: whose items may be null
 *   name*:type              it may be missing
 *
 * Members that are not named may come beside those that are. */
#include "api/schemas.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

static const struct entry {
    const char *name;
    bool document; /* schema_version and at come in front */
    const char *members;
} table[] = {
#define PR_SCHEMA(name, members)      {#name, true, members},
#define PR_SCHEMA_PART(name, members) {#name, false, members},
#include "api/schemas.inc.h"
#undef PR_SCHEMA
#undef PR_SCHEMA_PART
};

/* ---- the notation ---- */

static json_t *typed(const char *type)
{
    json_t *o = json_object();
    pr_json_set_str(o, "type", type);
    return o;
}

static json_t *reference(const char *name, size_t n)
{
    struct pr_str text = PR_STR_INIT(200);
    json_t *o = json_object();
    pr_str_printf(&text, "#/components/schemas/%.*s", (int)n, name);
    pr_json_set_str(o, "$ref", pr_str_cstr(&text));
    pr_str_done(&text);
    return o;
}

static json_t *choice(const char *s, size_t n)
{
    json_t *o = typed("string"), *list = json_array();
    for (const char *end = s + n; s < end;) {
        size_t k = strcspn(s, "|>");
        json_array_append_new(list, json_stringn(s, k));
        s += k + 1;
    }
    pr_json_set(o, "enum", list);
    return o;
}

static json_t *or_null(json_t *schema)
{
    json_t *o = json_object(), *list = json_array();
    json_array_append_new(list, schema);
    json_array_append_new(list, typed("null"));
    pr_json_set(o, "anyOf", list);
    return o;
}

static json_t *array_of(json_t *schema)
{
    json_t *o = typed("array");
    pr_json_set(o, "items", schema);
    return o;
}

static json_t *word(const char *s, size_t n)
{
    static const struct {
        const char *word, *type;
    } words[] = {{"int", "integer"}, {"num", "number"}, {"str", "string"}, {"bool", "boolean"},
        {"obj", "object"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == n && !memcmp(words[i].word, s, n))
            return typed(words[i].type);
    json_t *o = json_object();
    if (n == 4 && !memcmp(s, "time", n)) {
        pr_json_set_str(o, "type", "string");
        pr_json_set_str(o, "format", "date-time");
        pr_json_set_str(
            o, "pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$");
    }
    return o;
}

/* Reads a type and goes past it. */
static json_t *read_type(const char **p)
{
    const char *s = *p;
    json_t *o;
    if (*s == '{') {
        s++;
        o = typed("object");
        pr_json_set(o, "additionalProperties", read_type(&s));
        s++;
    } else if (*s == '<') {
        size_t n = strcspn(s, ">");
        o = choice(s + 1, n - 1);
        s += n + 1;
    } else if (*s == '@') {
        size_t n = strcspn(++s, " ?[}");
        o = reference(s, n);
        s += n;
    } else {
        size_t n = strcspn(s, " ?[}");
        o = word(s, n);
        s += n;
    }
    for (; *s == '?' || *s == '['; s += *s == '?' ? 1 : 2)
        o = *s == '?' ? or_null(o) : array_of(o);
    *p = s;
    return o;
}

static void read_members(const char *s, json_t *properties, json_t *required)
{
    while (*s) {
        size_t n = strcspn(s, ":");
        bool optional = s[n - 1] == '*';
        char *name = pr_strndup(s, optional ? n - 1 : n);
        s += n + 1;
        pr_json_set(properties, name, read_type(&s));
        if (!optional)
            json_array_append_new(required, json_string(name));
        pr_free(name);
        s += strspn(s, " ");
    }
}

static json_t *schema_of(const struct entry *x)
{
    json_t *o = typed("object"), *properties = json_object(), *required = json_array();
    if (x->document)
        read_members("schema_version:int at:time", properties, required);
    read_members(x->members, properties, required);
    pr_json_set(o, "properties", properties);
    pr_json_set(o, "required", required);
    return o;
}

json_t *pr_api_schemas(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        pr_json_set(all, table[i].name, schema_of(&table[i]));
    return all;
}

bool pr_api_schema_known(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return true;
    return false;
}
