/* Which difficulties and skills the next file is to have. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/file.h"
#include "systems/data_generation.h"

#define MAX_STATUS ((size_t)64 << 20)
#define HOUR_MS    3600000

/* ---- difficulties ---- */

/* Two or four digits; -1: they are none. */
static int digits(const char *s, size_t n)
{
    int x = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        x = 10 * x + (s[i] - '0');
    }
    return x;
}

/* "2026-11-29T22:31:59.123Z" in milliseconds; 0: it is no such time. */
static int64_t read_time(const char *s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    static const size_t at[] = {0, 5, 8, 11, 14, 17};
    int v[6];
    if (!s || strlen(s) < sizeof form || (s[sizeof form - 1] != 'Z' && s[sizeof form - 1] != '.'))
        return 0;
    for (size_t i = 0; form[i]; i++)
        if (form[i] != 'd' && s[i] != form[i])
            return 0;
    for (size_t i = 0; i < 6; i++)
        if ((v[i] = digits(s + at[i], i ? 2 : 4)) < 0)
            return 0;
    struct tm t = {.tm_year = v[0] - 1900,
        .tm_mon = v[1] - 1,
        .tm_mday = v[2],
        .tm_hour = v[3],
        .tm_min = v[4],
        .tm_sec = v[5]};
    time_t ret = timegm(&t);
    return ret == (time_t)-1 ? 0 : (int64_t)ret * 1000;
}

static bool read_weights(const json_t *weights, struct pr_generation_mix *m)
{
    double sum = 0;
    for (int d = 0; d < PR_N_DIFFICULTIES; d++) {
        double x =
            json_number_value(json_object_get(weights, pr_difficulty_name((enum pr_difficulty)d)));
        m->share[d] = isfinite(x) && x > 0 ? x : 0;
        sum += m->share[d];
    }
    for (int d = 0; d < PR_N_DIFFICULTIES; d++)
        m->share[d] = sum > 0 ? m->share[d] / sum : 1.0 / PR_N_DIFFICULTIES;
    return sum > 0;
}

static void by_document(const json_t *o, const struct pr_view *v, struct pr_generation_mix *m)
{
    const json_t *weights = json_object_get(o, "difficulty_weights");
    const char *why = json_string_value(json_object_get(o, "difficulty_weights_reason")),
               *at = json_string_value(json_object_get(o, "last_update"));
    int64_t ms = read_time(at), age = v->now_ms - ms, hours = v->settings->generation_mix_hours;
    if (!ms)
        snprintf(m->why, sizeof m->why, "curriculum_optimization.json does not say when it is of");
    else if (age > hours * HOUR_MS)
        snprintf(m->why, sizeof m->why,
            "the curriculum optimizer's weights are %lld hours old, more than "
            "generation.mix_hours (%lld)",
            (long long)(age / HOUR_MS), (long long)hours);
    else if (age < -HOUR_MS)
        snprintf(m->why, sizeof m->why, "curriculum_optimization.json is of the future: %.40s", at);
    else if (!json_is_object(weights))
        snprintf(m->why, sizeof m->why, "the curriculum optimizer has no weights: %.200s",
            why ? why : "it does not say why");
    else if (!read_weights(weights, m))
        snprintf(m->why, sizeof m->why,
            "the curriculum optimizer's weights are not of easy, medium and hard");
    else {
        m->by_curriculum = true;
        snprintf(m->why, sizeof m->why, "the curriculum optimizer's weights of %.40s", at);
    }
}

void pr_generation_mix_read(const struct pr_view *v, struct pr_generation_mix *ret)
{
    struct pr_error e;
    json_t *o = NULL;
    char *path = pr_path_join(v->data->base_dir, "status/curriculum_optimization.json");
    *ret = (struct pr_generation_mix){0};
    (void)read_weights(NULL, ret);
    enum pr_code code = pr_json_read(AT_FDCWD, path, MAX_STATUS, PR_JSON_STRICT, &o, &e);
    if (code == PR_E_NOT_FOUND)
        snprintf(ret->why, sizeof ret->why,
            "there is no status/curriculum_optimization.json: the curriculum optimizer has not "
            "run for this folder");
    else if (code)
        snprintf(ret->why, sizeof ret->why, "%.250s", e.message);
    else
        by_document(o, v, ret);
    json_decref(o);
    pr_free(path);
}

json_t *pr_generation_mix_json(const struct pr_generation_mix *m)
{
    json_t *o = json_object();
    for (int d = 0; d < PR_N_DIFFICULTIES; d++)
        pr_json_set_real(o, pr_difficulty_name((enum pr_difficulty)d), m->share[d], NULL);
    return o;
}

/* ---- skills ---- */

static void add_skill(struct pr_generation_skills *s, const struct pr_skill *skill, double weight)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i] == skill)
            return;
    s->v = pr_realloc(s->v, s->n + 1, sizeof(void *));
    s->weights = pr_realloc(s->weights, s->n + 1, sizeof *s->weights);
    s->v[s->n] = skill;
    s->weights[s->n++] = weight;
}

static void by_weights(const json_t *weights, struct pr_generation_skills *s)
{
    const char *name;
    json_t *w;
    json_object_foreach ((json_t *)(uintptr_t)weights, name, w) {
        const struct pr_skill *skill = pr_skill_find(name);
        double x = json_number_value(w);
        if (skill && json_is_number(w) && isfinite(x) && x > 0)
            add_skill(s, skill, x);
        else if (!skill || !json_is_number(w))
            json_array_append_new(s->unknown, json_string(name));
    }
}

static enum pr_code by_suites(struct pr_view *v, struct pr_generation_skills *s, struct pr_error *e)
{
    for (size_t i = 0; i < v->n_suites; i++) {
        const struct pr_suite *suite;
        enum pr_code code = pr_view_examples(v, v->suites[i].id, &suite, e);
        if (code)
            return code;
        for (size_t k = 0; k < suite->n; k++) {
            struct pr_text q = pr_example_question(&suite->v[k]);
            const struct pr_skill *skill = pr_skill_knowing(suite->v[k].skill, q.s, q.n);
            if (skill)
                add_skill(s, skill, 1);
        }
    }
    return PR_OK;
}

enum pr_code pr_generation_skills_find(
    struct pr_view *v, struct pr_generation_skills *ret, struct pr_error *e)
{
    size_t n;
    const struct pr_skill *const *all = pr_skills(&n);
    struct pr_generation_skills s = {.source = "generation.skills", .unknown = json_array()};
    enum pr_code code = PR_OK;
    bool named = json_object_size(v->data->skill_weights) > 0;
    by_weights(v->data->skill_weights, &s);
    if (!named && v->n_suites) {
        s.source = "validation suites";
        code = by_suites(v, &s, e);
    } else if (!named) {
        s.source = "all skills";
        for (size_t i = 0; i < n; i++)
            add_skill(&s, all[i], 1);
    }
    if (code)
        pr_generation_skills_done(&s);
    else
        *ret = s;
    return code;
}

void pr_generation_skills_done(struct pr_generation_skills *s)
{
    pr_free(s->v);
    pr_free(s->weights);
    json_decref(s->unknown);
    *s = (struct pr_generation_skills){0};
}
