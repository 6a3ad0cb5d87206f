/* See secret.h. */
#include "base/secret.h"

#include <string.h>

bool pr_same_secret(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    volatile unsigned char differ = n != m;
    for (size_t i = 0; i < m; i++)
        differ = (unsigned char)(differ | (a[n ? i % n : 0] ^ b[i]));
    return !differ;
}
