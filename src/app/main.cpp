// maru serve | version | check (product.md, architecture.md: app).
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "app/check_command.hpp"
#include "app/config.hpp"
#include "app/random.hpp"
#include "app/server.hpp"
#include "base/log.hpp"

namespace maru::app {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kTickSeconds = 60;

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

void configure_log(const Config& config) {
  const auto by_default = isatty(STDERR_FILENO) ? log::Format::kText : log::Format::kJson;
  log::configure(config.log_format.value_or(by_default), config.log_level);
}

int serve(const Config& config) {
  configure_log(config);
  if (!start_random()) {
    log::error("no_randomness", {});
    return kExitFailure;
  }
  // Blocked before any thread starts, so that only this one takes them.
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  Server server(config);
  if (const auto started = server.start(); !started) {
    log::error("start_failed", {{"reason", started.error().detail}});
    return kExitFailure;
  }
  const timespec tick{kTickSeconds, 0};
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &tick);
    if (signal == SIGTERM || signal == SIGINT) {
      log::info("draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      break;
    }
    if (signal == SIGHUP) {
      server.reload_tls();
    } else {
      server.tick();
    }
  }
  server.drain();
  log::info("stopped", {});
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const auto config = load_config(arguments, process_environment());
  if (!config) {
    std::fprintf(stderr, "maru: %s\nmaru: see maru --help\n", config.error().detail.c_str());
    return kExitUsage;
  }
  switch (config->verb) {
    case Verb::kHelp:
      std::printf("%s", config->help_text.c_str());
      return 0;
    case Verb::kVersion:
      std::printf("maru %s\n", MARU_VERSION);
      return 0;
    case Verb::kCheck:
      return check_command(*config);
    case Verb::kServe:
      return serve(*config);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace maru::app

int main(int argc, char** argv) {
  return maru::app::run(std::vector<std::string>(argv + 1, argv + argc));
}
