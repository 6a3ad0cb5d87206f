/* doctor: does whoever makes training problems answer? */
#include <stdio.h>

#include "base/alloc.h"
#include "daemon/doctor_internal.h"
#include "daemon/skill_sources.h"
#include "lib/suggest.h"
#include "skills/skill.h"

/* Asked as data generation asks: what it has, and for one problem. */
static void check_source(struct pr_doctor *d, struct pr_skill_source *s)
{
    struct pr_source_info info;
    struct pr_source_problems found = {0};
    struct pr_error e;
    enum pr_code code = pr_source_info(s, &info, &e);
    if (!code)
        code = pr_source_generate(s, 1, 1, 1, &found, &e);
    if (code)
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "see docs/skills.md for what it is asked and answers; correct it, or skills.programs "
            "and "
            "skills.servers in proctor.yaml",
            "%s", e.message);
    else if (!found.n)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "look whether it is meant to have problems of level 1",
            "skill '%s' answers, but has no problem of level 1", pr_source_name(s));
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "skill '%s' answers: %d level%s", pr_source_name(s),
            info.n_levels, info.n_levels == 1 ? "" : "s");
    pr_source_problems_done(&found);
}

/* A name of generation.skills that nothing makes problems for. */
static void check_weights(struct pr_doctor *d, struct pr_skill_source *const *sources, size_t n)
{
    size_t n_own, n_names = 0;
    const struct pr_skill *const *own = pr_skills(&n_own);
    const char **names = pr_alloc((n_own + n + 1) * sizeof *names), *name;
    json_t *ignored;
    for (size_t i = 0; i < n_own; i++)
        names[n_names++] = own[i]->name;
    for (size_t i = 0; i < n; i++)
        names[n_names++] = pr_source_name(sources[i]);
    json_object_foreach (d->config.generation_skills, name, ignored) {
        if (pr_skill_find(name) || pr_skill_sources_find(sources, n, name))
            continue;
        const char *near = pr_suggest(name, names, n_names);
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "correct generation.skills in proctor.yaml; proctor skills lists proctor's own",
            "generation.skills: there is no skill '%.80s'%s%s%s", name,
            near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    pr_free(names);
}

void pr_doctor_skills(struct pr_doctor *d)
{
    struct pr_skill_source **v = NULL;
    size_t n = 0;
    struct pr_error e;
    if (pr_skill_sources_of(&d->config, &v, &n, &e)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct it in proctor.yaml", "%s", e.message);
        return;
    }
    for (size_t i = 0; i < n; i++)
        check_source(d, v[i]);
    if (!n)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "problems are made by proctor's own skills");
    check_weights(d, v, n);
    pr_skill_sources_free(v, n);
}
