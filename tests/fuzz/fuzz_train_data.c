/* What `proctor train` reads beside examples: lines of --token-batches, or (first byte '#') an
 * order file.  No input may crash, hang or make a batch that breaks the promises of train/data.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "train/data_internal.h"

#define VOCAB 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_batch(struct pr_train_data *d, int64_t step)
{
    struct pr_batch b;
    struct pr_error e;
    uint64_t counted, seen = 0;
    if (pr_train_data_batch(d, step, &b, &counted, &e))
        abort();
    for (uint32_t i = 0; i < b.n_rows; i++) {
        if (b.ids[i] < 0 || b.ids[i] >= VOCAB || b.targets[i] >= VOCAB ||
            (b.targets[i] < 0 && b.targets[i] != PR_TRAIN_NOT_COUNTED))
            abort();
        seen += b.targets[i] >= 0;
    }
    if (seen != counted || b.starts[b.n_sequences] != b.n_rows)
        abort();
}

static struct pr_train_data *empty(void)
{
    struct pr_train_data *d = pr_zalloc(sizeof *d);
    d->facts = json_object();
    d->batch = 3;
    d->epoch = -1;
    return d;
}

static void batches(const char *s, const char *end)
{
    struct pr_train_data *d = empty();
    struct pr_error e;
    bool ok = true;
    while (s < end && ok) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        size_t n = (size_t)((nl ? nl : end) - s);
        char *line = pr_strndup(s, n); /* its own block, so that reading past it is seen */
        ok = !pr_train_given_line(d, line, n, VOCAB, &e);
        pr_free(line);
        s += n + 1;
    }
    for (size_t i = 0; i < d->n_batches && ok; i++)
        check_batch(d, (int64_t)i + 1);
    if (ok && d->n_batches)
        pr_train_data_seal(d);
    pr_train_data_free(d);
}

/* An order over three examples, of which the second was left out. */
static void order(const uint8_t *text, size_t n)
{
    static const char *const lines[] = {
        "{\"line\":{\"id\":\"a\",\"prompt\":\"p\",\"golden\":\"g\"}}",
        "{\"line\":{\"id\":2,\"prompt\":\"p\",\"golden\":\"g\"}}",
        "{\"line\":{\"id\":\"c\",\"prompt\":\"p\",\"golden\":\"g\"}}"};
    static const size_t of[] = {0, SIZE_MAX, 1};
    static struct pr_suite *s;
    struct pr_train_data *d = empty();
    struct pr_error e;
    char path[64];
    size_t left_out = 0;
    int fd = memfd_create("order", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n ||
        (!s && pr_suite_from_lines("fuzz", lines, 3, false, &s, &e)))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int32_t i = 0; i < 8; i++)
        PR_PUSH(d->tokens, d->n_tokens, d->tokens_cap, i);
    for (size_t i = 0; i < 2; i++) {
        struct pr_sequence q = {.at = 4 * i, .n = 4, .n_prompt = 2};
        PR_PUSH(d->v, d->n, d->cap, q);
    }
    if (!pr_train_order_read(d, path, s, of, &left_out, &e)) {
        if (!d->n_given)
            abort();
        for (int64_t step = 1; step < 5; step++)
            check_batch(d, step);
    }
    close(fd);
    pr_train_data_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == '#')
        order(data + 1, size - 1);
    else
        batches((const char *)data, (const char *)data + size);
    return 0;
}
