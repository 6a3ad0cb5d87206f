/* The skills that proctor.yaml names beside proctor's own: skills.programs and skills.servers. */
#ifndef PR_DAEMON_SKILL_SOURCES_H
#define PR_DAEMON_SKILL_SOURCES_H

#include "daemon/config.h"
#include "skills/source.h"

/* *ret: in the file's order, programs first; nothing is started yet; pr_skill_sources_free.
 * PR_E_FORMAT names the key and the skill. */
PR_MUST_CHECK enum pr_code pr_skill_sources_of(
    const struct pr_config *c, struct pr_skill_source ***ret, size_t *ret_n, struct pr_error *e);
void pr_skill_sources_free(struct pr_skill_source **v, size_t n);
/* NULL: there is none of this name. */
struct pr_skill_source *pr_skill_sources_find(
    struct pr_skill_source *const *v, size_t n, const char *name);

#endif
