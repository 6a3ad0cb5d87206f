/* Finds out the kind of a path and asks it. */
#include "lib/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "lib/internal.h"

#define HEAD ((size_t)64 << 10)

static bool ends(const char *s, const char *with)
{
    size_t n = strlen(s), m = strlen(with);
    return n >= m && !strcmp(s + n - m, with);
}

static bool folder_has(const struct pr_sniff *s, const char *suffix, bool whole)
{
    for (size_t i = 0; i < s->n_names; i++)
        if (whole ? !strcmp(s->names[i], suffix) : ends(s->names[i], suffix))
            return true;
    return false;
}

static bool mentions(const struct pr_sniff *s, const char *const *words)
{
    for (; *words; words++)
        if (memmem(s->head, s->n_head, *words, strlen(*words)))
            return true;
    return false;
}

static bool is_checkpoint(const struct pr_sniff *s)
{
    return s->is_dir &&
           (!strncmp(s->name, "checkpoint-", 11) || folder_has(s, "config.json", true) ||
               folder_has(s, "adapter_config.json", true) || folder_has(s, ".safetensors", false) ||
               folder_has(s, "model.safetensors.index.json", true) ||
               folder_has(s, "checkpoint-is-incomplete.txt", true));
}

static bool is_safetensors(const struct pr_sniff *s)
{
    return !s->is_dir && ends(s->name, ".safetensors");
}

/* Eight bytes of a length that fits the file, then a JSON object. */
static bool looks_like_safetensors(const struct pr_sniff *s)
{
    uint64_t n = 0;
    if (s->is_dir || s->n_head < 10 || s->head[8] != '{')
        return false;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | (unsigned char)s->head[i];
    return n > 1 && n <= s->size - 8;
}

static bool is_tokenizer(const struct pr_sniff *s)
{
    return s->is_dir ? folder_has(s, "tokenizer.json", true) : !strcmp(s->name, "tokenizer.json");
}

static bool looks_like_tokenizer(const struct pr_sniff *s)
{
    static const char *const words[] = {
        "\"added_tokens\"", "\"pre_tokenizer\"", "\"merges\"", "\"vocab\"", NULL};
    return !s->is_dir && ends(s->name, ".json") && mentions(s, words);
}

static bool is_trainer_state(const struct pr_sniff *s)
{
    return !s->is_dir && !strcmp(s->name, "trainer_state.json");
}

static bool looks_like_trainer_state(const struct pr_sniff *s)
{
    static const char *const words[] = {"\"log_history\"", "\"global_step\"", NULL};
    return !s->is_dir && !ends(s->name, ".jsonl") && mentions(s, words);
}

static bool is_events(const struct pr_sniff *s)
{
    return !s->is_dir && strstr(s->name, "tfevents");
}

static bool is_dataset(const struct pr_sniff *s)
{
    return s->is_dir ? folder_has(s, ".jsonl", false) : ends(s->name, ".jsonl");
}

/* A .json file that is a list of examples, or any text of JSON Lines. */
static bool looks_like_dataset(const struct pr_sniff *s)
{
    size_t at = strspn(s->head, " \t\r\n");
    return !s->is_dir && (s->head[at] == '[' || s->head[at] == '{');
}

static bool never(const struct pr_sniff *s)
{
    (void)s;
    return false;
}

/* In the order in which they are asked: a checkpoint holds a tokenizer, not the other way round. */
static const struct pr_kind kinds[] = {
    {"checkpoint", is_checkpoint, never, pr_inspect_checkpoint},
    {"safetensors", is_safetensors, looks_like_safetensors, pr_inspect_safetensors},
    {"tokenizer", is_tokenizer, looks_like_tokenizer, pr_inspect_tokenizer},
    {"trainer_state", is_trainer_state, looks_like_trainer_state, pr_inspect_trainer_state},
    {"events", is_events, never, pr_inspect_events},
    {"dataset", is_dataset, looks_like_dataset, pr_inspect_dataset},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static const struct pr_kind *kind_of(const struct pr_sniff *s)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (kinds[i].by_name(s))
            return &kinds[i];
    for (size_t i = 0; i < N_KINDS; i++)
        if (kinds[i].by_content(s))
            return &kinds[i];
    return NULL;
}

/* Reads what the kinds look at.  head holds HEAD + 1 bytes. */
static enum pr_code sniff(const char *path, char *head, struct pr_sniff *s, struct pr_error *e)
{
    struct stat st;
    if (stat(path, &st))
        return pr_fail_errno(e, errno, "%s", path);
    s->size = (uint64_t)st.st_size;
    s->is_dir = S_ISDIR(st.st_mode);
    if (s->is_dir)
        return pr_dir_list(path, &s->names, &s->n_names, e);
    int fd;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return code;
    ssize_t n = pread(fd, head, HEAD, 0);
    int err = errno;
    close(fd);
    if (n < 0)
        return pr_fail_errno(e, err, "%s", path);
    head[n] = 0;
    s->head = head;
    s->n_head = (size_t)n;
    return PR_OK;
}

static void put_warnings(json_t *doc, const struct pr_notes *notes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < notes->n; i++) {
        json_t *holder = json_object();
        pr_json_set_str(holder, "text", notes->v[i]); /* makes it valid UTF-8 */
        json_array_append(list, json_object_get(holder, "text"));
        json_decref(holder);
    }
    pr_json_set(doc, "warnings", list);
}

/* The refusal's words begin with the path, so that a line on stderr names what was refused. */
static char *refusal(const char *path, const struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(8192);
    char *base = pr_path_base(path);
    size_t n = strlen(base);
    if (strncmp(e->message, base, n) && strncmp(e->message, path, strlen(path)))
        pr_str_printf(&text, "%s: ", base);
    pr_str_puts(&text, e->message);
    pr_free(base);
    return pr_str_take(&text);
}

static enum pr_code ask(const char *path, const struct proctor_options *options,
    const struct pr_kind *kind, struct pr_inspection *facts, struct pr_error *e)
{
    if (kind)
        return kind->inspect(path, options, facts, e);
    return pr_fail(e, PR_E_FORMAT,
        "%s: not a checkpoint, safetensors file, tokenizer, dataset, trainer_state.json or event "
        "file",
        path);
}

/* unreadable: the error of a path that could not even be looked at, else NULL. */
static json_t *document(const char *path, const struct proctor_options *options,
    const struct pr_kind *kind, const struct pr_error *unreadable, bool *ret_accepted)
{
    json_t *doc = json_object();
    struct pr_inspection facts = {.doc = json_object()};
    struct pr_error e;
    if (unreadable)
        e = *unreadable;
    enum pr_code code = unreadable ? e.code : ask(path, options, kind, &facts, &e);
    pr_json_set_int(doc, "schema_version", 1);
    pr_json_set_str(doc, "kind", kind ? kind->name : NULL);
    pr_json_set_bool(doc, "accepted", !code);
    put_warnings(doc, &facts.notes);
    char *why = code ? refusal(path, &e) : NULL;
    pr_json_set_str(doc, "error", why);
    if (code && e.offset >= 0)
        pr_json_set_int(doc, "offset", e.offset);
    pr_json_set_str(doc, "path", path);
    json_object_update(doc, facts.doc);
    pr_free(why);
    json_decref(facts.doc);
    pr_notes_done(&facts.notes);
    *ret_accepted = !code;
    return doc;
}

enum pr_code proctor_inspect(const char *path, const struct proctor_options *options, char **ret,
    bool *ret_accepted, struct pr_error *e)
{
    static const struct proctor_options defaults;
    char *base = pr_path_base(path), *head = pr_alloc(HEAD + 1);
    struct pr_sniff s = {.name = base, .head = ""};
    struct pr_error why;
    if (!*path) {
        pr_free(base);
        pr_free(head);
        return pr_fail(e, PR_E_USAGE, "an empty path");
    }
    enum pr_code unreadable = sniff(path, head, &s, &why);
    *ret = pr_json_take_text(document(
        path, options ? options : &defaults, kind_of(&s), unreadable ? &why : NULL, ret_accepted));
    pr_names_free(s.names, s.n_names);
    pr_free(base);
    pr_free(head);
    return PR_OK;
}

enum pr_code proctor_complete(
    const char *dir, bool *ret_complete, char **ret_why, struct pr_error *e)
{
    struct pr_error reason;
    enum pr_code code = pr_checkpoint_complete(dir, ret_complete, &reason, e);
    if (!code && ret_why)
        *ret_why = *ret_complete ? NULL : pr_strdup(reason.message);
    return code;
}
