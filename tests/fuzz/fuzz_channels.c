/* What a channel is sent of an alert whose texts a stranger wrote. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "daemon/channels.h"

#define MAX_BODY (64 << 10)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const struct pr_channel_kind *const kinds[] = {
#define PR_X(name) &pr_channel_kind_##name,
    PR_CHANNEL_KINDS(PR_X)
#undef PR_X
};

/* The input's next text, up to a NUL. */
static const char *next(const char **at, const char *end)
{
    const char *s = *at;
    *at += strlen(s) + (s + strlen(s) < end);
    return s;
}

static void check(const struct pr_channel_kind *kind, const struct pr_message *m)
{
    struct pr_channel c = {.name = (char *)(uintptr_t) "c",
        .kind = kind,
        .to = (char *)(uintptr_t) "a@example.org",
        .from = (char *)(uintptr_t) "b@example.org"};
    struct pr_outgoing o = {.body = PR_STR_INIT(MAX_BODY)};
    struct pr_error e;
    json_t *doc;
    kind->make(&c, "http://127.0.0.1/topic", m, &o);
    assert(!o.body.over && pr_utf8_valid(pr_str_cstr(&o.body), o.body.len));
    for (size_t i = 0; i < o.body.len; i++)
        assert(o.body.data[i] == '\n' || (unsigned char)o.body.data[i] >= ' ');
    if (!(kind->keys & PR_CHANNEL_MAIL)) {
        assert(!pr_json_parse(o.body.data, o.body.len, PR_JSON_STRICT, NULL, &doc, NULL, &e));
        json_decref(doc);
    } else {
        assert(strncmp(o.body.data, "From: b@example.org\nTo: a@example.org\nSubject: ", 47) == 0);
    }
    pr_outgoing_done(&o);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (!size)
        return 0;
    char *text = pr_alloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    const char *at = text + 1, *end = text + size;
    struct pr_notice n[2] = {{.alert = 1, .kind = data[0] / 8 % 4, .level = data[0] / 32 % 3}};
    n[0].system = next(&at, end);
    n[0].key = next(&at, end);
    n[0].text = next(&at, end);
    n[0].checkpoint = next(&at, end);
    n[1] = n[0];
    struct pr_message m = {
        .v = n, .n = 1 + data[0] / 128, .channel = "c", .machine = "m", .now_ms = 1};
    check(kinds[data[0] % (sizeof kinds / sizeof *kinds)], &m);
    pr_free(text);
    return 0;
}
