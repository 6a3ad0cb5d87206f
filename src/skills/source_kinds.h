/* Inside of source.h: the three kinds, and the reading of what programs and servers answer. */
#ifndef PR_SKILLS_SOURCE_KINDS_H
#define PR_SKILLS_SOURCE_KINDS_H

#include "base/json.h"
#include "skills/source.h"

/* Messages need not name the skill: source.c does. */
struct pr_source_kind {
    enum pr_code (*info)(void *own, struct pr_source_info *ret, struct pr_error *e);
    /* count is at most PR_SOURCE_MAX_COUNT. */
    enum pr_code (*generate)(void *own, size_t count, int level, uint64_t seed,
        struct pr_source_problems *ret, struct pr_error *e);
    enum pr_code (*verify)(void *own, const char *prompt, const char *answer,
        enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e);
    void (*free)(void *own);
};
struct pr_skill_source {
    char *name;
    const struct pr_source_kind *kind;
    void *own;
    struct pr_source_info info; /* n_levels 0: not asked yet */
};
struct pr_skill_source *pr_source_new(
    const char *name, const struct pr_source_kind *kind, void *own);

/* What is asked, as a JSON text appended to out; type NULL: without "type" (a server's body). */
void pr_outside_put_generate(
    struct pr_str *out, const char *type, size_t count, int level, uint64_t seed);
void pr_outside_put_verify(
    struct pr_str *out, const char *type, const char *prompt, const char *answer);

/* Answers.  {"levels":10,"summary":"…"}; *ret_verifies: "verify" (false where it is absent). */
PR_MUST_CHECK enum pr_code pr_outside_info(
    const char *text, size_t n, struct pr_source_info *ret, bool *ret_verifies, struct pr_error *e);
/* {"problems":[{"prompt","golden"}…]}; or {"conversations":[…]}, each a list of turns or an object
 * with one under "messages" or "conversations", turns being {"role","content"} or
 * {"from","value"}.  More than count are refused. */
PR_MUST_CHECK enum pr_code pr_outside_problems(
    const char *text, size_t n, size_t count, struct pr_source_problems *ret, struct pr_error *e);
/* {"correct":true|false|null,"reason":"…"} */
PR_MUST_CHECK enum pr_code pr_outside_verdict(
    const char *text, size_t n, enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e);

#endif
