/* Error messages: formatting, cleaning, prefixing.  Used by everything; owns nothing. */
#define PR_BASE_ERROR_C
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pr_code_name(enum pr_code code)
{
    static const char *const names[] = {
#define PR_X(name, text) [PR_##name] = text,
        PR_CODES(PR_X)
#undef PR_X
    };
    return (size_t)code < sizeof names / sizeof *names ? names[code] : "unknown";
}

/* Makes s safe for a terminal and valid where it was cut: control characters become '?', and a
 * multi-byte character that the buffer's end cut in two is dropped. */
static void clean(char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f)
            s[i] = '?';
        else if (c == 0xc2 && (unsigned char)s[i + 1] >= 0x80 && (unsigned char)s[i + 1] < 0xa0)
            s[i] = s[i + 1] = '?'; /* C1 controls, which some terminals obey */
    }
    size_t back = 0;
    while (back < 4 && back < n && ((unsigned char)s[n - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back == n)
        return;
    unsigned char lead = (unsigned char)s[n - 1 - back];
    size_t want = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (lead >= 0xc0 && back < want)
        s[n - 1 - back] = 0;
}

static enum pr_code fill(
    struct pr_error *e, enum pr_code code, int err, int64_t offset, const char *fmt, va_list ap)
{
    if (!e)
        return code;
    char text[sizeof e->message];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    text[used] = 0;
    if (err)
        snprintf(text + used, sizeof text - used, ": %s", strerror(err));
    else if (offset >= 0)
        snprintf(text + used, sizeof text - used, " (byte %lld)", (long long)offset);
    clean(text);
    e->code = code;
    e->sys_errno = err;
    e->offset = offset;
    memcpy(e->message, text, sizeof text);
    return code;
}

enum pr_code pr_fail(struct pr_error *e, enum pr_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, -1, fmt, ap);
    va_end(ap);
    return code;
}

enum pr_code pr_fail_errno(struct pr_error *e, int err, const char *fmt, ...)
{
    va_list ap;
    enum pr_code code = err == ENOENT ? PR_E_NOT_FOUND : err == ENOMEM ? PR_E_MEMORY : PR_E_IO;
    va_start(ap, fmt);
    fill(e, code, err, -1, fmt, ap);
    va_end(ap);
    return code;
}

enum pr_code pr_fail_at(struct pr_error *e, enum pr_code code, int64_t offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, offset, fmt, ap);
    va_end(ap);
    return code;
}

enum pr_code pr_wrap(struct pr_error *e, enum pr_code code, const char *fmt, ...)
{
    if (!e)
        return code;
    char text[sizeof e->message];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    snprintf(text + used, sizeof text - used, ": %s", e->message);
    clean(text);
    memcpy(e->message, text, sizeof text);
    return code;
}
