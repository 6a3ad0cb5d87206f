/* proctor probe: one probe of the curriculum optimizer. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/grading.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/session.h"
#include "compute/cpus.h"
#include "curriculum/probe.h"

#define MAX_JSON ((size_t)1 << 24)

struct job {
    const struct pr_args *args;
    struct pr_session session;
    struct pr_probe_options o;
    json_t *progress, *variables, *command; /* owned */
    const char **argv;                      /* of the user's trainer; its texts are borrowed */
    char *work;
};

/* ---- options ---- */

static enum pr_code parse(
    const struct pr_args *a, const char *name, json_t **ret, struct pr_error *e)
{
    const char *text = pr_args_text(a, name);
    if (!text)
        return PR_OK;
    enum pr_code code = pr_json_parse(text, strlen(text), PR_JSON_STRICT, name, ret, NULL, e);
    return code ? pr_fail(e, PR_E_USAGE, "--%s", e->message) : PR_OK;
}

/* The user's trainer: what follows the checkpoint, or --command as a JSON array. */
static enum pr_code read_command(struct job *j, struct pr_error *e)
{
    const struct pr_args *a = j->args;
    enum pr_code code = parse(a, "command", &j->command, e);
    size_t n = json_array_size(j->command), rest = a->n_positional - 1;
    if (code || (!rest && !j->command))
        return code;
    if (rest && j->command)
        return pr_fail(e, PR_E_USAGE, "--command and a command after -- are the same: give one");
    if (j->command && !n)
        return pr_fail(
            e, PR_E_USAGE, "--command: an array of a program and its arguments was expected");
    j->argv = pr_zalloc((n + rest + 1) * sizeof *j->argv);
    for (size_t i = 0; i < n; i++)
        if (!(j->argv[i] = json_string_value(json_array_get(j->command, i))))
            return pr_fail(e, PR_E_USAGE, "--command: argument %zu is no text", i);
    for (size_t i = 0; i < rest; i++)
        j->argv[i] = a->positional[i + 1];
    j->o.command = j->argv;
    return pr_probe_command_check(j->argv, e);
}

/* One fixed place a user, so that the next probe finds what a killed one left. */
static char *usual_work(void)
{
    const char *tmp = getenv("TMPDIR");
    struct pr_str path = PR_STR_INIT(1 << 16);
    pr_str_printf(&path, "%s/proctor-probe-%u", tmp && *tmp ? tmp : "/tmp", (unsigned)geteuid());
    return pr_str_take(&path);
}

/* Threads that are not said go by the share of the machine: half of two CPUs is one thread rather
 * than two that rest half of the time. */
static void share_out(struct pr_probe_options *o)
{
    int cpus = pr_cpus_usable(), part = cpus * o->cpu_percent;
    if (o->n_threads)
        return;
    o->n_threads = (part + 99) / 100;
    o->cpu_percent = part / o->n_threads;
}

static void read_numbers(const struct pr_args *a, struct pr_probe_options *o)
{
    o->pool_samples = (size_t)pr_args_int(a, "pool-samples", 0);
    o->samples = (size_t)pr_args_int(a, "samples", 0);
    o->seed = (uint64_t)pr_args_int(a, "seed", 0);
    o->tokens = (uint64_t)pr_args_int(a, "tokens", 0);
    o->batch = (uint32_t)pr_args_int(a, "batch", 0);
    o->learning_rate = pr_args_real(a, "lr", 0);
    o->lora_rank = (uint32_t)pr_args_int(a, "lora-rank", 0);
    o->seconds = pr_args_real(a, "seconds", 0);
    o->n_threads = (int)pr_args_int(a, "threads", 0);
    o->nice = (int)pr_args_int(a, "nice", 0);
    o->cpu_percent = (int)pr_args_int(a, "cpu-percent", 100);
    share_out(o);
}

static void read_grading(struct job *j)
{
    const struct pr_args *a = j->args;
    const struct pr_config *c = &j->session.config;
    struct pr_probe_options *o = &j->o;
    struct sysinfo info;
    o->max_new_tokens = (size_t)pr_args_int(a, "max-new-tokens", c->max_new_tokens);
    o->dtype = pr_args_text(a, "dtype") ? pr_args_text(a, "dtype") : c->dtype;
    o->now_utc_ms = j->session.options.now_utc_ms;
    o->bases = (const char *const(*)[2])c->bases;
    o->n_bases = c->n_bases;
    o->max_memory = (uint64_t)c->grader_memory_mb << 20;
    if (!o->max_memory && !sysinfo(&info)) /* as graders of the watch */
        o->max_memory = (uint64_t)info.totalram * info.mem_unit / 2;
    o->template_vars = j->variables;
}

static enum pr_code fill(struct job *j, struct pr_error *e)
{
    const struct pr_args *a = j->args;
    struct pr_probe_options *o = &j->o;
    const char *vars = j->session.options.template_vars;
    o->start = a->positional[0];
    o->base_model = pr_args_text(a, "base-model");
    o->pool = pr_args_list(a, "pool", &o->n_pool);
    o->suite = pr_args_list(a, "suite", &o->n_suite);
    o->strategy = pr_args_text(a, "strategy");
    o->keep = pr_args_flag(a, "keep");
    o->baseline = pr_args_flag(a, "baseline");
    o->stopped = pr_interrupted;
    if (!o->n_pool || !o->n_suite)
        return pr_fail(e, PR_E_USAGE, "--%s is missing: examples to %s",
            o->n_pool ? "suite" : "pool", o->n_pool ? "examine on" : "train on");
    if (!o->strategy)
        return pr_fail(e, PR_E_USAGE, "--strategy is missing");
    read_numbers(a, o);
    enum pr_code code = parse(a, "progress", &j->progress, e);
    o->progress = j->progress;
    if (!code && vars)
        code = pr_json_parse(vars, strlen(vars), PR_JSON_LENIENT, NULL, &j->variables, NULL, e);
    if (code || (code = read_command(j, e)))
        return code;
    read_grading(j);
    j->work = pr_args_text(a, "work") ? pr_strdup(pr_args_text(a, "work")) : usual_work();
    o->work = j->work;
    return PR_OK;
}

static void job_done(struct job *j)
{
    json_decref(j->progress);
    json_decref(j->variables);
    json_decref(j->command);
    pr_free(j->argv);
    pr_free(j->work);
    pr_session_done(&j->session);
}

/* ---- the probe ---- */

static void put_result(const struct job *j, const struct pr_probe_result *r)
{
    json_t *o = json_object(), *result = pr_probe_result_json(r);
    char *name = pr_path_base(j->o.start);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "start", name);
    pr_json_set_str(o, "strategy", j->o.strategy);
    pr_json_set_int(o, "seed", (int64_t)j->o.seed);
    pr_json_set_int(o, "batch", j->o.batch);
    pr_json_set_real(o, "learning_rate", j->o.learning_rate, NULL);
    pr_json_set_int(o, "lora_rank", j->o.lora_rank);
    json_object_update(o, result);
    pr_out_json(o);
    json_decref(result);
    json_decref(o);
    pr_free(name);
}

static int carry_out(struct job *j)
{
    struct pr_probe_result r;
    struct pr_error e;
    if (j->o.nice && getpriority(PRIO_PROCESS, 0) < j->o.nice) /* reading the pool counts too */
        setpriority(PRIO_PROCESS, 0, j->o.nice);
    enum pr_code code = pr_probe_run(&j->o, &r, &e);
    if (code) {
        pr_say("probe", "%s", e.message);
        return code == PR_E_CANCELLED ? PR_EXIT_STOPPED
               : code == PR_E_USAGE   ? PR_EXIT_USAGE
                                      : PR_EXIT_REFUSED;
    }
    put_result(j, &r);
    pr_probe_result_done(&r);
    if (j->o.keep)
        pr_say("probe", "order.jsonl, out and log are left in %s", j->o.work);
    return pr_out_status(PR_EXIT_OK);
}

static int run(const struct pr_args *a)
{
    struct job j = {.args = a};
    struct pr_error e;
    int status = pr_session_init(&j.session, a, true);
    if (status)
        return status;
    /* A service manager tells all of our processes, and the watch tells us too: the trainer has its
     * half second all the same. */
    pr_interrupt_once();
    signal(SIGCHLD, SIG_DFL); /* whoever started us may ignore it, and children are waited for */
    if (fill(&j, &e)) {
        pr_say("probe", "%s", e.message);
        status = e.code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
    } else {
        status = carry_out(&j);
    }
    job_done(&j);
    return status;
}

#define PR_X(name, summary) #name "|"
static const char strategies[] = PR_STRATEGIES(PR_X) PR_ARM_AGAIN;
#undef PR_X

static const struct pr_option options[] = {
    {"pool", "FILE", "examples to train on: files, or folders of *.jsonl", NULL, PR_OPT_FILES},
    {"suite", "FILE", "validation examples to examine on: files, or folders of *.jsonl", NULL,
        PR_OPT_FILES},
    {"strategy", strategies,
        "in which order the examples are trained on; random_again is another random order, to show "
        "what chance alone makes",
        NULL, PR_OPT_CHOICE},
    {"seed", "S", "draws the examples from the pool; all strategies get the same ones", "0",
        PR_OPT_INT, 0, 1e15},
    {"tokens", "N", "answer tokens to train on", "20000", PR_OPT_INT, 1, 1e12},
    {"batch", "B", "examples a step", "8", PR_OPT_INT, 1, 1 << 24},
    {"lr", "X", "learning rate, the same at every step but for a short warm-up", "1e-4",
        PR_OPT_REAL, 1e-12, 10},
    {"lora-rank", "R", "train a LoRA adapter of this rank; 0: all parameters", "0", PR_OPT_INT, 0,
        4096},
    {"pool-samples", "N",
        "use N examples of the pool only: a part of each difficulty, always the same", "0",
        PR_OPT_INT, 0, 1e9},
    {"samples", "N",
        "examine on N examples only: a part of each difficulty, the same ones for every probe; "
        "0: all",
        "0", PR_OPT_INT, 0, 1e9},
    {"progress", "JSON",
        "for adaptive: mean loss by difficulty at the last checkpoints, oldest first, as "
        "{\"easy\":[0.9,0.7],\"hard\":[2.1,2.0]}",
        NULL, PR_OPT_TEXT},
    {"command", "JSON", "your own trainer as an array, the same as after --", NULL, PR_OPT_TEXT},
    {"baseline", NULL, "examine CHECKPOINT itself too", NULL, PR_OPT_FLAG},
    {"work", "DIR",
        "folder to work in: empty, not there yet, or left by a killed probe; it is removed at the "
        "end (default: proctor-probe-UID in $TMPDIR, else /tmp)",
        NULL, PR_OPT_TEXT},
    {"keep", NULL, "leave the folder as it is, to look at; the next probe there empties it", NULL,
        PR_OPT_FLAG},
    {"seconds", "S", "give up after so long; 0: never", "0", PR_OPT_REAL, 0, 1e9},
    {"threads", "N",
        "threads to compute with; a result depends on its seed and this number; 0: by "
        "--cpu-percent",
        "0", PR_OPT_INT, 0, 4096},
    {"cpu-percent", "N", "share of the CPUs; with --threads, of those threads' time", "100",
        PR_OPT_INT, 1, 100},
    {"nice", "N", "how far to stand back from other programs", "0", PR_OPT_INT, 0, 19},
    PR_OPTION_MAX_NEW,
    PR_OPTION_EVAL_DTYPE,
    PR_OPTION_BASE_MODEL,
    PR_OPTION_TEMPLATE_VAR,
    PR_OPTION_EVAL_DATE,
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_probe = {
    .name = "probe",
    .summary = "train a little in one order of examples, then examine",
    .arguments = "CHECKPOINT --pool FILE… --suite FILE… --strategy NAME [-- COMMAND…]",
    .about =
        "Which order of training examples helps? A probe is one data point: it draws examples "
        "from the pool by --seed, puts them into the order of --strategy, trains from CHECKPOINT "
        "on them, and examines what came of it on the validation examples. Probes of one seed "
        "differ in the order alone (adaptive: in the mix too), so compare them seed by seed; "
        "'proctor run' does so by itself, on the budget under curriculum in proctor.yaml.\n\n"
        "Prints one JSON line: loss_mean_per_example, accuracy, by_difficulty, n and n_ungraded "
        "of the examination, tokens, examples and steps of the training, seconds of each part, "
        "fingerprints of pool and suite.\n\n"
        "The trainer is 'proctor train', or what follows --: a command of yours, started without "
        "a shell, in whose arguments {order} (a file of JSON Lines, each an example, in the order "
        "to train on), {start} (CHECKPOINT), {out} (an empty folder for the result), {seed}, "
        "{tokens} (answer tokens of the order) and {learning_rate} are filled in. It must leave a "
        "checkpoint in {out} and end with status 0; docs/probes.md has an example.\n\n"
        "CHECKPOINT is only read. Everything else happens in --work, and is gone when the probe "
        "ends, is stopped, or fails.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1000,
    .examples = {{"Does it help to begin with easy examples?",
                     "for s in random easy_to_hard; do proctor probe run/checkpoint-100 --pool "
                     "train.jsonl --suite validation.jsonl --strategy $s --seed 1; done"},
        {"How large a difference does chance make?",
            "proctor probe run/checkpoint-100 --pool train.jsonl --suite validation.jsonl "
            "--strategy random_again --seed 1"},
        {"With a trainer of your own",
            "proctor probe run/checkpoint-100 --pool train.jsonl --suite validation.jsonl "
            "--strategy random -- python3 train.py --data '{order}' --from '{start}' --to '{out}' "
            "--seed '{seed}'"},
        {"Look at the order and at what the trainer wrote",
            "proctor probe run/checkpoint-100 --pool train.jsonl --suite validation.jsonl "
            "--strategy hard_first --work look --keep && head look/order.jsonl look/log"}},
    .run = run,
};
