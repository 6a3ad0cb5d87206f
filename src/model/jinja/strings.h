/* Work on strings that methods and filters share. */
#ifndef PR_JINJA_STRINGS_H
#define PR_JINJA_STRINGS_H

#include "model/jinja/value.h"

#define J_FN(name)                                                                                 \
    struct jv name(struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
/* Most functions use only some of these. */
#define J_UNUSED_ARGS                                                                              \
    (void)c;                                                                                       \
    (void)self;                                                                                    \
    (void)a;                                                                                       \
    (void)raw

enum jside { J_LEFT = 1, J_RIGHT = 2, J_BOTH = 3 };

/* a's integer, or `missing` where it was not given; raises for another type. */
int64_t j_int_or(struct jctx *c, struct jv a, int64_t missing);
/* a's string; raises "NAME argument must be str, not int". */
const struct jstr *j_need_str(struct jctx *c, const char *name, struct jv a);
struct jv j_strip(struct jctx *c, const struct jstr *s, struct jv chars, enum jside side);
struct jv j_upper(struct jctx *c, const struct jstr *s);
struct jv j_lower(struct jctx *c, const struct jstr *s);
struct jv j_capitalize(struct jctx *c, const struct jstr *s);
struct jv j_replace(struct jctx *c, const struct jstr *s, const struct jstr *old,
    const struct jstr *with, int64_t count);
struct jlist *j_splitlines(struct jctx *c, const struct jstr *s, bool keep_ends);
struct jlist *j_split(
    struct jctx *c, const struct jstr *s, struct jv sep, int64_t max, bool from_right);
struct jv j_join(struct jctx *c, const struct jstr *sep, const struct jlist *items);
/* left and right are how many `fill` go there. */
struct jv j_pad(struct jctx *c, const struct jstr *s, int64_t width, uint32_t fill, char align);
void j_put_upper(struct jctx *c, struct jbuf *b, uint32_t ch);
void j_put_title(struct jctx *c, struct jbuf *b, uint32_t ch);
bool j_is_lower(const struct jstr *s);
bool j_is_upper(const struct jstr *s);
/* The text of an int() or float() literal: trimmed, underscores between digits dropped; false for
 * what Python refuses. */
bool j_parse_int(struct jctx *c, const struct jstr *s, int base, int64_t *ret);
bool j_parse_float(struct jctx *c, const struct jstr *s, double *ret);

#endif
