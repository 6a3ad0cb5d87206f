/* The table of metrics and its list in docs/metrics.md are the same. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/metrics.h"
#include "base/alloc.h"
#include "base/file.h"

static void the_documents_list_is_the_table(void **state)
{
    (void)state;
    char *text;
    size_t n;
    struct pr_str list = PR_STR_INIT(1 << 20);
    pr_metrics_list(&list);
    assert_int_equal(
        pr_file_read(AT_FDCWD, PR_ROOT "/docs/metrics.md", 1 << 20, &text, &n, NULL), PR_OK);
    if (!strstr(text, pr_str_cstr(&list)))
        fail_msg("docs/metrics.md is not up to date: paste what test_api_metrics --list prints");
    pr_str_done(&list);
    pr_free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_documents_list_is_the_table)};
    if (argc > 1 && !strcmp(argv[1], "--list")) {
        struct pr_str list = PR_STR_INIT(1 << 20);
        pr_metrics_list(&list);
        fputs(pr_str_cstr(&list), stdout);
        pr_str_done(&list);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
