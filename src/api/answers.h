/* Pieces that the answers of several plugins are made of. */
#ifndef PR_API_ANSWERS_H
#define PR_API_ANSWERS_H

#include "api/api.h"
#include "systems/view.h"

/* An ISO 8601 time; null for 0. */
void pr_api_time(json_t *o, const char *key, int64_t ms);
/* Appends x, null where it is not finite. */
void pr_api_append_real(json_t *list, double x);
/* PR_E_NOT_FOUND where there is no gradebook yet. */
PR_MUST_CHECK enum pr_code pr_api_need_gradebook(
    const struct pr_api_context *x, struct pr_error *e);
/* A text of at most `most` bytes: of a longer one the beginning, up to a character, with <key>_cut
 * true and <key>_bytes, the length of the whole.  s NULL: null. */
void pr_api_set_text(json_t *o, const char *key, const char *s, size_t n, size_t most);
#define PR_API_TEXT_IN_LIST 20000

/* The fingerprint of the grading options in force. */
void pr_api_options(const struct pr_api_context *x, char ret[65]);
/* The version in use of a suite; NULL name: the main one.  PR_E_NOT_FOUND names those that are.
 * Free with pr_suite_rows_free(*ret, 1). */
PR_MUST_CHECK enum pr_code pr_api_suite(const struct pr_api_context *x, const char *name,
    struct pr_suite_row **ret, struct pr_error *e);
/* The checkpoint of this id, and the settings that its grades are under now (0: none).
 * pr_checkpoint_row_done. */
PR_MUST_CHECK enum pr_code pr_api_checkpoint(const struct pr_api_context *x, int64_t id,
    struct pr_checkpoint_row *ret, int64_t *ret_settings, struct pr_error *e);
/* {"id", "name", "step"}, with the reason where the step is not known. */
void pr_api_set_checkpoint(json_t *o, int64_t id, const char *name, int64_t step);
/* What a system found last; *ret NULL: nothing.  New reference. */
PR_MUST_CHECK enum pr_code pr_api_finding(
    const struct pr_api_context *x, const char *system, json_t **ret, struct pr_error *e);

/* ---- documents of systems (system_document.c) ---- */

/* As in status/<system>.json, and `active`; where the system has found nothing yet, or does not run
 * here, that instead. */
PR_MUST_CHECK enum pr_code pr_api_system_document(
    const struct pr_api_context *x, const char *system, json_t **ret, struct pr_error *e);
/* Has it found something? */
bool pr_api_system_found(const struct pr_api_context *x, const char *system);

/* ---- training (training_document.c) ---- */

/* What pr_state_training says, read again only when one of the files changed.  New reference. */
PR_MUST_CHECK enum pr_code pr_api_training(
    const struct pr_api_context *x, json_t **ret, struct pr_error *e);

#endif
