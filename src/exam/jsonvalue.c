/* JSON compared by structure; see jsonvalue.h. */
#include "exam/jsonvalue.h"

#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

/* Models like to wrap JSON in a Markdown fence: ```json … ``` */
static struct pr_text unfence(struct pr_text t)
{
    size_t n;
    const char *s = pr_utf8_trim(t.s, t.n, &n);
    const char *line = n >= 6 && !memcmp(s, "```", 3) ? memchr(s, '\n', n) : NULL;
    if (line && !memcmp(s + n - 3, "```", 3) && line < s + n - 3) {
        n = (size_t)(s + n - 3 - (line + 1));
        s = line + 1;
    }
    return (struct pr_text){.s = s, .n = n};
}

static json_t *parse(struct pr_text t)
{
    json_t *v = NULL;
    struct pr_error e;
    t = unfence(t);
    return pr_json_parse(t.s, t.n, PR_JSON_LENIENT | PR_JSON_ANY, NULL, &v, NULL, &e) ? NULL : v;
}

bool pr_json_text_valid(struct pr_text text)
{
    json_t *v = parse(text);
    json_decref(v);
    return v;
}

static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        if (json_is_integer(a) && json_is_integer(b))
            return json_integer_value(a) == json_integer_value(b);
        return json_number_value(a) == json_number_value(b);
    }
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        bool same = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; same && i < json_array_size(a); i++)
            same = equal(json_array_get(a, i), json_array_get(b, i));
        return same;
    }
    if (json_is_object(a)) {
        if (json_object_size(a) != json_object_size(b))
            return false;
        const char *key;
        json_t *v;
        json_object_foreach ((json_t *)a, key, v) {
            const json_t *other = json_object_get(b, key);
            if (!other || !equal(v, other))
                return false;
        }
        return true;
    }
    return json_equal(a, b);
}

bool pr_json_text_equal(struct pr_text a, struct pr_text b)
{
    json_t *x = parse(a), *y = parse(b);
    bool same = x && y && equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}
