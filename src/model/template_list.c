/* Several named chat templates in one tokenizer_config.json. */
#include <string.h>

#include "base/alloc.h"
#include "model/template.h"

static const char *named(const json_t *list, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        const char *n = json_string_value(json_object_get(item, "name"));
        if (n && !strcmp(n, name))
            return json_string_value(json_object_get(item, "template"));
    }
    return NULL;
}

/* A template's own text ends without its last newline (Jinja's keep_trailing_newline is off). */
static void put_body(struct pr_str *out, const char *body)
{
    size_t n = strlen(body);
    pr_str_append(out, body, n && body[n - 1] == '\n' ? n - 1 : n);
}

char *pr_template_choose(const json_t *v)
{
    const char *text = json_is_array(v) ? named(v, "default") : json_string_value(v);
    const char *tools = named(v, "tool_use");
    if (!text || !tools)
        return text ? pr_strdup(text) : NULL;
    /* One template that chooses; "+" keeps the tags from trimming what is around them. */
    struct pr_str out = PR_STR_INIT(strlen(text) + strlen(tools) + 256);
    pr_str_puts(&out, "{%+ if tools is defined and tools is not none +%}");
    put_body(&out, tools);
    pr_str_puts(&out, "{%+ else +%}");
    put_body(&out, text);
    pr_str_puts(&out, "{%+ endif +%}");
    return pr_str_take(&out);
}
