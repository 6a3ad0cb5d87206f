/* A trained tokenizer as the files of a Hugging Face folder. */
#include "base/json.h"
#include "model/bpe_train.h"
#include "model/bpe_train_internal.h"

/* As checkpoints of chat models have it; nothing is said that the messages do not say. */
static const char chat_template[] =
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + "
    "(message.content or '') + '<|im_end|>' + '\\n' }}{%- endfor %}{%- if add_generation_prompt "
    "%}{{- "
    "'<|im_start|>assistant\\n' }}{%- endif %}";

enum { ENDOFTEXT, IM_START, IM_END };

static json_int_t special_id(const struct pr_bpe_result *r, int which)
{
    return (json_int_t)r->n_tokens + which;
}

/* ---- tokenizer.json ------------------------------------------------------------------------ */

/* A token's bytes as a JSON string in the byte alphabet, which has no control characters. */
static void put_token(
    const struct pr_bpe_result *r, size_t token, struct pr_str *mapped, struct pr_str *out)
{
    pr_str_clear(mapped);
    pr_tok_bytes_map(r->bytes + r->offset[token], r->offset[token + 1] - r->offset[token], mapped);
    pr_str_putc(out, '"');
    for (size_t i = 0; i < mapped->len; i++) {
        if (mapped->data[i] == '"' || mapped->data[i] == '\\')
            pr_str_putc(out, '\\');
        pr_str_putc(out, mapped->data[i]);
    }
    pr_str_putc(out, '"');
}

/* The members that say nothing else for a token of ours. */
static json_t *special_token(const char *content, bool with_id, json_int_t id)
{
    static const char *const no[] = {"single_word", "lstrip", "rstrip", "normalized"};
    json_t *o = json_object();
    if (with_id)
        pr_json_set_int(o, "id", id);
    pr_json_set_str(o, "content", content);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        pr_json_set_bool(o, no[i], false);
    pr_json_set_bool(o, "special", true);
    return o;
}

static json_t *byte_level(void)
{
    static const char *const no[] = {"add_prefix_space", "trim_offsets", "use_regex"};
    json_t *o = json_object();
    pr_json_set_str(o, "type", "ByteLevel");
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        pr_json_set_bool(o, no[i], false);
    return o;
}

static json_t *pre_tokenizer(void)
{
    json_t *o = json_object(), *list = json_array(), *split = json_object(),
           *pattern = json_object();
    pr_json_set_str(pattern, "Regex", pr_bpe_pattern);
    pr_json_set_str(split, "type", "Split");
    pr_json_set(split, "pattern", pattern);
    pr_json_set_str(split, "behavior", "Isolated");
    pr_json_set_bool(split, "invert", false);
    json_array_append_new(list, split);
    json_array_append_new(list, byte_level());
    pr_json_set_str(o, "type", "Sequence");
    pr_json_set(o, "pretokenizers", list);
    return o;
}

/* Everything before the model. */
static json_t *parts(const struct pr_bpe_result *r)
{
    json_t *o = json_object(), *added = json_array(), *nfc = json_object();
    for (int i = 0; i < PR_BPE_SPECIALS; i++)
        json_array_append_new(added, special_token(pr_bpe_specials[i], true, special_id(r, i)));
    pr_json_set_str(nfc, "type", "NFC");
    pr_json_set_str(o, "version", "1.0");
    pr_json_set(o, "truncation", json_null());
    pr_json_set(o, "padding", json_null());
    pr_json_set(o, "added_tokens", added);
    pr_json_set(o, "normalizer", nfc);
    pr_json_set(o, "pre_tokenizer", pre_tokenizer());
    pr_json_set(o, "post_processor", byte_level());
    pr_json_set(o, "decoder", byte_level());
    return o;
}

static void put_model(const struct pr_bpe_result *r, struct pr_str *out)
{
    struct pr_str mapped = PR_STR_INIT(4 * PR_BPE_MAX_WORD);
    pr_str_puts(out,
        "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
        "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
        "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n"
        "    \"vocab\": {");
    for (size_t i = 0; i < r->n_tokens; i++) {
        pr_str_puts(out, i ? ",\n      " : "\n      ");
        put_token(r, i, &mapped, out);
        pr_str_printf(out, ": %zu", i);
    }
    pr_str_puts(out, "\n    },\n    \"merges\": [");
    for (size_t i = 0; i < r->n_merges; i++) {
        pr_str_puts(out, i ? ",\n      [\n        " : "\n      [\n        ");
        put_token(r, r->merges[i].left, &mapped, out);
        pr_str_puts(out, ",\n        ");
        put_token(r, r->merges[i].right, &mapped, out);
        pr_str_puts(out, "\n      ]");
    }
    pr_str_puts(out, r->n_merges ? "\n    ]\n  }\n}" : "]\n  }\n}");
    pr_str_done(&mapped);
}

enum pr_code pr_bpe_tokenizer_json(
    const struct pr_bpe_result *r, struct pr_str *out, struct pr_error *e)
{
    json_t *front = parts(r);
    struct pr_str text = PR_STR_INIT(1 << 16);
    pr_json_dump(front, 2, 0, &text);
    json_decref(front);
    while (text.len && text.data[text.len - 1] != '}')
        text.len--;
    text.len -= 2; /* the newline and brace that end it: the model goes before them */
    pr_str_append(out, text.data, text.len);
    pr_str_done(&text);
    pr_str_puts(out, ",\n");
    put_model(r, out);
    return out->over
               ? pr_fail(e, PR_E_LIMIT, "tokenizer.json would be larger than %zu bytes", out->max)
               : PR_OK;
}

/* ---- the other files ----------------------------------------------------------------------- */

void pr_bpe_config_json(const struct pr_bpe_result *r, bool chat, struct pr_str *out)
{
    json_t *o = json_object(), *decoder = json_object(), *more = json_array();
    for (int i = 0; i < PR_BPE_SPECIALS; i++) {
        char key[24];
        snprintf(key, sizeof key, "%lld", (long long)special_id(r, i));
        pr_json_set(decoder, key, special_token(pr_bpe_specials[i], false, 0));
    }
    json_array_append_new(more, json_string(pr_bpe_specials[IM_START]));
    json_array_append_new(more, json_string(pr_bpe_specials[IM_END]));
    pr_json_set_bool(o, "add_bos_token", false);
    pr_json_set_bool(o, "add_prefix_space", false);
    pr_json_set(o, "added_tokens_decoder", decoder);
    pr_json_set(o, "additional_special_tokens", more);
    pr_json_set(o, "bos_token", json_null());
    if (chat)
        pr_json_set_str(o, "chat_template", chat_template);
    pr_json_set_bool(o, "clean_up_tokenization_spaces", false);
    pr_json_set_str(o, "eos_token", pr_bpe_specials[IM_END]);
    pr_json_set_str(o, "errors", "replace");
    pr_json_set_str(o, "pad_token", pr_bpe_specials[ENDOFTEXT]);
    pr_json_set_bool(o, "split_special_tokens", false);
    pr_json_set_str(o, "tokenizer_class", "Qwen2Tokenizer");
    pr_json_set(o, "unk_token", json_null());
    pr_json_dump(o, 2, 0, out);
    json_decref(o);
}

void pr_bpe_generation_json(const struct pr_bpe_result *r, struct pr_str *out)
{
    json_t *o = json_object(), *ends = json_array();
    json_array_append_new(ends, json_integer(special_id(r, IM_END)));
    json_array_append_new(ends, json_integer(special_id(r, ENDOFTEXT)));
    pr_json_set_bool(o, "do_sample", false);
    pr_json_set(o, "eos_token_id", ends);
    pr_json_set_int(o, "pad_token_id", special_id(r, ENDOFTEXT));
    pr_json_dump(o, 2, 0, out);
    json_decref(o);
}
