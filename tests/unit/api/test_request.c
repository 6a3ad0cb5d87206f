/* From an address to checked values: router and parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/request.h"
#include "api/router.h"

static enum pr_code nothing(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)x;
    (void)q;
    *ret = json_object();
    (void)e;
    return PR_OK;
}

static const struct pr_api_param params[] = {
    {.name = "id", .type = PR_API_INT, .min = 1, .max = 1000, .required = true},
    {.name = "limit", .type = PR_API_INT, .fallback = "50", .min = 1, .max = 500},
    {.name = "x", .type = PR_API_REAL, .min = 0, .max = 0.9999},
    {.name = "any", .type = PR_API_INT},
    {.name = "state", .type = PR_API_CHOICE, .fallback = "all", .choices = "all|open"},
    {.name = "text", .type = PR_API_TEXT, .max = 10},
    {.name = "flag", .type = PR_API_BOOL},
};
static const struct pr_api_route route = {.path = "/api/things/{id}/part",
    .params = params,
    .n_params = sizeof params / sizeof *params,
    .get = nothing};
static const struct pr_api_param of_action[] = {
    {.name = "alert", .type = PR_API_INT, .min = 1, .max = 1e15, .required = true},
    {.name = "note", .type = PR_API_TEXT, .max = 10},
    {.name = "loud", .type = PR_API_BOOL, .fallback = "false"},
};
static const struct pr_api_route action = {
    .path = "/api/actions/acknowledge", .params = of_action, .n_params = 3, .post = nothing};

static enum pr_code parse(
    struct pr_api_request *q, const char *path, const char *query, struct pr_error *e)
{
    *q = (struct pr_api_request){0};
    return pr_api_request_parse(q, &route, path, strlen(path), query, e);
}

static void values_are_what_was_given_or_the_fallback(void **state)
{
    struct pr_api_request q;
    struct pr_error e;
    int64_t i = -1;
    double x;
    (void)state;
    assert_int_equal(
        parse(&q, "/api/things/12/part", "x=0.5&text=a%20%C3%A4+b&flag=true&&any=-3", &e), PR_OK);
    assert_true(pr_api_int(&q, "id", &i) && i == 12);
    assert_true(pr_api_int(&q, "limit", &i) && i == 50);
    assert_true(pr_api_int(&q, "any", &i) && i == -3);
    assert_true(pr_api_int(&q, "flag", &i) && i == 1);
    assert_true(pr_api_real(&q, "x", &x) && x == 0.5);
    assert_string_equal(pr_api_text(&q, "text"), "a ä b");
    assert_string_equal(pr_api_text(&q, "state"), "all");
    pr_api_request_done(&q);
    assert_int_equal(parse(&q, "/api/things/12/part", NULL, &e), PR_OK);
    assert_false(pr_api_real(&q, "x", &x));
    assert_null(pr_api_text(&q, "text"));
    pr_api_request_done(&q);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *path, *query, *part;
    } cases[] = {
        {"/api/things/x/part", NULL, "id: 'x' is not a whole number"},
        {"/api/things/0/part", NULL, "id: 0 is out of range, 1 to 1000"},
        {"/api/things/1001/part", NULL, "out of range"},
        {"/api/things/%31%/part", NULL, "id: not UTF-8"},
        {"/api/things/1/part", "limit=0", "limit: 0 is out of range"},
        {"/api/things/1/part", "limit=", "limit: '' is not a whole number"},
        {"/api/things/1/part", "limit", "limit: '' is not a whole number"},
        {"/api/things/1/part", "limit=1e2", "limit: '1e2'"},
        {"/api/things/1/part", "limit=0x10", "limit: '0x10'"},
        {"/api/things/1/part", "limit=%201", "limit: ' 1'"},
        {"/api/things/1/part", "limit=99999999999999999999", "limit"},
        {"/api/things/1/part", "limit=1&limit=1", "limit: given twice"},
        {"/api/things/1/part", "x=nan", "x: 'nan' is not a number"},
        {"/api/things/1/part", "x=inf", "x"},
        {"/api/things/1/part", "x=1e999", "x"},
        {"/api/things/1/part", "x=1", "x: 1 is out of range"},
        {"/api/things/1/part", "state=op", "state: 'op' is none of all|open"},
        {"/api/things/1/part", "state=", "state"},
        {"/api/things/1/part", "state=all%7Copen", "state"},
        {"/api/things/1/part", "text=12345678901", "text: longer than 10 bytes"},
        {"/api/things/1/part", "text=%00", "text: a broken escape"},
        {"/api/things/1/part", "text=%ff", "text"},
        {"/api/things/1/part", "text=%4", "text"},
        {"/api/things/1/part", "%zz=1", "query"},
        {"/api/things/1/part", "flag=1", "flag: '1' is neither true nor false"},
        {"/api/things/1/part", "other=1", "other: /api/things/{id}/part knows no such parameter"},
        {"/api/things/1/part", "id=2", "id: /api/things/{id}/part knows no such parameter"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_api_request q;
        struct pr_error e = {0};
        enum pr_code code = parse(&q, cases[i].path, cases[i].query, &e);
        if (code != PR_E_USAGE || !strstr(e.message, cases[i].part))
            fail_msg("%s?%s: %d %s", cases[i].path, cases[i].query, code, e.message);
        pr_api_request_done(&q);
    }
}

static enum pr_code body(struct pr_api_request *q, const char *text, struct pr_error *e)
{
    *q = (struct pr_api_request){0};
    assert_int_equal(
        pr_api_request_parse(q, &action, action.path, strlen(action.path), NULL, e), PR_OK);
    return pr_api_request_body(q, text, strlen(text), e);
}

static void a_body_is_an_object_of_the_actions_members(void **state)
{
    static const char *const bad[] = {"", "[]", "{", "{}", "{\"alert\": \"1\"}", "{\"alert\": 1.5}",
        "{\"alert\": 0}", "{\"alert\": 1, \"alert\": 2}", "{\"alert\": 1, \"other\": 2}",
        "{\"alert\": 1, \"note\": 5}", "{\"alert\": 1, \"note\": \"12345678901\"}",
        "{\"alert\": 1, \"loud\": \"true\"}", "{\"alert\": null}", "{\"alert\": 1} {}"};
    struct pr_api_request q;
    struct pr_error e;
    int64_t i = 0;
    (void)state;
    assert_int_equal(body(&q, "{\"alert\": 12, \"note\": null, \"loud\": true}", &e), PR_OK);
    assert_true(pr_api_int(&q, "alert", &i) && i == 12);
    assert_true(pr_api_int(&q, "loud", &i) && i == 1);
    assert_null(pr_api_text(&q, "note"));
    assert_true(json_is_object(pr_api_body(&q)));
    pr_api_request_done(&q);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        enum pr_code code = body(&q, bad[k], &e);
        if (code != PR_E_USAGE && code != PR_E_FORMAT)
            fail_msg("%s: %d", bad[k], code);
        pr_api_request_done(&q);
    }
}

static struct pr_api_match find(const char *method, const char *path)
{
    struct pr_api_match m;
    pr_api_router_find(method, path, strlen(path), &m);
    return m;
}

static void a_route_is_found_by_method_and_path(void **state)
{
    (void)state;
    struct pr_api_match m = find("GET", "/api/status");
    assert_string_equal(m.route->path, "/api/status");
    assert_ptr_equal(pr_api_route_at(m.index, NULL), m.route);
    assert_non_null(find("HEAD", "/api/status").route);
    assert_string_equal(find("GET", "/api/checkpoints/5").route->path, "/api/checkpoints/{id}");
    assert_string_equal(find("POST", "/api/status").allow, "GET, HEAD");
    assert_string_equal(find("GET", "/api/logout").allow, "POST");
    assert_int_equal(find("GET", "/healthz").own, PR_API_OWN_HEALTHZ);
    assert_int_equal(find("POST", "/api/login").own, PR_API_OWN_LOGIN);
    static const char *const none[] = {"/", "", "/api", "/api/", "/api/statu", "/api/statuss",
        "/api/status/", "//api/status", "/api/checkpoints/", "/api/checkpoints/5/6", "/API/status"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        m = find("GET", none[i]);
        if (m.route || m.own != PR_API_OWN_NONE || m.allow[0])
            fail_msg("%s", none[i]);
    }
}

/* What the HTTP side and the OpenAPI document rely on of the table. */
static void the_table_of_routes_keeps_its_promises(void **state)
{
    const struct pr_api_route *r;
    (void)state;
    for (size_t k = 0; (r = pr_api_route_at(k, NULL)); k++) {
        if (!r->summary || r->path[0] != '/' || (!r->get && !r->post) || (r->sources && !r->get) ||
            (r->sources && r->n_params) || r->n_params > PR_API_MAX_VALUES)
            fail_msg("%s", r->path);
        for (size_t i = 0; i < r->n_params; i++) {
            const struct pr_api_param *p = &r->params[i];
            if ((p->type == PR_API_CHOICE) != !!p->choices || (p->required && p->fallback) ||
                p->min > p->max)
                fail_msg("%s: %s", r->path, p->name);
        }
        for (size_t i = 0; i < k; i++) {
            const struct pr_api_route *o = pr_api_route_at(i, NULL);
            if (!strcmp(o->path, r->path) && ((o->get && r->get) || (o->post && r->post)))
                fail_msg("%s is there twice", r->path);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_what_was_given_or_the_fallback),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_body_is_an_object_of_the_actions_members),
        cmocka_unit_test(a_route_is_found_by_method_and_path),
        cmocka_unit_test(the_table_of_routes_keeps_its_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
