/* An NVML that is none: a shared library with the functions proctor looks for, whose answers the
 * environment gives.  FAKE_NVML is a list of words:
 *
 *   gpus=N         how many there are (1)
 *   nodriver       nvmlInit_v2 fails as without a driver
 *   nocount        the GPUs cannot be counted
 *   lost           GPU 0 fell off the bus: no handle
 *   nopower        power is not supported
 *   absurd         a utilization of 4294967295 %
 *   noprocesses    processes may not be seen
 *   v1             only the first version of memory and process calls works (an old driver)
 *
 * While the file that FAKE_NVML_HANG names is there, counting GPUs does not come back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))

enum {
    SUCCESS = 0,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NO_DRIVER = 9,
    NO_FUNCTION = 13,
    LOST = 15
};

static int has(const char *word)
{
    const char *said = getenv("FAKE_NVML");
    size_t n = strlen(word);
    for (; said && *said; said += strcspn(said, " "), said += *said == ' ')
        if (!strncmp(said, word, n) && strchr(" =", said[n]))
            return 1;
    return 0;
}

static unsigned gpus(void)
{
    const char *said = getenv("FAKE_NVML"), *at = said ? strstr(said, "gpus=") : NULL;
    return at ? (unsigned)strtoul(at + 5, NULL, 10) : 1;
}

static unsigned index_of(const void *device)
{
    return *(const unsigned char *)device;
}

API int nvmlInit_v2(void);
API int nvmlInit_v2(void)
{
    return has("nodriver") ? NO_DRIVER : SUCCESS;
}

API int nvmlShutdown(void);
API int nvmlShutdown(void)
{
    return SUCCESS;
}

API const char *nvmlErrorString(int code);
API const char *nvmlErrorString(int code)
{
    return code == NO_DRIVER       ? "Driver Not Loaded"
           : code == NOT_SUPPORTED ? "Not Supported"
           : code == NO_PERMISSION ? "Insufficient Permissions"
           : code == LOST          ? "GPU is lost"
                                   : "Unknown Error";
}

API int nvmlDeviceGetCount_v2(unsigned *ret);
API int nvmlDeviceGetCount_v2(unsigned *ret)
{
    const char *hang = getenv("FAKE_NVML_HANG");
    while (hang && !access(hang, F_OK))
        usleep(2000);
    *ret = gpus();
    return has("nocount") ? 999 : SUCCESS;
}

API int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **ret);
API int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **ret)
{
    static unsigned char places[64];
    if (!index && has("lost"))
        return LOST;
    places[index] = (unsigned char)index;
    *ret = &places[index];
    return SUCCESS;
}

API int nvmlDeviceGetName(void *device, char *ret, unsigned size);
API int nvmlDeviceGetName(void *device, char *ret, unsigned size)
{
    snprintf(ret, size, "Fake GPU %u", index_of(device));
    return SUCCESS;
}

API int nvmlDeviceGetUUID(void *device, char *ret, unsigned size);
API int nvmlDeviceGetUUID(void *device, char *ret, unsigned size)
{
    snprintf(ret, size, "GPU-00000000-0000-0000-0000-%012u", index_of(device));
    return SUCCESS;
}

struct memory {
    unsigned long long total, free, used;
};
API int nvmlDeviceGetMemoryInfo(void *device, struct memory *ret);
API int nvmlDeviceGetMemoryInfo(void *device, struct memory *ret)
{
    *ret = (struct memory){80000000000, 80000000000 - 5000000000, 5000000000 + index_of(device)};
    return SUCCESS;
}

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};
API int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory_v2 *ret);
API int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory_v2 *ret)
{
    if (has("v1"))
        return NO_FUNCTION;
    if (ret->version != (sizeof *ret | 2u << 24))
        return 25;
    ret->total = 80000000000;
    ret->reserved = 1000000000;
    ret->used = 4000000000 + index_of(device);
    ret->free = ret->total - ret->reserved - ret->used;
    return SUCCESS;
}

struct utilization {
    unsigned gpu, memory;
};
API int nvmlDeviceGetUtilizationRates(void *device, struct utilization *ret);
API int nvmlDeviceGetUtilizationRates(void *device, struct utilization *ret)
{
    *ret = (struct utilization){has("absurd") ? ~0u : 37 + index_of(device), 12};
    return SUCCESS;
}

API int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *ret);
API int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *ret)
{
    *ret = 61 + index_of(device);
    return sensor ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetPowerUsage(void *device, unsigned *ret);
API int nvmlDeviceGetPowerUsage(void *device, unsigned *ret)
{
    *ret = 250500 + index_of(device);
    return has("nopower") ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *ret);
API int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *ret)
{
    (void)device;
    *ret = 700000;
    return SUCCESS;
}

struct process_v1 {
    unsigned pid;
    unsigned long long bytes;
};
struct process_v2 {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};

API int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *n, struct process_v2 *ret);
API int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *n, struct process_v2 *ret)
{
    (void)device;
    if (has("v1"))
        return NO_FUNCTION;
    if (has("noprocesses"))
        return NO_PERMISSION;
    if (*n < 2)
        return 7;
    *n = 2;
    ret[0] = (struct process_v2){(unsigned)getpid(), 3000000000, ~0u, ~0u};
    ret[1] = (struct process_v2){4000000000u, ~0ull, ~0u, ~0u};
    return SUCCESS;
}

API int nvmlDeviceGetComputeRunningProcesses(void *device, unsigned *n, struct process_v1 *ret);
API int nvmlDeviceGetComputeRunningProcesses(void *device, unsigned *n, struct process_v1 *ret)
{
    (void)device;
    *n = 2;
    ret[0] = (struct process_v1){(unsigned)getpid(), 1000};
    ret[1] = (struct process_v1){1, 2000};
    return SUCCESS;
}

/* The first of them draws too. */
API int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *n, struct process_v2 *ret);
API int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *n, struct process_v2 *ret)
{
    (void)device;
    if (has("v1"))
        return NO_FUNCTION;
    *n = 1;
    ret[0] = (struct process_v2){(unsigned)getpid(), 3000000000, ~0u, ~0u};
    return SUCCESS;
}
