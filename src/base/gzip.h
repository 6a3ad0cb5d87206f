/* gzip of bytes that are held in memory, over zlib. */
#ifndef PR_BASE_GZIP_H
#define PR_BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* *ret (pr_free) is smaller than n by a tenth at least; false, and nothing set: it would not be. */
bool pr_gzip(const void *bytes, size_t n, char **ret, size_t *ret_n);
/* The other way; false: it is no gzip, or more than max bytes.  *ret is NUL-terminated. */
bool pr_gunzip(const void *gz, size_t n, size_t max, char **ret, size_t *ret_n);

#endif
