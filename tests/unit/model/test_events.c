/* TensorBoard event files: frames and checksums, both forms of scalars, files cut off. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "model/events.h"

/* ---- a writer of messages ---- */

static void put_varint(struct pr_str *s, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        pr_str_putc(s, (char)(x | 0x80));
    pr_str_putc(s, (char)x);
}

static void put_bytes(struct pr_str *s, unsigned field, const struct pr_str *bytes)
{
    put_varint(s, field << 3 | 2);
    put_varint(s, bytes->len);
    pr_str_append(s, pr_str_cstr(bytes), bytes->len);
}

static void put_text(struct pr_str *s, unsigned field, const char *text)
{
    struct pr_str t = PR_STR_INIT(1000);
    pr_str_puts(&t, text);
    put_bytes(s, field, &t);
    pr_str_done(&t);
}

static void put_float(struct pr_str *s, unsigned field, float x)
{
    put_varint(s, field << 3 | 5);
    pr_str_append(s, (const char *)&x, 4);
}

static void put_double(struct pr_str *s, unsigned field, double x)
{
    put_varint(s, field << 3 | 1);
    pr_str_append(s, (const char *)&x, 8);
}

static void put_record(struct pr_str *file, const struct pr_str *message)
{
    uint64_t n = message->len;
    uint32_t head = pr_tfrecord_crc(&n, 8),
             body = pr_tfrecord_crc(pr_str_cstr(message), message->len);
    pr_str_append(file, (const char *)&n, 8);
    pr_str_append(file, (const char *)&head, 4);
    pr_str_append(file, pr_str_cstr(message), message->len);
    pr_str_append(file, (const char *)&body, 4);
}

static void put_version(struct pr_str *file)
{
    struct pr_str m = PR_STR_INIT(1000);
    put_double(&m, 1, 1e9);
    put_text(&m, 3, "brain.Event:2");
    put_record(file, &m);
    pr_str_done(&m);
}

/* An event with one value, whose last bytes `value` holds. */
static void put_event(
    struct pr_str *file, int64_t step, const char *tag, const struct pr_str *value)
{
    struct pr_str v = PR_STR_INIT(1000), summary = PR_STR_INIT(1000), m = PR_STR_INIT(1000);
    put_text(&v, 1, tag);
    pr_str_append(&v, pr_str_cstr(value), value->len);
    put_bytes(&summary, 1, &v);
    put_bytes(&m, 5, &summary); /* before step and time, which protobuf allows */
    put_double(&m, 1, 1e9 + (double)step);
    put_varint(&m, 2 << 3);
    put_varint(&m, (uint64_t)step);
    put_record(file, &m);
    pr_str_done(&v);
    pr_str_done(&summary);
    pr_str_done(&m);
}

static void put_scalar(struct pr_str *file, int64_t step, const char *tag, float x)
{
    struct pr_str v = PR_STR_INIT(100);
    put_float(&v, 2, x);
    put_event(file, step, tag, &v);
    pr_str_done(&v);
}

static void refused(const struct pr_str *file, const char *why, int64_t offset)
{
    struct pr_events l;
    struct pr_error e = {0};
    assert_int_equal(pr_events_parse(file->data, file->len, "ev", &l, NULL, &e), PR_E_FORMAT);
    if (!strstr(e.message, why))
        fail_msg("'%s' does not say '%s'", e.message, why);
    assert_int_equal(e.offset, offset);
}

static void checksums_are_crc32c_masked(void **state)
{
    (void)state;
    /* CRC-32C of "123456789" is e3069283 (RFC 3720's check value). */
    uint32_t c = 0xe3069283u;
    assert_int_equal(pr_tfrecord_crc("123456789", 9), (c >> 15 | c << 17) + 0xa282ead8u);
}

static void scalars_of_both_forms_are_read(void **state)
{
    (void)state;
    struct pr_str f = PR_STR_INIT(1 << 16), v = PR_STR_INIT(1000), t = PR_STR_INIT(1000);
    put_version(&f);
    put_scalar(&f, 1, "train/loss", 2.5f);
    put_scalar(&f, 1000000, "train/grad_norm", NAN);
    double d = 0.1;
    put_varint(&t, 1 << 3); /* TensorProto: dtype double, tensor_content */
    put_varint(&t, 2);
    put_varint(&t, 4 << 3 | 2);
    put_varint(&t, 8);
    pr_str_append(&t, (const char *)&d, 8);
    put_bytes(&v, 8, &t);
    put_event(&f, 3, "eval/loss", &v);
    pr_str_clear(&v);
    pr_str_clear(&t);
    put_float(&t, 5, 7); /* float_val */
    put_bytes(&v, 8, &t);
    put_event(&f, 4, "x", &v);
    pr_str_clear(&v);
    put_text(&v, 4, "an image");
    put_event(&f, 5, "image", &v);
    put_scalar(&f, 6, "bad \xff utf-8", 1);

    struct pr_events l;
    struct pr_notes notes = {0};
    struct pr_error e;
    assert_int_equal(pr_events_parse(f.data, f.len, "ev", &l, &notes, &e), 0);
    assert_int_equal(notes.n, 0);
    assert_int_equal(l.n, 5);
    assert_int_equal(l.n_records, 7);
    assert_false(l.cut_off);
    assert_string_equal(l.v[0].tag, "train/loss");
    assert_int_equal(l.v[0].step, 1);
    assert_true(l.v[0].value == 2.5 && l.v[0].wall_time == 1e9 + 1);
    assert_int_equal(l.v[1].step, 1000000);
    assert_true(isnan(l.v[1].value));
    assert_string_equal(l.v[2].tag, "eval/loss");
    assert_true(l.v[2].value == 0.1);
    assert_true(l.v[3].value == 7);
    assert_string_equal(l.v[4].tag, "bad \xef\xbf\xbd utf-8");
    pr_events_done(&l);
    pr_str_done(&f);
    pr_str_done(&v);
    pr_str_done(&t);
}

static void a_file_cut_off_anywhere_keeps_what_is_whole(void **state)
{
    (void)state;
    struct pr_str f = PR_STR_INIT(1 << 16);
    put_version(&f);
    size_t first = f.len;
    put_scalar(&f, 1, "a", 1);
    size_t second = f.len;
    put_scalar(&f, 2, "a", 2);
    for (size_t n = 0; n <= f.len; n++) {
        struct pr_events l;
        struct pr_notes notes = {0};
        struct pr_error e;
        enum pr_code code = pr_events_parse(f.data, n, "ev", &l, &notes, &e);
        assert_int_equal(code, n < first ? PR_E_FORMAT : PR_OK);
        if (code)
            continue;
        assert_int_equal(l.n, n == f.len ? 2 : n >= second ? 1 : 0);
        assert_int_equal(l.cut_off, n != first && n != second && n != f.len);
        assert_int_equal(notes.n, l.cut_off);
        pr_events_done(&l);
        pr_notes_done(&notes);
    }
    /* Zeros after the last record, as a crash leaves them. */
    struct pr_events l;
    for (int i = 0; i < 100; i++)
        pr_str_putc(&f, 0);
    assert_int_equal(pr_events_parse(f.data, f.len, "ev", &l, NULL, NULL), 0);
    assert_true(l.n == 2 && l.cut_off);
    pr_events_done(&l);
    pr_str_done(&f);
}

static void damage_is_named_by_its_byte(void **state)
{
    (void)state;
    struct pr_str f = PR_STR_INIT(1 << 16), m = PR_STR_INIT(100);
    put_version(&f);
    int64_t at = (int64_t)f.len;
    put_scalar(&f, 1, "a", 1);
    f.data[at + 14] ^= 1;
    refused(&f, "ev: the checksum of a record's bytes is wrong", at);
    f.data[at + 14] ^= 1;
    f.data[at + 1] ^= 1;
    refused(&f, "the checksum of a record's length is wrong", at);
    f.data[at + 1] ^= 1;
    at = (int64_t)f.len;
    pr_str_puts(&m, "\x07nonsense");
    put_record(&f, &m);
    refused(&f, "holds no Event message", at);
    pr_str_clear(&f);
    put_scalar(&f, 1, "a", 1);
    refused(&f, "names no version", 0);
    pr_str_clear(&f);
    pr_str_puts(&f, "{\"step\": 1, \"loss\": 2}");
    refused(&f, "does not begin with a TFRecord", 0);
    pr_str_done(&f);
    pr_str_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_are_crc32c_masked),
        cmocka_unit_test(scalars_of_both_forms_are_read),
        cmocka_unit_test(a_file_cut_off_anywhere_keeps_what_is_whole),
        cmocka_unit_test(damage_is_named_by_its_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
