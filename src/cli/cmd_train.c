/* proctor train: trains a model, or a new one from scratch. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/term.h"
#include "cli/training.h"
#include "train/trainer.h"

struct job {
    struct pr_progress progress;
    char label[96];
    double tokens; /* computed since the start of this process */
    int64_t first; /* step before the first of this process */
};

static void put_line(const struct pr_train_step *s)
{
    static const char none[] = "no token of the batch counts: the step is skipped";
    json_t *o = json_object();
    pr_json_set_int(o, "step", s->step);
    pr_json_set_real(o, "loss", s->loss, s->tokens ? NULL : none);
    pr_json_set_real(o, "learning_rate", s->learning_rate, NULL);
    pr_json_set_real(o, "grad_norm", s->grad_norm, s->tokens ? NULL : none);
    pr_json_set_int(o, "tokens", (int64_t)s->tokens);
    pr_json_set_real(o, "epoch", s->epoch, NULL);
    pr_json_set_real(o, "tokens_per_second",
        s->seconds > 0 ? round((double)s->rows / s->seconds) : NAN,
        "the step took no time that the clock can tell");
    pr_out_json(o);
    json_decref(o);
}

static int on_step(void *ctx, const struct pr_train_step *s)
{
    struct job *j = ctx;
    put_line(s);
    if (!(j->tokens > 0))
        j->first = s->step - 1;
    j->tokens += (double)s->rows;
    snprintf(j->label, sizeof j->label, "step %lld%s%.0lld, loss %.4g", (long long)s->step,
        s->steps ? "/" : "", (long long)s->steps, s->loss);
    pr_progress_show(&j->progress, (double)(s->step - j->first),
        s->steps ? (double)(s->steps - j->first) : 0, j->tokens, "tokens");
    return pr_interrupted() || !pr_out_open();
}

static bool stopped(void *ctx)
{
    (void)ctx;
    return pr_interrupted();
}

static void on_note(void *ctx, const char *text)
{
    (void)ctx;
    pr_say("train", "%s", text);
}

/* What there is to say at the end; returns the exit status. */
static int finish(enum pr_code code, const struct pr_train_options *o,
    const struct pr_train_result *r, const struct pr_error *e)
{
    if (code == PR_E_CANCELLED && r->step == r->from) {
        pr_say("train", "%s; nothing is written", e->message);
        return PR_EXIT_STOPPED;
    }
    if (code == PR_E_CANCELLED) {
        pr_say("train", "%s; %s is written: the same command%s goes on from there", e->message,
            r->checkpoint, o->resume == PR_RESUME_NEVER ? " without '--resume never'" : "");
        return PR_EXIT_STOPPED;
    }
    if (code) {
        pr_say("train", "%s", e->message);
        if (r->checkpoint && code == PR_E_NUMBER)
            pr_say("train", "%s is as it was", r->checkpoint);
        return code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
    }
    if (!r->checkpoint)
        pr_say("train", "the time is over before a step was made; nothing is written");
    else if (r->limit)
        pr_say("train", "the limit of %s is reached after step %lld; %s is written",
            o->max_answer_tokens ? o->seconds > 0 ? "time or tokens" : "tokens" : "time",
            (long long)r->step, r->checkpoint);
    else if (r->steps && r->step > r->steps)
        pr_say("train", "%s is there already: the training is at step %lld, past %s %lld%s",
            r->checkpoint, (long long)r->step, o->steps ? "--steps" : "the", (long long)r->steps,
            o->steps ? "" : " steps asked for");
    else if (r->from == r->step)
        pr_say("train", "%s is there already: nothing is left to do", r->checkpoint);
    else
        pr_say("train", "%s is written", r->checkpoint);
    return PR_EXIT_OK;
}

static int run(const struct pr_args *a)
{
    struct pr_session session;
    struct pr_training training = {0};
    struct job *j = pr_zalloc(sizeof *j);
    struct pr_train_result result = {0};
    struct pr_error e;
    int status = pr_session_init(&session, a, false);
    if (status) {
        pr_free(j);
        return status;
    }
    enum pr_code code = pr_training_options(&training, a, &session, &e);
    if (!code) {
        struct pr_train_options *o = &training.options;
        o->on_step = on_step;
        o->stopped = stopped;
        o->on_note = on_note;
        o->ctx = j;
        pr_progress_start(&j->progress, j->label, pr_args_flag(a, "quiet"));
        code = pr_train(o, &result, &e);
        pr_progress_end(&j->progress);
    }
    status = pr_out_status(finish(code, &training.options, &result, &e));
    pr_free(result.checkpoint);
    pr_training_options_done(&training);
    pr_session_done(&session);
    pr_free(j);
    return status;
}

static const struct pr_option options[] = {
    {"data", "FILE",
        "examples to train on, of any form that 'proctor eval' takes: files, or folders of *.jsonl",
        NULL, PR_OPT_FILES},
    {"queue", "BASE_DIR",
        "in place of --data: train on the files of BASE_DIR/queue as they come, high before normal "
        "before low, and wait where there are none, until --steps are made or a signal comes",
        NULL, PR_OPT_TEXT},
    {"epochs-per-file", "E", "times to go through each file of the queue", "1", PR_OPT_INT, 1, 1e6},
    {"out", "DIR", "where the checkpoints go: DIR/checkpoint-N", NULL, PR_OPT_TEXT},
    {"steps", "N",
        "updates to make (default: one epoch, unless --seconds or "
        "--max-answer-tokens end it)",
        NULL, PR_OPT_INT, 1, 1e15},
    {"epochs", "E", "in place of --steps: times to go through the data", NULL, PR_OPT_REAL, 1e-6,
        1e9},
    {"batch", "B", "examples a step", "8", PR_OPT_INT, 1, 1 << 24},
    {"lr", "X",
        "learning rate, or @FILE with one rate a step, white space between them (default: "
        "2e-5; 2e-4 with --lora-rank; 1e-3 from scratch)",
        NULL, PR_OPT_TEXT},
    {"schedule", "constant|linear|cosine",
        "how the rate goes on after the warm-up: linear and "
        "cosine fall to 0 at the last step",
        "constant", PR_OPT_CHOICE},
    {"warmup", "W", "steps over which the rate rises from 0 (the first step's is 0)", "0",
        PR_OPT_INT, 0, 1e15},
    {"weight-decay", "X", "decoupled weight decay of AdamW", "0.01", PR_OPT_REAL, 0, 1e6},
    {"decay", "matrices|all",
        "what decays: tensors of two dimensions (embeddings included), or "
        "norms and biases too",
        "matrices", PR_OPT_CHOICE},
    {"grad-clip", "X", "largest norm of the whole gradient; 0: no limit", "1", PR_OPT_REAL, 0,
        1e30},
    {"seed", "N", "of the order of examples and of what starts at random", "0", PR_OPT_INT, 0,
        1e15},
    {"save-every", "K", "write a checkpoint every K steps (default: after the last one alone)",
        NULL, PR_OPT_INT, 1, 1e15},
    {"keep", "N", "newest checkpoints to keep; 0: all", "0", PR_OPT_INT, 0, 1e9},
    {"resume", "auto|never",
        "go on from the newest checkpoint in --out where it is of this very "
        "training, or begin anew",
        "auto", PR_OPT_CHOICE},
    {"from-scratch", "CONFIG.json", "in place of MODEL_DIR: a new model of this shape", NULL,
        PR_OPT_TEXT},
    {"tokenizer", "DIR", "of a new model: a folder with tokenizer.json and its configuration", NULL,
        PR_OPT_TEXT},
    {"lora-rank", "R",
        "train a LoRA adapter of this rank and leave the model as it is (where MODEL_DIR is an "
        "adapter, it is the one that is trained further, as it is: no lora option then)",
        NULL, PR_OPT_INT, 1, 4096},
    {"lora-alpha", "A", "the adapter's scale is A/R (default: twice the rank)", NULL, PR_OPT_REAL,
        1e-6, 1e6},
    {"lora-targets", "NAMES",
        "modules that get one, as PEFT names them, commas between them "
        "(default: all seven: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj)",
        NULL, PR_OPT_TEXT},
    {"order", "FILE",
        "train on the examples whose ids the lines of FILE name, in this order, over "
        "and over (default: each epoch a shuffle by --seed)",
        NULL, PR_OPT_TEXT},
    {"token-batches", "FILE",
        "in place of --data: a line for each batch, {\"input_ids\",\"labels\",\"attention_mask\"} "
        "with a list of lists each; taken in turn, whatever their sizes (no --batch then)",
        NULL, PR_OPT_TEXT},
    {"max-tokens", "N",
        "leave out examples of more tokens (default: the model's "
        "max_position_embeddings)",
        NULL, PR_OPT_INT, 2, 1 << 30},
    {"micro-tokens", "N",
        "tokens that one pass computes at most; a larger batch is accumulated "
        "over several, whose sums have other last digits (default: by the model's size)",
        NULL, PR_OPT_INT, 1, 1 << 30},
    {"recompute", "auto|on|off",
        "compute activations twice to save memory; auto: where they would "
        "take half of the machine's",
        "auto", PR_OPT_CHOICE},
    {"max-answer-tokens", "N", "end, with a checkpoint, once so many answer tokens were trained on",
        NULL, PR_OPT_INT, 1, 1e18},
    {"seconds", "S", "end, with a checkpoint, after so many seconds", NULL, PR_OPT_REAL, 1e-3, 1e9},
    {"status", "FILE",
        "keep training_status.json up to date there; 'none': nowhere (default: "
        "status/training_status.json of the base folder that --out lies in, if any)",
        NULL, PR_OPT_TEXT},
    PR_OPTION_DTYPE,
    PR_OPTION_THREADS,
    PR_OPTION_BASE_MODEL,
    PR_OPTION_TEMPLATE_VAR,
    {"date", "DATE", "the date that a template's strftime_now shows", "2026-01-01", PR_OPT_TEXT},
    PR_OPTION_QUIET,
};

const struct pr_command pr_command_train = {
    .name = "train",
    .summary = "train a model, a LoRA adapter, or a new model from scratch",
    .arguments = "MODEL_DIR --data FILE…|--queue BASE_DIR --out DIR",
    .about =
        "Trains on the answers of examples with AdamW and writes Hugging Face checkpoints that "
        "transformers, vLLM and every command of proctor open as they are. Prompt and answer are "
        "made into tokens exactly as 'proctor eval' grades them: what is trained is what is "
        "examined. Loss and gradient are means over the batch's answer tokens (of plain text: all "
        "tokens but the first).\n\n"
        "Prints a line for each step:\n\n"
        "  {\"step\",\"loss\",\"learning_rate\",\"grad_norm\",\"tokens\",\"epoch\","
        "\"tokens_per_second\"}\n\n"
        "loss is the one before the update, grad_norm the one before clipping, tokens the answer "
        "tokens of the batch; tokens_per_second counts every token computed.\n\n"
        "With --queue each file is moved to queue/processing, trained on once through (its last "
        "batch has what is left), and moved to queue/recently_completed when a checkpoint holds "
        "all of it, or to queue/failed with the reason beside it where nothing in it can be used. "
        "Whenever the training is killed, the same command loses no file and counts none "
        "twice.\n\n"
        "Ctrl-C or SIGTERM ends the step, writes a checkpoint and says how to go on; after a crash "
        "or kill -9 the same command goes on from the newest checkpoint in --out, and the result "
        "is byte for byte that of an uninterrupted run. Before the first step, while data are "
        "read, a "
        "signal ends it with nothing written. A loss or gradient that is not finite "
        "stops the training: nothing of that step is kept.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"Fine-tune for one epoch",
                     "proctor train models/checkpoint-100 --data train.jsonl --out run"},
        {"Two hundred steps with a warm-up, a checkpoint every fifty",
            "proctor train models/checkpoint-100 --data train.jsonl --steps 200 --batch 16 --lr "
            "1e-4 --schedule cosine --warmup 20 --save-every 50 --out run"},
        {"A LoRA adapter of a larger model", "proctor train Qwen3-0.6B --data train.jsonl "
                                             "--lora-rank 8 --steps 100 --out adapter"},
        {"A new model", "proctor train --from-scratch config.json --tokenizer tokenizer --data "
                        "train.jsonl --epochs 3 --lr 1e-3 --out new"},
        {"Whatever comes into the queue of a base folder",
            "proctor train models/checkpoint-100 --queue . --steps 10000 --save-every 250 --out "
            "models/current_model"},
        {"Draw the loss", "proctor train models/checkpoint-100 --data train.jsonl --steps 100 "
                          "--out run | jq .loss"}},
    .run = run,
};
