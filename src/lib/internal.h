/* What the files of the library share.  An opened model: the checkpoint, and what is made from it
 * when first needed. */
#ifndef PR_LIB_INTERNAL_H
#define PR_LIB_INTERNAL_H

#include <proctor.h>

#include "model/checkpoint.h"
#include "model/engine.h"
#include "model/template.h"
#include "model/tokenizer.h"

#define PR_DEFAULT_NOW_MS 1767225600000 /* 2026-01-01T00:00:00Z */

struct proctor_model {
    char *name;
    struct pr_checkpoint *checkpoint;     /* NULL where only its text could be opened */
    bool weights;                         /* opened with them */
    struct pr_tokenizer *own_tokenizer;   /* of a tokenizer alone */
    const struct pr_tokenizer *tokenizer; /* borrowed from either; NULL before its first use */
    struct pr_template *chat_template;    /* NULL before its first use */
    char *template_source;                /* of a tokenizer alone; NULL: none */
    json_t *specials;                     /* of a tokenizer alone: {"bos_token": …} */
    json_t *template_vars;                /* an object */
    int64_t now_utc_ms;
    struct pr_engine *engine; /* NULL before proctor_load */
    enum proctor_dtype dtype;
    int n_threads;
};

struct pr_suite;
struct pr_grades;
struct proctor_suite {
    struct pr_suite *suite;
};
struct proctor_grades {
    struct pr_grades *grades;
};

/* A document's text, the caller's; steals doc. */
char *pr_json_take_text(json_t *doc);

/* The tokenizer, opened at its first use; m->tokenizer is set. */
PR_MUST_CHECK enum pr_code pr_model_need_tokenizer(struct proctor_model *m, struct pr_error *e);
/* The chat template compiled; PR_E_NOT_FOUND where the model has none. */
PR_MUST_CHECK enum pr_code pr_model_need_template(struct proctor_model *m, struct pr_error *e);

/* Opens a folder (or tokenizer.json) that has no config.json: fills own_tokenizer, template_source
 * and specials.  (lib/text_folder.c) */
PR_MUST_CHECK enum pr_code pr_model_open_tokenizer_alone(
    struct proctor_model *m, const char *path, struct pr_error *e);

#endif
