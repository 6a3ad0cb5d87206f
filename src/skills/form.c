/* What every skill over a struct of its own does alike. */
#include "skills/form.h"

#include <string.h>

#include "base/alloc.h"

#define MAX_PROMPT  4096
#define MAX_WORKING 65536
#define VARY_TRIES  2000 /* of a question so far from what is made that none like it comes */

/* What was asked, and its answer. */
struct asked {
    void *p;
    struct pr_str prompt, golden, working;
};

static void asked_init(struct asked *a, const struct pr_form *f)
{
    *a = (struct asked){.p = pr_zalloc(f->size),
        .prompt = PR_STR_INIT(MAX_PROMPT),
        .golden = PR_STR_INIT(MAX_PROMPT),
        .working = PR_STR_INIT(MAX_WORKING)};
}

static void asked_done(struct asked *a)
{
    pr_free(a->p);
    pr_str_done(&a->prompt);
    pr_str_done(&a->golden);
    pr_str_done(&a->working);
}

static bool answered(const struct pr_form *f, struct asked *a)
{
    pr_str_clear(&a->golden);
    pr_str_clear(&a->working);
    bool ok = f->answer(a->p, &a->golden, &a->working) && !a->golden.over;
    /* Lines end in a newline but for the last. */
    if (a->working.len && a->working.data[a->working.len - 1] == '\n')
        a->working.data[--a->working.len] = 0;
    return ok;
}

static bool read_question(const struct pr_form *f, const char *prompt, size_t n, struct asked *a)
{
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    return t.n > 0 && t.n <= MAX_PROMPT && f->read(t, a->p) && answered(f, a);
}

/* One try at a question of this level. */
static bool drawn(
    const struct pr_form *f, struct pr_rng *rng, int level, const void *like, struct asked *a)
{
    memset(a->p, 0, f->size);
    f->draw(rng, level, like, a->p);
    if (!answered(f, a) || f->level(a->p) != level)
        return false;
    pr_str_clear(&a->prompt);
    f->write(a->p, &a->prompt);
    return !a->prompt.over;
}

void pr_form_make(const struct pr_form *f, struct pr_rng *rng, int level, struct pr_str *prompt,
    struct pr_str *golden)
{
    struct asked a;
    asked_init(&a, f);
    a.working.max = 0;
    level = level < 1 ? 1 : level > PR_SKILL_LEVELS ? PR_SKILL_LEVELS : level;
    while (!drawn(f, rng, level, NULL, &a))
        ;
    pr_str_append(prompt, pr_str_cstr(&a.prompt), a.prompt.len);
    pr_str_append(golden, pr_str_cstr(&a.golden), a.golden.len);
    asked_done(&a);
}

bool pr_form_solve(const struct pr_form *f, const char *prompt, size_t n, struct pr_str *golden,
    struct pr_str *working)
{
    struct asked a;
    asked_init(&a, f);
    bool ok = read_question(f, prompt, n, &a);
    if (ok && golden)
        pr_str_append(golden, pr_str_cstr(&a.golden), a.golden.len);
    if (ok && working)
        pr_str_append(working, pr_str_cstr(&a.working), a.working.len);
    asked_done(&a);
    return ok;
}

bool pr_form_verify(
    const struct pr_form *f, const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct asked a;
    asked_init(&a, f);
    a.working.max = 0;
    struct pr_skill_text t = pr_skill_trim(answer, n);
    bool ok = t.n > 0 && read_question(f, prompt, prompt_len, &a) &&
              f->right(a.p, pr_str_cstr(&a.golden), t);
    asked_done(&a);
    return ok;
}

bool pr_form_vary(const struct pr_form *f, struct pr_rng *rng, const char *prompt, size_t n,
    struct pr_str *ret_prompt, struct pr_str *ret_golden)
{
    struct asked like, a;
    bool ok = false;
    asked_init(&like, f);
    asked_init(&a, f);
    if (read_question(f, prompt, n, &like)) {
        struct pr_skill_text own = pr_skill_trim(prompt, n);
        int level = f->level(like.p);
        for (int i = 0; i < VARY_TRIES && !ok; i++)
            ok = drawn(f, rng, level, like.p, &a) &&
                 !pr_skill_says(a.prompt.data, a.prompt.len, own.s, own.n);
    }
    if (ok) {
        pr_str_append(ret_prompt, pr_str_cstr(&a.prompt), a.prompt.len);
        pr_str_append(ret_golden, pr_str_cstr(&a.golden), a.golden.len);
    }
    asked_done(&like);
    asked_done(&a);
    return ok;
}

int pr_form_level(const struct pr_form *f, const char *prompt, size_t n)
{
    struct asked a;
    asked_init(&a, f);
    a.working.max = 0;
    int level = read_question(f, prompt, n, &a) ? f->level(a.p) : 0;
    asked_done(&a);
    return level;
}

/* Was this answer added before place i? */
static bool before(const struct pr_slips *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(s->v[k].answer, s->v[i].answer))
            return true;
    return false;
}

void pr_form_slips(const struct pr_form *f, const char *prompt, size_t n, struct pr_slips *ret)
{
    struct asked a;
    struct pr_slips all = {0};
    asked_init(&a, f);
    a.working.max = 0;
    if (read_question(f, prompt, n, &a))
        f->slips(a.p, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct pr_slip *s = &all.v[i];
        struct pr_skill_text t = pr_skill_trim(s->answer, strlen(s->answer));
        if (t.n && !before(&all, i) && !f->right(a.p, pr_str_cstr(&a.golden), t))
            pr_slips_add(ret, s->pattern, s->answer, "%s", s->why);
    }
    pr_slips_done(&all);
    asked_done(&a);
}
