/* Command-line options from one table a command.
 *
 * `--name value`, `--name=value`; `--` ends options; a lone `-` is an argument.  Whatever is
 * unknown, missing or out of range is a usage error that names the option and, where one is near,
 * the one that was probably meant.  The same table makes `--help`.
 */
#ifndef PR_CLI_OPTIONS_H
#define PR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum pr_option_kind {
    PR_OPT_FLAG,   /* no value */
    PR_OPT_TEXT,   /* any text */
    PR_OPT_CHOICE, /* one of the words in arg, "f32|bf16|auto" */
    PR_OPT_INT,    /* a whole number in [min, max] */
    PR_OPT_REAL,   /* a number in [min, max] */
    PR_OPT_LIST,   /* any text, may be given several times */
    PR_OPT_FILES,  /* as LIST; files that follow the first one belong to it too (folders do not) */
};

struct pr_option {
    const char *name;     /* without the dashes */
    const char *arg;      /* what the value is, for the help: "N", "FILE"; NULL for a flag */
    const char *help;     /* one sentence without a full stop */
    const char *fallback; /* the default as shown in the help and returned; NULL: none */
    enum pr_option_kind kind;
    double min, max;
};

/* Options that several commands share, so that they read the same everywhere. */
#define PR_OPTION_BASE_DIR                                                                         \
    {                                                                                              \
        "base-dir", "DIR",                                                                         \
            "base folder (default: $PROCTOR_BASE_DIR, else the nearest parent folder "             \
            "with a proctor.yaml, else ~/TRAINING)",                                               \
            NULL, PR_OPT_TEXT                                                                      \
    }
#define PR_DTYPE_HELP   "arithmetic of the model; auto is f32 below 200 million parameters, else bf16"
#define PR_THREADS_HELP "threads to compute with; results do not depend on it"
#define PR_OPTION_DTYPE                                                                            \
    {                                                                                              \
        "dtype", "f32|bf16|auto", PR_DTYPE_HELP, "auto", PR_OPT_CHOICE                             \
    }
#define PR_OPTION_THREADS                                                                          \
    {                                                                                              \
        "threads", "N", PR_THREADS_HELP " (default: one for each CPU)", NULL, PR_OPT_INT, 1, 4096  \
    }
/* The same for the commands that grade, whose defaults are in proctor.yaml. */
#define PR_OPTION_EVAL_DTYPE                                                                       \
    {                                                                                              \
        "dtype", "f32|bf16|auto",                                                                  \
            PR_DTYPE_HELP " (default: eval.dtype of proctor.yaml, else auto)", NULL, PR_OPT_CHOICE \
    }
#define PR_OPTION_EVAL_THREADS                                                                     \
    {                                                                                              \
        "threads", "N",                                                                            \
            PR_THREADS_HELP " (default: eval.threads of proctor.yaml, else one for each "          \
                            "CPU)",                                                                \
            NULL, PR_OPT_INT, 1, 4096                                                              \
    }
#define PR_OPTION_BASE_MODEL                                                                       \
    {                                                                                              \
        "base-model", "DIR",                                                                       \
            "the base of a LoRA adapter (default: models.bases of proctor.yaml, else "             \
            "the local Hugging Face cache)",                                                       \
            NULL, PR_OPT_TEXT                                                                      \
    }
#define PR_OPTION_TEMPLATE_VAR                                                                     \
    {                                                                                              \
        "template-var", "NAME=VALUE",                                                              \
            "variable for the chat template, such as "                                             \
            "enable_thinking=false; VALUE is JSON, else text; may be given "                       \
            "several times",                                                                       \
            NULL, PR_OPT_LIST                                                                      \
    }
#define PR_OPTION_QUIET                                                                            \
    {                                                                                              \
        "quiet", NULL, "no progress on stderr", NULL, PR_OPT_FLAG                                  \
    }

struct pr_command;

/* What a command line said.  Zero-initialise; pr_args_done frees. */
struct pr_args {
    const struct pr_command *command;
    const char **values[48]; /* one vector a line of the command's table; borrowed from argv */
    size_t n_values[48], cap[48];
    const char **positional;
    size_t n_positional, cap_positional;
    bool help;
};

/* Parses what follows the command's name.  Failures are PR_E_USAGE. */
PR_MUST_CHECK enum pr_code pr_args_parse(struct pr_args *a, const struct pr_command *command,
    int argc, const char *const argv[], struct pr_error *e);
void pr_args_done(struct pr_args *a);

/* Values by option name; asking for a name that the table lacks is a bug of ours (assertion). Where
 * an option is given twice the last one counts; where it is absent its fallback. */
bool pr_args_flag(const struct pr_args *a, const char *name);
bool pr_args_given(const struct pr_args *a, const char *name);
const char *pr_args_text(const struct pr_args *a, const char *name); /* NULL: absent, no fallback */
int64_t pr_args_int(const struct pr_args *a, const char *name, int64_t absent);
double pr_args_real(const struct pr_args *a, const char *name, double absent);
const char *const *pr_args_list(const struct pr_args *a, const char *name, size_t *ret_n);
bool pr_args_has(const struct pr_args *a, const char *name); /* is it in the command's table? */

/* The whole help text of a command, `width` columns wide. */
void pr_help_command(const struct pr_command *command, size_t width, struct pr_str *out);
/* The list of commands. */
void pr_help_overview(size_t width, struct pr_str *out);
/* All of it as a manual page in roff (man.c). */
void pr_help_man(struct pr_str *out);

#endif
