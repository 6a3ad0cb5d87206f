/* The state document as a screen of text. */
#ifndef PR_CLI_STATUS_VIEW_H
#define PR_CLI_STATUS_VIEW_H

#include "base/json.h"
#include "base/str.h"

/* Appends the whole view, lines of at most `width` columns. */
void pr_status_view(const json_t *state, size_t width, struct pr_str *out);

#endif
