/* Batches of sequences; see data.h. */
#include "train/data.h"

#include <string.h>

#include "base/rng.h"
#include "train/data_internal.h"

void pr_train_data_free(struct pr_train_data *d)
{
    if (!d)
        return;
    pr_free(d->tokens);
    pr_free(d->labels);
    pr_free(d->v);
    pr_free(d->given);
    pr_free(d->first);
    pr_free(d->permutation);
    pr_free(d->ids);
    pr_free(d->targets);
    pr_free(d->starts);
    pr_free(d->members);
    json_decref(d->facts);
    pr_arena_done(&d->arena);
    pr_free(d);
}

const json_t *pr_train_data_json(const struct pr_train_data *d)
{
    return d->facts;
}

const char *pr_train_data_fingerprint(const struct pr_train_data *d)
{
    return d->fingerprint;
}

size_t pr_train_data_size(const struct pr_train_data *d)
{
    return d->first ? d->n_batches : d->given ? d->n_given : d->n;
}

double pr_train_data_epoch(const struct pr_train_data *d, int64_t step)
{
    return (double)step * (d->first ? 1 : d->batch) / (double)pr_train_data_size(d);
}

int64_t pr_train_data_steps(const struct pr_train_data *d)
{
    return d->places ? (int64_t)((d->places - 1) / d->batch + 1) : 0;
}

/* The permutation of an epoch, which depends on seed and epoch alone (Fisher and Yates). */
static void permute(struct pr_train_data *d, int64_t epoch)
{
    struct pr_rng rng;
    if (d->epoch == epoch)
        return;
    if (!d->permutation)
        d->permutation = pr_realloc(NULL, d->n, sizeof *d->permutation);
    pr_rng_seed(&rng, d->seed);
    pr_rng_seed(&rng, pr_rng_u64(&rng) + (uint64_t)epoch);
    for (size_t i = 0; i < d->n; i++)
        d->permutation[i] = i;
    for (size_t i = d->n; i > 1; i--) {
        size_t k = (size_t)pr_rng_below(&rng, i), x = d->permutation[k];
        d->permutation[k] = d->permutation[i - 1];
        d->permutation[i - 1] = x;
    }
    d->epoch = epoch;
}

/* The sequence at a place of the endless row of epochs. */
static size_t at_place(struct pr_train_data *d, uint64_t place)
{
    size_t size = pr_train_data_size(d);
    if (d->given)
        return d->given[place % size];
    permute(d, (int64_t)(place / size));
    return d->permutation[place % size];
}

/* Sequences of a step's batch. */
static size_t members_of(const struct pr_train_data *d, int64_t step)
{
    uint64_t from = (uint64_t)(step - 1) * d->batch;
    return !d->places || d->places - from > d->batch ? d->batch : (size_t)(d->places - from);
}

/* Rows of a sequence: those up to the one whose target is the last that counts. */
static uint32_t rows_of(const struct pr_train_data *d, const struct pr_sequence *q)
{
    uint32_t i = q->n;
    while (i > 1 && !pr_sequence_counts(d, q, i - 1))
        i--;
    return i > 1 ? i - 1 : 0;
}

/* Appends a sequence's rows to the batch; returns how many of its targets count. */
static uint64_t add(struct pr_train_data *d, struct pr_batch *b, size_t member)
{
    const struct pr_sequence *q = &d->v[member];
    uint32_t n = rows_of(d, q);
    uint64_t counted = 0;
    if (!n)
        return 0;
    size_t need = (size_t)b->n_rows + n;
    if (need > d->ids_cap)
        pr_grow((void **)&d->ids, &d->ids_cap, need, sizeof *d->ids);
    if (need > d->targets_cap)
        pr_grow((void **)&d->targets, &d->targets_cap, need, sizeof *d->targets);
    const int32_t *from = d->tokens + q->at;
    for (uint32_t i = 0; i < n; i++) {
        bool counts = pr_sequence_counts(d, q, i + 1);
        const int32_t *label = d->labels ? d->labels + q->at : from;
        d->ids[b->n_rows + i] = from[i];
        d->targets[b->n_rows + i] = counts ? label[i + 1] : PR_TRAIN_NOT_COUNTED;
        counted += counts;
    }
    b->n_rows += n;
    d->members[b->n_sequences++] = member;
    d->starts[b->n_sequences] = b->n_rows;
    return counted;
}

enum pr_code pr_train_data_batch(struct pr_train_data *d, int64_t step, struct pr_batch *ret,
    uint64_t *ret_counted, struct pr_error *e)
{
    struct pr_batch b = {0};
    uint64_t counted = 0, rows = 0;
    size_t at = d->first ? d->first[(uint64_t)(step - 1) % d->n_batches] : 0;
    size_t n =
        d->first ? d->first[(uint64_t)(step - 1) % d->n_batches + 1] - at : members_of(d, step);
    if (n + 1 > d->starts_cap)
        pr_grow((void **)&d->starts, &d->starts_cap, n + 1, sizeof *d->starts);
    if (n > d->members_cap)
        pr_grow((void **)&d->members, &d->members_cap, n, sizeof *d->members);
    d->starts[0] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t member = d->first ? at + i : at_place(d, (uint64_t)(step - 1) * d->batch + i);
        rows += d->v[member].n;
        if (rows > INT32_MAX)
            return pr_fail(e, PR_E_LIMIT,
                "the batch of step %lld has more than %d tokens: a smaller --batch is needed",
                (long long)step, INT32_MAX);
        counted += add(d, &b, member);
    }
    d->n_members = b.n_sequences;
    b.ids = d->ids;
    b.targets = d->targets;
    b.starts = d->starts;
    *ret = b;
    *ret_counted = counted;
    return PR_OK;
}

/* At most max bytes of the text of ids, cut at a character. */
static void put_text(json_t *o, const char *key, const struct pr_tokenizer *t, const int32_t *ids,
    size_t n, size_t max)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    struct pr_error e;
    size_t take = n < max ? n : max; /* a token is a byte at least, but for special ones */
    if (pr_tokenizer_decode(t, ids, take, true, &text, &e)) {
        pr_json_set_null(o, key, e.message);
    } else {
        size_t len = text.len < max ? text.len : max;
        const char *s = pr_str_cstr(&text);
        while (len < text.len && len && ((unsigned char)s[len] & 0xc0) == 0x80)
            len--;
        pr_json_set_strn(o, key, s, len);
    }
    pr_str_done(&text);
}

json_t *pr_train_data_show(
    const struct pr_train_data *d, const struct pr_prompter *p, uint32_t i, size_t max)
{
    if (d->first || i >= d->n_members)
        return NULL;
    const struct pr_sequence *q = &d->v[d->members[i]];
    const struct pr_tokenizer *t = pr_prompter_tokenizer(p);
    const int32_t *ids = d->tokens + q->at;
    json_t *o = json_object();
    pr_json_set_str(o, "id", q->id);
    pr_json_set_str(o, "skill", q->skill);
    pr_json_set_str(o, "difficulty", q->difficulty);
    if (q->n_prompt) {
        put_text(o, "prompt", t, ids, q->n_prompt, max);
        put_text(o, "golden", t, ids + q->n_prompt, q->n - q->n_prompt, max);
    } else {
        put_text(o, "text", t, ids, q->n, max);
    }
    return o;
}

static void hash_sizes(struct pr_sha256 *h, const size_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t x = v[i];
        pr_sha256_update(h, &x, sizeof x);
    }
}

void pr_train_data_seal(struct pr_train_data *d)
{
    struct pr_sha256 *h = pr_sha256_new();
    uint8_t digest[PR_SHA256_LEN];
    size_t answer = 0;
    size_t head[] = {d->n, d->n_given, d->n_batches};
    hash_sizes(h, head, sizeof head / sizeof *head);
    for (size_t i = 0; i < d->n; i++) {
        const struct pr_sequence *q = &d->v[i];
        hash_sizes(h, (size_t[]){q->n, q->n_prompt}, 2);
        for (uint32_t k = 1; k < q->n; k++)
            answer += pr_sequence_counts(d, q, k);
    }
    pr_sha256_update(h, d->tokens, d->n_tokens * sizeof *d->tokens);
    pr_sha256_update(h, d->labels, d->n_labels * sizeof *d->labels);
    hash_sizes(h, d->given, d->n_given);
    hash_sizes(h, d->first, d->first ? d->n_batches + 1 : 0);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, d->fingerprint);
    pr_json_set_int(d->facts, "answer_tokens", (int64_t)answer);
    pr_json_set_int(d->facts, "tokens", (int64_t)d->n_tokens);
    pr_json_set_str(d->facts, "fingerprint", d->fingerprint);
}
