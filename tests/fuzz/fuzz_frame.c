/* Frames, and what the parent reads out of each message that a grader may send. */
#include <assert.h>

#include "grader/frame.h"
#include "grader/wire.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Whatever the message is, each reader either refuses it or gives what can be. */
static void read_all(const json_t *m)
{
    struct pr_grader_opened opened = {0};
    struct pr_grader_progress progress = {0};
    struct pr_grader_done done = {0};
    struct pr_wire_task task = {0};
    struct pr_error why, e;
    int64_t order;
    if (!pr_wire_get_opened(m, &opened, &e))
        assert(opened.origin.step >= -1 && json_is_object(opened.settings));
    if (!pr_wire_get_progress(m, &order, &progress, &e))
        assert(order > 0);
    if (!pr_wire_get_done(m, &done, &e))
        assert(done.order > 0 && done.seconds >= 0);
    if (!pr_wire_get_failed(m, &order, &why, &e))
        assert(order >= 0 && why.code != PR_OK);
    if (!pr_wire_get_hello(m, &task, &e))
        assert(task.cpu_percent >= 1 && task.cpu_percent <= 100);
    if (!pr_wire_get_open(m, &task, &e))
        assert(task.path[0]);
    pr_wire_task_done(&task);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    json_t *m = NULL, *again = NULL;
    size_t used, used_again;
    struct pr_error e;
    if (pr_frame_parse((const char *)data, size, &m, &used, &e) || !used)
        return 0;
    assert(used <= size && json_is_string(json_object_get(m, "type")));
    read_all(m);
    struct pr_str bytes = PR_STR_INIT((size_t)1 << 28);
    pr_frame_append(&bytes, m);
    assert(!pr_frame_parse(bytes.data, bytes.len, &again, &used_again, &e));
    assert(used_again == bytes.len && json_equal(m, again));
    json_decref(again);
    json_decref(m);
    pr_str_done(&bytes);
    return 0;
}
