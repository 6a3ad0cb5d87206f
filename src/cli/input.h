/* JSON Lines from stdin for the commands that are filters: as many lines as are there without
 * waiting, so that a batch is large when a file is piped in and one line when a person types. */
#ifndef PR_CLI_INPUT_H
#define PR_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"
#include "base/json.h"

#define PR_INPUT_MAX_LINE ((size_t)64 << 20)

struct pr_input {
    struct pr_lines lines;
    double size; /* bytes of stdin where it is a regular file, else 0 */
    double read; /* bytes of the lines returned */
    bool ended;
};

/* A line of input: parsed, or the error that it is. */
struct pr_input_line {
    size_t number; /* from 1 */
    char *text;    /* owned */
    size_t len;
    json_t *row;           /* an object, owned; NULL when bad */
    struct pr_error error; /* set when row is NULL */
};

void pr_input_init(struct pr_input *in);
void pr_input_done(struct pr_input *in);

/* Fills up to max lines (blank ones are passed over); waits for the first alone.  *ret_n is 0 at
 * the end of the input, and when interrupted. */
PR_MUST_CHECK enum pr_code pr_input_batch(struct pr_input *in, struct pr_input_line *lines,
    size_t max, size_t *ret_n, struct pr_error *e);
void pr_input_line_done(struct pr_input_line *line);

#endif
