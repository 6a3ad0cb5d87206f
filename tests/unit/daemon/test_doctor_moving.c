/* doctor on what moves checkpoints: what is configured is looked at, and nothing is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "deploy/journal.h"
#include "doctor_finds.h"
#include "machine/memory.h"

static void configure(const char *fmt, ...) PR_PRINTF(1, 2);
static void configure(const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    temp_text("proctor.yaml", text);
}

/* A port of the loopback that nobody listens at. */
static int closed_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void what_is_not_configured_is_not_looked_at(void **state)
{
    (void)state;
    finds_in("sync", "ok", "nothing is synced");
    finds_in("deployment", "ok", "nothing is deployed");
    finds_in("serve", "ok", "nothing is served");
}

static void what_this_machine_does_not_run_is_said_and_not_looked_at(void **state)
{
    (void)state;
    configure("machine: {role: inference, disabled: [checkpoint-sync]}\n"
              "sync: {remote_dir: nowhere}\ndeploy: {target: /no/such/folder/x}\n");
    finds_in("sync", "note", "machine.disabled leaves checkpoint-sync out");
    finds_in("deployment", "note", "machine.role leaves auto-deployment out");
}

static void a_mounted_folder_is_listed(void **state)
{
    (void)state;
    configure("sync: {remote_dir: far, reserve_gb: 0}\n");
    finds_in("sync", "error", "far: cannot be listed");
    temp_mkdir("far/checkpoint-1");
    temp_mkdir("far/checkpoint-2");
    temp_mkdir("far/notes");
    finds_in("sync", "ok", "far holds 2 checkpoints");
    finds_in("sync", "ok", "models/current_model; 0.0 stay so");
}

static void too_little_room_and_a_place_that_nobody_watches_are_warnings(void **state)
{
    (void)state;
    temp_mkdir("far");
    temp_mkdir("elsewhere");
    configure("sync: {remote_dir: far, reserve_gb: 1000000, local_dir: elsewhere}\n");
    finds_in("sync", "warning", "sync.reserve_gb is 1000000.0");
    finds_in("sync", "warning", "elsewhere is not graded");
    assert_int_equal(symlink("elsewhere", temp_path("current_model")), 0); /* is watched */
    configure("sync: {remote_dir: far, reserve_gb: 0, local_dir: elsewhere}\n");
    finds_not("sync", "warning");
    configure("models: {current: elsewhere}\n"
              "sync: {remote_dir: far, reserve_gb: 0, local_dir: elsewhere}\n");
    finds_not("sync", "warning");
    configure("models: {current: far}\n"
              "sync: {remote_dir: far, reserve_gb: 0, local_dir: elsewhere}\n");
    finds_in("sync", "warning", "the watch looks at ");
}

static void pushing_looks_at_what_is_pushed(void **state)
{
    (void)state;
    temp_mkdir("far");
    configure("sync: {remote_dir: far, push: true, reserve_gb: 0}\n");
    finds_in("sync", "warning", "whose checkpoints are to be pushed, is not there");
    temp_mkdir("models/current_model");
    finds_in("sync", "ok", "checkpoints are pushed from ");
    finds_in("sync", "ok", "far; 0.0 stay so");
}

static void the_target_is_said_whatever_it_is(void **state)
{
    (void)state;
    configure("deploy: {target: served/model}\n");
    finds_in("deployment", "warning", "served, in which the target is to lie, is not there");
    temp_mkdir("served");
    finds_not("deployment", "warning");
    finds_in("deployment", "ok", "served/model is not there yet");
    finds_in("deployment", "note", "deploy.url is not set");
    assert_int_equal(symlink("gone", temp_path("served/model")), 0);
    finds_in("deployment", "warning", "served/model is a link to gone, which is no folder");
    temp_mkdir("served/gone");
    finds_in("deployment", "ok", "served/model is a link to gone");
    finds_in("deployment", "note", "not put there by proctor");
    temp_text("served/gone/.proctor-version.json", "{\"version\": \"checkpoint-1-abc\"}");
    finds_not("deployment", "warning");
    assert_int_equal(unlink(temp_path("served/model")), 0);
    temp_text("served/model", "a file");
    finds_in("deployment", "error", "neither a folder nor a symbolic link");
    configure("deploy: {target: served/model/x}\n");
    finds_in("deployment", "error", "served/model: versions cannot be put there: no folder");
}

static void a_real_folder_that_cannot_be_exchanged_is_an_error(void **state)
{
    (void)state;
    temp_mkdir("served");
    configure("deploy: {target: served}\n");
    finds_in("deployment", "ok", "served is a real folder, exchanged whole");
    configure("deploy: {target: /proc}\n"); /* a mount point everywhere */
    finds_in("deployment", "error",
        "/proc is a real folder, and nothing can take its place: it is "
        "a mount point");
}

static void a_deployment_that_is_not_over_is_a_warning(void **state)
{
    (void)state;
    static const char intent[] =
        "{\"at\": \"2026-01-01T00:00:00Z\", \"deployment\": 1, \"step\": \"intent\", "
        "\"version\": \"checkpoint-1-abc\"}\n";
    char lines[600];
    temp_mkdir("model.versions");
    configure("deploy: {target: model}\n");
    temp_text("model.versions/journal.jsonl", intent);
    finds_in("deployment", "warning",
        "the deployment of checkpoint-1-abc is not over; its last step was 'intent'");
    snprintf(lines, sizeof lines,
        "%s{\"at\": \"2026-01-01T00:00:01Z\", \"deployment\": 1, \"step\": \"failed\"}\n", intent);
    temp_text("model.versions/journal.jsonl", lines);
    finds_not("deployment", "warning");
    temp_text("model.versions/journal.jsonl", "no journal\n[]\n");
    finds_in("deployment", "error", "journal.jsonl");
}

static void a_driver_lacks_what_it_needs_or_its_server_does_not_answer(void **state)
{
    (void)state;
    configure("deploy: {target: model, driver: sglang}\n");
    finds_in("deployment", "error", "deploy.driver is sglang: set deploy.url");
    configure("deploy: {target: model, driver: command, command: [no-such-program-here]}\n");
    finds_in("deployment", "error", "deploy.command: no-such-program-here cannot be started");
    configure("deploy: {target: model, source: peer trainer}\n");
    finds_in("deployment", "error", "peers.machines has none of this name");
    configure("deploy: {target: model, source: '-oProxyCommand=x:y'}\n");
    finds_in("deployment", "error", "deploy.source: the host '-oProxyCommand=x'");
    int port = closed_port();
    configure("deploy: {target: model, url: 'http://127.0.0.1:%d'}\n", port);
    finds_in("deployment", "warning", "the server is not healthy now");
    configure("deploy: {target: model, url: 'http://127.0.0.1:%d', api_key_file: gone}\n", port);
    finds_in("deployment", "error", "deploy.api_key_file");
}

static void what_is_to_be_served_must_open(void **state)
{
    (void)state;
    int port = closed_port();
    configure("serve: {enabled: true}\n");
    finds_in("serve", "warning", "neither serve.target nor deploy.target");
    configure("serve: {target: model, port: %d}\n", port);
    finds_in("serve", "warning", "model is not there, or a link to nothing");
    finds_in("serve", "ok", "is free");
    temp_mkdir("model");
    finds_in("serve", "error", "model");
    temp_copy_folder("models/qwen3-tiny", "other");
    configure("serve: {target: other, port: %d}\n", port);
    finds_in("serve", "ok", "other is a checkpoint that opens");
}

/* kv_mb counts as it is, so that it alone can be more than there is. */
static void memory_for_two_beside_each_other_is_looked_for(void **state)
{
    (void)state;
    int port = closed_port();
    temp_copy_folder("models/qwen3-tiny", "model");
    configure("serve: {target: model, port: %d, kv_mb: 1}\n", port);
    finds_in("serve", "ok", "another one fits beside it");
    uint64_t mb = pr_machine_memory_available("/proc", "/sys/fs/cgroup") >> 20;
    configure("serve: {target: model, port: %d, kv_mb: %d}\n", port, (int)(mb / 4 * 3));
    finds_in("serve", "warning", "another one of its size cannot be swapped in beside it");
    configure("serve: {target: model, port: %d, kv_mb: 16777216}\n", port);
    finds_in("serve", "error", "it takes 16777216.");
}

static void a_key_that_others_may_read_and_none_where_one_is_needed_are_errors(void **state)
{
    (void)state;
    int port = closed_port();
    configure("serve: {target: model, port: %d, api_key_file: key}\n", port);
    finds_in("serve", "error", "key");
    temp_text("key", "0123456789abcdef0123456789abcdef\n");
    assert_int_equal(chmod(temp_path("key"), 0644), 0);
    finds_in("serve", "error", "others may read the key");
    assert_int_equal(chmod(temp_path("key"), 0600), 0);
    finds_not("serve", "error");
    configure("serve: {target: model, port: %d, bind: 0.0.0.0}\n", port);
    finds_in("serve", "error", "at 0.0.0.0 others could ask too");
    configure("serve: {target: model, port: %d, bind: 192.0.2.1}\n", port);
    finds_in("serve", "error", "at 192.0.2.1 cannot be listened at");
}

/* Its certificate is for nobody here to check. */
static void a_server_over_https_is_believed_by_its_note(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char note[200];
    int port = closed_port(), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_port = htons((uint16_t)port);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    configure("serve: {target: model, port: %d}\n", port);
    finds_in("serve", "error", "is in use");
    temp_mkdir("status");
    snprintf(note, sizeof note, "{\"url\": \"https://127.0.0.1:%d/v1\"}", port);
    temp_text("status/serve.json", note);
    finds_in("serve", "note", "is this folder's server, by its note");
    close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_configured_is_not_looked_at),
        TEST(what_this_machine_does_not_run_is_said_and_not_looked_at),
        TEST(a_mounted_folder_is_listed),
        TEST(too_little_room_and_a_place_that_nobody_watches_are_warnings),
        TEST(pushing_looks_at_what_is_pushed),
        TEST(the_target_is_said_whatever_it_is),
        TEST(a_real_folder_that_cannot_be_exchanged_is_an_error),
        TEST(a_deployment_that_is_not_over_is_a_warning),
        TEST(a_driver_lacks_what_it_needs_or_its_server_does_not_answer),
        TEST(what_is_to_be_served_must_open),
        TEST(memory_for_two_beside_each_other_is_looked_for),
        TEST(a_key_that_others_may_read_and_none_where_one_is_needed_are_errors),
        TEST(a_server_over_https_is_believed_by_its_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
