/* NVML by dlopen: the few functions that are needed, declared here from its public ABI, so that
 * proctor is built and runs where there is no NVIDIA driver.
 *
 * Newer functions are looked for first (_v3 before _v2 before none); what an older driver lacks is
 * null with a reason.  Called on one thread alone. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "machine/machine_internal.h"

#define LIBRARY       "libnvidia-ml.so.1"
#define MAX_TEXT      96 /* NVML's own for names and UUIDs */
#define MAX_PROCESSES 512
#define INIT_PID_NS   "pid:[4026531836]" /* the kernel's first; fixed since 3.8 */

enum { SUCCESS = 0, NOT_SUPPORTED = 3, TOO_SMALL = 7, NO_FUNCTION = 13 };

typedef void *device;
struct memory_v1 {
    unsigned long long total, free, used;
};
struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};
struct utilization {
    unsigned gpu, memory;
};
/* Of all versions: the pid first, the memory at byte 8; they differ in what follows. */
struct process_v1 {
    unsigned pid;
    unsigned long long bytes;
};
struct process_v2 {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};
typedef int list_processes(device d, unsigned *count, void *infos);

struct pr_nvml {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    const char *(*error_string)(int code);
    int (*count)(unsigned *ret);
    int (*by_index)(unsigned index, device *ret);
    int (*name)(device d, char *ret, unsigned size);
    int (*uuid)(device d, char *ret, unsigned size);
    int (*memory_v2)(device d, struct memory_v2 *ret);
    int (*memory)(device d, struct memory_v1 *ret);
    int (*utilization)(device d, struct utilization *ret);
    int (*temperature)(device d, int sensor, unsigned *ret);
    int (*power)(device d, unsigned *ret_mw);
    int (*power_limit)(device d, unsigned *ret_mw);
    list_processes *compute[3], *graphics[3]; /* _v3, _v2, the first */
    bool own_pids;                            /* the driver's process ids are those of our /proc */
};

#define F(field, name, required)                                                                   \
    {                                                                                              \
        offsetof(struct pr_nvml, field), name, required                                            \
    }
static const struct {
    size_t at;
    const char *name;
    bool required;
} functions[] = {
    F(init, "nvmlInit_v2", true),
    F(shutdown, "nvmlShutdown", true),
    F(error_string, "nvmlErrorString", false),
    F(count, "nvmlDeviceGetCount_v2", true),
    F(by_index, "nvmlDeviceGetHandleByIndex_v2", true),
    F(name, "nvmlDeviceGetName", false),
    F(uuid, "nvmlDeviceGetUUID", false),
    F(memory_v2, "nvmlDeviceGetMemoryInfo_v2", false),
    F(memory, "nvmlDeviceGetMemoryInfo", false),
    F(utilization, "nvmlDeviceGetUtilizationRates", false),
    F(temperature, "nvmlDeviceGetTemperature", false),
    F(power, "nvmlDeviceGetPowerUsage", false),
    F(power_limit, "nvmlDeviceGetEnforcedPowerLimit", false),
    F(compute[0], "nvmlDeviceGetComputeRunningProcesses_v3", false),
    F(compute[1], "nvmlDeviceGetComputeRunningProcesses_v2", false),
    F(compute[2], "nvmlDeviceGetComputeRunningProcesses", false),
    F(graphics[0], "nvmlDeviceGetGraphicsRunningProcesses_v3", false),
    F(graphics[1], "nvmlDeviceGetGraphicsRunningProcesses_v2", false),
    F(graphics[2], "nvmlDeviceGetGraphicsRunningProcesses", false),
};
#undef F

static const char *say(const struct pr_nvml *n, int code)
{
    const char *text = n->error_string ? n->error_string(code) : NULL;
    return code == NO_FUNCTION ? "this driver does not tell it"
           : text && text[0]   ? text
                               : "the driver gave an unknown error";
}

/* ---- loading ---- */

static enum pr_code find_functions(struct pr_nvml *n, const char *path, struct pr_error *e)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = dlsym(n->library, functions[i].name);
        memcpy((char *)n + functions[i].at, &found, sizeof found);
        if (!found && functions[i].required)
            return pr_fail(e, PR_E_UNSUPPORTED, "%s has no %s", path, functions[i].name);
    }
    return PR_OK;
}

static bool in_first_pid_namespace(void)
{
    char link[64];
    ssize_t n = readlink("/proc/self/ns/pid", link, sizeof link - 1);
    link[n > 0 ? n : 0] = 0;
    return !strcmp(link, INIT_PID_NS);
}

enum pr_code pr_nvml_open(struct pr_nvml **ret, struct pr_error *e)
{
    const char *path = getenv("PROCTOR_NVML");
    path = path && *path ? path : LIBRARY;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return pr_fail(e, PR_E_NOT_FOUND, "%s", dlerror());
    struct pr_nvml *n = pr_zalloc(sizeof *n);
    *n = (struct pr_nvml){.library = library, .own_pids = in_first_pid_namespace()};
    enum pr_code code = find_functions(n, path, e);
    int rc = code ? 0 : n->init();
    if (!code && rc != SUCCESS)
        code = pr_fail(e, PR_E_UNSUPPORTED, "NVML cannot start: %s", say(n, rc));
    if (code) {
        dlclose(library);
        pr_free(n);
        return code;
    }
    *ret = n;
    return PR_OK;
}

void pr_nvml_close(struct pr_nvml *n)
{
    if (!n)
        return;
    n->shutdown();
    dlclose(n->library);
    pr_free(n);
}

/* ---- one GPU ---- */

static void set_text(const struct pr_nvml *n, json_t *gpu, const char *key,
    int (*get)(device d, char *ret, unsigned size), device d)
{
    char text[MAX_TEXT + 1] = {0}; /* one more than it is told of: always ended */
    int rc = get ? get(d, text, MAX_TEXT) : NO_FUNCTION;
    if (rc == SUCCESS)
        pr_json_set_str(gpu, key, text);
    else
        pr_json_set_null(gpu, key, say(n, rc));
}

/* The newer call does not count what the driver keeps for itself as used, as nvidia-smi does not.
 */
static void set_memory(const struct pr_nvml *n, json_t *gpu, device d)
{
    struct memory_v2 m = {.version = (unsigned)sizeof m | 2u << 24};
    struct memory_v1 old = {0};
    int rc = n->memory_v2 ? n->memory_v2(d, &m) : NO_FUNCTION;
    if (rc != SUCCESS && n->memory && (rc = n->memory(d, &old)) == SUCCESS) {
        m.total = old.total;
        m.used = old.used;
    }
    if (rc == SUCCESS) {
        pr_gpu_set(gpu, PR_GPU_MEMORY_USED, (double)m.used);
        pr_gpu_set(gpu, PR_GPU_MEMORY_TOTAL, (double)m.total);
    } else {
        pr_gpu_set_unknown(gpu, PR_GPU_MEMORY_USED, say(n, rc));
        pr_gpu_set_unknown(gpu, PR_GPU_MEMORY_TOTAL, say(n, rc));
    }
}

static void set_figure(
    const struct pr_nvml *n, json_t *gpu, enum pr_gpu_figure f, int rc, unsigned value, double unit)
{
    if (rc == SUCCESS)
        pr_gpu_set(gpu, f, (double)value * unit);
    else
        pr_gpu_set_unknown(gpu, f, say(n, rc));
}

static void set_figures(const struct pr_nvml *n, json_t *gpu, device d)
{
    struct utilization u = {0};
    unsigned v = 0;
    int rc = n->utilization ? n->utilization(d, &u) : NO_FUNCTION;
    set_figure(n, gpu, PR_GPU_UTILIZATION, rc, u.gpu, 1);
    rc = n->temperature ? n->temperature(d, 0, &v) : NO_FUNCTION;
    set_figure(n, gpu, PR_GPU_TEMPERATURE, rc, v, 1);
    rc = n->power ? n->power(d, &v) : NO_FUNCTION;
    set_figure(n, gpu, PR_GPU_POWER, rc, v, 1e-3);
    rc = n->power_limit ? n->power_limit(d, &v) : NO_FUNCTION;
    set_figure(n, gpu, PR_GPU_POWER_LIMIT, rc, v, 1e-3);
}

/* ---- processes ---- */

/* In a container the driver may tell the host's process ids, and /proc has other processes under
 * those numbers. */
static void set_name(const struct pr_nvml *n, json_t *o, unsigned pid)
{
    char path[64], name[64];
    if (!n->own_pids) {
        pr_json_set_null(o, "name", "the driver counts the host's processes, this is a container");
        return;
    }
    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    FILE *f = fopen(path, "re");
    bool is_read = f && fgets(name, sizeof name, f);
    if (f)
        fclose(f);
    if (is_read) {
        name[strcspn(name, "\n")] = 0;
        pr_json_set_str(o, "name", name);
    } else {
        pr_json_set_null(o, "name", "it ended, or is not ours to see");
    }
}

static bool is_listed(const json_t *list, unsigned pid)
{
    json_t *one;
    size_t i;
    json_array_foreach ((json_t *)(uintptr_t)list, i, one)
        if (json_integer_value(json_object_get(one, "pid")) == pid)
            return true;
    return false;
}

static void add_process(
    const struct pr_nvml *n, json_t *list, unsigned pid, unsigned long long bytes)
{
    if (is_listed(list, pid)) /* it computes and draws */
        return;
    json_t *o = json_object();
    pr_json_set_int(o, "pid", pid);
    set_name(n, o, pid);
    if (bytes <= INT64_MAX)
        pr_json_set_int(o, "memory_bytes", (int64_t)bytes);
    else
        pr_json_set_null(o, "memory_bytes", "the driver does not tell it");
    json_array_append_new(list, o);
}

static int add_processes(
    const struct pr_nvml *n, json_t *list, list_processes *const versions[3], device d)
{
    static const size_t sizes[3] = {
        sizeof(struct process_v2), sizeof(struct process_v2), sizeof(struct process_v1)};
    int rc = NO_FUNCTION;
    char *found = pr_alloc(MAX_PROCESSES * sizeof(struct process_v2));
    for (int v = 0; v < 3 && rc == NO_FUNCTION; v++) {
        unsigned count = MAX_PROCESSES;
        rc = versions[v] ? versions[v](d, &count, found) : NO_FUNCTION;
        for (unsigned i = 0; rc == SUCCESS && i < count && i < MAX_PROCESSES; i++) {
            struct process_v1 p;
            memcpy(&p, found + i * sizes[v], sizeof p);
            add_process(n, list, p.pid, p.bytes);
        }
    }
    pr_free(found);
    return rc;
}

static void set_processes(const struct pr_nvml *n, json_t *gpu, device d)
{
    json_t *list = json_array();
    int rc = add_processes(n, list, n->compute, d);
    if (rc == SUCCESS) {
        rc = add_processes(n, list, n->graphics, d);
        if (rc == NOT_SUPPORTED || rc == NO_FUNCTION) /* it only computes */
            rc = SUCCESS;
    }
    if (rc == SUCCESS) {
        pr_json_set(gpu, "processes", list);
        return;
    }
    json_decref(list);
    pr_json_set_null(gpu, "processes", rc == TOO_SMALL ? "too many to be listed" : say(n, rc));
}

static json_t *look_at(const struct pr_nvml *n, unsigned index)
{
    device d = NULL;
    json_t *gpu = json_object();
    pr_json_set_int(gpu, "index", index);
    int rc = n->by_index(index, &d);
    if (rc == SUCCESS) {
        set_text(n, gpu, "name", n->name, d);
        set_text(n, gpu, "uuid", n->uuid, d);
        set_memory(n, gpu, d);
        set_figures(n, gpu, d);
        set_processes(n, gpu, d);
        return gpu;
    }
    pr_json_set_null(gpu, "name", say(n, rc));
    pr_json_set_null(gpu, "uuid", say(n, rc));
    for (int f = 0; f < PR_GPU_FIGURES; f++)
        pr_gpu_set_unknown(gpu, (enum pr_gpu_figure)f, say(n, rc));
    pr_json_set_null(gpu, "processes", say(n, rc));
    return gpu;
}

enum pr_code pr_nvml_look(struct pr_nvml *n, json_t **ret, struct pr_error *e)
{
    unsigned count = 0;
    int rc = n->count(&count);
    if (rc != SUCCESS)
        return pr_fail(e, PR_E_IO, "NVML cannot count the GPUs: %s", say(n, rc));
    if (count > PR_MACHINE_MAX_GPUS)
        return pr_fail(e, PR_E_LIMIT, "NVML counts %u GPUs, at most %d are looked at", count,
            PR_MACHINE_MAX_GPUS);
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, look_at(n, i));
    *ret = list;
    return PR_OK;
}
