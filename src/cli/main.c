/* The program. */
#include "cli/entry.h"

int main(int argc, char *argv[])
{
    return pr_cli_main(argc, argv);
}
