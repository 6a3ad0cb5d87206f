/* The JSON files of make-checkpoint: configuration, tokenizer, trainer state. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "make_checkpoint.h"
#include "model/config.h"

enum pr_code make_json(const struct job *job, const char *name, json_t *v, struct pr_error *e)
{
    char *path = pr_path_join(job->out, name);
    struct pr_str text = PR_STR_INIT((size_t)64 << 20);
    pr_json_dump(v, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = pr_file_write_atomic(path, text.data, text.len, e);
    pr_str_done(&text);
    pr_free(path);
    json_decref(v);
    return code;
}

static json_t *config_json(const struct job *job)
{
    const struct shape *s = &job->shape;
    const struct pr_arch *arch = pr_arch_find(s->arch);
    json_t *c = json_object();
    pr_json_set(c, "architectures", json_pack("[s]", s->arch));
    pr_json_set_str(c, "model_type", arch->model_type);
    pr_json_set_int(c, "num_hidden_layers", s->layers);
    pr_json_set_int(c, "hidden_size", s->hidden);
    pr_json_set_int(c, "num_attention_heads", s->heads);
    pr_json_set_int(c, "num_key_value_heads", s->kv_heads);
    pr_json_set_int(c, "head_dim", s->head_dim);
    pr_json_set_int(c, "intermediate_size", s->mlp);
    pr_json_set_int(c, "vocab_size", s->vocab);
    pr_json_set_int(c, "max_position_embeddings", s->max_position);
    pr_json_set_str(c, "hidden_act", "silu");
    pr_json_set_real(c, "rms_norm_eps", s->eps, NULL);
    pr_json_set_real(c, "rope_theta", s->theta, NULL);
    if (s->llama3_factor > 0)
        pr_json_set(c, "rope_scaling",
            json_pack("{s:s,s:f,s:f,s:f,s:i}", "rope_type", "llama3", "factor", s->llama3_factor,
                "low_freq_factor", 1.0, "high_freq_factor", 4.0, "original_max_position_embeddings",
                8192));
    pr_json_set_bool(c, "tie_word_embeddings", s->tied);
    if (arch->attention_bias_key)
        pr_json_set_bool(c, "attention_bias", job->bias & BIAS_O);
    if (arch->mlp_bias_key)
        pr_json_set_bool(c, "mlp_bias", job->bias & BIAS_MLP);
    if (arch->sliding_window_key || s->window > 0) {
        if (s->window > 0)
            pr_json_set_int(c, "sliding_window", s->window);
        else
            pr_json_set_null(c, "sliding_window", NULL);
    }
    if (arch->layer_window_keys) {
        pr_json_set_bool(c, "use_sliding_window", s->window > 0);
        pr_json_set_int(c, "max_window_layers", s->window > 0 ? 0 : s->layers);
    }
    pr_json_set_real(c, "initializer_range", job->std, NULL);
    pr_json_set_str(c, "torch_dtype",
        job->dtype == PR_F32   ? "float32"
        : job->dtype == PR_F16 ? "float16"
                               : "bfloat16");
    pr_json_set_int(c, "eos_token_id", job->eos);
    pr_json_set_bool(c, "use_cache", true);
    return c;
}

enum pr_code make_configs(const struct job *job, struct pr_error *e)
{
    enum pr_code code = make_json(job, "config.json", config_json(job), e);
    if (code)
        return code;
    return make_json(
        job, "generation_config.json", json_pack("{s:I}", "eos_token_id", (json_int_t)job->eos), e);
}

/* GPT-2's alphabet: each byte as a printable character. */
static uint32_t byte_char(unsigned b)
{
    uint32_t shifted = 256;
    for (unsigned i = 0; i < 256; i++) {
        bool printable = (i >= '!' && i <= '~') || (i >= 0xa1 && i <= 0xac) || i >= 0xae;
        if (i == b)
            return printable ? i : shifted;
        shifted += !printable;
    }
    return 0;
}

static const char *const byte_specials[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};

static const char chatml[] = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + "
                             "'\\n' + message['content'] + "
                             "'<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ "
                             "'<|im_start|>assistant\\n' "
                             "}}{% endif %}";

/* A tokenizer of bytes alone: real, small, and good for any text. */
static enum pr_code write_byte_tokenizer(const struct job *job, struct pr_error *e)
{
    json_t *vocab = json_object(), *added = json_array();
    for (unsigned b = 0; b < 256; b++) {
        char utf8[5] = {0};
        uint32_t c = byte_char(b);
        if (c < 0x80) {
            utf8[0] = (char)c;
        } else {
            utf8[0] = (char)(0xc0 | c >> 6);
            utf8[1] = (char)(0x80 | (c & 0x3f));
        }
        pr_json_set_int(vocab, utf8, b);
    }
    for (int i = 0; i < 3; i++)
        json_array_append_new(added,
            json_pack("{s:i,s:s,s:b,s:b,s:b,s:b,s:b}", "id", 256 + i, "content", byte_specials[i],
                "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1));
    json_t *pre = json_pack("{s:s,s:b,s:b,s:b}", "type", "ByteLevel", "add_prefix_space", 0,
        "trim_offsets", 0, "use_regex", 1);
    json_t *dec = json_pack("{s:s,s:b,s:b,s:b}", "type", "ByteLevel", "add_prefix_space", 0,
        "trim_offsets", 0, "use_regex", 1);
    json_t *model = json_pack("{s:s,s:n,s:n,s:s,s:s,s:b,s:b,s:o,s:[]}", "type", "BPE", "dropout",
        "unk_token", "continuing_subword_prefix", "", "end_of_word_suffix", "", "fuse_unk", 0,
        "byte_fallback", 0, "vocab", vocab, "merges");
    json_t *root = json_pack("{s:s,s:n,s:n,s:o,s:n,s:o,s:n,s:o,s:o}", "version", "1.0",
        "truncation", "padding", "added_tokens", added, "normalizer", "pre_tokenizer", pre,
        "post_processor", "decoder", dec, "model", model);
    enum pr_code code = make_json(job, "tokenizer.json", root, e);
    if (code)
        return code;
    json_t *config = json_pack("{s:s,s:s,s:s}", "eos_token", byte_specials[2], "pad_token",
        byte_specials[0], "tokenizer_class", "PreTrainedTokenizerFast");
    pr_json_set_str(config, "chat_template", chatml);
    return make_json(job, "tokenizer_config.json", config, e);
}

static enum pr_code copy_tokenizer(const struct job *job, struct pr_error *e)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "special_tokens_map.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *from = pr_path_join(job->tokenizer, names[i]), *to = pr_path_join(job->out, names[i]);
        char *bytes = NULL;
        size_t n = 0;
        enum pr_code code = PR_OK;
        if (i == 0 || pr_path_exists(from))
            code = pr_file_read(AT_FDCWD, from, (size_t)256 << 20, &bytes, &n, e);
        if (!code && bytes)
            code = pr_file_write_atomic(to, bytes, n, e);
        pr_free(bytes);
        pr_free(from);
        pr_free(to);
        if (code)
            return code;
    }
    return PR_OK;
}

enum pr_code make_tokenizer(const struct job *job, struct pr_error *e)
{
    if (strcmp(job->tokenizer, "none") == 0)
        return PR_OK;
    if (strcmp(job->tokenizer, "bytes") == 0)
        return write_byte_tokenizer(job, e);
    return copy_tokenizer(job, e);
}

/* The end token of the folder that the tokenizer comes from, where it says one. */
enum pr_code make_eos(struct job *job, struct pr_error *e)
{
    if (job->eos >= 0)
        return PR_OK;
    job->eos = strcmp(job->tokenizer, "bytes") == 0 ? 258 : job->shape.vocab - 1;
    if (strcmp(job->tokenizer, "none") == 0 || strcmp(job->tokenizer, "bytes") == 0)
        return PR_OK;
    char *path = pr_path_join(job->tokenizer, "generation_config.json");
    json_t *g = NULL;
    enum pr_code code = PR_OK;
    if (pr_path_exists(path))
        code = pr_json_read(AT_FDCWD, path, 1 << 20, PR_JSON_STRICT, &g, NULL);
    if (!code && g) {
        const json_t *eos = json_object_get(g, "eos_token_id");
        if (json_is_array(eos))
            eos = json_array_get(eos, 0);
        if (json_is_integer(eos))
            job->eos = json_integer_value(eos);
        json_decref(g);
    } else if (code) {
        code = pr_fail(e, code, "%s: cannot be read", path);
    }
    pr_free(path);
    return code;
}

enum pr_code make_trainer_state(const struct job *job, struct pr_error *e)
{
    if (job->step < 0)
        return PR_OK;
    json_t *line = json_pack(
        "{s:I,s:f,s:f}", "step", (json_int_t)job->step, "loss", 1.0, "learning_rate", 1e-4);
    json_t *state = json_pack(
        "{s:I,s:f,s:[o]}", "global_step", (json_int_t)job->step, "epoch", 1.0, "log_history", line);
    return make_json(job, "trainer_state.json", state, e);
}
