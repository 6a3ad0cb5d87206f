/* GPUs by a made NVML and a made nvidia-smi, and the host against what /proc says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "machine/machine.h"
#include "machine/machine_internal.h"

#define NOWHERE "/nowhere/libnvidia-ml.so.1"

static const char *const folders[] = {"/", "/proc/nowhere", NULL};
static char *place; /* holds the made nvidia-smi, and is all of PATH */
static int64_t fake_ns;

static int64_t fake_monotonic(void)
{
    return fake_ns;
}

static int64_t fake_utc(void)
{
    return 0;
}

static const struct pr_clock fake_clock = {fake_monotonic, fake_utc};

static json_t *look(const char *library, const char *words)
{
    setenv("PROCTOR_NVML", library, 1);
    setenv("FAKE_NVML", words, 1);
    struct pr_machine *m = pr_machine_new(folders);
    json_t *o = pr_machine_look_gpus(m);
    pr_machine_free(m);
    return o;
}

static json_t *gpu_of(const json_t *o, size_t i)
{
    json_t *gpu = json_array_get(json_object_get(o, "gpus"), i);
    assert_non_null(gpu);
    return gpu;
}

static double real_of(const json_t *o, const char *key)
{
    assert_true(json_is_number(json_object_get(o, key)));
    return json_number_value(json_object_get(o, key));
}

static const char *text_of(const json_t *o, const char *key)
{
    assert_true(json_is_string(json_object_get(o, key)));
    return json_string_value(json_object_get(o, key));
}

static void assert_unknown(const json_t *o, const char *key, const char *reason)
{
    char name[100];
    snprintf(name, sizeof name, "%s_reason", key);
    assert_true(json_is_null(json_object_get(o, key)));
    assert_non_null(strstr(text_of(o, name), reason));
}

static void make_smi(const char *script)
{
    char *path = pr_path_join(place, "nvidia-smi");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    chmod(path, 0755);
    pr_free(path);
}

static int remove_smi(void **state)
{
    (void)state;
    char *path = pr_path_join(place, "nvidia-smi");
    unlink(path);
    pr_free(path);
    pr_clock_override = NULL;
    return 0;
}

/* ---- NVML ---- */

static void every_gpu_has_its_own_figures_in_base_units(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, "gpus=2");
    assert_string_equal(text_of(o, "gpu_source"), "nvml");
    assert_true(json_is_null(json_object_get(o, "gpu_reason")));
    assert_int_equal(json_array_size(json_object_get(o, "gpus")), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *g = gpu_of(o, i);
        double k = (double)i;
        assert_true(real_of(g, "index") == k);
        assert_string_equal(text_of(g, "name"), i ? "Fake GPU 1" : "Fake GPU 0");
        assert_true(real_of(g, "memory_used_bytes") == 4e9 + k);
        assert_true(real_of(g, "memory_total_bytes") == 8e10);
        assert_true(real_of(g, "utilization_percent") == 37 + k);
        assert_true(real_of(g, "temperature_celsius") == 61 + k);
        assert_true(fabs(real_of(g, "power_watts") - (250.5 + k / 1000)) < 1e-9);
        assert_true(real_of(g, "power_limit_watts") == 700);
    }
    json_decref(o);
}

static void a_process_that_computes_and_draws_is_listed_once_and_named(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, ""), *list = json_object_get(gpu_of(o, 0), "processes");
    assert_int_equal(json_array_size(list), 2);
    const json_t *own = json_array_get(list, 0), *other = json_array_get(list, 1);
    char link[64] = {0};
    assert_true(real_of(own, "pid") == getpid());
    assert_true(real_of(own, "memory_bytes") == 3e9);
    assert_true(readlink("/proc/self/ns/pid", link, sizeof link - 1) > 0);
    if (!strcmp(link, "pid:[4026531836]"))
        assert_string_equal(text_of(own, "name"), "test_machine");
    else
        assert_unknown(own, "name", "container");
    assert_true(json_is_null(json_object_get(other, "name")));
    assert_unknown(other, "memory_bytes", "does not tell");
    json_decref(o);
}

static void what_a_gpu_does_not_support_is_null_with_the_drivers_words(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, "nopower noprocesses");
    assert_unknown(gpu_of(o, 0), "power_watts", "Not Supported");
    assert_unknown(gpu_of(o, 0), "processes", "Insufficient Permissions");
    assert_true(real_of(gpu_of(o, 0), "temperature_celsius") == 61);
    json_decref(o);
}

static void a_value_that_cannot_be_is_not_shown(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, "absurd");
    assert_unknown(gpu_of(o, 0), "utilization_percent", "cannot be");
    json_decref(o);
}

static void an_old_driver_is_asked_by_its_older_calls(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, "v1"), *list = json_object_get(gpu_of(o, 0), "processes");
    assert_true(real_of(gpu_of(o, 0), "memory_used_bytes") == 5e9);
    assert_int_equal(json_array_size(list), 2);
    assert_true(real_of(json_array_get(list, 1), "pid") == 1);
    assert_true(real_of(json_array_get(list, 1), "memory_bytes") == 2000);
    json_decref(o);
}

static void a_lost_gpu_keeps_its_place_without_figures(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, "gpus=2 lost");
    assert_unknown(gpu_of(o, 0), "memory_used_bytes", "GPU is lost");
    assert_unknown(gpu_of(o, 0), "name", "GPU is lost");
    assert_true(real_of(gpu_of(o, 1), "index") == 1);
    assert_true(real_of(gpu_of(o, 1), "utilization_percent") == 38);
    json_decref(o);
}

static void a_library_that_is_not_nvml_is_refused(void **state)
{
    (void)state;
    json_t *o = look("libm.so.6", "");
    assert_int_equal(json_array_size(json_object_get(o, "gpus")), 0);
    assert_true(json_is_null(json_object_get(o, "gpu_source")));
    assert_non_null(strstr(text_of(o, "gpu_reason"), "has no nvmlInit_v2"));
    json_decref(o);
}

/* ---- nvidia-smi ---- */

static void without_nvml_nvidia_smi_is_asked(void **state)
{
    (void)state;
    make_smi(
        "case \"$1\" in --query-gpu=index,name,*) ;; *) exit 9;; esac\n"
        "echo '0, NVIDIA H100, GPU-aa, 1024, 81559, 12, 45, 70.25, 700.00'\n"
        "echo '1, NVIDIA H100, [N/A], 0, 81559, [N/A], [Unknown Error], [Not Supported], N/A'");
    json_t *o = look(NOWHERE, "");
    assert_string_equal(text_of(o, "gpu_source"), "nvidia-smi");
    assert_true(real_of(gpu_of(o, 0), "memory_used_bytes") == 1073741824);
    assert_true(real_of(gpu_of(o, 0), "memory_total_bytes") == 81559.0 * 1048576);
    assert_true(real_of(gpu_of(o, 0), "power_watts") == 70.25);
    assert_unknown(gpu_of(o, 0), "processes", "nvidia-smi");
    assert_unknown(gpu_of(o, 1), "uuid", "N/A");
    assert_unknown(gpu_of(o, 1), "utilization_percent", "N/A");
    assert_unknown(gpu_of(o, 1), "temperature_celsius", "Unknown Error");
    assert_unknown(gpu_of(o, 1), "power_watts", "Not Supported");
    assert_true(real_of(gpu_of(o, 1), "memory_used_bytes") == 0);
    json_decref(o);
}

static void what_nvidia_smi_says_when_it_fails_is_the_reason(void **state)
{
    (void)state;
    make_smi("echo 'No devices were found'; exit 6");
    json_t *o = look(NOWHERE, "");
    assert_true(json_is_null(json_object_get(o, "gpu_source")));
    assert_non_null(strstr(text_of(o, "gpu_reason"), "No devices were found"));
    json_decref(o);
}

static void a_driver_that_is_not_loaded_is_told_by_name(void **state)
{
    (void)state;
    json_t *o = look(FAKE_NVML, "nodriver");
    assert_non_null(strstr(text_of(o, "gpu_reason"), "Driver Not Loaded"));
    json_decref(o);
    make_smi("echo '0, GPU, GPU-aa, 1, 2, 3, 4, 5, 6'");
    o = look(FAKE_NVML, "nocount");
    assert_string_equal(text_of(o, "gpu_source"), "nvidia-smi");
    json_decref(o);
}

static void without_either_it_says_so_and_asks_again_after_a_minute(void **state)
{
    (void)state;
    setenv("PROCTOR_NVML", NOWHERE, 1);
    pr_clock_override = &fake_clock;
    fake_ns = 1000000000;
    struct pr_machine *m = pr_machine_new(folders);
    json_t *first = pr_machine_look_gpus(m), *second;
    assert_int_equal(json_array_size(json_object_get(first, "gpus")), 0);
    assert_non_null(strstr(text_of(first, "gpu_reason"), "no NVIDIA driver"));
    setenv("PROCTOR_NVML", FAKE_NVML, 1);
    setenv("FAKE_NVML", "", 1);
    fake_ns += 59000000000;
    second = pr_machine_look_gpus(m);
    assert_ptr_equal(first, second);
    json_decref(second);
    fake_ns += 2000000000;
    second = pr_machine_look_gpus(m);
    assert_string_equal(text_of(second, "gpu_source"), "nvml");
    json_decref(second);
    json_decref(first);
    pr_machine_free(m);
}

static void lines_that_are_not_exactly_the_answer_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"0, GPU, GPU-a, 1, 2, 3, 4, 5", "fewer than 9 fields"},
        {"0, GPU, GPU-a, 1, 2, 3, 4, 5, 6, 7", "more than 9 fields"},
        {"\n", "fewer than 9 fields"},
        {"0, GPU, GPU-a, 1 MiB, 2, 3, 4, 5, 6", "no number"},
        {"0, GPU, GPU-a, -1, 2, 3, 4, 5, 6", "no number"},
        {"0, GPU, GPU-a, 0x10, 2, 3, 4, 5, 6", "no number"},
        {"0, GPU, GPU-a, nan, 2, 3, 4, 5, 6", "no number"},
        {"0, GPU, GPU-a, 1e3, 2, 3, 4, 5, 6", "no number"},
        {"0, GPU, GPU-a, , 2, 3, 4, 5, 6", "0 bytes"},
        {"x, GPU, GPU-a, 1, 2, 3, 4, 5, 6", "no index"},
        {"64, GPU, GPU-a, 1, 2, 3, 4, 5, 6", "no index"},
        {"0, G\033PU, GPU-a, 1, 2, 3, 4, 5, 6", "control character"},
        {"NVIDIA-SMI has failed because it couldn't communicate with the driver", "fewer than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *list = NULL;
        struct pr_error e;
        assert_int_equal(
            pr_smi_parse(cases[i].text, strlen(cases[i].text), &list, &e), PR_E_FORMAT);
        assert_null(list);
        if (!strstr(e.message, cases[i].why))
            fail_msg("'%s': %s", cases[i].text, e.message);
    }
    json_t *list;
    struct pr_error e;
    const char *text = "0, GPU, GPU-a, 1, 2, 101, 4, 5, 6\r\n";
    assert_int_equal(pr_smi_parse(text, strlen(text), &list, &e), PR_OK);
    assert_unknown(json_array_get(list, 0), "utilization_percent", "cannot be");
    json_decref(list);
}

/* ---- the host ---- */

static void cpu_time_is_the_share_between_two_looks(void **state)
{
    (void)state;
    struct pr_cpu_ticks none = {0}, a, b;
    struct pr_error e;
    const char *reason;
    /* guests (100, 50) are in user and nice already */
    assert_int_equal(pr_cpu_parse("cpu  100 20 30 800 50 1 2 3 100 50\ncpu0 1\n", &a, &e), PR_OK);
    assert_int_equal(pr_cpu_parse("cpu  140 20 40 840 60 1 2 3 140 50\n", &b, &e), PR_OK);
    assert_true(a.busy == 156 && a.all == 1006);
    assert_true(fabs(pr_cpu_percent(&a, &b, &reason) - 50) < 1e-9);
    assert_null(reason);
    assert_true(isnan(pr_cpu_percent(&none, &a, &reason)) && strstr(reason, "two looks"));
    assert_true(isnan(pr_cpu_percent(&b, &b, &reason)) && strstr(reason, "no time"));
    b.busy = a.busy - 1;
    assert_true(isnan(pr_cpu_percent(&a, &b, &reason)) && strstr(reason, "went back"));
    assert_int_equal(pr_cpu_parse("intr 1 2 3 4", &a, &e), PR_E_FORMAT);
    assert_int_equal(pr_cpu_parse("", &a, &e), PR_E_FORMAT);
}

static void meminfo_is_read_by_whole_names_in_bytes(void **state)
{
    (void)state;
    uint64_t v = 7;
    const char *text = "MemTotal:       16 kB\nMemAvailable: 5 kB\nSwapTotal: 3\n";
    assert_true(pr_meminfo_parse(text, "MemTotal", &v) && v == 16384);
    assert_true(pr_meminfo_parse(text, "MemAvailable", &v) && v == 5120);
    assert_false(pr_meminfo_parse(text, "Mem", &v));
    assert_false(pr_meminfo_parse(text, "SwapTotal", &v));
    assert_false(pr_meminfo_parse("", "MemTotal", &v));
}

static void the_host_is_what_proc_and_statvfs_say(void **state)
{
    (void)state;
    struct statvfs fs;
    struct pr_machine *m = pr_machine_new(folders);
    json_t *o = pr_machine_look_host(m);
    assert_unknown(o, "cpu_percent", "two looks");
    assert_true(real_of(o, "cpus") == (double)sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(real_of(o, "memory_total_bytes") >= real_of(o, "memory_used_bytes"));
    assert_true(real_of(o, "memory_total_bytes") <=
                (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
    const json_t *disks = json_object_get(o, "disks"), *root = json_array_get(disks, 0);
    assert_int_equal(json_array_size(disks), 1); /* the folder that is not there has none */
    assert_int_equal(statvfs("/", &fs), 0);
    assert_string_equal(text_of(root, "path"), "/");
    assert_true(real_of(root, "total_bytes") == (double)fs.f_blocks * (double)fs.f_frsize);
    assert_true(
        real_of(root, "used_bytes") + real_of(root, "free_bytes") <= real_of(root, "total_bytes"));
    json_decref(o);
    pr_machine_free(m);
}

static int set_up(void **state)
{
    (void)state;
    char name[] = "/tmp/proctor-machine-XXXXXX";
    if (!mkdtemp(name))
        return -1;
    place = pr_strdup(name);
    setenv("PATH", place, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_smi(NULL);
    rmdir(place);
    pr_free(place);
    return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, remove_smi)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_gpu_has_its_own_figures_in_base_units),
        TEST(a_process_that_computes_and_draws_is_listed_once_and_named),
        TEST(what_a_gpu_does_not_support_is_null_with_the_drivers_words),
        TEST(a_value_that_cannot_be_is_not_shown),
        TEST(an_old_driver_is_asked_by_its_older_calls),
        TEST(a_lost_gpu_keeps_its_place_without_figures),
        TEST(a_library_that_is_not_nvml_is_refused),
        TEST(without_nvml_nvidia_smi_is_asked),
        TEST(what_nvidia_smi_says_when_it_fails_is_the_reason),
        TEST(a_driver_that_is_not_loaded_is_told_by_name),
        TEST(without_either_it_says_so_and_asks_again_after_a_minute),
        TEST(lines_that_are_not_exactly_the_answer_are_refused),
        TEST(cpu_time_is_the_share_between_two_looks),
        TEST(meminfo_is_read_by_whole_names_in_bytes),
        TEST(the_host_is_what_proc_and_statvfs_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
