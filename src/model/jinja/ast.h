/* The syntax tree of a template and the scopes that its names were resolved into.
 *
 * One fat node for all kinds: what a, b, c and the lists hold is said beside each kind.  Names are
 * resolved at compile time, by the rules of Jinja's own compiler (scope.c), to (levels up, slot).
 */
#ifndef PR_JINJA_AST_H
#define PR_JINJA_AST_H

#include "model/jinja/value.h"

enum jkind {
    /* expressions */
    JN_CONST,   /* value */
    JN_NAME,    /* name, ctx, ref */
    JN_NSREF,   /* name.attr as a target: name, attr, ref */
    JN_TUPLE,   /* list */
    JN_LIST,    /* list */
    JN_DICT,    /* list: PAIR nodes */
    JN_PAIR,    /* a: b */
    JN_COND,    /* b if a else c (c may be NULL) */
    JN_OR,      /* a or b */
    JN_AND,     /* a and b */
    JN_NOT,     /* not a */
    JN_COMPARE, /* a, list: OPERAND nodes */
    JN_OPERAND, /* op, a */
    JN_BINARY,  /* a op b */
    JN_CONCAT,  /* list */
    JN_NEG,     /* -a */
    JN_POS,     /* +a */
    JN_GETATTR, /* a.attr */
    JN_GETITEM, /* a[b] */
    JN_SLICE,   /* a[b:c:d]: as an index, in GETITEM's b: a, b, c are start, stop, step or NULL */
    JN_KEYWORD, /* name=a */
    JN_CALL,    /* a(list, list2, *b, **c) */
    JN_FILTER,  /* a|name(...), a NULL in filter and set blocks; as CALL, fn */
    JN_TEST,    /* a is name(...); as CALL, fn */
    /* statements */
    JN_DATA,        /* value */
    JN_OUTPUT,      /* a */
    JN_FOR,         /* for a in b if c: list, else: list2; test_target: a again, for the test */
    JN_IF,          /* if a: list, elif: list2 (IF nodes), else: list3 */
    JN_SET,         /* a = b */
    JN_SETBLOCK,    /* a = filter b of list */
    JN_MACRO,       /* name(list=list2): list3 */
    JN_CALLBLOCK,   /* call a (NULL: a generation block) with caller(list=list2): list3 */
    JN_FILTERBLOCK, /* filter a of list */
    JN_WITH,        /* list = list2: list3 */
    JN_BREAK,
    JN_CONTINUE,
    JN_KINDS
};

enum jcmpop { JO_EQ, JO_NE, JO_LT, JO_LE, JO_GT, JO_GE, JO_IN, JO_NOTIN };
enum jnamectx { J_LOAD, J_STORE, J_PARAM };

struct jnodes {
    struct jnode **v;
    size_t n, cap;
};

struct jref {
    uint32_t up, slot;
};

struct jnode {
    enum jkind kind;
    unsigned line, height; /* height: of the tree below, capped so that walks may recurse */
    struct jnode *a, *b, *c, *test_target;
    struct jnodes list, list2, list3;
    struct jv value;
    const struct jstr *name, *attr;
    const struct jfn *fn;
    struct jref ref;
    struct jscope *scope, *else_scope, *test_scope;
    uint8_t op, ctx;
    bool recursive, uses_loop;                      /* FOR */
    bool takes_caller, takes_kwargs, takes_varargs; /* MACRO, CALLBLOCK */
    uint32_t caller_slot, kwargs_slot, varargs_slot, loop_slot;
};

/* What a slot holds when its scope is entered. */
enum jload { JL_NONE, JL_PARAM, JL_RESOLVE, JL_ALIAS, JL_UNDEFINED };
struct jslot {
    const struct jstr *name;
    enum jload load;
    struct jref from; /* ALIAS: seen from this scope */
    bool stored;
};
struct jscope {
    struct jscope *parent;
    struct jslot *v;
    size_t n, cap;
};

/* A compiled template. */
struct pr_template {
    struct jctx *c; /* holds the arena that everything lies in */
    struct jnodes body;
    struct jscope *scope;
};

/* --- lexer.c --- */
enum jtok {
    JT_DATA,
    JT_VAR_BEGIN,
    JT_VAR_END,
    JT_BLOCK_BEGIN,
    JT_BLOCK_END,
    JT_NAME,
    JT_STRING,
    JT_INT,
    JT_FLOAT,
    JT_OP, /* op holds one of the JOP_ values */
    JT_EOF,
};
struct jtoken {
    enum jtok type;
    unsigned line;
    char op[3];
    struct jv value; /* DATA, NAME, STRING (strings), INT, FLOAT */
};
struct jtokens {
    struct jtoken *v;
    size_t n, cap;
};
void j_lex(struct jctx *c, const char *source, size_t n, struct jtokens *ret);

/* --- parser.c, parse_expr.c --- */
#define J_MAX_NESTING 120 /* of brackets and blocks in the source */
#define J_MAX_HEIGHT  500
struct jparser {
    struct jctx *c;
    struct jtokens t;
    size_t at;
    unsigned nesting;
    unsigned loop_depth; /* loops around, within the same function */
    size_t loop_stores;  /* assignments to the name 'loop' seen so far */
};
void j_parse(struct jctx *c, const char *source, size_t n, struct jnodes *ret);
static inline struct jtoken *j_cur(struct jparser *p)
{
    return &p->t.v[p->at];
}
void j_next(struct jparser *p);
bool j_tok_is(const struct jtoken *t, enum jtok type, const char *text); /* text of NAME or OP */
bool j_skip(struct jparser *p, enum jtok type, const char *text);
void j_expect(struct jparser *p, enum jtok type, const char *text);
const struct jstr *j_expect_name(struct jparser *p);
_Noreturn void j_syntax(struct jparser *p, const char *fmt, ...) PR_PRINTF(2, 3);
_Noreturn void j_unexpected(struct jparser *p);
struct jnode *j_node(struct jparser *p, enum jkind kind, unsigned line, struct jnode *a,
    struct jnode *b, struct jnode *c);
void j_push(struct jparser *p, struct jnode *owner, struct jnodes *list, struct jnode *child);
void j_nest(struct jparser *p); /* p->nesting-- to leave */
struct jnode *j_parse_expression(struct jparser *p, bool with_cond);
struct jnode *j_parse_primary(struct jparser *p);
struct jnode *j_parse_tuple(struct jparser *p, bool simplified, bool with_cond, bool parentheses);
struct jnode *j_parse_filters(struct jparser *p, struct jnode *node, bool start_inline);

/* --- scope.c --- */
/* Children in the order that Jinja visits them; f is called with each that is not NULL. */
void j_each_child(const struct jnode *n, void (*f)(void *ctx, struct jnode *child), void *ctx);
void j_resolve_names(struct jctx *c, struct pr_template *t);

/* --- eval.c, exec.c --- */
struct jenv {
    struct jenv *parent;
    struct jv slots[];
};
struct jmacro {
    const struct jnode *node; /* MACRO or CALLBLOCK */
    struct jenv *env;         /* where it was defined */
};
struct jv j_eval(struct jctx *c, struct jenv *env, const struct jnode *n);
/* The filter of a filter or set block over text. */
struct jv j_eval_filter(struct jctx *c, struct jenv *env, const struct jnode *n, struct jv text);
struct jargs j_eval_args(struct jctx *c, struct jenv *env, const struct jnode *call);
void j_assign(struct jctx *c, struct jenv *env, const struct jnode *target, struct jv v);
void j_exec_template(struct jctx *c);

#endif
