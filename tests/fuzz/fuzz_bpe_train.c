/* Training a tokenizer: arbitrary text → merges → tokenizer.json, which must be read back without a
 * note and give the text back (in NFC).  The first byte says how many merges at most. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/bpe_train.h"
#include "model/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pr_bpe_result *r, const char *text, size_t n)
{
    struct pr_error e;
    struct pr_str json = PR_STR_INIT(1 << 26), back = PR_STR_INIT(1 << 26),
                  again = PR_STR_INIT(1 << 26);
    struct pr_tokenizer *t = NULL;
    struct pr_notes notes = {0};
    struct pr_ids ids = {0}, other = {0};
    if (pr_bpe_tokenizer_json(r, &json, &e) ||
        pr_tokenizer_parse(json.data, json.len, "it", &t, &notes, &e) || notes.n ||
        pr_tokenizer_encode(t, text, n, &ids, &e) ||
        pr_tokenizer_decode(t, ids.v, ids.n, false, &back, &e) ||
        pr_tokenizer_encode(t, pr_str_cstr(&back), back.len, &other, &e) ||
        pr_tokenizer_decode(t, other.v, other.n, false, &again, &e))
        abort();
    if (back.len != again.len || memcmp(pr_str_cstr(&back), pr_str_cstr(&again), back.len) != 0)
        abort();
    pr_tokenizer_free(t);
    pr_notes_done(&notes);
    pr_ids_done(&ids);
    pr_ids_done(&other);
    pr_str_done(&json);
    pr_str_done(&back);
    pr_str_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_bpe_trainer *t = NULL;
    struct pr_error e;
    struct pr_bpe_result r = {0};
    struct pr_bpe_train_options o = {
        .vocab_size = PR_BPE_MIN_VOCAB + (size ? data[0] : 0), .min_frequency = 1};
    const char *text = (const char *)data + (size > 0);
    size_t n = size ? pr_utf8_valid_prefix(text, size - 1) : 0;
    if (pr_bpe_trainer_new(&t, &e) || pr_bpe_trainer_add(t, text, n, &e) ||
        pr_bpe_trainer_run(t, &o, &r, &e))
        abort();
    if (r.n_tokens != 256 + r.n_merges || r.n_tokens + PR_BPE_SPECIALS > o.vocab_size)
        abort();
    check(&r, text, n);
    pr_bpe_result_done(&r);
    pr_bpe_trainer_free(t);
    return 0;
}
