/* TensorBoard event files.  Checksums would stop every mutation, so the input is a list of messages
 * (two bytes of length each) that are framed here; it is also read as a file as it is. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "model/events.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void put_record(struct pr_str *file, const unsigned char *message, size_t n)
{
    uint64_t len = n;
    uint32_t head = pr_tfrecord_crc(&len, 8), body = pr_tfrecord_crc(message, n);
    pr_str_append(file, (const char *)&len, 8);
    pr_str_append(file, (const char *)&head, 4);
    pr_str_append(file, (const char *)message, n);
    pr_str_append(file, (const char *)&body, 4);
}

static void parse(const void *bytes, size_t n)
{
    struct pr_events l;
    struct pr_notes notes = {0};
    struct pr_error e;
    if (!pr_events_parse(bytes, n, "events", &l, &notes, &e)) {
        for (size_t i = 0; i < l.n; i++)
            assert(pr_utf8_valid(l.v[i].tag, strlen(l.v[i].tag)));
        pr_events_done(&l);
    }
    pr_notes_done(&notes);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const unsigned char version[] = "\x1a\x0d"
                                           "brain.Event:2";
    struct pr_str file = PR_STR_INIT(1 << 24);
    parse(data, size);
    put_record(&file, version, sizeof version - 1);
    for (size_t at = 0; size - at >= 2;) {
        size_t n = (size_t)(data[at] | data[at + 1] << 8);
        at += 2;
        n = n < size - at ? n : size - at;
        put_record(&file, data + at, n);
        at += n;
    }
    parse(pr_str_cstr(&file), file.len);
    pr_str_done(&file);
    return 0;
}
