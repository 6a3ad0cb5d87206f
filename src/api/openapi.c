/* See openapi.h. */
#include "api/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "api/router.h"
#include "api/schemas.h"

static json_t *ref(const char *name)
{
    struct pr_str text = PR_STR_INIT(200);
    json_t *o = json_object();
    pr_str_printf(&text, "#/components/schemas/%s", name);
    pr_json_set_str(o, "$ref", pr_str_cstr(&text));
    pr_str_done(&text);
    return o;
}

static json_t *schema_of(const char *name)
{
    return name ? ref(name) : json_loads("{\"type\":\"object\"}", 0, NULL);
}

static json_t *content(const char *type, json_t *schema)
{
    json_t *o = json_object(), *c = json_object();
    pr_json_set(c, "schema", schema);
    pr_json_set(o, type, c);
    return o;
}

static json_t *response(const char *text, json_t *body)
{
    json_t *o = json_object();
    pr_json_set_str(o, "description", text);
    if (body)
        pr_json_set(o, "content", body);
    return o;
}

static json_t *errors(const char *text)
{
    return response(text, content("application/json", ref("Error")));
}

/* ---- parameters ---- */

static json_t *choices(const char *s)
{
    json_t *list = json_array();
    while (s) {
        size_t n = strcspn(s, "|");
        json_array_append_new(list, json_stringn(s, n));
        s = s[n] ? s + n + 1 : NULL;
    }
    return list;
}

static json_t *fallback_of(const struct pr_api_param *p)
{
    if (p->type == PR_API_INT)
        return json_integer(strtoll(p->fallback, NULL, 10));
    if (p->type == PR_API_REAL)
        return json_real(strtod(p->fallback, NULL));
    if (p->type == PR_API_BOOL)
        return json_boolean(!strcmp(p->fallback, "true"));
    return json_string(p->fallback);
}

static json_t *param_schema(const struct pr_api_param *p)
{
    static const char *const types[] = {[PR_API_TEXT] = "string",
        [PR_API_INT] = "integer",
        [PR_API_REAL] = "number",
        [PR_API_CHOICE] = "string",
        [PR_API_BOOL] = "boolean"};
    json_t *o = json_object();
    bool number = p->type == PR_API_INT || p->type == PR_API_REAL;
    pr_json_set_str(o, "type", types[p->type]);
    if (number && (p->min != 0 || p->max != 0)) {
        pr_json_set_real(o, "minimum", p->min, NULL);
        pr_json_set_real(o, "maximum", p->max, NULL);
    }
    if (p->type == PR_API_TEXT)
        pr_json_set_int(o, "maxLength", p->max > 0 ? (int64_t)p->max : 256);
    if (p->choices)
        pr_json_set(o, "enum", choices(p->choices));
    if (p->fallback)
        pr_json_set(o, "default", fallback_of(p));
    return o;
}

static bool is_in_path(const char *path, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = path; (s = strchr(s, '{')); s++)
        if (!strncmp(s + 1, name, n) && s[n + 1] == '}')
            return true;
    return false;
}

static json_t *param(const char *path, const struct pr_api_param *p)
{
    json_t *o = json_object();
    bool in_path = is_in_path(path, p->name);
    pr_json_set_str(o, "name", p->name);
    pr_json_set_str(o, "in", in_path ? "path" : "query");
    pr_json_set_bool(o, "required", in_path || p->required);
    if (p->help)
        pr_json_set_str(o, "description", p->help);
    pr_json_set(o, "schema", param_schema(p));
    return o;
}

static json_t *params(const struct pr_api_route *r)
{
    static const struct pr_api_param any = {.name = "id", .type = PR_API_TEXT};
    json_t *list = json_array();
    bool named = false;
    for (size_t i = 0; i < r->n_params; i++) {
        named = named || !strcmp(r->params[i].name, "id");
        json_array_append_new(list, param(r->path, &r->params[i]));
    }
    if (is_in_path(r->path, "id") && !named)
        json_array_append_new(list, param(r->path, &any));
    return list;
}

/* The members of an action's body. */
static json_t *body(const struct pr_api_route *r)
{
    json_t *o = json_object(), *schema = json_object(), *members = json_object(),
           *required = json_array();
    for (size_t i = 0; i < r->n_params; i++) {
        pr_json_set(members, r->params[i].name, param_schema(&r->params[i]));
        if (r->params[i].required)
            json_array_append_new(required, json_string(r->params[i].name));
    }
    pr_json_set_str(schema, "type", "object");
    pr_json_set(schema, "properties", members);
    pr_json_set(schema, "required", required);
    pr_json_set_bool(schema, "additionalProperties", false);
    pr_json_set_bool(o, "required", true);
    pr_json_set(o, "content", content("application/json", schema));
    return o;
}

/* ---- operations ---- */

static json_t *token_needed(void)
{
    static const char *const schemes[] = {"token", "session"};
    json_t *list = json_array();
    for (size_t i = 0; i < 2; i++) {
        json_t *o = json_object();
        pr_json_set(o, schemes[i], json_array());
        json_array_append_new(list, o);
    }
    return list;
}

static void add_errors(json_t *responses, bool query, bool post)
{
    pr_json_set(responses, "401", errors("the token is needed"));
    pr_json_set(responses, "403", errors("another Host, or another site's request"));
    if (query || post) {
        pr_json_set(responses, "400", errors("a parameter is unknown, missing or wrong"));
        pr_json_set(responses, "404", errors("there is none of these"));
        pr_json_set(responses, "429", errors("too much at a time; Retry-After says when"));
    }
    if (post) {
        pr_json_set(responses, "413", errors("a body of more than 64 KiB"));
        pr_json_set(responses, "415", errors("the body is not JSON"));
    }
    pr_json_set(responses, "500", errors("it failed"));
    pr_json_set(responses, "503", errors("not now: no gradebook that can be read, or too slow"));
}

static json_t *operation(const struct pr_api_plugin *p, const struct pr_api_route *r, bool post)
{
    json_t *o = json_object(), *responses = json_object(), *tags = json_array();
    json_array_append_new(tags, json_string(p->name));
    pr_json_set_str(o, "summary", r->summary);
    pr_json_set(o, "tags", tags);
    if (post) {
        pr_json_set(o, "requestBody", body(r));
        pr_json_set(o, "security", token_needed());
    } else {
        pr_json_set(o, "parameters", params(r));
    }
    pr_json_set(responses, "200",
        response(r->summary, r->type && !post
                                 ? content(r->type, json_loads("{\"type\":\"string\"}", 0, NULL))
                                 : content("application/json", schema_of(r->schema))));
    if (!post)
        pr_json_set(responses, "304", response("as the ETag in If-None-Match", NULL));
    add_errors(responses, !r->sources, post);
    pr_json_set(o, "responses", responses);
    return o;
}

static json_t *own_operation(const struct pr_api_own_route *r)
{
    json_t *o = json_object(), *responses = json_object();
    bool post = !strcmp(r->method, "POST"), stream = !strcmp(r->path, "/api/events");
    pr_json_set_str(o, "summary", r->summary);
    if (!strcmp(r->path, "/api/login"))
        pr_json_set(o, "requestBody",
            json_loads("{\"required\":true,\"content\":{\"application/json\":{\"schema\":{"
                       "\"type\":\"object\",\"required\":[\"token\"],\"properties\":{\"token\":{"
                       "\"type\":\"string\"}}}}}}",
                0, NULL));
    if (stream)
        pr_json_set(responses, "200",
            response("a stream that does not end",
                content("text/event-stream", json_loads("{\"type\":\"string\"}", 0, NULL))));
    else if (post)
        pr_json_set(responses, "204", response("done", NULL));
    else
        pr_json_set(responses, "200",
            response(r->summary, content("application/json", schema_of(r->schema))));
    add_errors(responses, stream || post, post);
    if (!strcmp(r->path, "/readyz"))
        pr_json_set(responses, "503",
            response("not ready", content("application/json", schema_of(r->schema))));
    pr_json_set(o, "responses", responses);
    return o;
}

/* ---- the document ---- */

static json_t *path_of(json_t *paths, const char *path)
{
    json_t *o = json_object_get(paths, path);
    if (!o) {
        o = json_object();
        pr_json_set(paths, path, o);
    }
    return o;
}

static json_t *all_paths(void)
{
    json_t *paths = json_object();
    const struct pr_api_plugin *p = NULL;
    const struct pr_api_route *r;
    for (size_t k = 0; (r = pr_api_route_at(k, &p)); k++) {
        json_t *o = path_of(paths, r->path);
        if (r->get)
            pr_json_set(o, "get", operation(p, r, false));
        if (r->post)
            pr_json_set(o, "post", operation(p, r, true));
    }
    for (size_t i = 0; i < PR_API_OWN_NONE; i++)
        pr_json_set(path_of(paths, pr_api_own_routes[i].path),
            !strcmp(pr_api_own_routes[i].method, "POST") ? "post" : "get",
            own_operation(&pr_api_own_routes[i]));
    return paths;
}

static json_t *components(void)
{
    json_t *o = json_object();
    pr_json_set(o, "schemas", pr_api_schemas());
    pr_json_set(o, "securitySchemes",
        json_loads("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"session\":{\"type\":"
                   "\"apiKey\",\"in\":\"cookie\",\"name\":\"proctor_session\"}}",
            0, NULL));
    return o;
}

json_t *pr_api_openapi(void)
{
    json_t *o = json_object(), *info = json_object();
    pr_json_set_str(info, "title", "proctor");
    pr_json_set_str(info, "version", PR_VERSION);
    pr_json_set_str(info, "description",
        "Numbers that are not known are null with <name>_reason beside them. On loopback reading "
        "needs no token; off loopback everything does, and actions always.");
    pr_json_set_str(o, "openapi", "3.1.0");
    pr_json_set(o, "info", info);
    pr_json_set(o, "paths", all_paths());
    pr_json_set(o, "components", components());
    return o;
}
