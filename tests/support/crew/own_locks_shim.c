/* flock() that no other host sees, for LD_PRELOAD: as on a client whose locks the file server has
 * taken away, or whose mount keeps them to itself. So for files below VAMPD_TEST_OWN_LOCKS.
 */

#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int flock(int file, int operation)
{
    const char *below = getenv("VAMPD_TEST_OWN_LOCKS");
    char name[64], path[PATH_MAX + 1];
    ssize_t length;

    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    length = readlink(name, path, sizeof path - 1);
    if (below && length > 0) {
        path[length] = '\0';
        if (strncmp(path, below, strlen(below)) == 0)
            return 0;
    }
    return (int)syscall(SYS_flock, file, operation);
}
