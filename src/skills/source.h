/* Where problems come from: a skill of proctor's own, a program that speaks JSON Lines, or an HTTP
 * server, behind one interface.  docs/skills.md describes what the other two are told and answer.
 *
 * Blocks; a source is used by one thread at a time.  What programs and servers say is bounded in
 * size and time, checked, and refused by name ("skill 'riddles': problem 3: 'golden' is missing").
 */
#ifndef PR_SKILLS_SOURCE_H
#define PR_SKILLS_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "skills/skill.h"

#define PR_SOURCE_MAX_COUNT  1000 /* problems a request; more are asked for in several */
#define PR_SOURCE_MAX_LEVELS 100
#define PR_SOURCE_MAX_TEXT   ((size_t)64 << 10)
#define PR_SOURCE_MAX_ANSWER                                                                       \
    ((size_t)16 << 20)       /* bytes that a program or server answers at once                     \
                              */
#define PR_SOURCE_RESTARTS 2 /* of a program that died */

struct pr_source_info {
    int n_levels;
    char summary[256];
};
struct pr_source_problem {
    char *prompt, *golden;
};
struct pr_source_problems {
    struct pr_source_problem *v;
    size_t n, cap;
};
void pr_source_problems_done(struct pr_source_problems *p);

enum pr_source_verdict { PR_SOURCE_WRONG, PR_SOURCE_RIGHT, PR_SOURCE_CANNOT_SAY };

struct pr_skill_source;

struct pr_skill_source *pr_source_builtin(const struct pr_skill *s);
/* argv: the program (searched in PATH) and its arguments, NULL-terminated; copied.  It is started
 * when it is first asked. */
struct pr_skill_source *pr_source_program(
    const char *name, const char *const *argv, int timeout_ms);
/* url: what "/info" and "/generate" are appended to. */
struct pr_skill_source *pr_source_server(const char *name, const char *url, int timeout_ms);
void pr_source_free(struct pr_skill_source *s);

const char *pr_source_name(const struct pr_skill_source *s);
/* Is it a name that a skill may have: letters, digits, "_" and "-", at most 40, none of ours? */
PR_MUST_CHECK enum pr_code pr_source_check_name(const char *name, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_source_info(
    struct pr_skill_source *s, struct pr_source_info *ret, struct pr_error *e);
/* What a level counts as: of three the difficulties themselves, else as of ten. */
enum pr_difficulty pr_source_difficulty(const struct pr_source_info *info, int level);
/* Appends up to count problems; fewer: it has no more.  The same seed, the same problems, as far as
 * the source keeps to it.  On failure nothing was appended. */
PR_MUST_CHECK enum pr_code pr_source_generate(struct pr_skill_source *s, size_t count, int level,
    uint64_t seed, struct pr_source_problems *ret, struct pr_error *e);
/* *ret_reason: why, in the source's words, or NULL; pr_free. */
PR_MUST_CHECK enum pr_code pr_source_verify(struct pr_skill_source *s, const char *prompt,
    const char *answer, enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e);

#endif
