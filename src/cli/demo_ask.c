/* See demo.h: a question to the model that is served, as any client of the OpenAI API asks it. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/demo.h"
#include "cli/term.h"
#include "net/fetch.h"

#define QUESTIONS "data/validation/easy.jsonl"
#define NOTE      "status/serve.json"
#define MAX_FILE  ((size_t)1 << 20)

/* The first line of the easy ones; NULL: there is none. */
static json_t *question(void)
{
    struct pr_error ignored;
    char *text = NULL;
    size_t n = 0;
    json_t *o = NULL;
    if (pr_file_read(AT_FDCWD, QUESTIONS, MAX_FILE, &text, &n, &ignored))
        return NULL;
    const char *end = memchr(text, '\n', n);
    if (pr_json_parse(
            text, end ? (size_t)(end - text) : n, PR_JSON_STRICT, QUESTIONS, &o, NULL, &ignored))
        o = NULL;
    pr_free(text);
    return o;
}

static char *body_of(const char *prompt)
{
    struct pr_str text = PR_STR_INIT(MAX_FILE);
    json_t *o = json_object(), *list = json_array(), *m = json_object();
    pr_json_set_str(m, "role", "user");
    pr_json_set_str(m, "content", prompt);
    json_array_append_new(list, m);
    pr_json_set_str(o, "model", "default");
    pr_json_set(o, "messages", list);
    pr_json_set_real(o, "temperature", 0, NULL);
    pr_json_set_int(o, "max_tokens", 24);
    pr_json_dump(o, 0, 0, &text);
    json_decref(o);
    return pr_str_take(&text);
}

/* What the server answers; NULL: nothing that is one. */
static json_t *ask(const char *server, const char *prompt)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct pr_str url = PR_STR_INIT(4096);
    struct pr_fetched got = {0};
    struct pr_error ignored;
    json_t *o = NULL;
    char *body = body_of(prompt);
    pr_str_printf(&url, "%s/chat/completions", server);
    const struct pr_fetch_options options = {.method = "POST",
        .url = pr_str_cstr(&url),
        .headers = headers,
        .body = body,
        .body_n = strlen(body)};
    if (!pr_fetch(&options, &got, &ignored) && got.status == 200 &&
        pr_json_parse(
            pr_str_cstr(&got.body), got.body.len, PR_JSON_STRICT, "answer", &o, NULL, &ignored))
        o = NULL;
    pr_fetched_done(&got);
    pr_str_done(&url);
    pr_free(body);
    return o;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void put(struct pr_str *out, const char *text, size_t most)
{
    pr_term_clean(out, text, strlen(text), most);
}

void pr_demo_ask(struct pr_str *out)
{
    struct pr_error ignored;
    json_t *note = NULL, *q = question(), *answer = NULL;
    if (pr_json_read(AT_FDCWD, NOTE, MAX_FILE, PR_JSON_STRICT, &note, &ignored))
        note = NULL;
    const char *url = text_of(note, "url");
    if (*url && q)
        answer = ask(url, text_of(q, "prompt"));
    const json_t *choice = json_array_get(json_object_get(answer, "choices"), 0);
    if (choice) {
        const char *said = text_of(json_object_get(choice, "message"), "content");
        pr_str_puts(out, "\nThe model that is served, asked at ");
        put(out, url, 200);
        pr_str_puts(out, " as any client of the OpenAI API asks:\n  ");
        put(out, text_of(q, "prompt"), 120);
        pr_str_puts(out, "  →  ");
        put(out, said, 60);
        pr_str_printf(out, "   (%s; ", strcmp(said, text_of(q, "golden")) ? "wrong" : "right");
        put(out, text_of(answer, "model"), 60);
        pr_str_puts(out, ", fingerprint ");
        put(out, text_of(answer, "system_fingerprint"), 13);
        pr_str_puts(out, ")\n");
    }
    json_decref(note);
    json_decref(q);
    json_decref(answer);
}
