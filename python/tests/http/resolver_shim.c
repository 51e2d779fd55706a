/* Stands before the C library's getaddrinfo: "shop.test" is 127.0.0.1 and 127.0.0.2 in turn, as with balancing by DNS, and each look-up
   of it leaves a byte in the file $LOOKUPS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static atomic_uint count;
    lookup real = (lookup)dlsym(RTLD_NEXT, "getaddrinfo");
    if (node != NULL && strcmp(node, "shop.test") == 0) {
        int file = open(getenv("LOOKUPS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
        if (write(file, "x", 1) == 1) {
            close(file);
        }
        node = atomic_fetch_add(&count, 1) % 2 ? "127.0.0.2" : "127.0.0.1";
    }
    return real(node, service, hints, found);
}
