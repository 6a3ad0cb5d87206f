/* Read-only mappings of whole files that others may write over.  Reading a page of a file that has
 * become shorter, or that its disk cannot read, raises SIGBUS; a handler of that signal may have
 * the page mended and the work go on, which then must ask whether it read the file at all. */
#ifndef PR_BASE_MAPPED_H
#define PR_BASE_MAPPED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Maps the first bytes (> 0) of fd, which may be closed afterwards.  PR_E_IO with name. */
PR_MUST_CHECK enum pr_code pr_mapped_open(
    int fd, uint64_t bytes, const char *name, const unsigned char **ret, struct pr_error *e);
void pr_mapped_close(const unsigned char *map, uint64_t bytes); /* map may be NULL */
/* Was every page that was read the file's? */
bool pr_mapped_is_whole(const unsigned char *map);
/* For a handler of SIGBUS, given its si_addr: a page of zeros takes the lost one's place, and its
 * mapping is not whole any more.  false: at is in no mapping of ours, and reading it fails again.
 */
bool pr_mapped_mend(const void *at);

#endif
