/* Results on stdout: whole lines, written at once, so that the commands work as filters.
 *
 * A reader that has gone (`| head -1`) is no error: output stops, pr_out_open says so, and the
 * command ends quietly.  Any other failed write is reported once and makes the exit status 1. */
#ifndef PR_CLI_OUTPUT_H
#define PR_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

/* One document as one line; false when stdout no longer takes anything. */
bool pr_out_json(const json_t *document);
/* A JSON text as a line; its newline is added.  U+0085, U+2028 and U+2029, which some readers take
 * for ends of lines, are written as escapes. */
bool pr_out_line(const char *json, size_t n);
/* Text as it is. */
bool pr_out_text(const char *text, size_t n);
bool pr_out_open(void);
/* `status`, or 1 where output was lost for another reason than a reader that went away. */
int pr_out_status(int status);

#endif
