/* Nearest names by edit distance (optimal string alignment: a swap of neighbours is one edit). */
#include "lib/suggest.h"

#include <stdint.h>
#include <string.h>

#define MAX_WORD 64 /* longer words are no slip of the finger */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t row[3][MAX_WORD + 1]; /* the last three rows of the table of prefixes */
    if (n > MAX_WORD || m > MAX_WORD)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *two_before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(change, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two_before[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

const char *pr_suggest(const char *word, const char *const *names, size_t n_names)
{
    size_t len = strlen(word), nearest = len / 3 > 1 ? len / 3 : 1;
    const char *found = NULL;
    for (size_t i = 0; i < n_names; i++) {
        size_t d = distance(word, names[i]);
        if (d < nearest || (d == nearest && !found)) {
            nearest = d;
            found = names[i];
        }
    }
    return found;
}
