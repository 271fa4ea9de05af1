/* A disk that fails when it is told to: loaded before libc, it looks at the file that PATCHPANEL_FAULT names before each
 * write and sync of a file that is called patchpanel.db*. "full": no space is left. "write", "sync": an I/O error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_store(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    return name && strncmp(name + 1, "patchpanel.db", 13) == 0;
}

static int told(const char *fault) {
    const char *control = getenv("PATCHPANEL_FAULT");
    char text[16] = {0};
    int fd = control ? open(control, O_RDONLY) : -1;
    if (fd < 0) return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 && strncmp(text, fault, strlen(fault)) == 0;
}

static int fails_to_write(int fd) {
    if (!is_store(fd)) return 0;
    if (told("full")) { errno = ENOSPC; return 1; }
    if (told("write")) { errno = EIO; return 1; }
    return 0;
}

static int fails_to_sync(int fd) {
    if (!is_store(fd) || !told("sync")) return 0;
    errno = EIO;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count) {
    return fails_to_write(fd) ? -1 : NEXT(write)(fd, bytes, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return fails_to_write(fd) ? -1 : NEXT(pwrite)(fd, bytes, count, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return fails_to_write(fd) ? -1 : NEXT(pwrite64)(fd, bytes, count, offset);
}
int fsync(int fd) { return fails_to_sync(fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails_to_sync(fd) ? -1 : NEXT(fdatasync)(fd); }
