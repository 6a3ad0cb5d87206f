/* One thread's read-only connection to the gradebook, kept open and opened anew where it must be.
 *
 * Where nobody owns the folder the file is read as one that does not change (no file is made beside
 * it); that it did not is checked before and after each use. */
#ifndef PR_API_BOOK_H
#define PR_API_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "gradebook/gradebook.h"

struct pr_api_book {
    char *path, *log; /* proctor.db and its write-ahead log */
    struct pr_gradebook *g;
    int64_t version;  /* of the data that was looked at last */
    uint64_t seen[6]; /* inode, size and mtime of both files when it was opened */
};

void pr_api_book_init(struct pr_api_book *b, const char *base_dir);
void pr_api_book_done(struct pr_api_book *b);
/* Opens it, or does it again where the file is another; *ret_changed (may be NULL): something was
 * committed since the last call.  b->g stays NULL where there is no gradebook yet; that is PR_OK.
 */
PR_MUST_CHECK enum pr_code pr_api_book_look(
    struct pr_api_book *b, bool *ret_changed, struct pr_error *e);
/* A transaction, with a deadline (monotonic, 0: none).  Nothing where there is no gradebook. */
PR_MUST_CHECK enum pr_code pr_api_book_begin(
    struct pr_api_book *b, int64_t deadline_ns, struct pr_error *e);
/* Ends it.  PR_E_CHANGED: what was read in it may be wrong, since the file changed meanwhile. */
PR_MUST_CHECK enum pr_code pr_api_book_end(struct pr_api_book *b, struct pr_error *e);

#endif
