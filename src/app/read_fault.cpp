#include "app/read_fault.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string_view>

#include "base/log.hpp"

namespace maru::app {
namespace {

constexpr int kExitStoreFatal = 70;  // as storage/sqlite's stop_process

void end_unheard(int) {
  ::_exit(kExitStoreFatal);
}

// A signal handler may write and end, not log. What waits in the log goes first. If nobody reads
// stderr, the alarm ends the write.
void say_and_end(int) {
  struct sigaction unheard{};
  unheard.sa_handler = end_unheard;
  sigemptyset(&unheard.sa_mask);
  sigaction(SIGALRM, &unheard, nullptr);
  ::alarm(2);
  log::flush(std::chrono::seconds(1));
  constexpr std::string_view kLine =
      "{\"level\":\"error\",\"event\":\"store_fatal\",\"reason\":\"a page of the store's file"
      " cannot be read (SIGBUS); `maru check` tells more\"}\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kLine.data(), kLine.size());
  ::_exit(kExitStoreFatal);
}

}  // namespace

void end_on_read_fault() {
  struct sigaction action{};
  action.sa_handler = say_and_end;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace maru::app
