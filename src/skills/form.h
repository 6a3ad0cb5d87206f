/* Skills whose questions are values of a struct of their own: written, read again, answered.  A
 * skill gives these few functions; all that struct pr_skill asks for follows from them, so that
 * solving, verifying and varying rest on what was read from the question's text. */
#ifndef PR_SKILLS_FORM_H
#define PR_SKILLS_FORM_H

#include "skills/skill.h"
#include "skills/text.h"

struct pr_form {
    size_t size; /* of the skill's struct; zeroed before read and draw */
    /* Draws a question of about this level: drawn again until level() agrees and answer() is true.
     * like: one whose form and phrasing it shall have; NULL: any. */
    void (*draw)(struct pr_rng *rng, int level, const void *like, void *ret);
    void (*write)(const void *p, struct pr_str *prompt);
    /* The trimmed question, any bytes; false: none of ours.  What is kept of it must not point
     * into it. */
    bool (*read)(struct pr_skill_text t, void *ret);
    /* golden and working are never NULL, but working may have no room (max 0: it is not wanted);
     * false: there is no answer (what was appended is dropped).
     */
    bool (*answer)(const void *p, struct pr_str *golden, struct pr_str *working);
    int (*level)(const void *p); /* 1 to 10, of a question that has an answer */
    /* The answer is trimmed; golden: what answer() has appended. */
    bool (*right)(const void *p, const char *golden, struct pr_skill_text answer);
    /* May add right answers and one twice: those are taken out again. */
    void (*slips)(const void *p, struct pr_slips *ret);
};

void pr_form_make(const struct pr_form *f, struct pr_rng *rng, int level, struct pr_str *prompt,
    struct pr_str *golden);
bool pr_form_solve(const struct pr_form *f, const char *prompt, size_t n, struct pr_str *golden,
    struct pr_str *working);
bool pr_form_verify(
    const struct pr_form *f, const char *prompt, size_t prompt_len, const char *answer, size_t n);
bool pr_form_vary(const struct pr_form *f, struct pr_rng *rng, const char *prompt, size_t n,
    struct pr_str *ret_prompt, struct pr_str *ret_golden);
int pr_form_level(const struct pr_form *f, const char *prompt, size_t n);
void pr_form_slips(const struct pr_form *f, const char *prompt, size_t n, struct pr_slips *ret);

/* Defines pr_skill_<id> over the static const struct pr_form `form` of the file. */
#define PR_FORM_SKILL(id, text)                                                                    \
    static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)  \
    {                                                                                              \
        pr_form_make(&form, rng, level, prompt, golden);                                           \
    }                                                                                              \
    static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working) \
    {                                                                                              \
        return pr_form_solve(&form, prompt, n, golden, working);                                   \
    }                                                                                              \
    static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)        \
    {                                                                                              \
        return pr_form_verify(&form, prompt, prompt_len, answer, n);                               \
    }                                                                                              \
    static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,  \
        struct pr_str *ret_golden)                                                                 \
    {                                                                                              \
        return pr_form_vary(&form, rng, prompt, n, ret_prompt, ret_golden);                        \
    }                                                                                              \
    static int level_at(const char *prompt, size_t n)                                              \
    {                                                                                              \
        return pr_form_level(&form, prompt, n);                                                    \
    }                                                                                              \
    static void slips_at(const char *prompt, size_t n, struct pr_slips *ret)                       \
    {                                                                                              \
        pr_form_slips(&form, prompt, n, ret);                                                      \
    }                                                                                              \
    const struct pr_skill pr_skill_##id = {                                                        \
        .name = #id,                                                                               \
        .summary = text,                                                                           \
        .n_levels = PR_SKILL_LEVELS,                                                               \
        .make = make,                                                                              \
        .solve = solve,                                                                            \
        .verify = verify,                                                                          \
        .vary = vary,                                                                              \
        .level = level_at,                                                                         \
        .slips = slips_at,                                                                         \
    }

#endif
