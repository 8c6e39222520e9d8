// maru serve | check | new-epoch | config | version (product.md, architecture.md: app).
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "app/check_command.hpp"
#include "app/config.hpp"
#include "app/exit_codes.hpp"
#include "app/new_epoch_command.hpp"
#include "app/random.hpp"
#include "app/read_fault.hpp"
#include "app/server.hpp"
#include "app/start_warnings.hpp"
#include "app/version.hpp"
#include "base/log.hpp"
#include "base/memory.hpp"

namespace maru::app {
namespace {

constexpr int kTickSeconds = 1;

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
      // What a tick did not come to, the next one does.
      [[maybe_unused]] const bool done = memory::survive([&] { server.tick(); });
    }
  }
}

void configure_log(const Config& config) {
  const auto by_default = isatty(STDERR_FILENO) ? log::Format::kText : log::Format::kJson;
  log::configure(config.log_format.value_or(by_default), config.log_level);
}

// The log's thread, for as long as the server runs. What it has not written by the end of a drain's
// four seconds is lost.
class LogThread {
 public:
  explicit LogThread(std::size_t bytes) {
    log::start(bytes);
    end_of_others_ = std::set_terminate(write_and_end);
  }
  ~LogThread() {
    const auto spent = std::chrono::steady_clock::now() - stopping_since_;
    const auto left = kStop - std::chrono::duration_cast<std::chrono::milliseconds>(spent);
    log::stop(std::clamp(left, kLeast, kStop));
  }
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;

  void begin_stop() { stopping_since_ = std::chrono::steady_clock::now(); }

 private:
  static constexpr std::chrono::milliseconds kStop{3'900};
  static constexpr std::chrono::milliseconds kLeast{100};

  static void write_and_end() {
    log::flush(std::chrono::seconds(1));
    end_of_others_();
  }

  static inline std::terminate_handler end_of_others_ = nullptr;
  std::chrono::steady_clock::time_point stopping_since_ = std::chrono::steady_clock::now();
};

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

  memory::prepare();
  LogThread log_thread(config.budgets.log_bytes);
  log_settings(config);
  Server server(config);
  if (const auto started = server.start(); !started) {
    log::error("start_failed", {{"reason", started.error().detail}});
    return kExitFailure;
  }
  run_until_signalled(server, signals, hangup);
  log_thread.begin_stop();
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

// A descriptor that is closed is the next one opened: without this, a server that was started with
// 0 to 2 closed would write its log into a file of the store.
bool hold_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free one, which is this.
    const int opened = ::open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    if (opened != descriptor) return false;
  }
  return true;
}

}  // namespace
}  // namespace maru::app

int main(int argc, char** argv) {
  if (!maru::app::hold_standard_descriptors()) return maru::app::kExitFailure;
  return maru::app::run(std::vector<std::string>(argv + 1, argv + argc));
}
