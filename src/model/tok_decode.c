/* Decoders: a list of steps, each from a list of strings to a list of strings; at the end they are
 * joined. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"

/* The strings lie one behind the other in bytes; string i ends at ends[i]. */
struct strings {
    struct pr_str bytes;
    size_t *ends;
    size_t n, cap;
};

static struct pr_tok_text get(const struct strings *v, size_t i)
{
    size_t from = i ? v->ends[i - 1] : 0;
    return (struct pr_tok_text){pr_str_cstr(&v->bytes) + from, v->ends[i] - from};
}

static void end_string(struct strings *v)
{
    PR_PUSH(v->ends, v->n, v->cap, v->bytes.len);
}

static void put_string(struct strings *v, const char *s, size_t n)
{
    pr_str_append(&v->bytes, s, n);
    end_string(v);
}

static void strings_done(struct strings *v)
{
    pr_str_done(&v->bytes);
    pr_free(v->ends);
}

struct pr_tok_dec_step {
    enum pr_code (*run)(const struct pr_tok_dec_step *d, const struct strings *in,
        struct strings *out, struct pr_error *e);
    struct pr_tok_pattern *pattern;
    char *content; /* Replace's content, BPEDecoder's suffix, WordPiece's prefix, Strip's character,
                      Metaspace's replacement */
    size_t content_n, start, stop;
    bool prepends, cleanup;
};

/* A token in the byte alphabet becomes its bytes; one with another character stays as it is. */
static void put_bytes_of(struct pr_str *out, struct pr_tok_text t)
{
    size_t before = out->len;
    for (size_t i = 0; i < t.n;) {
        uint32_t c;
        i += pr_utf8_decode(t.s + i, &c);
        int b = pr_tok_char_byte(c);
        if (b < 0) {
            out->len = before;
            pr_str_append(out, t.s, t.n);
            return;
        }
        pr_str_putc(out, (char)b);
    }
}

static enum pr_code run_byte_level(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)d, (void)e;
    struct pr_str raw = PR_STR_INIT(PR_TOK_MAX_TEXT);
    for (size_t i = 0; i < in->n; i++)
        put_bytes_of(&raw, get(in, i));
    out->bytes.over |= raw.over;
    pr_utf8_append_lossy(&out->bytes, pr_str_cstr(&raw), raw.len);
    end_string(out);
    pr_str_done(&raw);
    return PR_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The byte of "<0x0A>", or -1.  "+A" is a number too for Rust's from_str_radix. */
static int byte_token(struct pr_tok_text t)
{
    if (t.n != 6 || memcmp(t.s, "<0x", 3) != 0 || t.s[5] != '>')
        return -1;
    int hi = t.s[3] == '+' ? 0 : hex_digit(t.s[3]), lo = hex_digit(t.s[4]);
    return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

static void flush_bytes(struct pr_str *raw, struct strings *out)
{
    if (raw->len == 0)
        return;
    if (pr_utf8_valid(raw->data, raw->len))
        put_string(out, raw->data, raw->len);
    else
        for (size_t i = 0; i < raw->len; i++)
            put_string(out, "\xef\xbf\xbd", 3);
    pr_str_clear(raw);
}

static enum pr_code run_byte_fallback(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)d, (void)e;
    struct pr_str raw = PR_STR_INIT(PR_TOK_MAX_TEXT);
    for (size_t i = 0; i < in->n; i++) {
        struct pr_tok_text t = get(in, i);
        int b = byte_token(t);
        if (b >= 0) {
            pr_str_putc(&raw, (char)b);
            continue;
        }
        flush_bytes(&raw, out);
        put_string(out, t.s, t.n);
    }
    flush_bytes(&raw, out);
    pr_str_done(&raw);
    return PR_OK;
}

static enum pr_code run_fuse(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)d, (void)e;
    put_string(out, pr_str_cstr(&in->bytes), in->bytes.len);
    return PR_OK;
}

static enum pr_code run_replace(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < in->n && !code; i++) {
        struct pr_tok_text t = get(in, i);
        struct pr_tok_matches m;
        size_t from, to, done = 0;
        bool found;
        /* An empty string is no place for a match, not even for an empty one. */
        pr_tok_matches_start(&m, d->pattern, t.s, t.n);
        while (t.n && !(code = pr_tok_matches_next(&m, &from, &to, &found, e)) && found) {
            pr_str_append(&out->bytes, t.s + done, from - done);
            pr_str_append(&out->bytes, d->content, d->content_n);
            done = to;
        }
        pr_tok_matches_done(&m);
        put_string(out, t.s + done, t.n - done);
    }
    return code;
}

static enum pr_code run_strip(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)e;
    for (size_t i = 0; i < in->n; i++) {
        struct pr_tok_text t = get(in, i);
        size_t from = 0, to = t.n, k = d->content_n;
        for (size_t c = 0; c < d->start && t.n - from >= k && !memcmp(t.s + from, d->content, k);
             c++)
            from += k;
        for (size_t c = 0; c < d->stop && to - from >= k && !memcmp(t.s + to - k, d->content, k);
             c++)
            to -= k;
        put_string(out, t.s + from, to - from);
    }
    return PR_OK;
}

static enum pr_code run_metaspace(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)e;
    for (size_t i = 0; i < in->n; i++) {
        struct pr_tok_text t = get(in, i);
        for (size_t at = 0; at < t.n;) {
            if (t.n - at >= d->content_n && !memcmp(t.s + at, d->content, d->content_n)) {
                if (i > 0 || !d->prepends)
                    pr_str_putc(&out->bytes, ' ');
                at += d->content_n;
            } else {
                pr_str_putc(&out->bytes, t.s[at++]);
            }
        }
        end_string(out);
    }
    return PR_OK;
}

/* text with each `what` replaced by `with`; an empty `what` is replaced between all characters. */
static void put_replaced(
    struct pr_str *out, struct pr_tok_text t, const char *what, size_t n, const char *with)
{
    size_t at = 0;
    while (at <= t.n) {
        const char *found = n ? memmem(t.s + at, t.n - at, what, n) : t.s + at;
        size_t to = found ? (size_t)(found - t.s) : t.n;
        pr_str_append(out, t.s + at, to - at);
        if (!found)
            return;
        pr_str_puts(out, with);
        at = to + n;
        if (n == 0) {
            uint32_t c;
            size_t len = at < t.n ? pr_utf8_decode(t.s + at, &c) : 1;
            pr_str_append(out, t.s + at, at < t.n ? len : 0);
            at += len;
        }
    }
}

static enum pr_code run_bpe_decoder(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)e;
    for (size_t i = 0; i < in->n; i++) {
        put_replaced(&out->bytes, get(in, i), d->content, d->content_n, i + 1 == in->n ? "" : " ");
        end_string(out);
    }
    return PR_OK;
}

/* What WordPiece's decoder tidies: English before punctuation and contractions. */
static void tidy(struct pr_str *s)
{
    static const char *const pairs[][2] = {{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","},
        {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"},
        {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct pr_str next = PR_STR_INIT(PR_TOK_MAX_TEXT);
        put_replaced(&next, (struct pr_tok_text){pr_str_cstr(s), s->len}, pairs[i][0],
            strlen(pairs[i][0]), pairs[i][1]);
        pr_str_done(s);
        *s = next;
    }
}

static enum pr_code run_wordpiece(const struct pr_tok_dec_step *d, const struct strings *in,
    struct strings *out, struct pr_error *e)
{
    (void)e;
    struct pr_str word = PR_STR_INIT(PR_TOK_MAX_TEXT);
    for (size_t i = 0; i < in->n; i++) {
        struct pr_tok_text t = get(in, i);
        pr_str_clear(&word);
        bool goes_on = t.n >= d->content_n && !memcmp(t.s, d->content, d->content_n);
        if (i > 0 && !goes_on)
            pr_str_putc(&word, ' ');
        size_t skip = i > 0 && goes_on ? d->content_n : 0;
        pr_str_append(&word, t.s + skip, t.n - skip);
        if (d->cleanup)
            tidy(&word);
        put_string(out, pr_str_cstr(&word), word.len);
    }
    pr_str_done(&word);
    return PR_OK;
}

/* ---- from JSON ----------------------------------------------------------------------------- */

enum kind {
    BYTE_LEVEL,
    SEQUENCE,
    REPLACE,
    BYTE_FALLBACK,
    FUSE,
    STRIP,
    METASPACE,
    BPE_DECODER,
    WORD_PIECE,
    N_KINDS
};
static const char *const names[N_KINDS] = {"ByteLevel", "Sequence", "Replace", "ByteFallback",
    "Fuse", "Strip", "Metaspace", "BPEDecoder", "WordPiece"};

static enum pr_code set_content(
    const json_t *j, const char *key, bool one_char, struct pr_tok_dec_step *d, struct pr_error *e)
{
    const char *text;
    uint32_t c;
    enum pr_code code = pr_json_get_str(j, key, true, &text, e);
    if (code)
        return code;
    if (one_char && (!*text || pr_utf8_decode(text, &c) != strlen(text)))
        return pr_fail(e, PR_E_FORMAT, "'%s' is '%s', one character was expected", key, text);
    d->content = pr_strdup(text);
    d->content_n = strlen(text);
    return PR_OK;
}

static enum pr_code parse_metaspace(const json_t *j, struct pr_tok_dec_step *d, struct pr_error *e)
{
    const char *scheme = "always";
    bool prefix = true;
    enum pr_code code;
    if ((code = set_content(j, "replacement", true, d, e)) ||
        (code = pr_json_get_str(j, "prepend_scheme", false, &scheme, e)) ||
        (code = pr_json_get_bool(j, "add_prefix_space", false, &prefix, e)))
        return code;
    d->prepends = strcmp(scheme, "never") != 0;
    return PR_OK;
}

static enum pr_code parse_step(
    const json_t *j, enum kind kind, struct pr_tok_dec_step *d, struct pr_error *e)
{
    int64_t start = 0, stop = 0;
    enum pr_code code = PR_OK;
    switch (kind) {
    case REPLACE:
        if ((code = set_content(j, "content", false, d, e)) == PR_OK)
            code = pr_tok_pattern_parse(json_object_get(j, "pattern"), "Replace", &d->pattern, e);
        break;
    case STRIP:
        if ((code = set_content(j, "content", true, d, e)) == PR_OK &&
            (code = pr_json_get_int(j, "start", true, 0, INT32_MAX, &start, e)) == PR_OK)
            code = pr_json_get_int(j, "stop", true, 0, INT32_MAX, &stop, e);
        d->start = (size_t)start;
        d->stop = (size_t)stop;
        break;
    case METASPACE:
        code = parse_metaspace(j, d, e);
        break;
    case BPE_DECODER:
        code = set_content(j, "suffix", false, d, e);
        break;
    case WORD_PIECE:
        if ((code = set_content(j, "prefix", false, d, e)) == PR_OK)
            code = pr_json_get_bool(j, "cleanup", true, &d->cleanup, e);
        break;
    default:
        break;
    }
    return code ? pr_wrap(e, code, "decoder: %s", names[kind]) : PR_OK;
}

static enum pr_code parse(const json_t *j, struct pr_tok_decoder *d, int depth, struct pr_error *e)
{
    static enum pr_code (*const runs[N_KINDS])(const struct pr_tok_dec_step *,
        const struct strings *, struct strings *, struct pr_error *) = {run_byte_level, NULL,
        run_replace, run_byte_fallback, run_fuse, run_strip, run_metaspace, run_bpe_decoder,
        run_wordpiece};
    size_t kind;
    enum pr_code code = pr_tok_component_type(j, "decoder", names, N_KINDS, &kind, e);
    if (code)
        return code;
    if (kind == SEQUENCE) {
        const json_t *list = json_object_get(j, "decoders");
        if (!json_is_array(list) || depth > 16)
            return pr_fail(e, PR_E_FORMAT,
                "decoder: Sequence: 'decoders' is %s, a list was expected",
                pr_json_type_name(list));
        for (size_t i = 0; i < json_array_size(list) && !code; i++)
            code = parse(json_array_get(list, i), d, depth + 1, e);
        return code;
    }
    if (d->n == PR_TOK_MAX_STAGES)
        return pr_fail(e, PR_E_LIMIT, "decoder: more than %d steps", PR_TOK_MAX_STAGES);
    struct pr_tok_dec_step step = {.run = runs[kind]};
    code = parse_step(j, (enum kind)kind, &step, e);
    PR_PUSH(d->v, d->n, d->cap, step);
    return code;
}

enum pr_code pr_tok_decoder_parse(const json_t *j, struct pr_tok_decoder *ret, struct pr_error *e)
{
    ret->none = !j || json_is_null(j);
    return ret->none ? PR_OK : parse(j, ret, 0, e);
}

void pr_tok_decoder_done(struct pr_tok_decoder *d)
{
    for (size_t i = 0; i < d->n; i++) {
        pr_tok_pattern_free(d->v[i].pattern);
        pr_free(d->v[i].content);
    }
    pr_free(d->v);
}

enum pr_code pr_tok_decode(const struct pr_tok_decoder *d, const struct pr_tok_text *tokens,
    size_t n, struct pr_str *out, struct pr_error *e)
{
    struct strings now = {.bytes = PR_STR_INIT(PR_TOK_MAX_TEXT)};
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n; i++) {
        if (d->none && i > 0)
            pr_str_putc(&now.bytes, ' ');
        put_string(&now, tokens[i].s, tokens[i].n);
    }
    for (size_t i = 0; i < d->n && !code; i++) {
        struct strings next = {.bytes = PR_STR_INIT(PR_TOK_MAX_TEXT)};
        code = d->v[i].run(&d->v[i], &now, &next, e);
        next.bytes.over |= now.bytes.over;
        strings_done(&now);
        now = next;
    }
    if (!code && now.bytes.over)
        code = pr_fail(e, PR_E_LIMIT, "the decoded text is longer than %zu bytes", PR_TOK_MAX_TEXT);
    if (!code)
        pr_str_append(out, pr_str_cstr(&now.bytes), now.bytes.len);
    strings_done(&now);
    return code;
}
