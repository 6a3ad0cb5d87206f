/* JSON, over jansson: this header is the only one that includes it.
 *
 * Reading is capped (bytes, depth) before jansson sees the text, because its parser recurses and
 * its hash tables grow with what a file says.  Writing never produces NaN: a number that is none
 * becomes null with a sibling "<name>_reason".
 */
#ifndef PR_BASE_JSON_H
#define PR_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum pr_json_flags {
    PR_JSON_STRICT = 0,
    /* NaN, Infinity, -Infinity as Python writes them: read as null (trainer_state.json alone). */
    PR_JSON_NAN = 1 << 0,
    /* Dataset lines: lone surrogate escapes become U+FFFD, \u0000 is kept, a repeated key's last
     * value counts, a real past double's range is null.  Each is noted, so that the caller can
     * warn. */
    PR_JSON_LENIENT = 1 << 1,
    PR_JSON_ANY = 1 << 2, /* a scalar at the top is fine too */
    PR_JSON_NUL = 1 << 3, /* \u0000 in a string is kept (messages: an answer may hold it) */
};

/* What PR_JSON_NAN and PR_JSON_LENIENT had to forgive. */
struct pr_json_notes {
    bool nan, lone_surrogate, nul, repeated_key, number_range;
};

#define PR_JSON_MAX_DEPTH 128

/* Parses n bytes of UTF-8 JSON.  An integer past 64 bits becomes a real, as Hugging Face's usual
 * model_max_length of 1e30 written out needs, and is noted.  Fails with PR_E_FORMAT and the byte
 * offset (also for invalid UTF-8 and repeated keys when strict), PR_E_LIMIT past PR_JSON_MAX_DEPTH.
 * `name` starts each message and may be NULL.  notes may be NULL.  *ret is a new reference:
 * json_decref. */
PR_MUST_CHECK enum pr_code pr_json_parse(const char *text, size_t n, unsigned flags,
    const char *name, json_t **ret, struct pr_json_notes *notes, struct pr_error *e);
/* Reads and parses dir_fd/name of at most max bytes (dir_fd may be AT_FDCWD). */
PR_MUST_CHECK enum pr_code pr_json_read(
    int dir_fd, const char *name, size_t max, unsigned flags, json_t **ret, struct pr_error *e);

/* Typed members of an object.  Absent or null: *ret untouched and PR_OK, unless `required`.
 * Another type or out of [min, max] is PR_E_FORMAT naming the key and what was expected.
 * Strings are borrowed from obj.  get_int takes a real that is a whole number. */
PR_MUST_CHECK enum pr_code pr_json_get_int(const json_t *obj, const char *key, bool required,
    int64_t min, int64_t max, int64_t *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_json_get_real(const json_t *obj, const char *key, bool required,
    double min, double max, double *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_json_get_bool(
    const json_t *obj, const char *key, bool required, bool *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_json_get_str(
    const json_t *obj, const char *key, bool required, const char **ret, struct pr_error *e);

/* A string member, borrowed; NULL: there is none, or it is no string. */
const char *pr_json_text(const json_t *obj, const char *key);

/* The value of the four hexadecimal digits of a \u escape, or -1; reads up to the first that is
 * none. */
int pr_json_hex4(const char *s);

/* A type's name for messages: "a string", "an object", "null" … */
const char *pr_json_type_name(const json_t *v);

/* Sets obj[key] = x; where x is NaN or infinite, null and obj["<key>_reason"] = reason (a default
 * "not a finite number" when reason is NULL). */
void pr_json_set_real(json_t *obj, const char *key, double x, const char *reason);
void pr_json_set_int(json_t *obj, const char *key, int64_t x);
void pr_json_set_bool(json_t *obj, const char *key, bool x);
/* NULL sets null.  Invalid UTF-8 is replaced by U+FFFD, never lost with its field. */
void pr_json_set_str(json_t *obj, const char *key, const char *s);
void pr_json_set_strn(json_t *obj, const char *key, const char *s, size_t n);
void pr_json_set_null(json_t *obj, const char *key, const char *reason);
/* Steals value. */
void pr_json_set(json_t *obj, const char *key, json_t *value);

/* Appends v's text: keys in insertion order, UTF-8 unescaped, reals with as many digits as identify
 * the double (%.17g), or `digits` significant ones when digits > 0.  indent 0 is one line,
 * -1 one without spaces. */
void pr_json_dump(const json_t *v, int indent, int digits, struct pr_str *out);
/* Canonical text for hashing: keys sorted, one line, no spaces. */
void pr_json_dump_canonical(const json_t *v, struct pr_str *out);

#endif
