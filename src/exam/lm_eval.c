/* lm-evaluation-harness's layout; see lm_eval.h and docs/exam.md. */
#include "exam/lm_eval.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/str.h"
#include "exam/stats.h"

#define MAX_FILE  ((size_t)4 << 30)
#define N_METRICS 3

/* A kind of task: which examples, under which name, with which metrics. */
struct kind {
    const char *suffix, *output_type;
    bool (*has)(const struct pr_grade *g);
    struct {
        const char *name;
        bool higher_is_better;
        double (*value)(const struct pr_grade *g); /* NaN: this example has none */
    } metrics[N_METRICS];
};

static bool is_choice(const struct pr_grade *g)
{
    return g->choices;
}

static bool is_text(const struct pr_grade *g)
{
    return !g->example->golden.s;
}

static bool is_answer(const struct pr_grade *g)
{
    return !is_choice(g) && !is_text(g);
}

static double verdict(enum pr_verdict v)
{
    return v == PR_VERDICT_NONE ? NAN : v == PR_VERDICT_RIGHT;
}

static double right(const struct pr_grade *g)
{
    return verdict(g->correct);
}

static double right_per_length(const struct pr_grade *g)
{
    return verdict(g->correct_per_length);
}

static double loss(const struct pr_grade *g)
{
    return g->loss;
}

static const struct kind kinds[] = {
    {"", "generate_until", is_answer, {{"exact_match", true, right}, {"loss", false, loss}}},
    {"_choice", "multiple_choice", is_choice,
        {{"acc", true, right}, {"acc_norm", true, right_per_length}, {"loss", false, loss}}},
    {"_text", "loglikelihood_rolling", is_text, {{"loss", false, loss}}},
};

struct writer {
    const struct pr_grades *g;
    struct pr_prompter *prompter;
    char *folder, *stamp;
    json_t *doc; /* the results file */
};

static void hash_text(const char *s, size_t n, char hex[PR_SHA256_HEX])
{
    uint8_t digest[PR_SHA256_LEN];
    pr_sha256(s, n, digest);
    pr_sha256_hex(digest, hex);
}

static void set_hash(json_t *o, const char *key, const char *s, size_t n)
{
    char hex[PR_SHA256_HEX];
    hash_text(s, n, hex);
    pr_json_set_str(o, key, hex);
}

/* Characters that the harness replaces in a model's name, and those that would break a task's. */
static char *sanitize(const char *name, const char *bad)
{
    struct pr_str out = PR_STR_INIT(4096);
    for (bool run = false; *name; name++) {
        bool is = strchr(bad, *name) || (unsigned char)*name < 0x20;
        if (!is)
            pr_str_putc(&out, *name);
        else if (!run)
            pr_str_puts(&out, "__");
        run = is;
    }
    return pr_str_take(&out);
}

/* "2026-11-23T22-40-05.123000": the harness's own form, local to nobody: UTC. */
static char *stamp_now(void)
{
    char iso[32];
    struct pr_str out = PR_STR_INIT(64);
    int64_t ms = pr_clock_utc_ms();
    pr_clock_iso8601(ms - ms % 1000, iso);
    for (char *p = iso; *p && *p != 'Z'; p++)
        pr_str_putc(&out, *p == ':' ? '-' : *p);
    pr_str_printf(&out, ".%06d", (int)(ms % 1000) * 1000);
    return pr_str_take(&out);
}

static json_t *doc_of(const struct pr_example *x)
{
    json_t *o = json_object();
    pr_json_set_str(o, "id", x->id);
    if (x->messages)
        json_object_set(o, "messages", x->messages);
    if (x->golden.s)
        pr_json_set_strn(o, "golden", x->golden.s, x->golden.n);
    if (x->text.s)
        pr_json_set_strn(o, "text", x->text.s, x->text.n);
    pr_json_set_str(o, "skill", x->skill);
    pr_json_set_str(o, "difficulty", x->difficulty);
    return o;
}

static json_t *pack_arguments(json_t *list, struct pr_text context, json_t *second)
{
    json_t *one = json_object();
    struct pr_str key = PR_STR_INIT(64);
    pr_json_set_strn(one, "arg_0", context.s, context.n);
    if (second)
        pr_json_set(one, "arg_1", second);
    pr_str_printf(&key, "gen_args_%zu", json_object_size(list));
    pr_json_set(list, pr_str_cstr(&key), one);
    pr_str_done(&key);
    return list;
}

static json_t *list_of(json_t *one)
{
    json_t *list = json_array();
    json_array_append_new(list, one);
    return list;
}

static json_t *text_json(const char *s, size_t n)
{
    json_t *o = json_object();
    pr_json_set_strn(o, "t", s ? s : "", s ? n : 0);
    json_t *v = json_incref(json_object_get(o, "t"));
    json_decref(o);
    return v;
}

static json_t *settings_of_generation(const struct writer *w)
{
    json_t *o = json_object(), *until = json_array();
    size_t n;
    const int32_t *stops = pr_prompter_stops(w->prompter, &n);
    for (size_t i = 0; i < n; i++) {
        const char *content = pr_tokenizer_content(pr_prompter_tokenizer(w->prompter), stops[i]);
        if (content)
            json_array_append_new(until, text_json(content, strlen(content)));
    }
    pr_json_set(o, "until", until);
    pr_json_set_bool(o, "do_sample", false);
    pr_json_set_int(o, "max_gen_toks", (int64_t)w->g->max_new_tokens);
    return o;
}

/* One response: the harness writes [log-likelihood, is greedy] as strings. */
static json_t *likelihood(double ll)
{
    struct pr_str text = PR_STR_INIT(64);
    json_t *pair = json_array();
    pr_str_printf(&text, "%.17g", ll);
    json_array_append_new(pair, json_string(pr_str_cstr(&text)));
    json_array_append_new(pair, json_string("False"));
    pr_str_done(&text);
    return pair;
}

static void set_responses(
    struct writer *w, json_t *o, const struct pr_grade *g, struct pr_text context)
{
    const struct pr_example *x = g->example;
    json_t *arguments = json_object(), *resps = json_array(), *filtered = json_array();
    struct pr_str target = PR_STR_INIT(MAX_FILE);
    if (is_choice(g)) {
        for (size_t i = 0; i < x->check.n_choices; i++) {
            struct pr_text c = x->check.choices[i];
            pack_arguments(arguments, context, text_json(c.s, c.n));
            json_array_append_new(resps, list_of(likelihood(g->choices[i].log_likelihood)));
            json_array_append_new(filtered, likelihood(g->choices[i].log_likelihood));
        }
        pr_str_printf(&target, "%zu", x->check.right_choice);
    } else if (is_text(g)) {
        struct pr_str ll = PR_STR_INIT(64);
        pr_str_printf(&ll, "%.17g", -g->nll);
        pack_arguments(arguments, x->text, NULL);
        json_array_append_new(resps, list_of(json_string(pr_str_cstr(&ll))));
        json_array_append_new(filtered, json_string(pr_str_cstr(&ll)));
        pr_str_append(&target, x->text.s, x->text.n);
        pr_str_done(&ll);
    } else {
        pack_arguments(arguments, context, settings_of_generation(w));
        json_array_append_new(resps, list_of(text_json(g->output, g->output_len)));
        json_array_append_new(filtered, text_json(g->answer, g->answer_len));
        pr_str_append(&target, x->check.golden.s, x->check.golden.n);
    }
    pr_json_set_strn(o, "target", pr_str_cstr(&target), target.len);
    set_hash(o, "target_hash", pr_str_cstr(&target), target.len);
    pr_str_done(&target);
    pr_json_set(o, "arguments", arguments);
    pr_json_set(o, "resps", resps);
    pr_json_set(o, "filtered_resps", filtered);
}

static enum pr_code sample_line(struct writer *w, const struct kind *k, const struct pr_grade *g,
    size_t doc_id, struct pr_str *out, struct pr_str *hashes, struct pr_error *e)
{
    struct pr_str prompt = PR_STR_INIT(MAX_FILE), text = PR_STR_INIT(MAX_FILE);
    json_t *o = json_object(), *doc = doc_of(g->example), *metrics = json_array();
    enum pr_code code = pr_prompter_render(w->prompter, g->example, &prompt, e);
    if (code)
        goto out;
    struct pr_text context =
        is_text(g) ? g->example->text : (struct pr_text){pr_str_cstr(&prompt), prompt.len};
    pr_json_dump(doc, 2, 0, &text);
    pr_json_set_int(o, "doc_id", (int64_t)doc_id);
    json_object_set(o, "doc", doc);
    set_responses(w, o, g, context);
    pr_json_set_str(o, "filter", "none");
    set_hash(o, "doc_hash", pr_str_cstr(&text), text.len);
    set_hash(o, "prompt_hash", context.s, context.n);
    for (size_t i = 0; i < N_METRICS && k->metrics[i].name; i++) {
        json_array_append_new(metrics, json_string(k->metrics[i].name));
        pr_json_set_real(o, k->metrics[i].name, k->metrics[i].value(g), g->correct_reason);
    }
    json_object_set(o, "metrics", metrics);
    static const char *const order[] = {"doc_hash", "prompt_hash", "target_hash"};
    for (size_t i = 0; i < 3; i++)
        pr_str_puts(hashes, json_string_value(json_object_get(o, order[i])));
    pr_json_dump(o, 0, 0, out);
    pr_str_putc(out, '\n');
out:
    json_decref(metrics);
    json_decref(doc);
    json_decref(o);
    pr_str_done(&text);
    pr_str_done(&prompt);
    return code;
}

/* results, configs, versions … of one task. */
static void add_metrics(struct writer *w, const struct kind *k, const char *task)
{
    json_t *r = json_object(), *better = json_object(), *list = json_array();
    pr_json_set_str(r, "alias", task);
    for (size_t i = 0; i < N_METRICS && k->metrics[i].name; i++) {
        double sum = 0, squares = 0;
        size_t n = 0;
        for (size_t j = 0; j < w->g->n; j++) {
            const struct pr_grade *g = &w->g->v[j];
            double x = g->graded && k->has(g) ? k->metrics[i].value(g) : NAN;
            if (isfinite(x)) {
                sum += x;
                squares += x * x;
                n++;
            }
        }
        double mean = n ? sum / (double)n : NAN;
        /* The harness's mean_stderr: sample standard deviation ÷ √n. */
        double var = n > 1 ? fmax(0, (squares - sum * mean) / (double)(n - 1)) : NAN;
        struct pr_str key = PR_STR_INIT(128);
        pr_str_printf(&key, "%s,none", k->metrics[i].name);
        pr_json_set_real(r, pr_str_cstr(&key), mean, "no example has it");
        pr_str_clear(&key);
        pr_str_printf(&key, "%s_stderr,none", k->metrics[i].name);
        if (n > 1)
            pr_json_set_real(r, pr_str_cstr(&key), sqrt(var / (double)n), NULL);
        else
            pr_json_set_str(r, pr_str_cstr(&key), "N/A"); /* as the harness has it */
        pr_str_done(&key);
        json_t *m = json_object();
        pr_json_set_str(m, "metric", k->metrics[i].name);
        pr_json_set_str(m, "aggregation", "mean");
        pr_json_set_bool(m, "higher_is_better", k->metrics[i].higher_is_better);
        json_array_append_new(list, m);
        pr_json_set_bool(better, k->metrics[i].name, k->metrics[i].higher_is_better);
    }
    pr_json_set(json_object_get(w->doc, "results"), task, r);
    pr_json_set(json_object_get(w->doc, "higher_is_better"), task, better);
    pr_json_set(json_object_get(json_object_get(w->doc, "configs"), task), "metric_list", list);
}

static void add_task(struct writer *w, const struct kind *k, const char *task, size_t n)
{
    json_t *c = json_object(), *count = json_object(), *meta = json_object();
    pr_json_set_str(c, "task", task);
    pr_json_set_str(c, "dataset_path", w->g->suite->name);
    pr_json_set_str(c, "output_type", k->output_type);
    pr_json_set_int(c, "num_fewshot", 0);
    pr_json_set_int(c, "repeats", 1);
    pr_json_set_bool(c, "should_decontaminate", false);
    if (k->has == is_answer)
        pr_json_set(c, "generation_kwargs", settings_of_generation(w));
    pr_json_set_real(meta, "version", 1.0, NULL);
    pr_json_set_str(meta, "suite_fingerprint", w->g->suite->fingerprint);
    pr_json_set(c, "metadata", meta);
    pr_json_set(json_object_get(w->doc, "configs"), task, c);
    pr_json_set(json_object_get(w->doc, "group_subtasks"), task, json_array());
    pr_json_set_real(json_object_get(w->doc, "versions"), task, 1.0, NULL);
    pr_json_set_int(json_object_get(w->doc, "n-shot"), task, 0);
    pr_json_set_int(count, "original", (int64_t)w->g->suite->n_all);
    pr_json_set_int(count, "effective", (int64_t)n);
    pr_json_set(json_object_get(w->doc, "n-samples"), task, count);
    add_metrics(w, k, task);
}

/* Writes a kind's samples file where there are any. */
static enum pr_code write_kind(struct writer *w, const struct kind *k, struct pr_error *e)
{
    struct pr_str lines = PR_STR_INIT(MAX_FILE), hashes = PR_STR_INIT(MAX_FILE);
    struct pr_str name = PR_STR_INIT(8192);
    char *base = sanitize(w->g->suite->name, "\"<>:/|\\?*[] "), *path = NULL;
    enum pr_code code = PR_OK;
    size_t n = 0;
    for (size_t i = 0; !code && i < w->g->n; i++) {
        const struct pr_grade *g = &w->g->v[i];
        if (g->graded && k->has(g)) {
            code = sample_line(w, k, g, i, &lines, &hashes, e);
            n++;
        }
    }
    if (code || !n)
        goto out;
    pr_str_printf(&name, "%s%s", base, k->suffix);
    add_task(w, k, pr_str_cstr(&name), n);
    set_hash(json_object_get(w->doc, "task_hashes"), pr_str_cstr(&name), pr_str_cstr(&hashes),
        hashes.len);
    pr_str_clear(&name);
    pr_str_printf(&name, "samples_%s%s_%s.jsonl", base, k->suffix, w->stamp);
    path = pr_path_join(w->folder, pr_str_cstr(&name));
    code = lines.over ? pr_fail(e, PR_E_LIMIT, "%s: more than %zu bytes", path, MAX_FILE)
                      : pr_file_write_atomic(path, lines.data, lines.len, e);
out:
    pr_free(path);
    pr_free(base);
    pr_str_done(&name);
    pr_str_done(&hashes);
    pr_str_done(&lines);
    return code;
}

static void set_run(
    json_t *doc, const struct pr_grades *g, struct pr_checkpoint *c, const char *model)
{
    json_t *o = json_object();
    struct pr_str text = PR_STR_INIT(1 << 16);
    pr_str_printf(&text, "pretrained=%s,dtype=%s", g->path, g->dtype);
    pr_json_set_str(o, "model", "proctor");
    pr_json_set_str(o, "model_args", pr_str_cstr(&text));
    pr_json_set_str(o, "batch_size", "auto");
    pr_json_set(o, "batch_sizes", json_array());
    pr_json_set_str(o, "device", "cpu");
    pr_json_set(o, "use_cache", json_null());
    if (g->samples)
        pr_json_set_int(o, "limit", (int64_t)g->samples);
    else
        pr_json_set(o, "limit", json_null());
    pr_json_set(o, "gen_kwargs", json_null());
    pr_json_set_str(o, "model_sha", g->fingerprint);
    pr_json_set_str(o, "model_dtype", g->dtype);
    pr_json_set_str(o, "numerics", g->numerics);
    pr_json_set(doc, "config", o);
    pr_json_set(doc, "git_hash", json_null());
    pr_json_set_real(doc, "date", (double)pr_clock_utc_ms() / 1000, NULL);
    pr_json_set_str(doc, "model_source", "proctor");
    pr_json_set_str(doc, "model_name", g->checkpoint);
    pr_json_set_str(doc, "model_name_sanitized", model);
    pr_json_set(doc, "system_instruction", json_null());
    pr_json_set(doc, "system_instruction_sha", json_null());
    pr_json_set_bool(doc, "fewshot_as_multiturn", false);
    const char *chat = pr_checkpoint_template(c);
    pr_json_set_str(doc, "chat_template", chat);
    if (chat)
        set_hash(doc, "chat_template_sha", chat, strlen(chat));
    else
        pr_json_set(doc, "chat_template_sha", json_null());
    pr_json_set_int(doc, "max_length", (int64_t)pr_checkpoint_config(c)->max_position);
    pr_str_clear(&text);
    pr_str_printf(&text, "%.3f", g->seconds);
    pr_json_set_str(doc, "total_evaluation_time_seconds", pr_str_cstr(&text));
    pr_str_done(&text);
}

static enum pr_code write_results(struct writer *w, char **ret_path, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_FILE), name = PR_STR_INIT(256);
    pr_json_dump(w->doc, 2, 0, &text);
    pr_str_printf(&name, "results_%s.json", w->stamp);
    char *path = pr_path_join(w->folder, pr_str_cstr(&name));
    enum pr_code code = pr_file_write_atomic(path, text.data, text.len, e);
    if (!code && ret_path) {
        *ret_path = path;
        path = NULL;
    }
    pr_free(path);
    pr_str_done(&name);
    pr_str_done(&text);
    return code;
}

enum pr_code pr_lm_eval_write(const char *dir, const struct pr_grades *g, struct pr_checkpoint *c,
    const struct pr_prompt_options *prompt, char **ret_path, struct pr_error *e)
{
    static const char *const parts[] = {"results", "group_subtasks", "configs", "versions",
        "n-shot", "higher_is_better", "n-samples"};
    char *model = sanitize(g->checkpoint, "\"<>:/|\\?*[]");
    struct writer w = {
        .g = g, .folder = pr_path_join(dir, model), .stamp = stamp_now(), .doc = json_object()};
    enum pr_code code = pr_mkdirs(w.folder, e);
    if (code || (code = pr_prompter_new(c, prompt, &w.prompter, e)))
        goto out;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        pr_json_set(w.doc, parts[i], json_object());
    set_run(w.doc, g, c, model);
    pr_json_set(w.doc, "task_hashes", json_object());
    for (size_t i = 0; !code && i < sizeof kinds / sizeof *kinds; i++)
        code = write_kind(&w, &kinds[i], e);
    if (!code)
        code = write_results(&w, ret_path, e);
out:
    pr_prompter_free(w.prompter);
    json_decref(w.doc);
    pr_free(w.folder);
    pr_free(w.stamp);
    pr_free(model);
    return code;
}
