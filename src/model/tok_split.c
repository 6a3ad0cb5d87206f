/* Pre-tokenizers: a list of stages, each of which cuts a piece into smaller ones or rewrites it;
 * what leaves the last stage is a word for the model.
 *
 * Pieces go depth first through the stages, so a stage has one piece at a time and nothing is
 * collected on the way; the words come in the same order as stage by stage over the whole text.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"
#include "model/tok_unicode.h"

enum behavior {
    REMOVED,
    ISOLATED,
    MERGED_WITH_PREVIOUS,
    MERGED_WITH_NEXT,
    CONTIGUOUS,
    N_BEHAVIORS
};
static const char *const behaviors[N_BEHAVIORS] = {
    "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};

struct pr_tok_stage {
    enum { SPLIT, PREFIX_SPACE, BYTES, METASPACE, FIXED_LENGTH } kind;
    struct pr_tok_pattern *pattern;
    enum behavior behavior;
    bool invert;
    char mark[5]; /* Metaspace's replacement */
    enum { NEVER, FIRST, ALWAYS } prepend;
    size_t length; /* of FixedLength, characters */
};

struct run {
    const struct pr_tokenizer *t;
    struct pr_tok_scratch *x;
    struct pr_ids *out;
    struct pr_error *e;
};

static enum pr_code run_stage(struct run *r, size_t i, const char *s, size_t n, bool front);

/* ---- cutting ------------------------------------------------------------------------------- */

struct cut {
    size_t from, to;
    bool match;
};
struct cuts {
    struct cut *v;
    size_t n, cap;
};

/* Cuts joined as the behaviors say; the order of the rules is Hugging Face's, odd corners (two
 * matches side by side) included. */
static void join_forward(struct cuts *c, enum behavior how)
{
    bool previous = false;
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool match = c->v[i].match;
        bool join = how == CONTIGUOUS ? match == previous : match && !previous;
        if (join && kept > 0)
            c->v[kept - 1].to = c->v[i].to;
        else
            c->v[kept++] = c->v[i];
        previous = match;
    }
    c->n = kept;
}

static void join_backward(struct cuts *c)
{
    bool previous = false;
    size_t kept = c->n;
    for (size_t i = c->n; i-- > 0;) {
        bool match = c->v[i].match;
        if (match && !previous && kept < c->n)
            c->v[kept].from = c->v[i].from;
        else
            c->v[--kept] = c->v[i];
        previous = match;
    }
    memmove(c->v, c->v + kept, (c->n - kept) * sizeof *c->v);
    c->n -= kept;
}

static enum pr_code find_cuts(
    const struct pr_tok_stage *g, const char *s, size_t n, struct cuts *c, struct pr_error *e)
{
    struct pr_tok_matches m;
    size_t from, to, done = 0;
    bool found;
    enum pr_code code;
    pr_tok_matches_start(&m, g->pattern, s, n);
    while (!(code = pr_tok_matches_next(&m, &from, &to, &found, e)) && found) {
        struct cut between = {done, from, g->invert}, match = {from, to, !g->invert};
        if (from > done)
            PR_PUSH(c->v, c->n, c->cap, between);
        PR_PUSH(c->v, c->n, c->cap, match);
        done = to;
    }
    pr_tok_matches_done(&m);
    struct cut rest = {done, n, g->invert};
    if (!code && done < n)
        PR_PUSH(c->v, c->n, c->cap, rest);
    return code;
}

static enum pr_code run_split(struct run *r, size_t i, const char *s, size_t n, bool front)
{
    const struct pr_tok_stage *g = &r->t->splitter.v[i];
    pr_tok_match_fn *match = pr_tok_pattern_matcher(g->pattern);
    enum pr_code code = PR_OK;
    if (match && g->behavior == (g->invert ? REMOVED : ISOLATED)) { /* matches everywhere */
        bool last = i + 1 == r->t->splitter.n;
        for (size_t at = 0, len; at < n && !code; at += len) {
            len = match(s + at, n - at);
            code = last ? pr_tok_bpe_word(&r->t->bpe, r->x, s + at, len, r->out, r->e)
                        : run_stage(r, i + 1, s + at, len, front && at == 0);
        }
        return code;
    }
    struct cuts c = {0};
    if ((code = find_cuts(g, s, n, &c, r->e)))
        goto out;
    if (g->behavior == MERGED_WITH_NEXT)
        join_backward(&c);
    else if (g->behavior == MERGED_WITH_PREVIOUS || g->behavior == CONTIGUOUS)
        join_forward(&c, g->behavior);
    for (size_t k = 0; k < c.n && !code; k++)
        if (c.v[k].to > c.v[k].from && !(g->behavior == REMOVED && c.v[k].match))
            code = run_stage(
                r, i + 1, s + c.v[k].from, c.v[k].to - c.v[k].from, front && c.v[k].from == 0);
out:
    pr_free(c.v);
    return code;
}

static enum pr_code run_fixed_length(struct run *r, size_t i, const char *s, size_t n, bool front)
{
    enum pr_code code = PR_OK;
    for (size_t from = 0, to = 0; from < n && !code; from = to) {
        uint32_t c;
        for (size_t k = 0; k < r->t->splitter.v[i].length && to < n; k++)
            to += pr_utf8_decode(s + to, &c);
        code = run_stage(r, i + 1, s + from, to - from, front && from == 0);
    }
    return code;
}

/* ---- rewriting ----------------------------------------------------------------------------- */

static void metaspace(
    const struct pr_tok_stage *g, const char *s, size_t n, bool front, struct pr_str *out)
{
    size_t mark = strlen(g->mark);
    bool starts = n > 0 && (s[0] == ' ' || (n >= mark && !memcmp(s, g->mark, mark)));
    if (n > 0 && !starts && (g->prepend == ALWAYS || (g->prepend == FIRST && front)))
        pr_str_append(out, g->mark, mark);
    for (size_t at = 0; at < n;) {
        const char *space = memchr(s + at, ' ', n - at);
        size_t to = space ? (size_t)(space - s) : n;
        pr_str_append(out, s + at, to - at);
        if (space)
            pr_str_append(out, g->mark, mark);
        at = to + 1;
    }
}

static enum pr_code run_stage(struct run *r, size_t i, const char *s, size_t n, bool front)
{
    if (n == 0)
        return PR_OK;
    if (i == r->t->splitter.n)
        return pr_tok_bpe_word(&r->t->bpe, r->x, s, n, r->out, r->e);
    const struct pr_tok_stage *g = &r->t->splitter.v[i];
    if (g->kind == SPLIT)
        return run_split(r, i, s, n, front);
    if (g->kind == FIXED_LENGTH)
        return run_fixed_length(r, i, s, n, front);
    if (g->kind == PREFIX_SPACE && s[0] == ' ')
        return run_stage(r, i + 1, s, n, front);
    struct pr_str *out = &r->x->stage[i];
    pr_str_clear(out);
    if (g->kind == METASPACE) {
        metaspace(g, s, n, front, out);
    } else if (g->kind == BYTES) {
        pr_tok_bytes_map(s, n, out);
    } else {
        pr_str_putc(out, ' ');
        pr_str_append(out, s, n);
    }
    if (out->over)
        return pr_fail(r->e, PR_E_LIMIT, "the text to split is longer than %zu bytes", out->max);
    return run_stage(r, i + 1, out->data, out->len, front);
}

enum pr_code pr_tok_split_encode(const struct pr_tokenizer *t, struct pr_tok_scratch *x,
    const char *s, size_t n, bool front, struct pr_ids *out, struct pr_error *e)
{
    struct run r = {t, x, out, e};
    return run_stage(&r, 0, s, n, front);
}

/* ---- from JSON ----------------------------------------------------------------------------- */

/* The rules of the single components; each appends its stages. */
static bool is_numeric(uint32_t c)
{
    return pr_tok_classes(c) & PR_TOK_N;
}

static enum pr_code add(struct pr_tok_splitter *p, struct pr_tok_stage stage, struct pr_error *e)
{
    if (p->n == PR_TOK_MAX_STAGES) {
        pr_tok_pattern_free(stage.pattern);
        return pr_fail(e, PR_E_LIMIT, "pre_tokenizer: more than %d stages", PR_TOK_MAX_STAGES);
    }
    PR_PUSH(p->v, p->n, p->cap, stage);
    return PR_OK;
}

static enum pr_code add_split(struct pr_tok_splitter *p, struct pr_tok_pattern *pattern,
    enum behavior behavior, bool invert, struct pr_error *e)
{
    return add(p,
        (struct pr_tok_stage){
            .kind = SPLIT, .pattern = pattern, .behavior = behavior, .invert = invert},
        e);
}

static enum pr_code get_behavior(
    const json_t *j, const char *component, bool required, enum behavior *ret, struct pr_error *e)
{
    const char *text = NULL;
    enum pr_code code = pr_json_get_str(j, "behavior", required, &text, e);
    if (code)
        return pr_wrap(e, code, "pre_tokenizer: %s", component);
    if (!text)
        return PR_OK;
    for (size_t i = 0; i < N_BEHAVIORS; i++)
        if (!strcmp(text, behaviors[i])) {
            *ret = (enum behavior)i;
            return PR_OK;
        }
    return pr_fail(e, PR_E_FORMAT,
        "pre_tokenizer: %s: 'behavior' is '%s', one of Removed, Isolated, MergedWithPrevious, "
        "MergedWithNext, Contiguous was expected",
        component, text);
}

static enum pr_code parse_split(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    enum behavior behavior = ISOLATED;
    bool invert;
    struct pr_tok_pattern *pattern;
    enum pr_code code;
    if ((code = get_behavior(j, "Split", true, &behavior, e)) ||
        (code = pr_json_get_bool(j, "invert", true, &invert, e)) ||
        (code = pr_tok_pattern_parse(
             json_object_get(j, "pattern"), "pre_tokenizer: Split", &pattern, e)))
        return code;
    return add_split(p, pattern, behavior, invert, e);
}

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

static enum pr_code parse_byte_level(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    bool prefix, regex = true, trim;
    struct pr_tok_pattern *pattern;
    enum pr_code code;
    if ((code = pr_json_get_bool(j, "add_prefix_space", true, &prefix, e)) ||
        (code = pr_json_get_bool(j, "trim_offsets", true, &trim, e)) ||
        (code = pr_json_get_bool(j, "use_regex", false, &regex, e)))
        return pr_wrap(e, code, "pre_tokenizer: ByteLevel");
    if (prefix && (code = add(p, (struct pr_tok_stage){.kind = PREFIX_SPACE}, e)))
        return code;
    if (regex && ((code = pr_tok_pattern_regex(GPT2, "pre_tokenizer: ByteLevel", &pattern, e)) ||
                     (code = add_split(p, pattern, ISOLATED, false, e))))
        return code;
    return add(p, (struct pr_tok_stage){.kind = BYTES}, e);
}

static enum pr_code parse_metaspace(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    static const char *const schemes[] = {
        [NEVER] = "never", [FIRST] = "first", [ALWAYS] = "always"};
    const char *mark, *scheme = "always";
    bool prefix = true, split = true;
    struct pr_tok_stage g = {.kind = METASPACE};
    enum pr_code code;
    uint32_t c;
    if ((code = pr_json_get_str(j, "replacement", true, &mark, e)) ||
        (code = pr_json_get_str(j, "prepend_scheme", false, &scheme, e)) ||
        (code = pr_json_get_bool(j, "add_prefix_space", false, &prefix, e)) ||
        (code = pr_json_get_bool(j, "split", false, &split, e)))
        return pr_wrap(e, code, "pre_tokenizer: Metaspace");
    size_t n = strlen(mark), k = 0;
    if (n == 0 || pr_utf8_decode(mark, &c) != n)
        return pr_fail(e, PR_E_FORMAT,
            "pre_tokenizer: Metaspace: 'replacement' is '%s', one character was expected", mark);
    memcpy(g.mark, mark, n);
    while (k < 3 && strcmp(scheme, schemes[k]) != 0)
        k++;
    if (k == 3)
        return pr_fail(e, PR_E_FORMAT,
            "pre_tokenizer: Metaspace: 'prepend_scheme' is '%s', first, never or always was "
            "expected",
            scheme);
    g.prepend = k == NEVER ? NEVER : k == FIRST ? FIRST : ALWAYS;
    if (!prefix && g.prepend != NEVER)
        return pr_fail(e, PR_E_FORMAT,
            "pre_tokenizer: Metaspace: 'add_prefix_space' false needs 'prepend_scheme' never");
    if ((code = add(p, g, e)) || !split)
        return code;
    return add_split(p, pr_tok_pattern_literal(mark, n), MERGED_WITH_NEXT, false, e);
}

static enum pr_code parse_digits(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    bool individual;
    enum pr_code code = pr_json_get_bool(j, "individual_digits", true, &individual, e);
    return code ? pr_wrap(e, code, "pre_tokenizer: Digits")
                : add_split(p, pr_tok_pattern_class(is_numeric), individual ? ISOLATED : CONTIGUOUS,
                      false, e);
}

static enum pr_code parse_punctuation(
    const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    enum behavior behavior = ISOLATED;
    enum pr_code code = get_behavior(j, "Punctuation", false, &behavior, e);
    return code ? code
                : add_split(p, pr_tok_pattern_class(pr_tok_is_punctuation), behavior, false, e);
}

static enum pr_code parse_whitespace(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    (void)j;
    struct pr_tok_pattern *pattern;
    enum pr_code code = pr_tok_pattern_regex(
        "[\\w\\x{200c}\\x{200d}]+|[^\\w\\s\\x{200c}\\x{200d}]+", "Whitespace", &pattern, e);
    return code ? code : add_split(p, pattern, REMOVED, true, e);
}

static enum pr_code parse_whitespace_split(
    const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    (void)j;
    return add_split(p, pr_tok_pattern_class(pr_utf8_is_space), REMOVED, false, e);
}

static enum pr_code parse_bert(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    enum pr_code code = parse_whitespace_split(j, p, e);
    return code ? code
                : add_split(p, pr_tok_pattern_class(pr_tok_is_punctuation), ISOLATED, false, e);
}

static enum pr_code parse_delimiter(const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    const char *text;
    uint32_t c;
    enum pr_code code = pr_json_get_str(j, "delimiter", true, &text, e);
    if (code)
        return pr_wrap(e, code, "pre_tokenizer: CharDelimiterSplit");
    if (!*text || pr_utf8_decode(text, &c) != strlen(text))
        return pr_fail(e, PR_E_FORMAT,
            "pre_tokenizer: CharDelimiterSplit: 'delimiter' is '%s', one character was expected",
            text);
    return add_split(p, pr_tok_pattern_literal(text, strlen(text)), REMOVED, false, e);
}

static enum pr_code parse_fixed_length(
    const json_t *j, struct pr_tok_splitter *p, struct pr_error *e)
{
    int64_t length = 5;
    enum pr_code code = pr_json_get_int(j, "length", false, 1, INT32_MAX, &length, e);
    return code ? pr_wrap(e, code, "pre_tokenizer: FixedLength")
                : add(p, (struct pr_tok_stage){.kind = FIXED_LENGTH, .length = (size_t)length}, e);
}

static const struct {
    const char *name;
    enum pr_code (*parse)(const json_t *, struct pr_tok_splitter *, struct pr_error *);
} components[] = {{"Sequence", NULL}, {"ByteLevel", parse_byte_level}, {"Split", parse_split},
    {"Metaspace", parse_metaspace}, {"Digits", parse_digits}, {"Punctuation", parse_punctuation},
    {"Whitespace", parse_whitespace}, {"WhitespaceSplit", parse_whitespace_split},
    {"BertPreTokenizer", parse_bert}, {"CharDelimiterSplit", parse_delimiter},
    {"FixedLength", parse_fixed_length}};
#define N_COMPONENTS (sizeof components / sizeof *components)

static enum pr_code parse(const json_t *j, struct pr_tok_splitter *p, int depth, struct pr_error *e)
{
    const char *names[N_COMPONENTS];
    size_t kind;
    for (size_t i = 0; i < N_COMPONENTS; i++)
        names[i] = components[i].name;
    enum pr_code code = pr_tok_component_type(j, "pre_tokenizer", names, N_COMPONENTS, &kind, e);
    if (code)
        return code;
    if (components[kind].parse)
        return components[kind].parse(j, p, e);
    const json_t *list = json_object_get(j, "pretokenizers");
    if (!json_is_array(list) || depth > 16)
        return pr_fail(e, PR_E_FORMAT,
            "pre_tokenizer: Sequence: 'pretokenizers' is %s, a list was expected",
            pr_json_type_name(list));
    for (size_t i = 0; i < json_array_size(list) && !code; i++)
        code = parse(json_array_get(list, i), p, depth + 1, e);
    return code;
}

enum pr_code pr_tok_splitter_parse(const json_t *j, struct pr_tok_splitter *ret, struct pr_error *e)
{
    if (!j || json_is_null(j))
        return PR_OK;
    enum pr_code code = parse(j, ret, 0, e);
    if (!code && ret->n > 0 && ret->v[ret->n - 1].kind == BYTES) {
        ret->n--;
        ret->bytes = true;
    }
    return code;
}

void pr_tok_splitter_done(struct pr_tok_splitter *p)
{
    for (size_t i = 0; i < p->n; i++)
        pr_tok_pattern_free(p->v[i].pattern);
    pr_free(p->v);
}
