/* Chat templates: what each construct renders, what is refused, and that limits hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "model/template.h"

struct result {
    enum pr_code code;
    struct pr_str text;
    struct pr_error e;
};

static struct result render_with(
    const char *source, const char *vars, const struct pr_template_options *options)
{
    struct result r = {.text = PR_STR_INIT((size_t)64 << 20)};
    struct pr_template *t;
    json_t *v;
    assert_int_equal(pr_json_parse(vars, strlen(vars), 0, "vars", &v, NULL, &r.e), PR_OK);
    r.code = pr_template_compile(source, strlen(source), &t, &r.e);
    if (!r.code) {
        r.code = pr_template_render(t, v, options, &r.text, &r.e);
        pr_template_free(t);
    }
    json_decref(v);
    return r;
}

static void expect(const char *source, const char *vars, const char *text)
{
    struct result r = render_with(source, vars, NULL);
    if (r.code)
        fail_msg("%s: %s", source, r.e.message);
    assert_string_equal(pr_str_cstr(&r.text), text);
    pr_str_done(&r.text);
}

static void expect_error(const char *source, enum pr_code code, const char *message)
{
    struct result r = render_with(source, "{\"s\":\"abc\",\"n\":5,\"d\":{\"a\":1}}", NULL);
    if (r.code != code)
        fail_msg("%s: code %d, message %s", source, (int)r.code, r.code ? r.e.message : "(none)");
    assert_string_equal(r.e.message, message);
    assert_int_equal(r.text.len, 0);
    pr_str_done(&r.text);
}

static void white_space_follows_trim_and_lstrip_blocks(void **state)
{
    (void)state;
    expect("a\n  {% if true %}\n b\n  {% endif %}\nc\n", "{}", "a\n b\nc");
    expect("a \n {%- if true -%} \n b {%- endif %}\n\n", "{}", "ab");
    expect("  {%+ if true +%}\nx{% endif %}", "{}", "  \nx");
    expect("a {{- ' b ' -}} \n c", "{}", "a b c");
    expect("x\n  {# gone #}\ny {#- gone -#} z", "{}", "x\nyz");
    expect("{% raw %}{{ no }}{% endraw %}\n!", "{}", "{{ no }}!");
    expect("a\r\nb\rc\n", "{}", "a\nb\nc");
}

static void loops_know_where_they_are(void **state)
{
    (void)state;
    expect("{% for x in l %}{{ loop.index }}/{{ loop.length }}{{ x }}{% if not loop.last %}, "
           "{% endif %}{% else %}none{% endfor %}",
        "{\"l\":[\"a\",\"b\"]}", "1/2a, 2/2b");
    expect("{% for k, v in d.items() if v > 1 %}{{ k }}={{ v }};{% endfor %}",
        "{\"d\":{\"a\":1,\"b\":2,\"c\":3}}", "b=2;c=3;");
    expect("{% for x in [1,2,3,4] %}{% if x == 2 %}{% continue %}{% elif x == 4 %}{% break %}"
           "{% endif %}{{ x }}{% endfor %}",
        "{}", "13");
    expect(
        "{% for x in t recursive %}{{ x.n }}{% if x.c %}({{ loop(x.c) }}){% endif %}{% endfor %}",
        "{\"t\":[{\"n\":1,\"c\":[{\"n\":2},{\"n\":3}]}]}", "1(23)");
}

static void a_loops_assignments_end_with_it_unless_in_a_namespace(void **state)
{
    (void)state;
    expect("{% set x = 1 %}{% set ns = namespace(x=1) %}{% for i in [7,8] %}{{ x }}{% set x = i %}"
           "{% set ns.x = i %}{% endfor %}{{ x }}{{ ns.x }}",
        "{}", "1118");
    expect("{% if false %}{% set tools = none %}{% endif %}{{ tools }}", "{\"tools\":5}", "5");
    expect("{% for i in [1] %}{{ x }}{% endfor %}{% set x = 2 %}", "{\"x\":5}", "");
}

static void macros_take_defaults_keywords_and_callers(void **state)
{
    (void)state;
    expect("{% macro m(a, b='B') %}{{ a }}{{ b }}{{ kwargs }}{{ varargs }}{% endmacro %}"
           "{{ m(1) }} {{ m(1, 2, 3, c=4) }}",
        "{}", "1B{}() 12{'c': 4}(3,)");
    expect("{% macro m() %}<{{ caller('x') }}>{% endmacro %}{% call(v) m() %}{{ v }}!{% endcall %}",
        "{}", "<x!>");
    expect("{% set x %}a{{ 1 }}{% endset %}{{ x|upper }}{% filter upper %}b{% endfilter %}", "{}",
        "A1B");
    expect("{% generation %}g{% set y = 1 %}{% endgeneration %}{{ y }}", "{}", "g");
}

static void values_print_as_python_prints_them(void **state)
{
    (void)state;
    expect("{{ v }}", "{\"v\":[null,true,1,1.0,1e16,0.1,\"it's\",{\"a\\n\":\"\\\"\"}]}",
        "[None, True, 1, 1.0, 1e+16, 0.1, \"it's\", {'a\\n': '\"'}]");
    expect("{{ 7 // -2 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ 1 / 2 }} {{ -2 ** 2 }} {{ 10 // 3.0 }}",
        "{}", "-4 2 64 0.5 4 3.0");
    expect(
        "{{ 'äöü'[1] }}{{ 'äöü'|length }}{{ 'äöü'[::-1] }}{{ [1,2,3][-2:] }}", "{}", "ö3üöä[2, 3]");
}

static void tojson_is_pythons_dumps(void **state)
{
    (void)state;
    expect("{{ v|tojson }}", "{\"v\":{\"b\":[1,2.0,\"<é\\u2028\\u0001>\"],\"a\":{}}}",
        "{\"b\": [1, 2.0, \"<é\xe2\x80\xa8\\u0001>\"], \"a\": {}}");
    expect("{{ v|tojson(indent=2, sort_keys=true) }}", "{\"v\":{\"b\":[1],\"a\":[]}}",
        "{\n  \"a\": [],\n  \"b\": [\n    1\n  ]\n}");
    expect("{{ v|tojson(ensure_ascii=true, separators=(',', ':')) }}", "{\"v\":{\"a\":\"é😀\"}}",
        "{\"a\":\"\\u00e9\\ud83d\\ude00\"}");
}

static void dates_are_the_configured_one(void **state)
{
    (void)state;
    struct pr_template_options options = {.now_utc_ms = 1732365296789};
    struct result r =
        render_with("{{ strftime_now('%d %b %Y %A %H:%M:%S %j %%') }}", "{}", &options);
    assert_int_equal(r.code, PR_OK);
    assert_string_equal(pr_str_cstr(&r.text), "23 Nov 2024 Saturday 12:34:56 328 %");
    pr_str_done(&r.text);
}

static void exceptions_carry_the_templates_own_text(void **state)
{
    (void)state;
    expect_error("x\n{{ raise_exception('Only user and assistant!') }}", PR_E_TEMPLATE,
        "Only user and assistant!");
    expect_error("\n{{ nothing.at.all }}", PR_E_TEMPLATE, "line 2: 'nothing' is undefined");
    expect_error("a\n\n{{ d.x.y }}", PR_E_TEMPLATE, "line 3: 'dict object' has no attribute 'x'");
    expect_error(
        "{{ 'a' + n }}", PR_E_TEMPLATE, "line 1: can only concatenate str (not \"int\") to str");
    expect_error(
        "{{ s.upper(1) }}", PR_E_TEMPLATE, "line 1: upper() takes at most 0 arguments (1 given)");
}

static void the_sandbox_hides_what_changes_or_leaves_it(void **state)
{
    (void)state;
    expect("{{ l.append }}{{ d.pop }}{{ l.__class__ }}", "{\"l\":[],\"d\":{}}", "");
    expect_error("{{ d.update({}) }}", PR_E_TEMPLATE,
        "line 1: access to attribute 'update' of 'dict' object is unsafe.");
}

static void what_is_outside_the_language_is_named(void **state)
{
    (void)state;
    expect_error("{% include 'x' %}", PR_E_UNSUPPORTED,
        "line 1: the statement 'include' is not supported in chat templates");
    expect_error(
        "{{ [1]|random }}", PR_E_UNSUPPORTED, "line 1: the filter 'random' is not supported");
    expect_error("{{ 1|nope }}", PR_E_FORMAT, "line 1: No filter named 'nope'.");
    expect_error("\n{% do x %}", PR_E_FORMAT, "line 2: Encountered unknown tag 'do'.");
    expect_error(
        "{% if x %}", PR_E_FORMAT, "line 1: Unexpected end of template, looking for 'elif'");
    expect_error("{{ 'a }}", PR_E_FORMAT, "line 1: unexpected char ''' at byte 3");
    expect_error("{{ (1] }}", PR_E_FORMAT, "line 1: unexpected ']', expected ')'");
    expect_error("{% break %}", PR_E_FORMAT, "line 1: 'break' outside loop");
}

static void hostile_templates_meet_limits(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 1000000 }}{% endfor %}",
        "{{ 'x' * 99999999999 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor "
        "%}"
        "{{ ns.l }}",
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
        "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}"
        "{% endfor %}",
        "{{ 'a'.center(99999999999) }}{{ '%99999999d' % 1 }}{{ '{:>99999999999}'.format(1) }}",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct result r = render_with(hostile[i], "{}", NULL);
        if (r.code != PR_E_LIMIT)
            fail_msg("%s: code %d %s", hostile[i], (int)r.code, r.code ? r.e.message : "");
        pr_str_done(&r.text);
    }
    char deep[4000] = "{{ ";
    memset(deep + 3, '(', 2000);
    struct result r = render_with(deep, "{}", NULL);
    assert_int_equal(r.code, PR_E_LIMIT);
    struct pr_template_options small = {.max_output = 10, .max_steps = 0};
    r = render_with("12345678901", "{}", &small);
    assert_int_equal(r.code, PR_E_LIMIT);
    small = (struct pr_template_options){.max_steps = 50};
    r = render_with("{% for i in range(100) %}{% endfor %}", "{}", &small);
    assert_int_equal(r.code, PR_E_LIMIT);
}

static void output_is_appended_and_untouched_on_failure(void **state)
{
    (void)state;
    struct pr_template *t;
    struct pr_error e;
    struct pr_str out = PR_STR_INIT(1000);
    pr_str_puts(&out, "before ");
    const char *source = "{{ x }}{% if not x %}{{ raise_exception('no') }}{% endif %}";
    assert_int_equal(pr_template_compile(source, strlen(source), &t, &e), PR_OK);
    json_t *vars = json_pack("{s:i}", "x", 0);
    assert_int_equal(pr_template_render(t, vars, NULL, &out, &e), PR_E_TEMPLATE);
    assert_string_equal(pr_str_cstr(&out), "before ");
    json_object_set_new(vars, "x", json_integer(7));
    assert_int_equal(pr_template_render(t, vars, NULL, &out, &e), PR_OK);
    assert_string_equal(pr_str_cstr(&out), "before 7");
    json_decref(vars);
    pr_template_free(t);
    pr_str_done(&out);
}

struct job {
    const struct pr_template *t;
    int id, wrong;
};

static void *render_many(void *arg)
{
    struct job *job = arg;
    for (int i = 0; i < 200; i++) {
        char want[32];
        snprintf(want, sizeof want, "%d-%d %d;", job->id, i, job->id);
        struct pr_str out = PR_STR_INIT(1000);
        json_t *vars = json_pack("{s:i,s:[i]}", "i", i, "l", job->id);
        if (pr_template_render(job->t, vars, NULL, &out, NULL) || strcmp(pr_str_cstr(&out), want))
            job->wrong++;
        json_decref(vars);
        pr_str_done(&out);
    }
    return NULL;
}

static void threads_share_a_template(void **state)
{
    (void)state;
    struct pr_template *t;
    struct pr_error e;
    const char *source =
        "{% set d = {'k': l[0]} %}{{ l[0] }}-{{ i }}{% for x in l %} {{ d.k }}{% endfor %};";
    assert_int_equal(pr_template_compile(source, strlen(source), &t, &e), PR_OK);
    struct job jobs[4];
    pthread_t threads[4];
    for (int k = 0; k < 4; k++) {
        jobs[k] = (struct job){.t = t, .id = k};
        assert_int_equal(pthread_create(&threads[k], NULL, render_many, &jobs[k]), 0);
    }
    for (int k = 0; k < 4; k++) {
        pthread_join(threads[k], NULL);
        assert_int_equal(jobs[k].wrong, 0);
    }
    pr_template_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_follows_trim_and_lstrip_blocks),
        cmocka_unit_test(loops_know_where_they_are),
        cmocka_unit_test(a_loops_assignments_end_with_it_unless_in_a_namespace),
        cmocka_unit_test(macros_take_defaults_keywords_and_callers),
        cmocka_unit_test(values_print_as_python_prints_them),
        cmocka_unit_test(tojson_is_pythons_dumps),
        cmocka_unit_test(dates_are_the_configured_one),
        cmocka_unit_test(exceptions_carry_the_templates_own_text),
        cmocka_unit_test(the_sandbox_hides_what_changes_or_leaves_it),
        cmocka_unit_test(what_is_outside_the_language_is_named),
        cmocka_unit_test(hostile_templates_meet_limits),
        cmocka_unit_test(output_is_appended_and_untouched_on_failure),
        cmocka_unit_test(threads_share_a_template),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
