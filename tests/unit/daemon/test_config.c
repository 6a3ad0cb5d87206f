/* proctor.yaml: what is read, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/config_keys.h"

static struct pr_error e;

static enum pr_code parse(const char *text, struct pr_config *c)
{
    return pr_config_parse(text, strlen(text), "proctor.yaml", "/base", c, &e);
}

static void refused(const char *text, const char *message)
{
    struct pr_config c;
    assert_int_not_equal(parse(text, &c), PR_OK);
    assert_string_equal(e.message, message);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "# nothing\n", "eval:\n", "eval:\n  dtype:\n", "---\n"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct pr_config c;
        assert_int_equal(parse(empty[i], &c), PR_OK);
        assert_int_equal(c.max_new_tokens, 512);
        assert_string_equal(c.dtype, "auto");
        assert_string_equal(c.date, "2026-01-01");
        assert_false(c.date_given);
        assert_false(c.allow_commands);
        assert_int_equal(json_object_size(c.variables), 0);
        pr_config_done(&c);
    }
}

static void every_key_is_read(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(
        parse("models:\n"
              "  bases:\n    Qwen/Qwen3-0.6B: qwen\n    other: /abs\n"
              "  current: runs/a\n"
              "template:\n"
              "  variables: {enable_thinking: false, effort: 3, name: 'true', x: 1.5}\n"
              "  date: 2025-03-04\n"
              "eval:\n  max_new_tokens: 64\n  dtype: f32\n  threads: 2\n"
              "  allow_commands: true\n"
              "skills:\n  programs: {letters: python3 ./x.py, other: [prog, 'a b']}\n"
              "  servers: {far: 'http://127.0.0.1:9000'}\n  timeout_seconds: 7\n",
            &c),
        PR_OK);
    assert_string_equal(
        json_string_value(json_object_get(c.skills.programs, "letters")), "python3 ./x.py");
    assert_int_equal(json_array_size(json_object_get(c.skills.programs, "other")), 2);
    assert_string_equal(
        json_string_value(json_object_get(c.skills.servers, "far")), "http://127.0.0.1:9000");
    assert_int_equal(c.skills.timeout_seconds, 7);
    assert_int_equal(c.n_bases, 2);
    assert_string_equal(c.bases[0][0], "Qwen/Qwen3-0.6B");
    assert_string_equal(c.bases[0][1], "/base/qwen");
    assert_string_equal(c.bases[1][1], "/abs");
    assert_string_equal(c.current, "/base/runs/a");
    assert_true(json_is_false(json_object_get(c.variables, "enable_thinking")));
    assert_int_equal(json_integer_value(json_object_get(c.variables, "effort")), 3);
    assert_string_equal(json_string_value(json_object_get(c.variables, "name")), "true");
    assert_true(json_is_real(json_object_get(c.variables, "x")));
    assert_string_equal(c.date, "2025-03-04");
    assert_true(c.date_given);
    assert_int_equal(c.max_new_tokens, 64);
    assert_string_equal(c.dtype, "f32");
    assert_int_equal(c.threads, 2);
    assert_true(c.allow_commands);
    pr_config_done(&c);
}

static void an_unknown_key_is_named_with_its_line_and_a_suggestion(void **state)
{
    (void)state;
    refused("eval:\n  dtype: f32\n  thraeds: 2\n",
        "proctor.yaml:3: unknown key 'eval.thraeds'; did you mean 'threads'?");
    refused("\nevla:\n  dtype: f32\n", "proctor.yaml:2: unknown key 'evla'; did you mean 'eval'?");
    refused("colour: red\n", "proctor.yaml:1: unknown key 'colour'");
}

static void a_wrong_value_is_named_with_its_line_and_what_was_expected(void **state)
{
    (void)state;
    refused("eval:\n  threads: many\n",
        "proctor.yaml:2: eval.threads: a whole number from 0 to 4096 was expected");
    refused("eval:\n  threads: 5000\n",
        "proctor.yaml:2: eval.threads: a whole number from 0 to 4096 was expected");
    refused("eval:\n  dtype: f16\n", "proctor.yaml:2: eval.dtype: f32|bf16|auto was expected");
    refused("eval:\n  allow_commands: 'true'\n",
        "proctor.yaml:2: eval.allow_commands: true or false was expected");
    refused("template:\n  date: 2026-02-30\n",
        "proctor.yaml:2: template.date: a date such as 2026-01-31 was expected");
    refused("models:\n  bases: [a]\n",
        "proctor.yaml:2: models.bases: a map of names to folders was expected");
    refused("eval: 3\n", "proctor.yaml:1: 'eval' holds keys of its own, indented below it");
    refused("- a\n", "proctor.yaml:1: keys were expected, such as 'eval:'");
}

static void hostile_yaml_is_refused(void **state)
{
    (void)state;
    struct pr_config c;
    refused("eval:\n  dtype: f32\n  dtype: f32\n",
        "proctor.yaml:3: key 'dtype' was already given on line 2");
    refused("template:\n  variables: &a {x: *a}\n",
        "proctor.yaml:2: anchors and aliases are not supported");
    refused("eval: {}\n---\neval: {}\n", "proctor.yaml:3: a second document; one was expected");
    assert_int_equal(parse("eval: [\n", &c), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "proctor.yaml:2: not valid YAML"));
    char deep[2100];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = 0;
    assert_int_not_equal(parse(deep, &c), PR_OK);
    assert_int_equal(parse("a: \"\xff\"\n", &c), PR_E_FORMAT);
}

static void every_key_of_the_watch_is_read(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(
        parse(
            "models:\n  reference: base\n"
            "machine:\n  role: inference\n  disabled: [automated-testing]\n"
            "  intervals: {regression-monitor: 60, 'model-comparison': 5}\n"
            "watch:\n  scan_seconds: 3\n  backfill: -1\n"
            "graders:\n  memory_mb: 4000\n  nice: 19\n  cpu_percent: 50\n  idle_seconds: 0\n"
            "  timeout_seconds: 60\n  scan: false\n"
            "gradebook:\n  texts_days: 1\n  findings_days: 2\n  orders_days: 0\n"
            "log:\n  level: debug\n  max_mb: 1\n  max_days: 2\n  keep: 3\n"
            "baseline:\n  p: 0.001\n"
            "monitor:\n  threshold: 20.5\n  margin_nats: 0\n  error_rate: 1e-3\n"
            "  loss_share: 0.5\n  warn_points: 2\n  warn_percent: 3\n  last: 7\n"
            "  early_rate: 1e-4\n"
            "comparison:\n  weights: {accuracy: 1, loss: 0}\n"
            "calibrator:\n  bins: [0, 0.5, 1]\n"
            "testing:\n  samples: 30\n  threshold: 2.5\n"
            "curriculum:\n  last: 4\n  samples: 60\n  seeds: 7\n  error_rate: 0.1\n"
            "  budget_percent: 5\n  probe_seconds: 30\n  probe_tokens: 400\n  batch: 2\n"
            "  learning_rate: 3e-4\n  lora_rank: 8\n  threads: 1\n  cpu_percent: 40\n"
            "  nice: 3\n  memory_mb: 900\n  pool: [a.jsonl, /b]\n  pool_mb: 2\n  pool_days: 1\n"
            "  probe_command: [sh, probe.sh, {order}, '{out}', -n, 3]\n"
            "miner:\n  samples: 90\n  kept: 40\n  rounds: 2\n"
            "correction:\n  error_threshold: 20\n  samples: 150\n  max_samples: 900\n"
            "  continuous: true\n  queue: low\n"
            "generation:\n  min_files: 5\n  count: all\n  lines: 70\n"
            "  skills: {arithmetic: 2, sorting: 0.5}\n  hard_percent: 15\n"
            "  correction_percent: 8\n  mix_hours: 6\n  disk_mb: 50\n  repeat: true\n  seed: 12\n",
            &c),
        PR_OK);
    assert_string_equal(c.reference, "/base/base");
    assert_string_equal(c.role, "inference");
    assert_string_equal(json_string_value(json_array_get(c.disabled, 0)), "automated-testing");
    assert_int_equal(json_integer_value(json_object_get(c.intervals, "regression-monitor")), 60);
    assert_int_equal(json_object_size(c.intervals), 2);
    assert_int_equal(c.scan_seconds, 3);
    assert_int_equal(c.backfill, -1);
    assert_int_equal(c.grader_memory_mb, 4000);
    assert_int_equal(c.grader_nice, 19);
    assert_int_equal(c.grader_cpu_percent, 50);
    assert_int_equal(c.grader_idle_seconds, 0);
    assert_int_equal(c.grader_timeout_seconds, 60);
    assert_false(c.grader_scan);
    assert_int_equal(c.texts_days * 100 + c.findings_days * 10 + c.orders_days, 120);
    assert_string_equal(c.log_level, "debug");
    assert_int_equal(c.log_max_mb * 100 + c.log_max_days * 10 + c.log_keep, 123);
    const struct pr_settings expected = {.baseline_p = 0.001,
        .threshold = 20.5,
        .margin_nats = 0,
        .error_rate = 1e-3,
        .loss_share = 0.5,
        .warn_points = 2,
        .warn_percent = 3,
        .last = 7,
        .early_rate = 1e-4,
        .weights = {1, 0, 0.1, 0.1}, /* what a map leaves out stays as it is by default */
        .edges = {0, 0.5, 1},
        .n_bins = 2,
        .test_samples = 30,
        .test_threshold = 2.5,
        .curriculum_last = 4,
        .curriculum_samples = 60,
        .curriculum_seeds = 7,
        .curriculum_error_rate = 0.1,
        .curriculum_probe_seconds = 30,
        .curriculum_budget_percent = 5,
        .curriculum_probe_tokens = 400,
        .curriculum_batch = 2,
        .curriculum_learning_rate = 3e-4,
        .curriculum_lora_rank = 8,
        .curriculum_threads = 1,
        .curriculum_cpu_percent = 40,
        .curriculum_nice = 3,
        .curriculum_memory_mb = 900,
        .curriculum_pool_mb = 2,
        .curriculum_pool_days = 1,
        .miner_samples = 90,
        .miner_kept = 40,
        .miner_rounds = 2,
        .correction_threshold = 20,
        .correction_samples = 150,
        .correction_max_samples = 900,
        .correction_continuous = true,
        .generation_min_files = 5,
        .generation_lines = 70,
        .generation_hard_percent = 15,
        .generation_correction_percent = 8,
        .generation_mix_hours = 6,
        .generation_disk_mb = 50,
        .generation_seed = 12,
        .generation_repeat = true};
    assert_memory_equal(&c.settings, &expected, sizeof expected);
    assert_string_equal(c.correction_queue, "low");
    assert_string_equal(c.generation_count, "all");
    assert_int_equal(json_object_size(c.generation_skills), 2);
    assert_int_equal(json_array_size(c.pool), 2);
    assert_string_equal(json_string_value(json_array_get(c.pool, 0)), "/base/a.jsonl");
    assert_string_equal(json_string_value(json_array_get(c.pool, 1)), "/b");
    static const char *const argv[] = {"sh", "probe.sh", "{order}", "{out}", "-n", "3"};
    assert_int_equal(json_array_size(c.probe_command), 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(json_string_value(json_array_get(c.probe_command, i)), argv[i]);
    pr_config_done(&c);
}

static void every_key_of_serve_is_read(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(parse("serve:\n  enabled: true\n  target: models/deployed\n  name: mine\n"
                           "  bind: 0.0.0.0\n  port: 0\n  api_key_file: key\n  kv_mb: 512\n"
                           "  deadline_seconds: 5\n",
                         &c),
        PR_OK);
    assert_true(c.serve.enabled && !c.serve.port);
    assert_string_equal(c.serve.target, "/base/models/deployed");
    assert_string_equal(c.serve.name, "mine");
    assert_string_equal(c.serve.bind, "0.0.0.0");
    assert_string_equal(c.serve.api_key_file, "/base/key");
    assert_int_equal(c.serve.kv_mb, 512);
    assert_int_equal(c.serve.deadline_seconds, 5);
    pr_config_done(&c);
    refused("serve:\n  port: 65536\n",
        "proctor.yaml:2: serve.port: a whole number from 0 to 65535 was expected");
}

static void every_key_of_sync_is_read(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(
        parse("sync:\n  remote_host: trainer\n  remote_dir: ~/runs\n  remote_user: me\n"
              "  remote_port: 2222\n  ssh_options: ['ProxyJump=gate']\n"
              "  local_dir: here\n  keep: 4\n  keep_best: 0\n  optimizer_state: true\n"
              "  bandwidth_mb: 12.5\n  compress: zstd\n  reserve_gb: 1\n"
              "  look_seconds: 2\n  retry_seconds: 3\n  retry_max_seconds: 30\n"
              "  push: true\n",
            &c),
        PR_OK);
    assert_string_equal(c.sync.remote_host, "trainer");
    assert_string_equal(c.sync.remote_dir, "~/runs");
    assert_string_equal(c.sync.remote_user, "me");
    assert_int_equal(c.sync.remote_port, 2222);
    assert_string_equal(json_string_value(json_array_get(c.sync.ssh_options, 0)), "ProxyJump=gate");
    assert_string_equal(c.sync.local_dir, "/base/here");
    assert_int_equal(c.sync.keep * 10 + c.sync.keep_best, 40);
    assert_true(c.sync.optimizer_state && c.sync.push);
    assert_true(c.sync.bandwidth_mb == 12.5 && c.sync.reserve_gb == 1);
    assert_string_equal(c.sync.compress, "zstd");
    assert_true(c.sync.look_seconds == 2 && c.sync.retry_seconds == 3);
    assert_true(c.sync.retry_max_seconds == 30);
    assert_true(pr_config_is_set(&c, "sync.remote_dir"));
    assert_false(pr_config_is_set(&c, "sync.keep") || pr_config_is_set(&c, "nothing"));
    pr_config_done(&c);
    assert_int_equal(parse("", &c), PR_OK);
    assert_false(pr_config_is_set(&c, "sync.remote_dir"));
    assert_int_equal(c.sync.keep * 10 + c.sync.keep_best, 32);
    pr_config_done(&c);
}

static void the_systems_defaults_are_the_tables(void **state)
{
    (void)state;
    struct pr_config c;
    struct pr_settings s;
    assert_int_equal(parse("", &c), PR_OK);
    pr_settings_default(&s);
    assert_memory_equal(&c.settings, &s, sizeof s);
    assert_true(s.threshold == 15 && s.baseline_p == 1e-5 && s.n_bins == 6);
    pr_config_done(&c);
}

static void equal(const struct pr_config *a, const struct pr_config *b)
{
    char ha[65], hb[65];
    pr_config_grading_fingerprint(a, ha);
    pr_config_grading_fingerprint(b, hb);
    assert_string_equal(ha, hb);
    size_t n;
    const struct pr_config_key *keys = pr_config_keys(&n);
    for (size_t i = 0; i < n; i++)
        if (!pr_config_value_same(&keys[i], a, b))
            fail_msg("%s.%s differs", keys[i].section, keys[i].name);
    assert_memory_equal(&a->settings, &b->settings, sizeof a->settings);
}

static void a_list_or_map_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    refused("machine:\n  disabled: [regresion-monitor]\n",
        "proctor.yaml:2: machine.disabled: there is no system 'regresion-monitor'; did you mean "
        "'regression-monitor'?");
    refused("machine:\n  disabled:\n    - automated-testing\n    - [x]\n",
        "proctor.yaml:4: machine.disabled: a list of systems was expected");
    refused("machine:\n  intervals:\n    automated-testing: 0\n",
        "proctor.yaml:3: machine.intervals: a map of systems to whole seconds was expected");
    static const char *const weights[] = {"[1, 1, 1]", "[0, 0, 0, 0]", "[1, 1, 1, -1]",
        "{accuracy: 1, speed: 1}", "{accuracy: 0, loss: 0, calibration: 0, format: 0}", "0.5",
        "{accuracy: .inf}", "{accuracy: '1'}"};
    static const char *const bins[] = {"[0.1, 1]", "[0, 0.9]", "[0, 0.5, 0.5, 1]", "[0, 1, 0.5]",
        "[0, x, 1]", "[0]", "65", "[0, 0.5, 2]"};
    for (size_t i = 0; i < 8; i++) {
        struct pr_config c;
        char text[200];
        snprintf(text, sizeof text, "comparison:\n  weights: %s\n", weights[i]);
        assert_int_equal(parse(text, &c), PR_E_FORMAT);
        assert_non_null(strstr(e.message, "proctor.yaml:2: comparison.weights: a map of accuracy"));
        snprintf(text, sizeof text, "calibrator:\n  bins: %s\n", bins[i]);
        assert_int_equal(parse(text, &c), PR_E_FORMAT);
        assert_non_null(strstr(e.message, "proctor.yaml:2: calibrator.bins: how many of equal"));
    }
    static const char *const commands[] = {"[[a]]", "a b", "[a, {b: c}]", "['']", "[{order}]"};
    for (size_t i = 0; i < 5; i++) {
        struct pr_config c;
        char text[200];
        snprintf(text, sizeof text, "curriculum:\n  probe_command: %s\n", commands[i]);
        assert_int_equal(parse(text, &c), PR_E_FORMAT);
        assert_non_null(strstr(e.message, "proctor.yaml:2: curriculum.probe_command: a list: a"));
    }
    struct pr_config unnamed;
    assert_int_equal(
        parse("curriculum:\n  probe_command: [train, '{order}']\n", &unnamed), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "proctor.yaml:2: curriculum.probe_command: "));
    assert_non_null(strstr(e.message, "{out}"));
    refused("curriculum:\n  pool: [{}]\n",
        "proctor.yaml:2: curriculum.pool: a list of files and folders was expected");
    refused("monitor:\n  error_rate: 0.7\n",
        "proctor.yaml:2: monitor.error_rate: a number from 1e-06 to 0.5 was expected");
    refused("monitor:\n  threshold: .nan\n",
        "proctor.yaml:2: monitor.threshold: a number from 0.1 to 10000 was expected");
}

static void set(struct pr_config *c, const char *key, const char *value)
{
    if (pr_config_set(c, key, value, &e))
        fail_msg("%s", e.message);
}

static void one_key_can_be_set_as_a_command_line_says_it(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(parse("monitor:\n  threshold: 30\n", &c), PR_OK);
    set(&c, "monitor.threshold", "20");
    assert_true(c.settings.threshold == 20);
    set(&c, "curriculum.probe_command", "train {order} -o {out}");
    assert_int_equal(json_array_size(c.probe_command), 4);
    assert_string_equal(json_string_value(json_array_get(c.probe_command, 1)), "{order}");
    set(&c, "curriculum.probe_command", "");
    assert_int_equal(json_array_size(c.probe_command), 0);
    set(&c, "curriculum.pool", "a, b.jsonl");
    assert_int_equal(json_array_size(c.pool), 2);
    set(&c, "monitor.threshold", ""); /* the default again, not what the file says */
    assert_true(c.settings.threshold == 15);
    set(&c, "comparison.weights", "0.5,0.3, 0.1,0.1");
    set(&c, "comparison.weights", "{loss: 2}");
    assert_true(c.settings.weights[PR_SCORE_LOSS] == 2 && c.settings.weights[0] == 0.5);
    set(&c, "comparison.weights", "1,0,0,0");
    assert_true(c.settings.weights[PR_SCORE_ACCURACY] == 1 && c.settings.weights[1] == 0);
    set(&c, "calibrator.bins", "0,0.25,1");
    assert_int_equal(c.settings.n_bins, 2);
    set(&c, "calibrator.bins", "4");
    assert_int_equal(c.settings.n_bins, 4);
    assert_true(c.settings.edges[1] == 0.25 && c.settings.edges[4] == 1);
    set(&c, "machine.disabled", "automated-testing,regression-monitor");
    assert_int_equal(json_array_size(c.disabled), 2);
    set(&c, "machine.intervals", "{automated-testing: 5}");
    set(&c, "models.bases", "{a: b}");
    pr_config_done(&c);
}

static void a_key_that_cannot_be_set_changes_nothing(void **state)
{
    (void)state;
    struct pr_config c, before;
    static const char *const wrong[][2] = {{"monitor.threshold", "much"}, {"monitor.last", "1.5"},
        {"comparison.weights", "1,2"}, {"comparison.weights", "0,0,0,0"},
        {"machine.disabled", "automated-testing,x"}, {"machine.intervals", "{x: 5}"},
        {"machine.intervals", "["}, {"models.bases", "{a: [b]}"}, {"models.bases", "{a: ~}"},
        {"models.bases", "# a"}, {"eval.dtype", "f16"}, {"calibrator.bins", "0,1,2"},
        {"template.variables", "3"}, {"machine.role", "pilot"}};
    assert_int_equal(parse("models:\n  bases: {q: w}\n", &c), PR_OK);
    pr_config_copy(&c, &before);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (pr_config_set(&c, wrong[i][0], wrong[i][1], &e) != PR_E_FORMAT)
            fail_msg("%s = %s", wrong[i][0], wrong[i][1]);
        equal(&c, &before);
    }
    assert_int_equal(pr_config_set(&c, "monitor.treshold", "1", &e), PR_E_USAGE);
    assert_string_equal(e.message, "unknown key 'monitor.treshold'; did you mean 'threshold'?");
    assert_int_equal(pr_config_set(&c, "monitr.threshold", "1", &e), PR_E_USAGE);
    assert_string_equal(e.message, "unknown key 'monitr'; did you mean 'monitor'?");
    assert_int_equal(pr_config_set(&c, "monitor", "1", &e), PR_E_USAGE);
    assert_int_equal(pr_config_set(&c, "", "1", &e), PR_E_USAGE);
    pr_config_done(&c);
    pr_config_done(&before);
}

static void a_copy_is_independent(void **state)
{
    (void)state;
    struct pr_config a, b;
    assert_int_equal(
        parse("models:\n  bases: {q: w}\n  current: x\ntemplate:\n  variables: {a: [1]}"
              "\nmachine:\n  disabled: [automated-testing]\n",
            &a),
        PR_OK);
    pr_config_copy(&a, &b);
    equal(&a, &b);
    set(&a, "models.bases", "{}");
    set(&a, "models.current", "y");
    set(&a, "machine.disabled", "");
    json_array_append_new(json_object_get(a.variables, "a"), json_null());
    pr_config_done(&a);
    assert_string_equal(b.base_dir, "/base");
    assert_string_equal(b.bases[0][1], "/base/w");
    assert_string_equal(b.current, "/base/x");
    assert_int_equal(json_array_size(b.disabled), 1);
    assert_int_equal(json_array_size(json_object_get(b.variables, "a")), 1);
    pr_config_done(&b);
}

/* Each key by itself makes its own section differ, and no other. */
static void deployment_is_told_by_its_section(void **state)
{
    (void)state;
    struct pr_config c;
    assert_int_equal(
        parse("deploy:\n  target: llm/tiny\n  source: peer trainer\n  driver: vllm\n"
              "  url: http://h:1\n  api_key_file: key\n  model: m\n  health_url: http://h:1/x\n"
              "  command: [sh, {path}, '{name}', '{slot}']\n  slots: ['http://a', 'http://b']\n"
              "  start_command: [a, '{url}']\n  switch_command: [b]\n  stop_command: [c]\n"
              "  http_method: PUT\n  http_url: http://h/{name}\n  http_body: '{}'\n"
              "  probe_questions: 7\n  probe_tokens: 8\n  probe_agree: 60\n  error_rate: 0.01\n"
              "  min_examples: 10\n  min_steps: 100\n  keep_versions: 2\n  timeout_seconds: 9\n",
            &c),
        PR_OK);
    const struct pr_deploy_settings *d = &c.deploy;
    assert_string_equal(d->target, "/base/llm/tiny");
    assert_string_equal(d->api_key_file, "/base/key");
    assert_string_equal(d->source, "peer trainer");
    assert_string_equal(d->driver, "vllm");
    assert_string_equal(json_string_value(json_array_get(d->command, 1)), "{path}");
    assert_string_equal(json_string_value(json_array_get(d->command, 3)), "{slot}");
    assert_int_equal(json_array_size(d->slots), 2);
    assert_int_equal(d->probe_questions * 100 + d->probe_tokens * 10 + d->keep_versions, 782);
    assert_int_equal(d->probe_agree + d->min_examples + d->min_steps + d->timeout_seconds, 179);
    assert_true(d->error_rate == 0.01);
    assert_true(pr_config_is_set(&c, "deploy.target"));
    pr_config_done(&c);
    refused("deploy: {driver: other}\n",
        "proctor.yaml:1: deploy.driver: none|proctor|command|http|sglang|llama-server|vllm was "
        "expected");
    refused("deploy: {keep_versions: 0}\n",
        "proctor.yaml:1: deploy.keep_versions: a whole number from 1 to 100 was expected");
}

static void a_section_is_the_same_until_one_of_its_keys_changes(void **state)
{
    (void)state;
    static const char *const changes[][3] = {
        {"models", "models.bases", "{q: w}"},
        {"models", "models.current", "y"},
        {"comparison", "comparison.weights", "1,0,0,0"},
        {"calibrator", "calibrator.bins", "0,0.5,1"},
        {"curriculum", "curriculum.samples", "51"},
        {"curriculum", "curriculum.learning_rate", "0.001"},
        {"curriculum", "curriculum.pool", "x.jsonl"},
        {"curriculum", "curriculum.probe_command", "train {order} {out}"},
        {"machine", "machine.intervals", "{model-comparison: 60}"},
        {"queue", "queue.stuck_warning_hours", "6"},
        {"queue", "queue.max_turn_bytes", "1000"},
    };
    static const char *const sections[] = {
        "models", "comparison", "calibrator", "curriculum", "machine", "eval", "watch", "queue"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct pr_config a, b;
        assert_int_equal(parse("", &a), PR_OK);
        pr_config_copy(&a, &b);
        set(&b, changes[i][1], changes[i][2]);
        for (size_t k = 0; k < sizeof sections / sizeof *sections; k++)
            assert_int_equal(pr_config_same_section(&a, &b, sections[k]),
                strcmp(sections[k], changes[i][0]) != 0);
        pr_config_done(&a);
        pr_config_done(&b);
    }
}

static void the_fingerprint_changes_with_what_grades_depend_on_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        bool changes;
    } cases[] = {{"eval.max_new_tokens", "64", true}, {"eval.dtype", "f32", true},
        {"eval.allow_commands", "true", true}, {"template.date", "2025-01-01", true},
        {"template.variables", "{enable_thinking: false}", true}, {"eval.threads", "3", false},
        {"monitor.threshold", "3", false}, {"models.current", "x", false},
        {"graders.nice", "3", false}, {"template.date", "2026-01-01", false}};
    char plain[65], changed[65];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_config c;
        assert_int_equal(parse("", &c), PR_OK);
        pr_config_grading_fingerprint(&c, plain);
        assert_int_equal(strlen(plain), 64);
        set(&c, cases[i].key, cases[i].value);
        pr_config_grading_fingerprint(&c, changed);
        if (!strcmp(plain, changed) == cases[i].changes)
            fail_msg("%s", cases[i].key);
        pr_config_done(&c);
    }
    struct pr_config x, y; /* the order in which variables are written is none of theirs */
    assert_int_equal(parse("template:\n  variables: {a: 1, b: 2}\n", &x), PR_OK);
    assert_int_equal(parse("template:\n  variables: {b: 2, a: 1}\n", &y), PR_OK);
    pr_config_grading_fingerprint(&x, plain);
    pr_config_grading_fingerprint(&y, changed);
    assert_string_equal(plain, changed);
    /* another instruction set makes other grades */
    setenv("PROCTOR_ISA", "portable", 1);
    pr_config_grading_fingerprint(&y, changed);
    assert_string_not_equal(plain, changed);
    unsetenv("PROCTOR_ISA");
    pr_config_done(&x);
    pr_config_done(&y);
}

/* Taking the # from every key of the default file must give the defaults again. */
static void the_default_file_states_the_defaults(void **state)
{
    (void)state;
    struct pr_str text = PR_STR_INIT(1 << 18), plain = PR_STR_INIT(1 << 18);
    struct pr_config defaults, c;
    size_t keys = 0;
    pr_config_default_file(&text);
    assert_int_equal(parse("", &defaults), PR_OK);
    assert_int_equal(parse(pr_str_cstr(&text), &c), PR_OK);
    equal(&defaults, &c);
    pr_config_done(&c);
    for (const char *line = pr_str_cstr(&text); *line; line += strcspn(line, "\n") + 1) {
        bool key = !strncmp(line, "  #", 3) && line[3] != ' ';
        if (key)
            pr_str_puts(&plain, "  ");
        pr_str_append(&plain, line + 3 * key, strcspn(line, "\n") + 1 - 3 * key);
        keys += key;
    }
    if (parse(pr_str_cstr(&plain), &c))
        fail_msg("%s\n%s", e.message, pr_str_cstr(&plain));
    assert_int_equal(keys, 149);
    equal(&defaults, &c);
    assert_true(c.date_given);
    pr_config_done(&c);
    pr_config_done(&defaults);
    pr_str_done(&text);
    pr_str_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(an_unknown_key_is_named_with_its_line_and_a_suggestion),
        cmocka_unit_test(a_wrong_value_is_named_with_its_line_and_what_was_expected),
        cmocka_unit_test(every_key_of_the_watch_is_read),
        cmocka_unit_test(every_key_of_serve_is_read),
        cmocka_unit_test(every_key_of_sync_is_read),
        cmocka_unit_test(the_systems_defaults_are_the_tables),
        cmocka_unit_test(a_list_or_map_that_makes_no_sense_is_refused),
        cmocka_unit_test(one_key_can_be_set_as_a_command_line_says_it),
        cmocka_unit_test(a_key_that_cannot_be_set_changes_nothing),
        cmocka_unit_test(a_copy_is_independent),
        cmocka_unit_test(deployment_is_told_by_its_section),
        cmocka_unit_test(a_section_is_the_same_until_one_of_its_keys_changes),
        cmocka_unit_test(the_fingerprint_changes_with_what_grades_depend_on_and_nothing_else),
        cmocka_unit_test(hostile_yaml_is_refused),
        cmocka_unit_test(the_default_file_states_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
