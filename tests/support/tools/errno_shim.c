/* Fails chosen calls of libc with a chosen errno: for LD_PRELOAD.
 *
 * What fails, and how often, stands in a file that every process maps (VAMPD_TEST_FAULT names it), so
 * that a test changes it while they run. A call counts if its path begins with the prefix; a call
 * on a descriptor counts by the path that /proc knows. Of the calls that count, ``skip`` pass, then
 * ``burst`` fail.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    OPEN = 1,
    READ = 2,
    WRITE = 4,
    SYNC = 8,
    NAME = 16,
    STAT = 32,
    LIST = 64,
    SPACE = 128,
    TIME = 256,
    LOCK = 512,
    LINK = 1024,
};

struct control {
    int calls; /* which kinds, 0: none */
    int number; /* the errno */
    int skip;
    int burst;
    int hits;
    int reserved;
    char prefix[512];
    char last[512]; /* the path of the last call that failed */
};

static struct control *control;

__attribute__((constructor)) static void map_control(void) {
    const char *path = getenv("VAMPD_TEST_FAULT");
    if (!path)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static int fails(int kind, const char *path) {
    if (strncmp(path, control->prefix, strlen(control->prefix)))
        return 0;
    if (__sync_fetch_and_sub(&control->skip, 1) > 0)
        return 0;
    if (__sync_fetch_and_sub(&control->burst, 1) <= 0)
        return 0;
    snprintf(control->last, sizeof control->last, "%d %.500s", kind, path);
    errno = control->number;
    __sync_fetch_and_add(&control->hits, 1);
    return 1;
}

static int is_off(int kind) {
    return !control || !(control->calls & kind);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    static ssize_t (*real)(const char *, char *, size_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "readlink");
    ssize_t length = real(link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return 1;
}

static int fd_fails(int kind, int fd) {
    char path[PATH_MAX];
    if (is_off(kind))
        return 0;
    int before = errno, failed = path_of(fd, path) && fails(kind, path);
    if (!failed)
        errno = before;
    return failed;
}

static int at_fails(int kind, int folder, const char *path) {
    char whole[2 * PATH_MAX];
    if (is_off(kind) || !path)
        return 0;
    if (path[0] == '/')
        return fails(kind, path);
    int before = errno;
    if (folder == AT_FDCWD)
        return 0;
    if (!path_of(folder, whole))
        return errno = before, 0;
    if (path[0]) {
        strcat(whole, "/");
        strncat(whole, path, PATH_MAX - 1);
    }
    errno = before;
    return fails(kind, whole);
}

#define REAL(result, name, ...)                      \
    static result (*real)(__VA_ARGS__);              \
    if (!real)                                       \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int kind_of_open(int flags) {
    return flags & (O_CREAT | O_WRONLY | O_RDWR) ? OPEN | WRITE : OPEN;
}

#define OPENING(name)                                                      \
    int name(const char *path, int flags, ...) {                           \
        va_list rest;                                                      \
        va_start(rest, flags);                                             \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                      \
        REAL(int, #name, const char *, int, ...);                          \
        return at_fails(kind_of_open(flags), AT_FDCWD, path) ? -1 : real(path, flags, mode); \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                                   \
    int name(int folder, const char *path, int flags, ...) {               \
        va_list rest;                                                      \
        va_start(rest, flags);                                             \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                      \
        REAL(int, #name, int, const char *, int, ...);                     \
        return at_fails(kind_of_open(flags), folder, path) ? -1 : real(folder, path, flags, mode); \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

ssize_t read(int fd, void *buffer, size_t count) {
    REAL(ssize_t, "read", int, void *, size_t);
    return fd_fails(READ, fd) ? -1 : real(fd, buffer, count);
}

ssize_t write(int fd, const void *buffer, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return fd_fails(WRITE, fd) ? -1 : real(fd, buffer, count);
}

#define PREAD(name, offset_t)                                              \
    ssize_t name(int fd, void *buffer, size_t count, offset_t offset) {    \
        REAL(ssize_t, #name, int, void *, size_t, offset_t);               \
        return fd_fails(READ, fd) ? -1 : real(fd, buffer, count, offset);  \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define PREADV(name, offset_t)                                             \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_t offset) { \
        REAL(ssize_t, #name, int, const struct iovec *, int, offset_t);    \
        return fd_fails(READ, fd) ? -1 : real(fd, parts, count, offset);   \
    }
PREADV(preadv, off_t)
PREADV(preadv64, off64_t)

#define PREADV2(name, offset_t)                                            \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_t offset, int flags) { \
        REAL(ssize_t, #name, int, const struct iovec *, int, offset_t, int); \
        return fd_fails(READ, fd) ? -1 : real(fd, parts, count, offset, flags); \
    }
PREADV2(preadv2, off_t)
PREADV2(preadv64v2, off64_t)

#define PWRITE(name, offset_t)                                             \
    ssize_t name(int fd, const void *buffer, size_t count, offset_t offset) { \
        REAL(ssize_t, #name, int, const void *, size_t, offset_t);         \
        return fd_fails(WRITE, fd) ? -1 : real(fd, buffer, count, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define SYNCING(name)                                                      \
    int name(int fd) {                                                     \
        REAL(int, #name, int);                                             \
        return fd_fails(SYNC, fd) ? -1 : real(fd);                         \
    }
SYNCING(fsync)
SYNCING(fdatasync)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    return at_fails(NAME, AT_FDCWD, to) ? -1 : real(from, to);
}

int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    return at_fails(NAME | LINK, AT_FDCWD, to) ? -1 : real(from, to);
}

int linkat(int from_folder, const char *from, int folder, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    return at_fails(NAME | LINK, folder, to) ? -1 : real(from_folder, from, folder, to, flags);
}

int renameat(int from_folder, const char *from, int folder, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    return at_fails(NAME, folder, to) ? -1 : real(from_folder, from, folder, to);
}

int symlink(const char *target, const char *path) {
    REAL(int, "symlink", const char *, const char *);
    return at_fails(NAME, AT_FDCWD, path) ? -1 : real(target, path);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    return at_fails(NAME, AT_FDCWD, path) ? -1 : real(path);
}

int symlinkat(const char *target, int folder, const char *path) {
    REAL(int, "symlinkat", const char *, int, const char *);
    return at_fails(NAME, folder, path) ? -1 : real(target, folder, path);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    return at_fails(NAME, folder, path) ? -1 : real(folder, path, flags);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    return at_fails(NAME, folder, path) ? -1 : real(folder, path, mode);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return at_fails(NAME, AT_FDCWD, path) ? -1 : real(path, mode);
}

ssize_t readlink(const char *path, char *buffer, size_t size) {
    REAL(ssize_t, "readlink", const char *, char *, size_t);
    return at_fails(STAT, AT_FDCWD, path) ? -1 : real(path, buffer, size);
}

#define STATING(name, type)                                                \
    int name(const char *path, struct type *status) {                      \
        REAL(int, #name, const char *, struct type *);                     \
        return at_fails(STAT, AT_FDCWD, path) ? -1 : real(path, status);   \
    }
STATING(stat, stat)
STATING(stat64, stat64)
STATING(lstat, stat)
STATING(lstat64, stat64)

#define FSTATING(name, type)                                               \
    int name(int fd, struct type *status) {                                \
        REAL(int, #name, int, struct type *);                              \
        return fd_fails(STAT, fd) ? -1 : real(fd, status);                 \
    }
FSTATING(fstat, stat)
FSTATING(fstat64, stat64)

#define STATING_AT(name, type)                                             \
    int name(int folder, const char *path, struct type *status, int flags) { \
        REAL(int, #name, int, const char *, struct type *, int);           \
        return at_fails(STAT, folder, path) ? -1 : real(folder, path, status, flags); \
    }
STATING_AT(fstatat, stat)
STATING_AT(fstatat64, stat64)

int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *status) {
    REAL(int, "statx", int, const char *, int, unsigned int, struct statx *);
    return at_fails(STAT, folder, path) ? -1 : real(folder, path, flags, mask, status);
}

#define SPACE_AT(name, type)                                               \
    int name(const char *path, struct type *space) {                       \
        REAL(int, #name, const char *, struct type *);                     \
        return at_fails(SPACE, AT_FDCWD, path) ? -1 : real(path, space);   \
    }
SPACE_AT(statvfs, statvfs)
SPACE_AT(statvfs64, statvfs64)
SPACE_AT(statfs, statfs)
SPACE_AT(statfs64, statfs64)

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    REAL(int, "utimensat", int, const char *, const struct timespec[2], int);
    return at_fails(TIME, folder, path) ? -1 : real(folder, path, times, flags);
}

int futimens(int fd, const struct timespec times[2]) {
    REAL(int, "futimens", int, const struct timespec[2]);
    return fd_fails(TIME, fd) ? -1 : real(fd, times);
}

int flock(int fd, int operation) {
    REAL(int, "flock", int, int);
    return fd_fails(LOCK, fd) ? -1 : real(fd, operation);
}

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    return at_fails(LIST, AT_FDCWD, path) ? NULL : real(path);
}

#define READING_FOLDER(name, type)                                         \
    struct type *name(DIR *folder) {                                       \
        REAL(struct type *, #name, DIR *);                                 \
        return fd_fails(LIST, dirfd(folder)) ? NULL : real(folder);        \
    }
READING_FOLDER(readdir, dirent)
READING_FOLDER(readdir64, dirent64)
