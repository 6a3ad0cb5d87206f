/* The headers that say where a request ends.  Whoever disagrees with a proxy about that can be made
 * to answer one that was never sent. */
#include <string.h>
#include <strings.h>

#include "http/front.h"

#define MAX_DIGITS 18 /* fits 64 bits */

void pr_front_lengths_take(struct pr_front_lengths *l, const char *key, const char *value)
{
    l->bytes += strlen(key) + strlen(value) + 4;
    if (!strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        size_t n = strlen(value);
        l->lengths++;
        l->bad_length = !n || n > MAX_DIGITS || strspn(value, "0123456789") != n;
        for (size_t i = 0; i < n && !l->bad_length; i++)
            l->length = l->length * 10 + (unsigned)(value[i] - '0');
    }
    if (!strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        l->encodings++;
        l->chunked = !strcasecmp(value, "chunked");
    }
}

int pr_front_lengths_check(const struct pr_front_lengths *l, size_t max_header, size_t max_body)
{
    if (l->bytes > max_header)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    if (l->lengths > 1 || l->encodings > 1 || (l->lengths && l->encodings) || l->bad_length)
        return MHD_HTTP_BAD_REQUEST;
    return l->length > max_body ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

bool pr_front_lengths_body(const struct pr_front_lengths *l)
{
    return l->length || l->encodings;
}
