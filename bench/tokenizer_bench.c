/* Encodes a file over and over: MB/s of our tokenizer, one thread.
 *   bench_tokenizer tokenizer.json text.txt [repetitions] [cold]
 * prints one line of JSON; script-driven, so that a peer can run in turn (tokenizer_bench.mjs in
 * this folder).  With "cold" each repetition starts without the cache of words. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "model/tokenizer.h"

static int fail(const struct pr_error *e)
{
    fprintf(stderr, "%s\n", e->message);
    return 1;
}

int main(int argc, char **argv)
{
    struct pr_tokenizer *t;
    struct pr_error e;
    char *text;
    size_t n;
    if (argc < 3) {
        fputs("usage: bench_tokenizer tokenizer.json text.txt [repetitions] [cold]\n", stderr);
        return 2;
    }
    int times = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;
    int cold = argc > 4 && !strcmp(argv[4], "cold");
    int64_t from = pr_clock_monotonic_ns();
    if (pr_tokenizer_open(argv[1], &t, NULL, &e))
        return fail(&e);
    double load_ms = (double)(pr_clock_monotonic_ns() - from) * 1e-6, best = 1e30;
    if (pr_file_read(AT_FDCWD, argv[2], (size_t)1 << 30, &text, &n, &e))
        return fail(&e);
    size_t tokens = 0;
    for (int i = 0; i < times; i++) {
        struct pr_ids ids = {0};
        if (cold && i > 0) {
            pr_tokenizer_free(t);
            if (pr_tokenizer_open(argv[1], &t, NULL, &e))
                return fail(&e);
        }
        from = pr_clock_monotonic_ns();
        if (pr_tokenizer_encode(t, text, n, &ids, &e))
            return fail(&e);
        double s = (double)(pr_clock_monotonic_ns() - from) * 1e-9;
        best = s < best ? s : best;
        tokens = ids.n;
        pr_ids_done(&ids);
    }
    struct pr_ids ids = {0};
    struct pr_str out = PR_STR_INIT((size_t)1 << 30);
    if (pr_tokenizer_encode(t, text, n, &ids, &e))
        return fail(&e);
    from = pr_clock_monotonic_ns();
    if (pr_tokenizer_decode(t, ids.v, ids.n, false, &out, &e))
        return fail(&e);
    double decode = (double)(pr_clock_monotonic_ns() - from) * 1e-9;
    printf("{\"load_ms\":%.1f,\"bytes\":%zu,\"tokens\":%zu,\"encode_mb_s\":%.1f,\"decode_mb_s\":%."
           "1f}\n",
        load_ms, n, tokens, (double)n / best * 1e-6, (double)n / decode * 1e-6);
    pr_ids_done(&ids);
    pr_str_done(&out);
    pr_free(text);
    pr_tokenizer_free(t);
    return 0;
}
