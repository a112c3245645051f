/* Preloaded into a server so that a volume's round trip is part of every sync: the disks of clusters are mostly on
 * the network, the one that the benchmark runs on may not be. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int later(const char *name, int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *microseconds = getenv("BENCH_SYNC_MICROSECONDS");
    int result = real(file);
    if (microseconds)
        usleep((useconds_t)atoi(microseconds));
    return result;
}

int fsync(int file)
{
    return later("fsync", file);
}

int fdatasync(int file)
{
    return later("fdatasync", file);
}
