/* The table of configuration keys; config.h says how to add one. */
#include "daemon/config_keys.h"

#include <string.h>

#define AT(field)   offsetof(struct pr_config, field)
#define SET(field)  offsetof(struct pr_config, settings.field)
#define SYNC(field) offsetof(struct pr_config, sync.field)

static const struct pr_config_key keys[] = {
    {"models", "bases", PR_CONFIG_FOLDER_MAP, AT(bases), "{}", 0, 0, NULL,
        "where the bases of LoRA adapters lie: the name that adapter_config.json gives, and a "
        "folder",
        "{Qwen/Qwen3-0.6B: models/qwen3-0.6b}"},
    {"models", "current", PR_CONFIG_FOLDER, AT(current), NULL, 0, 0, NULL,
        "folder of the run's checkpoints; without it models/current_model, then current_model",
        "models/current_model"},
    {"models", "reference", PR_CONFIG_FOLDER, AT(reference), NULL, 0, 0, NULL,
        "folder of the model that training started from, or any other: it is graded on every "
        "suite and shown beside the checkpoints",
        "models/base"},
    {"machine", "role", PR_CONFIG_CHOICE, AT(role), "all", 0, 0, "all|training|inference",
        "what this machine does: which systems `proctor run` starts", NULL},
    {"machine", "disabled", PR_CONFIG_SYSTEMS, AT(disabled), "[]", 0, 0, NULL,
        "systems that `proctor run` leaves out", "[confidence-calibrator]"},
    {"machine", "intervals", PR_CONFIG_SECONDS, AT(intervals), "{}", 1, 604800, NULL,
        "seconds between two runs of a system when nothing new was graded; without an entry the "
        "system's own interval",
        "{regression-monitor: 60}"},
    {"watch", "scan_seconds", PR_CONFIG_INT, AT(scan_seconds), "10", 1, 86400, NULL,
        "seconds between looks at the folders when nothing was heard of them; what the system "
        "reports is seen at once",
        NULL},
    {"watch", "backfill", PR_CONFIG_INT, AT(backfill), "20", -1, 1000000, NULL,
        "checkpoints older than the newest that are graded too when proctor first sees them, "
        "newest first; -1 is all",
        NULL},
    {"graders", "memory_mb", PR_CONFIG_INT, AT(grader_memory_mb), "0", 0, 16777216, NULL,
        "memory a grader may take, in MB; 0 is half of the machine's", NULL},
    {"graders", "nice", PR_CONFIG_INT, AT(grader_nice), "10", 0, 19, NULL,
        "how far graders stand back from other programs; 19 is the farthest", NULL},
    {"graders", "cpu_percent", PR_CONFIG_INT, AT(grader_cpu_percent), "100", 1, 100, NULL,
        "share of the machine's CPUs that graders use", NULL},
    {"graders", "idle_seconds", PR_CONFIG_INT, AT(grader_idle_seconds), "2", 0, 86400, NULL,
        "seconds a grader stays with its model loaded, in case more is ordered", NULL},
    {"graders", "timeout_seconds", PR_CONFIG_INT, AT(grader_timeout_seconds), "600", 1, 86400, NULL,
        "seconds without a word after which a grader counts as stuck and is ended", NULL},
    {"graders", "scan", PR_CONFIG_BOOL, AT(grader_scan), "true", 0, 0, NULL,
        "look through a new checkpoint's weights for NaN and infinity", NULL},
    {"template", "variables", PR_CONFIG_VALUE_MAP, AT(variables), "{}", 0, 0, NULL,
        "variables passed to every chat template", "{enable_thinking: false}"},
    {"template", "date", PR_CONFIG_DATE, AT(date), "2026-01-01", 0, 0, NULL,
        "the date that a template's strftime_now shows, fixed so that a grade can be repeated",
        NULL},
    {"eval", "max_new_tokens", PR_CONFIG_INT, AT(max_new_tokens), "512", 1, 1 << 20, NULL,
        "tokens an answer may take before it counts as truncated", NULL},
    {"eval", "dtype", PR_CONFIG_CHOICE, AT(dtype), "auto", 0, 0, "f32|bf16|auto",
        "arithmetic of the model; auto is f32 below 200 million parameters, else bf16", NULL},
    {"eval", "threads", PR_CONFIG_INT, AT(threads), "0", 0, 4096, NULL,
        "threads to compute with; 0 is one for each CPU", NULL},
    {"eval", "allow_commands", PR_CONFIG_BOOL, AT(allow_commands), "false", 0, 0, NULL,
        "may an example's check start a program ({\"command\": […]})?", NULL},
    {"gradebook", "texts_days", PR_CONFIG_INT, AT(texts_days), "30", 0, 36500, NULL,
        "days that the text of graded answers is kept; their figures stay; 0 is forever", NULL},
    {"gradebook", "findings_days", PR_CONFIG_INT, AT(findings_days), "90", 0, 36500, NULL,
        "days that each day's last status document of a system is kept; 0 is forever", NULL},
    {"gradebook", "orders_days", PR_CONFIG_INT, AT(orders_days), "30", 0, 36500, NULL,
        "days that ended grading orders, and deliveries of alerts that are over, are kept; 0 is "
        "forever",
        NULL},
    {"gradebook", "machine_days", PR_CONFIG_INT, AT(machine_days), "30", 1, 36500, NULL,
        "days that the machine's own curves (GPU, memory, disk) are kept", NULL},
    {"api", "enabled", PR_CONFIG_BOOL, AT(api.enabled), "true", 0, 0, NULL,
        "does `proctor run` serve the API and the page?", NULL},
    {"api", "bind", PR_CONFIG_TEXT, AT(api.bind), "127.0.0.1", 0, 0, NULL,
        "the address that both ports listen at; off loopback every reader needs the token, and TLS "
        "or a tunnel should carry it",
        "0.0.0.0"},
    {"api", "port", PR_CONFIG_INT, AT(api.port), "5000", 0, 65535, NULL,
        "port of the API; 0 takes a free one, which status/api.json names", NULL},
    {"api", "page_port", PR_CONFIG_INT, AT(api.page_port), "8080", 0, 65535, NULL,
        "port of the page; 0 takes a free one", NULL},
    {"api", "token_file", PR_CONFIG_FILE, AT(api.token_file), NULL, 0, 0, NULL,
        "file with the token, readable by its owner alone; without one, api.token in the base "
        "folder, made at the first start",
        "/etc/proctor/token"},
    {"api", "hosts", PR_CONFIG_TEXTS, AT(api.hosts), "[]", 0, 0, NULL,
        "names beside the address itself and localhost under which a browser may reach the page",
        "[trainer.lan]"},
    {"api", "tls_certificate", PR_CONFIG_FILE, AT(api.tls_certificate), NULL, 0, 0, NULL,
        "PEM file with the certificate chain; with tls_key, both ports speak TLS", "cert.pem"},
    {"api", "tls_key", PR_CONFIG_FILE, AT(api.tls_key), NULL, 0, 0, NULL,
        "PEM file with its private key, readable by its owner alone", "key.pem"},
    {"api", "max_connections", PR_CONFIG_INT, AT(api.max_connections), "8192", 16, 65536, NULL,
        "connections that are open at a time; beyond, new ones wait in the kernel's queue", NULL},
    {"api", "max_streams", PR_CONFIG_INT, AT(api.max_streams), "6000", 1, 65536, NULL,
        "of them, those that listen to /api/events", NULL},
    {"peers", "machines", PR_CONFIG_VALUE_MAP, AT(peers), "{}", 0, 0, NULL,
        "other machines whose proctor is shown on the same page: a name, and its url, token_file "
        "and (for a certificate of your own) ca_file",
        "{trainer: {url: 'http://10.0.0.2:5000', token_file: trainer.token}}"},
    {"peers", "seconds", PR_CONFIG_INT, AT(peers_seconds), "5", 1, 3600, NULL,
        "seconds between two looks at each of them", NULL},
    {"alerts", "channels", PR_CONFIG_VALUE_MAP, AT(alerts.channels), "{}", 0, 0, NULL,
        "where alerts are sent: a name, and its kind (webhook, slack, discord, ntfy, email, "
        "command), url or command, and, where not all, levels and systems",
        "{phone: {kind: ntfy, url: 'https://ntfy.sh/my-topic', levels: [critical]}}"},
    {"alerts", "quiet_hours", PR_CONFIG_TEXT, AT(alerts.quiet_hours), NULL, 0, 0, NULL,
        "hours of the local day in which only critical alerts are sent; the others wait for their "
        "end",
        "22:00-07:00"},
    {"alerts", "repeat_minutes", PR_CONFIG_INT, AT(alerts.repeat_minutes), "0", 0, 100000, NULL,
        "minutes after which a critical alert that nobody acknowledged is sent again; 0 never",
        NULL},
    {"alerts", "stalled_minutes", PR_CONFIG_INT, AT(alerts.stalled_minutes), "30", 0, 100000, NULL,
        "minutes without progress after which an unfinished training counts as stalled; 0 never",
        NULL},
    {"alerts", "disk_free_gb", PR_CONFIG_REAL, AT(alerts.disk_free_gb), "5", 0, 1e6, NULL,
        "GB free on the base folder's disk below which an alert is raised; 0 never", NULL},
    {"alerts", "gpu_celsius", PR_CONFIG_INT, AT(alerts.gpu_celsius), "87", 0, 200, NULL,
        "degrees Celsius of a GPU from which on an alert is raised; 0 never", NULL},
    {"queue", "stuck_warning_hours", PR_CONFIG_REAL, AT(stuck_warning_hours), "12", 0.001, 8760,
        NULL, "hours in queue/processing after which a file counts as stuck, as a warning", NULL},
    {"queue", "stuck_critical_hours", PR_CONFIG_REAL, AT(stuck_critical_hours), "24", 0.001, 8760,
        NULL, "hours in queue/processing after which a stuck file is critical", NULL},
    {"queue", "backlog_files", PR_CONFIG_INT, AT(backlog_files), "100", 1, 1000000, NULL,
        "files that may wait in high, normal and low together before they are a backlog", NULL},
    {"queue", "max_turn_bytes", PR_CONFIG_INT, AT(max_turn_bytes), "262144", 1, 1073741824, NULL,
        "a training example with a longer turn is refused", NULL},
    {"sync", "remote_host", PR_CONFIG_TEXT, SYNC(remote_host), NULL, 0, 0, NULL,
        "the machine that checkpoints are fetched from, by ssh; without it sync.remote_dir is of "
        "this machine, or mounted",
        "trainer"},
    {"sync", "remote_dir", PR_CONFIG_TEXT, SYNC(remote_dir), NULL, 0, 0, NULL,
        "the folder there that holds the checkpoints; over ssh, a relative one is of the home "
        "folder; without it nothing is synced",
        "TRAINING/models/current_model"},
    {"sync", "remote_user", PR_CONFIG_TEXT, SYNC(remote_user), NULL, 0, 0, NULL,
        "the login there; without it, as ssh's own configuration says", "me"},
    {"sync", "remote_port", PR_CONFIG_INT, SYNC(remote_port), "0", 0, 65535, NULL,
        "its port; 0: as ssh's own configuration says", NULL},
    {"sync", "ssh_options", PR_CONFIG_TEXTS, SYNC(ssh_options), "[]", 0, 0, NULL,
        "further options of ssh, as after its -o", "[IdentityFile=~/.ssh/trainer, ProxyJump=gate]"},
    {"sync", "local_dir", PR_CONFIG_FOLDER, SYNC(local_dir), NULL, 0, 0, NULL,
        "where checkpoints go; without it models.current, else models/current_model",
        "models/current_model"},
    {"sync", "keep", PR_CONFIG_INT, SYNC(keep), "3", 1, 1000000, NULL,
        "newest checkpoints that are kept of those that were fetched", NULL},
    {"sync", "keep_best", PR_CONFIG_INT, SYNC(keep_best), "2", 0, 1000000, NULL,
        "and so many of the best by model comparison", NULL},
    {"sync", "optimizer_state", PR_CONFIG_BOOL, SYNC(optimizer_state), "false", 0, 0, NULL,
        "also fetch what only a trainer needs: optimizer, scheduler and random states", NULL},
    {"sync", "bandwidth_mb", PR_CONFIG_REAL, SYNC(bandwidth_mb), "0", 0, 1e6, NULL,
        "MB a second that a transfer over ssh takes at most; 0: no limit", NULL},
    {"sync", "compress", PR_CONFIG_CHOICE, SYNC(compress), "none", 0, 0, "none|zstd",
        "how rsync packs what goes over ssh; weights hardly get smaller", NULL},
    {"sync", "reserve_gb", PR_CONFIG_REAL, SYNC(reserve_gb), "5", 0, 1e6, NULL,
        "GB that stay free: older checkpoints go before, and nothing is fetched below it", NULL},
    {"sync", "look_seconds", PR_CONFIG_REAL, SYNC(look_seconds), "5", 0.01, 3600, NULL,
        "seconds for which nothing about a checkpoint may change before it is fetched", NULL},
    {"sync", "retry_seconds", PR_CONFIG_REAL, SYNC(retry_seconds), "10", 0.01, 86400, NULL,
        "seconds after which a transfer that failed is tried again, doubled each time", NULL},
    {"sync", "retry_max_seconds", PR_CONFIG_REAL, SYNC(retry_max_seconds), "600", 0.01, 604800,
        NULL, "but never more than these", NULL},
    {"sync", "push", PR_CONFIG_BOOL, SYNC(push), "false", 0, 0, NULL,
        "the other way round: from sync.local_dir to sync.remote_dir, for trainers that cannot be "
        "reached",
        NULL},
    {"log", "level", PR_CONFIG_CHOICE, AT(log_level), "info", 0, 0, "debug|info|warning|error",
        "the least important lines that are logged", NULL},
    {"log", "max_mb", PR_CONFIG_INT, AT(log_max_mb), "10", 1, 100000, NULL,
        "MB after which a log file is put aside and a new one begun", NULL},
    {"log", "max_days", PR_CONFIG_INT, AT(log_max_days), "7", 1, 36500, NULL,
        "days after which it is", NULL},
    {"log", "keep", PR_CONFIG_INT, AT(log_keep), "5", 1, 1000, NULL,
        "log files of a system that are kept beside the current one", NULL},
    {"baseline", "p", PR_CONFIG_REAL, SET(baseline_p), "1e-5", 1e-12, 0.5, NULL,
        "the baseline moves to a better checkpoint when its paired improvement of the loss has at "
        "most this probability of being chance",
        NULL},
    {"monitor", "threshold", PR_CONFIG_REAL, SET(threshold), "15", 0.1, 10000, NULL,
        "percent by which the loss must exceed the baseline's to be critical", NULL},
    {"monitor", "margin_nats", PR_CONFIG_REAL, SET(margin_nats), "0.02", 0, 100, NULL,
        "and it must exceed it by more than so many nats", NULL},
    {"monitor", "error_rate", PR_CONFIG_REAL, SET(error_rate), "0.01", 1e-6, 0.5, NULL,
        "false alarms a checkpoint of unchanged quality, all tests of a suite together", NULL},
    {"monitor", "loss_share", PR_CONFIG_REAL, SET(loss_share), "0.05", 0.01, 0.99, NULL,
        "share of error_rate that the test of the loss may spend; the rest is for accuracy", NULL},
    {"monitor", "warn_points", PR_CONFIG_REAL, SET(warn_points), "1", 0, 100, NULL,
        "an accuracy drop of fewer points is no warning, however certain", NULL},
    {"monitor", "warn_percent", PR_CONFIG_REAL, SET(warn_percent), "1", 0, 10000, NULL,
        "a loss increase of fewer percent is no warning, however certain", NULL},
    {"monitor", "last", PR_CONFIG_INT, SET(last), "5", 1, 1000, NULL,
        "newest checkpoints that are judged first and shown", NULL},
    {"monitor", "early_rate", PR_CONFIG_REAL, SET(early_rate), "0.001", 1e-9, 0.5, NULL,
        "error rate of the test that may call a checkpoint critical after its first examples",
        NULL},
    {"comparison", "weights", PR_CONFIG_WEIGHTS, SET(weights),
        "{accuracy: 0.5, loss: 0.3, calibration: 0.1, format: 0.1}", 0, 1e6, NULL,
        "what counts how much in a checkpoint's score: accuracy, exp(-loss), 1 - ECE, and the "
        "share of well-formed answers",
        NULL},
    {"calibrator", "bins", PR_CONFIG_EDGES, SET(edges), "[0, 0.2, 0.4, 0.6, 0.8, 0.95, 1]", 0, 1,
        NULL,
        "edges of the bins of confidence, rising from 0 to 1; or how many bins of equal width",
        NULL},
    {"testing", "samples", PR_CONFIG_INT, SET(test_samples), "100", 1, 1000000, NULL,
        "examples of the fixed test suite, chosen once from data/validation, balanced by "
        "difficulty",
        NULL},
    {"testing", "threshold", PR_CONFIG_REAL, SET(test_threshold), "5", 0.1, 100, NULL,
        "points below the baseline's accuracy that are a regression when the paired test agrees",
        NULL},
    {"skills", "programs", PR_CONFIG_VALUE_MAP, AT(skills.programs), "{}", 0, 0, NULL,
        "programs that make and check problems of a skill of their own: a name, and the command as "
        "a list or a text; no shell reads it, and ./ is the base folder",
        "{letters: python3 ./plugin.py}"},
    {"skills", "servers", PR_CONFIG_VALUE_MAP, AT(skills.servers), "{}", 0, 0, NULL,
        "HTTP servers that do: a name and a url", "{riddles: 'http://127.0.0.1:9000'}"},
    {"skills", "timeout_seconds", PR_CONFIG_INT, AT(skills.timeout_seconds), "30", 1, 3600, NULL,
        "seconds that either may take for one answer", NULL},
    {"curriculum", "last", PR_CONFIG_INT, SET(curriculum_last), "3", 2, 8, NULL,
        "newest checkpoints over which learning progress is measured", NULL},
    {"curriculum", "samples", PR_CONFIG_INT, SET(curriculum_samples), "50", 1, 1000000, NULL,
        "validation examples on which a probe is examined, balanced by difficulty", NULL},
    {"curriculum", "seeds", PR_CONFIG_INT, SET(curriculum_seeds), "5", 5, 30, NULL,
        "seeds with which a strategy must have been tried before it may be named", NULL},
    {"curriculum", "error_rate", PR_CONFIG_REAL, SET(curriculum_error_rate), "0.05", 1e-6, 0.5,
        NULL,
        "probability of ever naming a strategy that is not better than random order for one "
        "question "
        "(pool, suite, settings), all looks and strategies together; each new question has its own",
        NULL},
    {"curriculum", "budget_percent", PR_CONFIG_INT, SET(curriculum_budget_percent), "25", 0, 100,
        NULL, "share of the time that probes may run, saved up for at most an hour; 0 runs none",
        NULL},
    {"curriculum", "probe_seconds", PR_CONFIG_INT, SET(curriculum_probe_seconds), "600", 1, 604800,
        NULL, "seconds that one probe may take, training and examination together", NULL},
    {"curriculum", "probe_tokens", PR_CONFIG_INT, SET(curriculum_probe_tokens), "20000", 1,
        1000000000, NULL, "answer tokens that a probe trains on", NULL},
    {"curriculum", "batch", PR_CONFIG_INT, SET(curriculum_batch), "8", 1, 65536, NULL,
        "examples in a step of a probe's training", NULL},
    {"curriculum", "learning_rate", PR_CONFIG_REAL, SET(curriculum_learning_rate), "0", 0, 10, NULL,
        "learning rate of probes; 0 is the one that the training last logged, else 1e-4; it stays "
        "the same until the training's is more than four times larger or smaller",
        NULL},
    {"curriculum", "lora_rank", PR_CONFIG_INT, SET(curriculum_lora_rank), "-1", -1, 1024, NULL,
        "rank of the LoRA adapter that a probe trains; 0 trains all parameters; -1 is 0 below 200 "
        "million parameters, else 16",
        NULL},
    {"curriculum", "threads", PR_CONFIG_INT, SET(curriculum_threads), "0", 0, 4096, NULL,
        "threads of a probe; 0 goes by curriculum.cpu_percent", NULL},
    {"curriculum", "cpu_percent", PR_CONFIG_INT, SET(curriculum_cpu_percent), "100", 1, 100, NULL,
        "share of the machine's CPUs that a probe uses", NULL},
    {"curriculum", "nice", PR_CONFIG_INT, SET(curriculum_nice), "19", 0, 19, NULL,
        "how far probes stand back from other programs, graders included; 19 is the farthest",
        NULL},
    {"curriculum", "memory_mb", PR_CONFIG_INT, SET(curriculum_memory_mb), "0", 0, 16777216, NULL,
        "memory that a probe by the built-in trainer may take, in MB; 0 is half of the machine's",
        NULL},
    {"curriculum", "pool", PR_CONFIG_PATHS, AT(pool), "[]", 0, 0, NULL,
        "training examples for probes: files, and folders with *.jsonl; without an entry those of "
        "the queue (recently_completed, processing, high, normal, low)",
        "[data/train.jsonl, data/more]"},
    {"curriculum", "pool_mb", PR_CONFIG_INT, SET(curriculum_pool_mb), "8", 1, 4096, NULL,
        "MB of them that are copied for probes; of more, lines at random", NULL},
    {"curriculum", "pool_days", PR_CONFIG_INT, SET(curriculum_pool_days), "7", 1, 3650, NULL,
        "days for which the copy of the examples is kept although their files change, so that "
        "probes stay comparable; a file of curriculum.pool that is gone ends it at once",
        NULL},
    {"curriculum", "probe_command", PR_CONFIG_COMMAND, AT(probe_command), "[]", 0, 0, NULL,
        "the program that trains a probe in place of the built-in trainer, and its arguments, in "
        "which {order}, {start}, {out}, {seed}, {tokens} and {learning_rate} are filled in",
        "[python3, probe.py, '{order}', '{start}', '{out}', '{seed}', '{tokens}']"},
    {"miner", "samples", PR_CONFIG_INT, SET(miner_samples), "100", 1, 100000, NULL,
        "problems that the adversarial miner asks a new checkpoint, all its rounds together", NULL},
    {"miner", "kept", PR_CONFIG_INT, SET(miner_kept), "50", 1, 100000, NULL,
        "hard examples that are kept of one checkpoint, at most", NULL},
    {"miner", "rounds", PR_CONFIG_INT, SET(miner_rounds), "3", 1, 20, NULL,
        "rounds in which the samples are asked: the first looks where the model fails, each "
        "further one goes where the one before found most",
        NULL},
    {"correction", "error_threshold", PR_CONFIG_INT, SET(correction_threshold), "50", 1, 1000000,
        NULL, "errors of one kind from which on they make an error-pattern report and corrections",
        NULL},
    {"correction", "samples", PR_CONFIG_INT, SET(correction_samples), "200", 1, 100000, NULL,
        "examples of the queue that a new checkpoint is asked in one go", NULL},
    {"correction", "max_samples", PR_CONFIG_INT, SET(correction_max_samples), "2000", 1, 1000000,
        NULL, "and at most so many of one checkpoint", NULL},
    {"correction", "continuous", PR_CONFIG_BOOL, SET(correction_continuous), "false", 0, 0, NULL,
        "ask the next samples at once instead of at the next interval", NULL},
    {"correction", "queue", PR_CONFIG_CHOICE, AT(correction_queue), "normal", 0, 0,
        "high|normal|low", "where valid files of queue/unvalidated move on to", NULL},
    {"generation", "min_files", PR_CONFIG_INT, SET(generation_min_files), "2", 1, 10000, NULL,
        "files that are to wait; when there are fewer, the next ones are written", NULL},
    {"generation", "count", PR_CONFIG_CHOICE, AT(generation_count), "normal", 0, 0, "normal|all",
        "which waiting files count: those in queue/normal, or those in all waiting queues", NULL},
    {"generation", "lines", PR_CONFIG_INT, SET(generation_lines), "500", 1, 1000000, NULL,
        "problems in a file; corrections come on top", NULL},
    {"generation", "skills", PR_CONFIG_VALUE_MAP, AT(generation_skills), "{}", 0, 0, NULL,
        "skills and their weights; without any, those that the validation suites ask for, alike; "
        "without suites, all there are",
        "{arithmetic: 2, sorting: 1}"},
    {"generation", "hard_percent", PR_CONFIG_INT, SET(generation_hard_percent), "20", 0, 100, NULL,
        "share of mined hard examples among a file's problems, where there are so many", NULL},
    {"generation", "correction_percent", PR_CONFIG_INT, SET(generation_correction_percent), "10", 0,
        90, NULL,
        "share that corrections have of a file's answers, in bytes, where there are so many: one "
        "is "
        "many times as long as the answer of a problem",
        NULL},
    {"generation", "mix_hours", PR_CONFIG_INT, SET(generation_mix_hours), "24", 1, 100000, NULL,
        "hours for which the curriculum optimizer's mix counts; an older one, or none, is a third "
        "of each difficulty",
        NULL},
    {"generation", "disk_mb", PR_CONFIG_INT, SET(generation_disk_mb), "1024", 1, 16777216, NULL,
        "MB that the waiting queues may hold together before nothing more is generated", NULL},
    {"generation", "repeat", PR_CONFIG_BOOL, SET(generation_repeat), "false", 0, 0, NULL,
        "where a skill has no problems of a difficulty left that were not in the queue before, "
        "they "
        "come again",
        NULL},
    {"generation", "seed", PR_CONFIG_INT, SET(generation_seed), "1", 0, 9e15, NULL,
        "of what is generated; each file has a seed of its own that follows from it", NULL},
};
#define N_KEYS (sizeof keys / sizeof *keys)

const struct pr_config_key *pr_config_keys(size_t *ret_n)
{
    *ret_n = N_KEYS;
    return keys;
}

const struct pr_config_key *pr_config_key_find(
    const char *section, size_t section_len, const char *name)
{
    for (size_t k = 0; k < N_KEYS; k++)
        if (strlen(keys[k].section) == section_len &&
            !memcmp(keys[k].section, section, section_len) && !strcmp(keys[k].name, name))
            return &keys[k];
    return NULL;
}

void pr_config_key_expects(const struct pr_config_key *k, struct pr_str *out)
{
    static const char weights[] =
        "a map of accuracy, loss, calibration and format, or all four in this order, each at "
        "least 0 and not all of them 0";
    static const char edges[] =
        "how many of equal width (1 to 64), or a list of 2 to 65 rising numbers, the first 0 and "
        "the last 1";
    static const char *const texts[] = {
        [PR_CONFIG_BOOL] = "true or false",
        [PR_CONFIG_FOLDER] = "a folder",
        [PR_CONFIG_DATE] = "a date such as 2026-01-31",
        [PR_CONFIG_FOLDER_MAP] = "a map of names to folders",
        [PR_CONFIG_VALUE_MAP] = "a map of names to values",
        [PR_CONFIG_SYSTEMS] = "a list of systems",
        [PR_CONFIG_SECONDS] = "a map of systems to whole seconds",
        [PR_CONFIG_WEIGHTS] = weights,
        [PR_CONFIG_EDGES] = edges,
        [PR_CONFIG_PATHS] = "a list of files and folders",
        [PR_CONFIG_COMMAND] = "a list: a program and its arguments",
        [PR_CONFIG_TEXT] = "a text of one line",
        [PR_CONFIG_TEXTS] = "a list of texts",
        [PR_CONFIG_FILE] = "a file",
    };
    if (k->kind == PR_CONFIG_INT)
        pr_str_printf(out, "a whole number from %.0f to %.0f", k->min, k->max);
    else if (k->kind == PR_CONFIG_REAL)
        pr_str_printf(out, "a number from %.10g to %.10g", k->min, k->max);
    else
        pr_str_puts(out, k->kind == PR_CONFIG_CHOICE ? k->choices : texts[k->kind]);
}
