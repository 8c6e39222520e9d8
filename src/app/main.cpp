// maru serve | check | new-epoch | config | version (product.md, architecture.md: app).
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "app/check_command.hpp"
#include "app/config.hpp"
#include "app/exit_codes.hpp"
#include "app/new_epoch_command.hpp"
#include "app/random.hpp"
#include "app/read_fault.hpp"
#include "app/server.hpp"
#include "app/version.hpp"
#include "base/log.hpp"

namespace maru::app {
namespace {

constexpr int kTickSeconds = 60;

enum class Hangup : std::uint8_t { kReload, kDrain, kIgnore };

// SIGHUP loads the TLS files again. Without TLS it means what it means to any program: its terminal
// is gone; unless there was none, or nohup says not to mind.
Hangup meaning_of_hangup(const Config& config) {
  if (!config.tls_cert.empty()) return Hangup::kReload;
  struct sigaction inherited{};
  sigaction(SIGHUP, nullptr, &inherited);
  if (inherited.sa_handler == SIG_IGN) return Hangup::kIgnore;
  return isatty(STDIN_FILENO) || isatty(STDERR_FILENO) ? Hangup::kDrain : Hangup::kIgnore;
}

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

const char* name_of(int signal) {
  return signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP";
}

// Until a signal ends it.
void run_until_signalled(Server& server, const sigset_t& signals, Hangup hangup) {
  const timespec tick{kTickSeconds, 0};
  for (;;) {
    const int signal = sigtimedwait(&signals, nullptr, &tick);
    if (signal == SIGTERM || signal == SIGINT || (signal == SIGHUP && hangup == Hangup::kDrain)) {
      log::info("draining", {{"signal", name_of(signal)}});
      return;
    }
    if (signal == SIGHUP) {
      if (hangup == Hangup::kReload) server.reload_tls();
    } else {
      server.tick();
    }
  }
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
  const Hangup hangup = meaning_of_hangup(config);
  // Blocked before any thread starts, so that only this one takes them.
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of the write, no death
  end_on_read_fault();

  Server server(config);
  if (const auto started = server.start(); !started) {
    log::error("start_failed", {{"reason", started.error().detail}});
    return kExitFailure;
  }
  run_until_signalled(server, signals, hangup);
  server.drain();
  log::info("stopped", {});
  return kExitDone;
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
      return kExitDone;
    case Verb::kVersion:
      std::printf("maru %s\n", std::string(version_with_commit()).c_str());
      return kExitDone;
    case Verb::kConfig:
      std::printf("%s", sample_config().c_str());
      return kExitDone;
    case Verb::kCheck:
      return check_command(*config);
    case Verb::kNewEpoch:
      return new_epoch_command(*config);
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
