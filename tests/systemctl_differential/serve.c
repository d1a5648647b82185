/* Loaded into systemctl by the dynamic loader, without a change to the program: runs its main once
 * for each request, in a child of its own, so that its libraries are bound once and not a thousand
 * times. Standard input is a socket. A request is a number of bytes and so many bytes of words, each
 * ended by a NUL: the working directory, what standard output is (kept, closed or full), variables of the
 * environment as NAME=VALUE, an empty word, the arguments. The answer is the wait status. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
/* The oldest version of it, which the C library of every original has. */
__asm__(".symver dlsym,dlsym@GLIBC_2.2.5");
#endif

enum { MOST_BYTES = 1 << 16, MOST_WORDS = 256 };

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void),
                           void (*)(void), void *);

static main_function *program;
extern char **environ;

static int take(void *to, size_t bytes)
{
    char *at = to;
    while (bytes > 0) {
        ssize_t got = read(STDIN_FILENO, at, bytes);
        if (got <= 0)
            return 0;
        at += got;
        bytes -= (size_t)got;
    }
    return 1;
}

/* A directory that is not there leaves us where we are. */
static int place(const char *directory, const char *output)
{
    int here = chdir(directory) == 0 || chdir("/") == 0;
    if (strcmp(output, "closed") == 0)
        close(STDOUT_FILENO);
    if (strcmp(output, "full") == 0) {
        int full = open("/dev/full", O_WRONLY);
        dup2(full, STDOUT_FILENO);
        close(full);
    }
    return here;
}

static char *next(char *word)
{
    return word + strlen(word) + 1;
}

static int run(char *words, uint32_t bytes)
{
    static char own_name[] = "systemctl";
    char *argv[MOST_WORDS + 1] = { own_name };
    char *output = next(words);
    char *word = next(output);
    int count = 1;
    for (; word < words + bytes && *word != '\0'; word = next(word))
        putenv(word);
    for (word += 1; word < words + bytes && count < MOST_WORDS; word = next(word))
        argv[count++] = word;
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    close(nothing);
    if (!place(words, output))
        return 127;
    return program(count, argv, environ);
}

static int serve(int count, char **argv, char **environment)
{
    static char words[MOST_BYTES];
    uint32_t bytes;
    (void)count;
    (void)argv;
    (void)environment;
    while (take(&bytes, sizeof bytes) && bytes <= sizeof words && take(words, bytes)) {
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            return run(words, bytes);
        if (child < 0 || waitpid(child, &status, 0) != child)
            return 1;
        if (write(STDIN_FILENO, &status, sizeof status) != sizeof status)
            return 1;
    }
    return 0;
}

int __libc_start_main(main_function *main, int count, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    start_function *start = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");
    program = main;
    return start(serve, count, argv, init, fini, rtld_fini, stack_end);
}
