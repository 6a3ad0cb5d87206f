/* Values of the template language and the context that one compile or one render runs in.
 *
 * Private to src/model/jinja and template.c; its functions are prefixed j_.  A struct jv is copied
 * freely: 16 bytes, whatever it points at lives in the arena of the context (or in the compiled
 * template, or in the caller's JSON) and is never written after it was built, except namespaces,
 * loop states, cyclers, joiners and half-read iterators, which belong to one render.
 *
 * Failure: j_raise and friends fill the caller's pr_error and longjmp to the one setjmp of the
 * compile or render (template.c).  An evaluator for expressions can fail in nearly every line; all
 * it owns is in the arena, so there is nothing to clean up on the way out.
 */
#ifndef PR_JINJA_VALUE_H
#define PR_JINJA_VALUE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/json.h"
#include "model/template.h"

enum jtype {
    J_MISSING, /* no value at all: an unset slot, an argument not given */
    J_UNDEF,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_STR,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_RANGE,
    J_VIEW, /* dict.keys(), .values(), .items() */
    J_ITER, /* what Python's generators are: read once */
    J_NAMESPACE,
    J_MACRO,
    J_FUNC,   /* a global function */
    J_METHOD, /* a function bound to its object */
    J_LOOP,
    J_CYCLER,
    J_JOINER,
};

struct jv {
    enum jtype type;
    union {
        bool b;
        int64_t i;
        double f;
        const struct jstr *s;
        struct jlist *l; /* LIST, TUPLE */
        struct jdict *d; /* DICT; NAMESPACE's attributes */
        const struct jundef *u;
        const struct jrange *r;
        const struct jview *w;
        struct jiter *it;
        const struct jmacro *m;
        const struct jfn *fn;
        const struct jmethod *bm;
        struct jloop *loop;
        struct jcycler *cy;
        struct jjoiner *jo;
    };
};

struct jstr {
    const char *data; /* valid UTF-8, not NUL-terminated in general */
    size_t len;       /* bytes */
    size_t chars;     /* code points; == len means ASCII */
    bool markup;      /* went through |safe or |escape: + escapes what it is joined with */
};

struct jlist {
    struct jv *v;
    size_t n, cap;
    bool group; /* a pair of |groupby: has .grouper and .list */
};

struct jentry {
    struct jv key, value;
    uint64_t hash;
};
struct jdict {
    struct jentry *v; /* in order of insertion */
    size_t n, cap;
    uint32_t *index; /* open addressing, entry number + 1; NULL while n is small */
    size_t index_cap;
};

struct jundef {
    const char *hint;    /* the whole message, or NULL */
    struct jv obj, name; /* else made from these (obj MISSING: a variable) */
    bool security;       /* an attribute that the sandbox hides */
};
struct jrange {
    int64_t start, step;
    size_t n;
    int64_t stop; /* as given, for repr */
};
enum jview_kind { J_KEYS, J_VALUES, J_ITEMS };
struct jview {
    struct jdict *d;
    enum jview_kind kind;
};
struct jiter {
    struct jlist *l;
    size_t pos;
    const char *kind; /* for repr: "generator", "list_reverseiterator" */
};
struct jmethod {
    struct jv self;
    const struct jfn *fn;
};
struct jcycler {
    struct jlist *items;
    size_t pos;
};
struct jjoiner {
    struct jv sep;
    bool used;
};

/* Arguments of a call as written. */
struct jkw {
    struct jv name; /* a string */
    struct jv value;
};
struct jargs {
    struct jv *v;
    size_t n;
    struct jkw *kw;
    size_t nkw;
};

struct jctx;

/* A filter, test, method or global function.  params lists parameter names separated by blanks; the
 * first `required` must be given, absent ones arrive as J_MISSING in a[].  params NULL: the
 * function takes raw itself. */
#define J_MAX_PARAMS 8
struct jfn {
    const char *name;
    struct jv (*call)(struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw);
    const char *params;
    unsigned required;
    bool positional; /* Python's C functions that take no keywords */
};

/* Bytes being put together in the arena. */
struct jbuf {
    char *data;
    size_t len, cap;
};

struct jctx {
    struct pr_arena arena;
    size_t mem_used, mem_max;
    uint64_t steps, steps_max;
    unsigned depth;    /* of nested evaluation */
    unsigned line;     /* of what is being done */
    enum pr_code code; /* why it failed */
    struct pr_error *e;
    jmp_buf fail;
    /* render only */
    const struct pr_template *t;
    struct jdict *vars;
    int64_t now_utc_ms;
    size_t max_output;
    struct jbuf *out; /* where output goes now */
};

/* --- mem.c: memory, limits, failure --- */
#define J_MAX_DEPTH 1200
void *j_alloc(struct jctx *c, size_t n);                  /* zeroed; PR_E_LIMIT past mem_max */
void *j_array(struct jctx *c, size_t count, size_t size); /* overflow-checked */
void j_charge(struct jctx *c, uint64_t steps);            /* PR_E_LIMIT past steps_max */
void j_enter(struct jctx *c);                             /* one level deeper; leave: c->depth-- */
_Noreturn void j_raise(struct jctx *c, const char *fmt, ...) PR_PRINTF(2, 3);
_Noreturn void j_fail(struct jctx *c, enum pr_code code, const char *fmt, ...) PR_PRINTF(3, 4);
_Noreturn void j_raise_text(struct jctx *c, const struct jstr *text); /* raise_exception */
void j_put(struct jctx *c, struct jbuf *b, const char *bytes, size_t n);
void j_puts(struct jctx *c, struct jbuf *b, const char *text);
void j_putc(struct jctx *c, struct jbuf *b, char ch);
void j_put_char(struct jctx *c, struct jbuf *b, uint32_t code_point);
void j_putf(struct jctx *c, struct jbuf *b, const char *fmt, ...) PR_PRINTF(3, 4);
void j_output(struct jctx *c, const struct jstr *s); /* to c->out, capped by max_output */

/* --- value.c: making and looking into values --- */
#define J_UNDEFINED_V ((struct jv){.type = J_UNDEF, .u = &j_plain_undef})
extern const struct jundef j_plain_undef;
static inline struct jv j_none(void)
{
    return (struct jv){.type = J_NONE};
}
static inline struct jv j_missing(void)
{
    return (struct jv){.type = J_MISSING};
}
static inline struct jv j_bool(bool b)
{
    return (struct jv){.type = J_BOOL, .b = b};
}
static inline struct jv j_int(int64_t i)
{
    return (struct jv){.type = J_INT, .i = i};
}
static inline struct jv j_float(double f)
{
    return (struct jv){.type = J_FLOAT, .f = f};
}
struct jv j_strn(struct jctx *c, const char *s, size_t n); /* borrows the bytes */
struct jv j_str(struct jctx *c, const char *s);            /* borrows */
struct jv j_strcopy(struct jctx *c, const char *s, size_t n);
struct jv j_buf_str(struct jctx *c, const struct jbuf *b); /* borrows the buffer's bytes */
struct jv j_with_markup(struct jctx *c, struct jv s, bool markup);
struct jv j_undef_name(struct jctx *c, const struct jstr *name);
struct jv j_undef_attr(struct jctx *c, struct jv obj, struct jv name);
struct jv j_undef_hint(struct jctx *c, const char *hint);
struct jv j_undef_unsafe(struct jctx *c, struct jv obj, const char *attr);
_Noreturn void j_raise_undefined(struct jctx *c, struct jv undef);

struct jlist *j_list_new(struct jctx *c, size_t cap);
void j_list_push(struct jctx *c, struct jlist *l, struct jv v);
struct jv j_list(struct jlist *l);
struct jv j_tuple(struct jlist *l);
struct jv j_pair(struct jctx *c, struct jv a, struct jv b);
struct jv j_generator(struct jctx *c, struct jlist *l, const char *kind);

struct jdict *j_dict_new(struct jctx *c);
void j_dict_set(struct jctx *c, struct jdict *d, struct jv key, struct jv value);
/* The entry or NULL; an unhashable key raises. */
struct jentry *j_dict_find(struct jctx *c, const struct jdict *d, struct jv key);
struct jentry *j_dict_find_str(struct jctx *c, const struct jdict *d, const char *key, size_t n);
bool j_hashable(struct jctx *c, struct jv v);
uint64_t j_hash(struct jctx *c, struct jv v); /* raises for what is unhashable */

bool j_truth(struct jctx *c, struct jv v);
bool j_is_number(struct jv v);        /* bool, int, float */
bool j_is_integer(struct jv v);       /* bool, int */
int64_t j_as_int(struct jv v);        /* of bool, int */
double j_as_double(struct jv v);      /* of bool, int, float */
const char *j_type_name(struct jv v); /* as Python's type(v).__name__ */
bool j_is_str(struct jv v, const char *text);
/* len(v); false where it has none. */
bool j_len(struct jctx *c, struct jv v, size_t *ret);
bool j_iterable(struct jv v);
/* All items; raises "'int' object is not iterable".  May be the value's own list: do not write. */
struct jlist *j_items(struct jctx *c, struct jv v);
struct jv j_range_at(const struct jrange *r, size_t i);

bool j_equal(struct jctx *c, struct jv a, struct jv b);
bool j_same(struct jv a, struct jv b); /* Python's `is` */
/* a < b and the like; op for the message. */
enum jcmp { J_LT, J_LE, J_GT, J_GE };
bool j_compare(struct jctx *c, struct jv a, struct jv b, enum jcmp op);
bool j_contains(struct jctx *c, struct jv item, struct jv container);

/* --- text.c: str(), repr(), characters --- */
const struct jstr *j_to_str(struct jctx *c, struct jv v); /* Python's str() */
void j_put_repr(struct jctx *c, struct jbuf *b, struct jv v);
const struct jstr *j_repr(struct jctx *c, struct jv v);
void j_put_float(struct jctx *c, struct jbuf *b, double x);
/* A NUL-terminated copy for messages, cut to 80 bytes. */
const char *j_show(struct jctx *c, const struct jstr *s);
bool j_is_space(uint32_t c); /* Python's, which adds U+001C..1F to Unicode's */
/* Byte offset of the code point number i (i <= chars). */
size_t j_char_offset(const struct jstr *s, size_t i);
struct jv j_substr(struct jctx *c, const struct jstr *s, size_t from, size_t to); /* bytes */
struct jv j_escape(struct jctx *c, struct jv v); /* markupsafe.escape */

/* --- json.c --- */
struct jv j_from_json(struct jctx *c, const json_t *j);
struct jv j_tojson(struct jctx *c, struct jv v, bool ascii, struct jv indent, struct jv separators,
    bool sort_keys);

/* --- ops.c: operators, attributes, items --- */
enum jbinop { J_ADD, J_SUB, J_MUL, J_DIV, J_FLOORDIV, J_MOD, J_POW };
struct jv j_binary(struct jctx *c, enum jbinop op, struct jv a, struct jv b);
struct jv j_negate(struct jctx *c, struct jv v);
struct jv j_positive(struct jctx *c, struct jv v);
struct jv j_getattr(struct jctx *c, struct jv obj, const struct jstr *name);
struct jv j_getitem(struct jctx *c, struct jv obj, struct jv key);
struct jv j_slice(struct jctx *c, struct jv obj, struct jv start, struct jv stop, struct jv step);
/* The attribute itself, without falling back to an item; MISSING where there is none. */
struct jv j_attribute(struct jctx *c, struct jv obj, const struct jstr *name);
/* Items in order under |sort's rules: stable, by key (keys may be the items). */
void j_sort(struct jctx *c, struct jv *items, struct jv *keys, size_t n, bool reverse);

/* --- format.c: "%d" % x, "{}".format(x) --- */
struct jv j_percent(struct jctx *c, const struct jstr *fmt, struct jv args);
struct jv j_format(struct jctx *c, const struct jstr *fmt, const struct jargs *args);

/* --- call.c --- */
struct jv j_call(struct jctx *c, struct jv f, const struct jargs *args);
struct jv j_call_fn(struct jctx *c, const struct jfn *fn, struct jv self, const struct jargs *args);

/* --- tables --- */
const struct jfn *j_find_filter(const char *name, size_t n);
const struct jfn *j_find_test(const char *name, size_t n);
const struct jfn *j_find_global(const char *name, size_t n);
const struct jfn *j_find_str_method(const char *name, size_t n);
const struct jfn *j_find_method(enum jtype type, const char *name, size_t n);
/* Known to Python or Jinja but not offered here (random, encode …). */
bool j_refused_filter(const char *name, size_t n);
/* The function of that name in a table that ends with name NULL. */
const struct jfn *j_lookup(const struct jfn *table, const char *name, size_t n);

/* --- exec.c: what values call back into --- */
struct jv j_call_macro(struct jctx *c, const struct jmacro *m, const struct jargs *args);
struct jv j_call_loop(struct jctx *c, struct jloop *loop, const struct jargs *args);
struct jv j_loop_cycle(struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw);
struct jv j_loop_changed(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw);
struct jv j_loop_attribute(struct jctx *c, struct jv loop, const struct jstr *name);
struct jv j_macro_attribute(struct jctx *c, const struct jmacro *m, const struct jstr *name);
const struct jstr *j_macro_name(const struct jmacro *m);
size_t j_loop_length(const struct jloop *loop, size_t *ret_index);

#endif
