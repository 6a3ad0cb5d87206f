/* The parts of a tokenizer, shared by the tok_*.c files and bpe.c alone.
 *
 *   tok_load.c       tokenizer.json → struct pr_tokenizer
 *   tok_strings.c    a set of strings with ids (vocabulary)
 *   bpe.c            merges; one word → ids; the cache of words
 *   tok_added.c      added tokens found in text
 *   tok_normalize.c  normalizers
 *   tok_split.c      pre-tokenizers, over tok_match.c (known patterns) and regex_tok.c (others)
 *   tok_decode.c     decoders
 *   tokenizer.c      the public functions
 */
#ifndef PR_MODEL_TOK_INTERNAL_H
#define PR_MODEL_TOK_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/str.h"
#include "model/tok_json.h"
#include "model/tokenizer.h"

/* Longest text and file, and how many parts a component may have: far above what exists. */
#define PR_TOK_MAX_TEXT   ((size_t)1 << 30)
#define PR_TOK_MAX_FILE   ((size_t)1 << 29)
#define PR_TOK_MAX_ID     (1 << 24)
#define PR_TOK_MAX_STAGES 32
#define PR_TOK_MAX_ADDED  4096 /* bytes of one added token */

/* A borrowed piece of text. */
struct pr_tok_text {
    const char *s;
    size_t n;
};

/* ---- strings with ids ---------------------------------------------------------------------- */

struct pr_tok_entry {
    uint32_t off, len; /* in pool; NUL-terminated there */
    int32_t id;
};
/* Strings are added to pool and v, then indexed; a repeated string keeps its last id. */
struct pr_tok_strings {
    char *pool;
    size_t pool_n, pool_cap;
    struct pr_tok_entry *v;
    size_t n, cap;
    uint64_t *slots; /* hash's upper half << 32 | index + 1; 0 is free */
    size_t mask;
};
void pr_tok_strings_done(struct pr_tok_strings *s);
/* Room for bytes more in the pool; where they go. */
char *pr_tok_strings_room(struct pr_tok_strings *s, size_t bytes);
/* Notes the string of len bytes just written to the room (a NUL behind it). */
void pr_tok_strings_added(struct pr_tok_strings *s, size_t len, int32_t id);
void pr_tok_strings_add(struct pr_tok_strings *s, const char *text, size_t len, int32_t id);
/* Makes the index; repeated strings are dropped and counted. */
size_t pr_tok_strings_index(struct pr_tok_strings *s);
/* Adds one string to an indexed set, or gives it another id. */
void pr_tok_strings_put(struct pr_tok_strings *s, const char *text, size_t len, int32_t id);
/* The entry, or NULL. */
const struct pr_tok_entry *pr_tok_strings_find(
    const struct pr_tok_strings *s, const char *text, size_t len);
uint64_t pr_tok_hash(const char *s, size_t n);

/* ---- the model ----------------------------------------------------------------------------- */

/* The merge of the pair of ids in `pair` (left << 32 | right). */
struct pr_tok_merge {
    uint64_t pair; /* UINT64_MAX: free slot */
    uint32_t rank;
    int32_t id; /* of what they become */
};
struct pr_tok_bpe {
    struct pr_tok_strings vocab;
    uint32_t *by_id; /* [n_ids] index + 1 into vocab.v, 0 for none */
    int32_t n_ids;
    struct pr_tok_merge *merges;
    size_t merge_mask, n_merges; /* n_merges: distinct pairs */
    int32_t *id_of_rank;         /* [n_ranks] */
    uint64_t *pair_of_rank;      /* [n_ranks] */
    size_t n_ranks, n_ranks_added;
    bool ids_repeat; /* two strings share an id */
    bool ignore_merges, byte_fallback, fuse_unk;
    bool bytes; /* words come as bytes and each byte stands for its character (ByteLevel) */
    char *unk, *prefix, *suffix; /* NULL when not set; prefix and suffix never empty */
    int32_t unk_id;              /* -1: not in the vocabulary */
    int32_t byte_id[256];        /* of the byte's character (bytes) or of <0x..>; -1: none */
    uint32_t
        *byte_rank; /* [65536] rank of each pair of bytes, where all bytes have tokens; else NULL */
};
void pr_tok_bpe_done(struct pr_tok_bpe *m);
/* Sorts out what follows from the vocabulary: by_id, byte ids, unk. */
PR_MUST_CHECK enum pr_code pr_tok_bpe_finish(
    struct pr_tok_bpe *m, struct pr_notes *notes, const char *name, struct pr_error *e);
/* Room for n merges, then each in rank order. */
PR_MUST_CHECK enum pr_code pr_tok_bpe_merge_room(
    struct pr_tok_bpe *m, size_t n, struct pr_error *e);
void pr_tok_bpe_add_merge(struct pr_tok_bpe *m, int32_t a, int32_t b, int32_t id);

/* The rank of a pair's merge; UINT32_MAX: none. */
uint32_t pr_tok_bpe_rank(const struct pr_tok_bpe *m, int32_t a, int32_t b);

/* What one encode call needs; kept in the tokenizer between calls, one user at a time. */
struct pr_tok_symbol {
    int32_t id, prev, next; /* id -1: merged away */
    uint32_t rank;          /* of the pair with next; UINT32_MAX: none */
};
struct pr_tok_cache_slot {
    uint64_t hash;
    uint32_t at;         /* in the cache's pool, in 4-byte units: ids, then the word's bytes */
    uint16_t len, n_ids; /* len 0: free */
};
struct pr_tok_scratch {
    struct pr_tok_scratch *next;
    struct pr_tok_symbol *symbols; /* [n_symbols] */
    uint64_t *heap;                /* [2 * n_symbols] */
    size_t n_symbols;
    struct pr_tok_cache_slot *cache;
    uint32_t *pool;
    size_t cache_used, pool_used;
    struct pr_str mapped;                   /* a word in the byte alphabet */
    struct pr_str text[2];                  /* normalizers, in turn */
    struct pr_str stage[PR_TOK_MAX_STAGES]; /* what a stage rewrote */
};
struct pr_tok_scratch *pr_tok_scratch_new(void);
void pr_tok_scratch_free(struct pr_tok_scratch *s);
/* Appends the ids of one word (n > 0 bytes). */
PR_MUST_CHECK enum pr_code pr_tok_bpe_word(const struct pr_tok_bpe *m, struct pr_tok_scratch *x,
    const char *s, size_t n, struct pr_ids *out, struct pr_error *e);

/* ---- the byte alphabet of GPT-2 ------------------------------------------------------------ */

/* The character that stands for a byte, and back (-1: none). */
uint32_t pr_tok_byte_char(uint8_t b);
int pr_tok_char_byte(uint32_t c);
void pr_tok_bytes_map(const char *s, size_t n, struct pr_str *out);

/* ---- added tokens -------------------------------------------------------------------------- */

struct pr_tok_added_token {
    char *content;
    char *normalized_form; /* what the normalizer makes of it, when that differs; else NULL */
    size_t n, form_n;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
};
/* A trie: child of (node, byte) by hash; tokens' ends. */
struct pr_tok_trie {
    uint64_t *edge; /* node << 8 | byte, + 1 << 63; 0 is free */
    uint32_t *child;
    size_t mask, n_edges;
    int32_t *token; /* [n_nodes] index of the token that ends there, or -1 */
    size_t n_nodes, cap_nodes;
    bool first[256];
    int only_first; /* the one first byte, -1 when there are several */
    bool any;
};
struct pr_tok_added {
    struct pr_tok_added_token *v;
    size_t n, cap;
    struct pr_tok_strings by_content; /* all contents, replaced ones too */
    struct pr_tok_trie plain, normalized;
    bool *special_id; /* [n_ids] left out when special tokens are */
    uint32_t *by_id;  /* [n_ids] index + 1 */
    int32_t n_ids;    /* one past the largest id of vocabulary and added tokens */
};
void pr_tok_added_done(struct pr_tok_added *a);
PR_MUST_CHECK enum pr_code pr_tok_trie_add(
    struct pr_tok_trie *t, const char *s, size_t n, int32_t token, struct pr_error *e);
/* Calls each() for the pieces of text in order: token an index into a->v, or -1 for plain text. */
typedef enum pr_code pr_tok_piece_fn(
    void *ctx, const char *s, size_t n, size_t at, int32_t token, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_tok_added_find(const struct pr_tok_added *a,
    const struct pr_tok_trie *t, const char *s, size_t n, pr_tok_piece_fn *each, void *ctx,
    struct pr_error *e);

/* ---- patterns ------------------------------------------------------------------------------ */

struct pr_tok_pattern; /* a literal, a regular expression, or a class of characters */
/* {"String": …} or {"Regex": …}; `where` names the component in messages. */
PR_MUST_CHECK enum pr_code pr_tok_pattern_parse(
    const json_t *j, const char *where, struct pr_tok_pattern **ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_tok_pattern_regex(
    const char *regex, const char *where, struct pr_tok_pattern **ret, struct pr_error *e);
struct pr_tok_pattern *pr_tok_pattern_literal(const char *s, size_t n);
struct pr_tok_pattern *pr_tok_pattern_class(bool (*is)(uint32_t c));
void pr_tok_pattern_free(struct pr_tok_pattern *p);
/* Length of the match at s when the pattern is one of the known ones that match everywhere. */
typedef size_t pr_tok_match_fn(const char *s, size_t n);
pr_tok_match_fn *pr_tok_pattern_matcher(const struct pr_tok_pattern *p);
pr_tok_match_fn *pr_tok_match_known(const char *regex);
/* For tests: the same pattern by PCRE2 even where a matcher of our own exists. */
extern bool pr_tok_match_none;

/* An iterator over matches, with the rules of the onig crate for empty ones. */
struct pr_tok_matches {
    const struct pr_tok_pattern *p;
    const char *s;
    size_t n, at;
    size_t last; /* end of the last match, SIZE_MAX before the first */
    void *data;  /* of PCRE2 */
};
void pr_tok_matches_start(
    struct pr_tok_matches *m, const struct pr_tok_pattern *p, const char *s, size_t n);
/* *ret_found false after the last. */
PR_MUST_CHECK enum pr_code pr_tok_matches_next(struct pr_tok_matches *m, size_t *ret_from,
    size_t *ret_to, bool *ret_found, struct pr_error *e);
void pr_tok_matches_done(struct pr_tok_matches *m);

/* ---- normalizers, pre-tokenizers, decoders ------------------------------------------------- */

struct pr_tok_normalizer {
    struct pr_tok_norm_step *v;
    size_t n, cap;
};
PR_MUST_CHECK enum pr_code pr_tok_normalizer_parse(
    const json_t *j, struct pr_tok_normalizer *ret, struct pr_error *e);
void pr_tok_normalizer_done(struct pr_tok_normalizer *z);
/* The normalized text: s itself where nothing changes, else one of buf.  *ret_front: the text's
 * first character still stands for the first of s. */
PR_MUST_CHECK enum pr_code pr_tok_normalize(const struct pr_tok_normalizer *z, const char *s,
    size_t n, struct pr_str buf[2], struct pr_tok_text *ret, bool *ret_front, struct pr_error *e);

struct pr_tok_splitter {
    struct pr_tok_stage *v;
    size_t n, cap;
    bool bytes; /* the last step was ByteLevel's mapping, which bpe.c does itself */
};
PR_MUST_CHECK enum pr_code pr_tok_splitter_parse(
    const json_t *j, struct pr_tok_splitter *ret, struct pr_error *e);
void pr_tok_splitter_done(struct pr_tok_splitter *p);
/* Splits a piece and appends the ids of each word.  front: it starts where the whole text does. */
PR_MUST_CHECK enum pr_code pr_tok_split_encode(const struct pr_tokenizer *t,
    struct pr_tok_scratch *x, const char *s, size_t n, bool front, struct pr_ids *out,
    struct pr_error *e);

struct pr_tok_decoder {
    struct pr_tok_dec_step *v;
    size_t n, cap;
    bool none; /* null: tokens joined by a space */
};
PR_MUST_CHECK enum pr_code pr_tok_decoder_parse(
    const json_t *j, struct pr_tok_decoder *ret, struct pr_error *e);
void pr_tok_decoder_done(struct pr_tok_decoder *d);
PR_MUST_CHECK enum pr_code pr_tok_decode(const struct pr_tok_decoder *d,
    const struct pr_tok_text *tokens, size_t n, struct pr_str *out, struct pr_error *e);

/* obj["type"] as an index into names, which `what` lists when refused (PR_E_UNSUPPORTED). */
PR_MUST_CHECK enum pr_code pr_tok_component_type(const json_t *obj, const char *what,
    const char *const *names, size_t n_names, size_t *ret, struct pr_error *e);

/* ---- the whole ----------------------------------------------------------------------------- */

struct pr_tokenizer {
    struct pr_tok_bpe bpe;
    struct pr_tok_added added;
    struct pr_tok_normalizer normalizer;
    struct pr_tok_splitter splitter;
    struct pr_tok_decoder decoder;
    uint8_t digest[32];
    pthread_mutex_t lock; /* guards free_scratch */
    struct pr_tok_scratch *free_scratch;
};

#endif
