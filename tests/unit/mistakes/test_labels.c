/* The recognisers against wrong answers that were labelled by hand (tests/fixtures/mistakes). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "mistakes/mistake.h"
#include "mistakes/reading.h"

#define AT_LEAST 0.9

struct agreement {
    size_t n, agree;
};
struct counts {
    struct agreement all, kinds[PR_N_KINDS], patterns[PR_N_MISTAKES];
};

static const char *const kinds[PR_N_KINDS] = {
    "list", "choice", "computed choice", "number", "date", "text"};

static void count(struct agreement *a, bool agree)
{
    a->n++;
    a->agree += agree;
}

static void show(const char *what, struct agreement a)
{
    if (a.n)
        printf("  %-16s %3zu of %3zu\n", what, a.agree, a.n);
}

static struct pr_text member(const json_t *line, const char *key)
{
    const json_t *v = json_object_get(line, key);
    return json_is_string(v)
               ? (struct pr_text){.s = json_string_value(v), .n = json_string_length(v)}
               : (struct pr_text){0};
}

/* A line of labels_*.jsonl has no output: the answer is all that the model wrote. */
static struct pr_mistake_case case_of(const json_t *line)
{
    const json_t *finished = json_object_get(line, "finished");
    struct pr_mistake_case c = {.question = member(line, "question"),
        .golden = member(line, "golden"),
        .answer = member(line, "answer"),
        .output = member(line, finished ? "answer" : "output"),
        .truncated =
            finished ? json_is_false(finished) : json_is_true(json_object_get(line, "truncated")),
        .think = json_is_true(json_object_get(line, "think")),
        .think_unclosed = json_is_true(json_object_get(line, "think_unclosed"))};
    const char *skill = json_string_value(json_object_get(line, "skill"));
    c.skill = pr_skill_knowing(skill, c.question.s, c.question.n);
    return c;
}

static void compare(const json_t *line, struct counts *ret)
{
    struct pr_mistake_case c = case_of(line);
    struct pr_mistake_found found;
    struct pr_reading r;
    enum pr_mistake label;
    const char *name = json_string_value(json_object_get(line, "pattern"));
    assert_true(name && pr_mistake_find(name, &label));
    pr_mistake_recognise(&c, &found);
    pr_reading_make(&c, &r);
    bool agree = found.pattern == label;
    count(&ret->all, agree);
    count(&ret->kinds[r.kind], agree);
    count(&ret->patterns[label], agree);
    if (!agree || getenv("SHOW_ALL"))
        printf("  %s: '%.*s' for '%.*s' (%s): labelled %s, recognised %s: %s\n",
            json_string_value(json_object_get(line, "id")), (int)c.output.n, c.output.s,
            (int)c.golden.n, c.golden.s, kinds[r.kind], name, pr_mistake_name(found.pattern),
            found.why);
    assert_true(found.why && *found.why);
    pr_reading_done(&r);
    pr_free(found.why);
}

/* false: the file is not there. */
static bool read_labels(const char *name, struct counts *ret)
{
    char path[4096], *text = NULL;
    size_t cap = 0;
    const char *root = getenv("PR_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/fixtures/mistakes/%s", root ? root : ".", name);
    if (access(path, F_OK))
        return false;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (ssize_t n; (n = getline(&text, &cap, f)) > 0;) {
        json_t *line = NULL;
        struct pr_error e = {0};
        assert_int_equal(
            pr_json_parse(text, (size_t)n, PR_JSON_STRICT, name, &line, NULL, &e), PR_OK);
        compare(line, ret);
        json_decref(line);
    }
    free(text);
    fclose(f);
    return true;
}

static void agrees(const char *name)
{
    struct counts c = {0};
    printf("%s\n", name);
    if (!read_labels(name, &c)) {
        printf("  SKIPPED: %s is not there, agreement on it was not measured\n", name);
        skip();
    }
    for (size_t i = 0; i < PR_N_MISTAKES; i++)
        show(pr_mistake_name((enum pr_mistake)i), c.patterns[i]);
    printf("  by kind of question\n");
    for (size_t i = 0; i < PR_N_KINDS; i++)
        show(kinds[i], c.kinds[i]);
    struct agreement numbers = c.kinds[PR_KIND_NUMBER];
    numbers.n += c.kinds[PR_KIND_COMPUTED].n;
    numbers.agree += c.kinds[PR_KIND_COMPUTED].agree;
    show("all with numbers", numbers);
    show("ALL", c.all);
    assert_true(c.all.n > 0);
    assert_true((double)c.all.agree >= AT_LEAST * (double)c.all.n);
}

static void nine_in_ten_labels_of_the_tuning_half_are_met(void **state)
{
    (void)state;
    agrees("labels_a.jsonl");
}

static void nine_in_ten_labels_of_the_half_not_looked_at_are_met(void **state)
{
    (void)state;
    agrees("labels_b.jsonl");
}

static void nine_in_ten_made_up_cases_are_met(void **state)
{
    (void)state;
    agrees("made.jsonl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nine_in_ten_labels_of_the_tuning_half_are_met),
        cmocka_unit_test(nine_in_ten_labels_of_the_half_not_looked_at_are_met),
        cmocka_unit_test(nine_in_ten_made_up_cases_are_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
