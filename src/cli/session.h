/* What every command that opens a model needs: the configuration, and libproctor's options from it
 * and the command line. */
#ifndef PR_CLI_SESSION_H
#define PR_CLI_SESSION_H

#include <proctor.h>

#include "cli/options.h"
#include "daemon/config.h"

struct pr_session {
    struct pr_config config;
    struct proctor_options options;
    char *template_vars; /* JSON text that options borrows */
};

/* Reads proctor.yaml where the command takes --base-dir, then --dtype, --threads, --base-model,
 * --template-var and --date where it takes those.  With `grading`, the configuration's eval.* and
 * template.* are the defaults; without it results depend on the command line and the input alone.
 * Returns 0 or the exit status, having said why on stderr. */
int pr_session_init(struct pr_session *s, const struct pr_args *a, bool grading);
void pr_session_done(struct pr_session *s);

/* Opens the model and says on stderr what it computes with.  NULL: it said why not. */
struct proctor_model *pr_session_open(
    struct pr_session *s, const struct pr_args *a, const char *dir);
struct proctor_model *pr_session_open_text(
    struct pr_session *s, const struct pr_args *a, const char *dir);

#endif
