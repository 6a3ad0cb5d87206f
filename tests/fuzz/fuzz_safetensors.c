/* safetensors headers.  The input is a file; and, so that mutations need not hit the length field,
 * it is a header as well: its first two bytes say how much data is announced. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* What is accepted must lie within the file, back to back, and be found by its name. */
static void check(const struct pr_safetensors *s, uint64_t file_size)
{
    uint64_t end = 0;
    for (size_t i = 0; i < pr_safetensors_count(s); i++) {
        const struct pr_tensor *t = pr_safetensors_at(s, i);
        assert(!i || t->offset == end);
        end = t->offset + t->bytes;
        assert(end <= file_size && t->bytes == t->n * pr_dtype_size(t->dtype));
        assert(pr_safetensors_find(s, t->name) == t);
    }
    assert(!end || end == file_size);
}

static void parse(const void *bytes, size_t n, uint64_t file_size)
{
    struct pr_safetensors *s = NULL;
    struct pr_error e;
    enum pr_code code = pr_safetensors_parse(bytes, n, file_size, "f", &s, &e);
    assert(!code == (s != NULL));
    assert(!code || e.message[0]);
    if (s)
        check(s, file_size);
    pr_safetensors_free(s);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    parse(data, size, size);
    if (size < 2)
        return 0;
    size_t n = size - 2;
    unsigned char *file = pr_zalloc(8 + n);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(file + 8, data + 2, n);
    parse(file, 8 + n, 8 + n + (size_t)(data[0] | data[1] << 8));
    pr_free(file);
    return 0;
}
