/* proctor train-tokenizer: a byte-level BPE tokenizer from examples or plain text. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/term.h"
#include "exam/example.h"
#include "model/bpe_train.h"

#define MAX_LINE ((size_t)64 << 20)
#define MAX_FILE ((size_t)1 << 31)
#define SHOWN    5 /* lines that could not be used are named so often a file */

struct job {
    struct pr_bpe_trainer *trainer;
    bool chat; /* texts as ChatML parts them */
    struct pr_progress progress;
    double read, total; /* bytes of the files */
    size_t used, skipped;
    struct pr_str text; /* one piece */
};

/* ---- texts ---- */

static enum pr_code add(struct job *j, const char *s, size_t n, struct pr_error *e)
{
    return n ? pr_bpe_trainer_add(j->trainer, s, n, e) : PR_OK;
}

/* What a ChatML template writes between two special tokens: "user\n12+7=". */
static enum pr_code add_turn(
    struct job *j, const char *role, struct pr_text content, struct pr_error *e)
{
    pr_str_clear(&j->text);
    pr_str_puts(&j->text, role);
    pr_str_putc(&j->text, '\n');
    pr_str_append(&j->text, content.s, content.n);
    enum pr_code code = add(j, pr_str_cstr(&j->text), j->text.len, e);
    return code ? code : add(j, "\n", 1, e);
}

static enum pr_code add_example(struct job *j, const struct pr_example *x, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    if (x->text.s)
        return add(j, x->text.s, x->text.n, e);
    if (!j->chat)
        return (code = add(j, x->prompt.s, x->prompt.n, e)) ? code
                                                            : add(j, x->golden.s, x->golden.n, e);
    for (size_t i = 0; i < json_array_size(x->messages) && !code; i++) {
        const json_t *turn = json_array_get(x->messages, i);
        const json_t *content = json_object_get(turn, "content");
        const char *role = json_string_value(json_object_get(turn, "role"));
        struct pr_text t = {json_string_value(content), json_string_length(content)};
        if (!t.s)
            t.s = ""; /* null beside tool calls */
        code = add_turn(j, role ? role : "", t, e);
    }
    /* The answer begins a text of its own: it is tokenized by itself. */
    if (!code)
        code = add_turn(j, "assistant", (struct pr_text){.s = ""}, e);
    return code ? code : add(j, x->golden.s, x->golden.n, e);
}

/* ---- files ---- */

static void skip(struct job *j, const char *path, size_t line, const char *why, size_t *skipped)
{
    if (++*skipped <= SHOWN)
        pr_say("train-tokenizer", "%s:%zu: skipped, %s", path, line, why);
    j->skipped++;
}

/* One line of JSON Lines. */
static enum pr_code add_line(struct job *j, const char *s, size_t n, bool *ret_used,
    struct pr_error *why, struct pr_error *e)
{
    struct pr_arena arena = {0};
    struct pr_example x;
    /* A check by a command is not run here, so it need not be allowed. */
    struct pr_example_options o = {.allow_commands = true};
    json_t *row = NULL;
    enum pr_code code = PR_OK;
    *ret_used = !pr_json_parse(s, n, PR_JSON_LENIENT, NULL, &row, NULL, why) &&
                !pr_example_parse(row, &o, &arena, &x, why);
    if (*ret_used) {
        code = add_example(j, &x, e);
        pr_example_done(&x);
    }
    json_decref(row);
    pr_arena_done(&arena);
    return code;
}

/* A line of plain text is a text with the end that it has. */
static enum pr_code add_plain(struct job *j, const char *s, size_t n, bool *ret_used,
    struct pr_error *why, struct pr_error *e)
{
    *ret_used = pr_utf8_valid(s, n);
    if (!*ret_used) {
        pr_fail(why, PR_E_FORMAT, "not valid UTF-8");
        return PR_OK;
    }
    pr_str_clear(&j->text);
    pr_str_append(&j->text, s, n);
    pr_str_putc(&j->text, '\n');
    return add(j, pr_str_cstr(&j->text), j->text.len, e);
}

static bool is_plain(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".txt");
}

static bool is_blank(const char *s, size_t n)
{
    size_t rest;
    if (!pr_utf8_valid(s, n))
        return false;
    pr_utf8_trim(s, n, &rest);
    return !rest;
}

static enum pr_code read_lines(struct job *j, const char *path, int fd, struct pr_error *e)
{
    struct pr_lines lines;
    char *s;
    size_t n, skipped = 0;
    enum pr_line kind;
    enum pr_code code = PR_OK;
    bool plain = is_plain(path);
    pr_lines_init(&lines, fd, MAX_LINE);
    while (!code && (kind = pr_lines_next(&lines, &s, &n, e)) != PR_LINE_END) {
        struct pr_error why;
        bool used = false;
        if (kind == PR_LINE_ERROR) {
            code = e->code;
            break;
        }
        if (kind == PR_LINE_TOO_LONG)
            pr_fail(&why, PR_E_LIMIT, "longer than 64 MB");
        else if (!plain && is_blank(s, n))
            continue;
        else
            code = plain ? add_plain(j, s, n, &used, &why, e) : add_line(j, s, n, &used, &why, e);
        if (used)
            j->used++;
        else if (!code)
            skip(j, path, lines.number, why.message, &skipped);
        j->read += (double)n + 1;
        pr_progress_show(&j->progress, j->read, j->total, j->read, "bytes");
        if (pr_interrupted())
            code = pr_fail(e, PR_E_CANCELLED, "stopped");
    }
    pr_lines_done(&lines);
    if (skipped > SHOWN)
        pr_say("train-tokenizer", "%s: %zu lines skipped", path, skipped);
    return code;
}

static enum pr_code read_files(
    struct job *j, const char *const *files, size_t n, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t pass = 0; pass < 2 && !code; pass++) { /* sizes first, for the progress */
        for (size_t i = 0; i < n && !code; i++) {
            struct pr_file_id id;
            int fd;
            if ((code = pr_file_open(AT_FDCWD, files[i], false, &fd, &id, e)))
                break;
            if (!pass)
                j->total += (double)id.size;
            else
                code = read_lines(j, files[i], fd, e);
            close(fd);
        }
    }
    if (!code && !j->used)
        return pr_fail(e, PR_E_FORMAT, "no line could be used");
    return code;
}

/* ---- the tokenizer ---- */

static int show_merges(void *ctx, size_t tokens, size_t vocab_size)
{
    struct job *j = ctx;
    pr_progress_show(&j->progress, (double)tokens, (double)vocab_size, (double)tokens, "tokens");
    return pr_interrupted();
}

static enum pr_code write_file(
    const char *dir, const char *name, const struct pr_str *text, struct pr_error *e)
{
    char *path = pr_path_join(dir, name);
    enum pr_code code =
        text->over ? pr_fail(e, PR_E_LIMIT, "%s would be larger than %zu bytes", path, text->max)
                   : pr_file_write_atomic(path, pr_str_cstr(text), text->len, e);
    pr_free(path);
    return code;
}

/* tokenizer.json last: a folder that has it has the others. */
static enum pr_code write_folder(
    const struct job *j, const struct pr_bpe_result *r, const char *dir, struct pr_error *e)
{
    struct pr_str config = PR_STR_INIT(1 << 20), generation = PR_STR_INIT(1 << 20),
                  tokenizer = PR_STR_INIT(MAX_FILE);
    enum pr_code code = pr_mkdirs(dir, e);
    pr_bpe_config_json(r, j->chat, &config);
    pr_bpe_generation_json(r, &generation);
    if (!code && !(code = pr_bpe_tokenizer_json(r, &tokenizer, e)) &&
        !(code = write_file(dir, "tokenizer_config.json", &config, e)) &&
        !(code = write_file(dir, "generation_config.json", &generation, e)))
        code = write_file(dir, "tokenizer.json", &tokenizer, e);
    pr_str_done(&config);
    pr_str_done(&generation);
    pr_str_done(&tokenizer);
    return code;
}

static void report(
    const struct job *j, const struct pr_bpe_result *r, const char *dir, size_t wanted)
{
    struct pr_bpe_figures f = pr_bpe_trainer_figures(j->trainer);
    size_t size = r->n_tokens + PR_BPE_SPECIALS;
    json_t *o = json_object();
    if (size < wanted)
        pr_say("train-tokenizer",
            "%zu tokens instead of %zu: no other pair occurs as often as --min-frequency asks",
            size, wanted);
    if (f.too_long)
        pr_say("train-tokenizer", "%llu words longer than %d bytes were left out",
            (unsigned long long)f.too_long, PR_BPE_MAX_WORD);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "tokenizer", dir);
    pr_json_set_int(o, "vocab_size", (int64_t)size);
    pr_json_set_int(o, "merges", (int64_t)r->n_merges);
    pr_json_set_int(o, "texts", (int64_t)j->used);
    pr_json_set_int(o, "skipped", (int64_t)j->skipped);
    pr_json_set_int(o, "bytes", (int64_t)f.bytes);
    pr_json_set_int(o, "words", (int64_t)f.words);
    pr_json_set_int(o, "different_words", (int64_t)f.distinct);
    pr_out_json(o);
    json_decref(o);
}

static enum pr_code train(struct job *j, const struct pr_args *a, struct pr_error *e)
{
    size_t n;
    const char *const *files = pr_args_list(a, "data", &n);
    const char *dir = pr_args_text(a, "out");
    bool quiet = pr_args_flag(a, "quiet");
    struct pr_bpe_train_options o = {.vocab_size = (size_t)pr_args_int(a, "vocab-size", 0),
        .min_frequency = (uint64_t)pr_args_int(a, "min-frequency", 1),
        .on_progress = show_merges,
        .ctx = j};
    struct pr_bpe_result r = {0};
    pr_progress_start(&j->progress, "reading", quiet);
    enum pr_code code = read_files(j, files, n, e);
    pr_progress_end(&j->progress);
    if (code)
        return code;
    pr_progress_start(&j->progress, "merging", quiet);
    code = pr_bpe_trainer_run(j->trainer, &o, &r, e);
    pr_progress_end(&j->progress);
    if (!code)
        code = write_folder(j, &r, dir, e);
    if (!code)
        report(j, &r, dir, o.vocab_size);
    pr_bpe_result_done(&r);
    return code;
}

static int run(const struct pr_args *a)
{
    static const char *const needed[] = {"data", "vocab-size", "out"};
    struct job j = {.text = PR_STR_INIT(MAX_LINE * 8)};
    struct pr_error e;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!pr_args_given(a, needed[i])) {
            pr_say("train-tokenizer", "--%s is missing", needed[i]);
            return PR_EXIT_USAGE;
        }
    }
    j.chat = !strcmp(pr_args_text(a, "template"), "qwen");
    enum pr_code code = pr_bpe_trainer_new(&j.trainer, &e);
    if (!code)
        code = train(&j, a, &e);
    if (code && code != PR_E_CANCELLED)
        pr_say("train-tokenizer", "%s", e.message);
    pr_bpe_trainer_free(j.trainer);
    pr_str_done(&j.text);
    return code == PR_E_CANCELLED ? PR_EXIT_STOPPED
                                  : pr_out_status(code ? PR_EXIT_REFUSED : PR_EXIT_OK);
}

static const struct pr_option options[] = {
    {"data", "FILE",
        "learn from these: examples in any format that 'proctor eval' reads, or plain text in "
        "files named *.txt",
        NULL, PR_OPT_FILES},
    {"vocab-size", "N",
        "tokens in all: the 256 bytes, the merges and 3 special tokens; fewer come out where the "
        "texts give no more",
        NULL, PR_OPT_INT, PR_BPE_MIN_VOCAB, PR_BPE_MAX_VOCAB},
    {"out", "DIR", "folder for tokenizer.json, tokenizer_config.json and generation_config.json",
        NULL, PR_OPT_TEXT},
    {"template", "qwen|none",
        "the chat template: qwen is ChatML, and roles are learned from as well; none leaves the "
        "prompt as plain text",
        "qwen", PR_OPT_CHOICE},
    {"min-frequency", "N", "merge only what occurs so often", "2", PR_OPT_INT, 1, 1e15},
    PR_OPTION_QUIET,
};

const struct pr_command pr_command_train_tokenizer = {
    .name = "train-tokenizer",
    .summary = "learn a tokenizer from examples or text",
    .arguments = "--data FILE… --vocab-size N --out DIR",
    .about =
        "Learns a byte-level BPE tokenizer and writes it as Hugging Face's tokenizers do, with "
        "Qwen2's rules: NFC, words split by its pattern, each digit a token of its own, and the "
        "special tokens <|endoftext|>, <|im_start|> and <|im_end|> as the last ids. The same "
        "texts give the same tokenizer, whatever their order, and the merges are those of Hugging "
        "Face's trainer. Prints one document about what came out.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"For a small model that is trained from scratch on generated problems",
                     "proctor train-tokenizer --data train.jsonl --vocab-size 300 --out tokenizer"},
        {"From plain text",
            "proctor train-tokenizer --data book.txt --vocab-size 16000 --out tokenizer"}},
    .run = run,
};
