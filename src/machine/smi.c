/* nvidia-smi, where NVML cannot be loaded but the program is there (some containers, odd paths).
 *
 * Asked for CSV without units; a field is a number, a text, or a note in brackets why there is
 * none. Processes are not asked for: that would be a second run of a program that takes a second.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/subprocess.h"
#include "machine/machine_internal.h"

#define TIMEOUT_MS 10000
#define MAX_BYTES  (64 * 1024)
#define MAX_FIELD  100

static const struct {
    const char *asked;
    const char *text; /* the key of a text; NULL: a figure */
    enum pr_gpu_figure figure;
    double unit;
} fields[] = {
    {"index", "index", 0, 0},
    {"name", "name", 0, 0},
    {"uuid", "uuid", 0, 0},
    {"memory.used", NULL, PR_GPU_MEMORY_USED, 1048576},
    {"memory.total", NULL, PR_GPU_MEMORY_TOTAL, 1048576},
    {"utilization.gpu", NULL, PR_GPU_UTILIZATION, 1},
    {"temperature.gpu", NULL, PR_GPU_TEMPERATURE, 1},
    {"power.draw", NULL, PR_GPU_POWER, 1},
    {"enforced.power.limit", NULL, PR_GPU_POWER_LIMIT, 1},
};
#define N_FIELDS (sizeof fields / sizeof *fields)

/* ---- parsing ---- */

/* "[N/A]", "[Not Supported]", "N/A": why there is no value.  The text within; NULL: it is one. */
static char *note_of(const char *s, size_t n)
{
    if (n >= 2 && s[0] == '[' && s[n - 1] == ']')
        return pr_strndup(s + 1, n - 2);
    if (n == 3 && !memcmp(s, "N/A", 3))
        return pr_strdup("N/A");
    return NULL;
}

/* Digits with at most one point among them: no sign, no exponent, no hexadecimal, as strtod has. */
static bool number_of(const char *s, size_t n, double *ret)
{
    char text[32];
    size_t points = 0;
    if (!n || n >= sizeof text || s[0] == '.' || s[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        points += s[i] == '.';
        if (points > 1 || (s[i] != '.' && (s[i] < '0' || s[i] > '9')))
            return false;
        text[i] = s[i];
    }
    text[n] = 0;
    *ret = strtod(text, NULL);
    return true;
}

static enum pr_code set_index(json_t *gpu, const char *s, size_t n, size_t line, struct pr_error *e)
{
    double index;
    if (!number_of(s, n, &index) || memchr(s, '.', n) || index >= PR_MACHINE_MAX_GPUS)
        return pr_fail(e, PR_E_FORMAT, "nvidia-smi: line %zu: '%.*s' is no index of a GPU", line,
            (int)(n < MAX_FIELD ? n : MAX_FIELD), s);
    pr_json_set_int(gpu, "index", (int64_t)index);
    return PR_OK;
}

static enum pr_code set_field(
    json_t *gpu, size_t field, const char *s, size_t n, size_t line, struct pr_error *e)
{
    double value;
    if (!n || n > MAX_FIELD)
        return pr_fail(
            e, PR_E_FORMAT, "nvidia-smi: line %zu: %s has %zu bytes", line, fields[field].asked, n);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return pr_fail(e, PR_E_FORMAT, "nvidia-smi: line %zu: %s holds a control character",
                line, fields[field].asked);
    if (field == 0)
        return set_index(gpu, s, n, line, e);
    char *note = note_of(s, n);
    if (fields[field].text && note)
        pr_json_set_null(gpu, fields[field].text, note);
    else if (fields[field].text)
        pr_json_set_strn(gpu, fields[field].text, s, n);
    else if (note)
        pr_gpu_set_unknown(gpu, fields[field].figure, note);
    else if (number_of(s, n, &value))
        pr_gpu_set(gpu, fields[field].figure, value * fields[field].unit);
    else
        return pr_fail(e, PR_E_FORMAT, "nvidia-smi: line %zu: %s is '%.*s', no number", line,
            fields[field].asked, (int)n, s);
    pr_free(note);
    return PR_OK;
}

static enum pr_code parse_line(
    json_t *gpu, const char *s, size_t n, size_t line, struct pr_error *e)
{
    const char *end = s + n;
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        bool last = i + 1 == N_FIELDS;
        if (last != !comma)
            return pr_fail(e, PR_E_FORMAT, "nvidia-smi: line %zu: %s than %zu fields", line,
                last ? "more" : "fewer", N_FIELDS);
        const char *stop = comma ? comma : end, *from = s;
        while (from < stop && *from == ' ')
            from++;
        enum pr_code code = set_field(gpu, i, from, (size_t)(stop - from), line, e);
        if (code)
            return code;
        s = stop + 1;
    }
    pr_json_set_null(gpu, "processes", "nvidia-smi is not asked for them, and NVML is not there");
    return PR_OK;
}

enum pr_code pr_smi_parse(const char *text, size_t n, json_t **ret, struct pr_error *e)
{
    json_t *list = json_array();
    enum pr_code code = PR_OK;
    size_t line = 0;
    for (const char *s = text, *end = text + n; s < end && !code;) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        const char *stop = nl ? nl : end;
        size_t length = (size_t)(stop - s);
        if (length && s[length - 1] == '\r')
            length--;
        if (++line > PR_MACHINE_MAX_GPUS) {
            code = pr_fail(e, PR_E_LIMIT, "nvidia-smi: more than %d lines", PR_MACHINE_MAX_GPUS);
            break;
        }
        json_t *gpu = json_object();
        code = parse_line(gpu, s, length, line, e);
        json_array_append_new(list, gpu);
        s = stop + 1;
    }
    if (code) {
        json_decref(list);
        return code;
    }
    *ret = list;
    return PR_OK;
}

/* ---- asking ---- */

/* What it says when it fails, which it does on its output: "No devices were found". */
static enum pr_code failed(const struct pr_str *said, int status, struct pr_error *e)
{
    const char *text = pr_str_cstr(said);
    int n = (int)strcspn(text, "\r\n");
    return n ? pr_fail(e, PR_E_IO, "nvidia-smi: %.*s", n < 200 ? n : 200, text)
             : pr_fail(e, PR_E_IO, "nvidia-smi ended with status %d", status);
}

enum pr_code pr_smi_look(json_t **ret, struct pr_error *e)
{
    struct pr_str query = PR_STR_INIT(1000), said = PR_STR_INIT(MAX_BYTES);
    int status = 0;
    pr_str_puts(&query, "--query-gpu=");
    for (size_t i = 0; i < N_FIELDS; i++)
        pr_str_printf(&query, "%s%s", i ? "," : "", fields[i].asked);
    const char *const argv[] = {
        "nvidia-smi", pr_str_cstr(&query), "--format=csv,noheader,nounits", NULL};
    struct pr_child child = {0};
    enum pr_code code = pr_child_start(&child, argv, e);
    if (!code && (code = pr_child_rest(&child, TIMEOUT_MS, &said, &status, e)))
        code = pr_wrap(e, code, "nvidia-smi");
    else if (!code)
        code =
            status ? failed(&said, status, e) : pr_smi_parse(pr_str_cstr(&said), said.len, ret, e);
    pr_str_done(&query);
    pr_str_done(&said);
    return code;
}
