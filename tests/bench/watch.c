/* watch - runs a command while the kernel reports what changes on the file system of a directory, as it does to an audit, and
   drops the reports: the least that any audit takes which has to hear of each change.
   Usage: watch DIRECTORY COMMAND...; exits as the command does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif

int main(int count, char **words) {
  static char reports[1 << 16];
  int watch = fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF | FAN_UNLIMITED_QUEUE | FAN_REPORT_DIR_FID |
                                FAN_REPORT_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID,
                            O_RDONLY | O_CLOEXEC);
  if (count < 3 || watch < 0 ||
      fanotify_mark(watch, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                    FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_OPEN_EXEC | FAN_ONDIR,
                    AT_FDCWD, words[1])) {
    perror("watch");
    return 125;
  }
  pid_t child = fork();
  if (child == 0) {
    execvp(words[2], words + 2);
    _exit(127);
  }
  int ended = syscall(SYS_pidfd_open, child, 0);
  struct pollfd both[] = {{.fd = watch, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
  do {
    poll(both, 2, -1);
    while (read(watch, reports, sizeof reports) > 0) {
    }
  } while (!both[1].revents);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
