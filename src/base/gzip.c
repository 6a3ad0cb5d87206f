/* See gzip.h. */
#include "base/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>

#include "base/alloc.h"

#define LEVEL  5  /* most of what 9 saves at a third of its time */
#define WINDOW 31 /* 32 KiB, with gzip's header */
#define MEMORY 8  /* zlib's default */

bool pr_gzip(const void *bytes, size_t n, char **ret, size_t *ret_n)
{
    z_stream z = {0};
    size_t room = n - n / 10;
    if (n > INT_MAX || room < 20 || deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, 0))
        return false;
    char *out = pr_alloc(room);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    bool fits = deflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t made = room - z.avail_out;
    deflateEnd(&z);
    if (!fits) {
        pr_free(out);
        return false;
    }
    *ret = pr_realloc(out, made, 1);
    *ret_n = made;
    return true;
}

bool pr_gunzip(const void *gz, size_t n, size_t max, char **ret, size_t *ret_n)
{
    z_stream z = {0};
    if (n > INT_MAX || max > INT_MAX || inflateInit2(&z, WINDOW))
        return false;
    char *out = pr_alloc(max + 1);
    z.next_in = (Bytef *)(uintptr_t)gz;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)max;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t made = max - z.avail_out;
    inflateEnd(&z);
    if (!whole) {
        pr_free(out);
        return false;
    }
    out[made] = 0;
    *ret = pr_realloc(out, made + 1, 1);
    *ret_n = made;
    return true;
}
