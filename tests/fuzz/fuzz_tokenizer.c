/* Arbitrary bytes as tokenizer.json; one that is taken then encodes and decodes the input's tail
 * and some texts that reach every path.  The first byte's tail length keeps both halves in one
 * input. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tokenizer.h"

static void round_trip(const struct pr_tokenizer *t, const char *text, size_t n)
{
    struct pr_ids ids = {0};
    struct pr_str out = PR_STR_INIT((size_t)1 << 22);
    struct pr_error e;
    if (pr_tokenizer_encode(t, text, n, &ids, &e) == PR_OK) {
        for (size_t i = 0; i < ids.n; i++)
            if (ids.v[i] < 0 || ids.v[i] >= pr_tokenizer_size(t))
                __builtin_trap();
        for (int skip = 0; skip < 2; skip++)
            if (pr_tokenizer_decode(t, ids.v, ids.n, skip, &out, &e) == PR_OK &&
                !pr_utf8_valid(pr_str_cstr(&out), out.len))
                __builtin_trap();
    }
    pr_ids_done(&ids);
    pr_str_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = {"", " ", "Hello, world's 123  \n\n\t x",
        "a\xcc\x81\xe4\xb8\xad", "<|im_start|>user\nhi<|im_end|>",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct pr_tokenizer *t = NULL;
    struct pr_notes notes = {0};
    struct pr_error e;
    size_t tail = size ? data[0] : 0;
    tail = tail < size ? tail : 0;
    const char *json = (const char *)data + (size ? 1 : 0);
    size_t n = size ? size - 1 - tail : 0;
    if (n > size)
        n = 0;
    if (pr_tokenizer_parse(json, n, "fuzz", &t, &notes, &e) == PR_OK) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            round_trip(t, texts[i], strlen(texts[i]));
        round_trip(t, json + n, tail);
        (void)pr_tokenizer_id(t, "a");
        (void)pr_tokenizer_content(t, 0);
        pr_tokenizer_free(t);
    }
    pr_notes_done(&notes);
    return 0;
}
