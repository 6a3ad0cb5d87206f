/* Reads JSON strings, one a line, and writes {"ids","decoded","decoded_skip_special"} a line, or
 * {"error"}: what tests/integration/tokenizer_vs_hf.mjs compares with Hugging Face's own code. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "model/tokenizer.h"

#define MAX_LINE ((size_t)1 << 28)

static enum pr_code answer(
    const struct pr_tokenizer *t, const json_t *text, json_t *o, struct pr_error *e)
{
    struct pr_ids ids = {0};
    struct pr_str all = PR_STR_INIT(MAX_LINE), plain = PR_STR_INIT(MAX_LINE);
    enum pr_code code;
    if ((code = pr_tokenizer_encode(
             t, json_string_value(text), json_string_length(text), &ids, e)) ||
        (code = pr_tokenizer_decode(t, ids.v, ids.n, false, &all, e)) ||
        (code = pr_tokenizer_decode(t, ids.v, ids.n, true, &plain, e)))
        goto out;
    json_t *list = json_array();
    for (size_t i = 0; i < ids.n; i++)
        json_array_append_new(list, json_integer(ids.v[i]));
    pr_json_set(o, "ids", list);
    pr_json_set_strn(o, "decoded", pr_str_cstr(&all), all.len);
    pr_json_set_strn(o, "decoded_skip_special", pr_str_cstr(&plain), plain.len);
out:
    pr_ids_done(&ids);
    pr_str_done(&all);
    pr_str_done(&plain);
    return code;
}

static int run(const struct pr_tokenizer *t)
{
    struct pr_lines lines;
    struct pr_error e;
    char *line;
    size_t n;
    pr_lines_init(&lines, STDIN_FILENO, MAX_LINE);
    while (pr_lines_next(&lines, &line, &n, &e) == PR_LINE_OK) {
        json_t *text, *o = json_object();
        struct pr_str out = PR_STR_INIT(MAX_LINE);
        if (pr_json_parse(line, n, PR_JSON_ANY | PR_JSON_LENIENT, "line", &text, NULL, &e)) {
            pr_json_set_str(o, "error", e.message);
        } else {
            if (answer(t, text, o, &e))
                pr_json_set_str(o, "error", e.message);
            json_decref(text);
        }
        pr_json_dump(o, 0, 0, &out);
        puts(pr_str_cstr(&out));
        pr_str_done(&out);
        json_decref(o);
    }
    pr_lines_done(&lines);
    return 0;
}

int main(int argc, char **argv)
{
    struct pr_tokenizer *t;
    struct pr_notes notes = {0};
    struct pr_error e;
    if (argc != 2) {
        fputs("usage: bench_tokenizer_lines tokenizer.json < lines\n", stderr);
        return 2;
    }
    if (pr_tokenizer_open(argv[1], &t, &notes, &e)) {
        fprintf(stderr, "%s\n", e.message);
        return 1;
    }
    for (size_t i = 0; i < notes.n; i++)
        fprintf(stderr, "note: %s\n", notes.v[i]);
    pr_notes_done(&notes);
    int rc = run(t);
    pr_tokenizer_free(t);
    return rc;
}
