#include "loadgen/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>

#include "loadgen/die.hpp"

namespace loadgen {

namespace {

void run_on(const cpu_set_t& set, std::string_view where) {
  if (sched_setaffinity(0, sizeof set, &set) == 0) return;
  fmt::print(stderr, "maru_load: not pinned to {} ({}): these figures compare with no others\n",
             where, std::strerror(errno));
}

}  // namespace

void pin_to_core(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  run_on(set, fmt::format("core {}", core));
}

void unpin() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  for (int core = 0; core < cores; ++core) CPU_SET(core, &set);
  run_on(set, "all cores");
}

void raise_descriptor_limit(std::size_t needed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die_of_errno("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die_of_errno("setrlimit");
  if (limit.rlim_max < needed) {
    die("{} open files are needed, and the hard limit is {} (ulimit -Hn)", needed, limit.rlim_max);
  }
}

double cpu_seconds(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  // Fields 14 and 15, counted after the command's closing bracket.
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::size_t resident_bytes(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

namespace {

// What must not outlive this process: servers are killed, their directories removed.
struct Cleanup {
  pid_t owner = getpid();  // not a forked child's business
  std::vector<ServerProcess> servers;
  std::once_flag once;
} cleanup;

void clean_up_once() {
  for (const ServerProcess& server : cleanup.servers) {
    if (server.pid > 0) kill_and_wait(server.pid);
    std::error_code ignored;
    std::filesystem::remove_all(server.scratch_dir, ignored);
  }
}

void clean_up() {
  if (getpid() != cleanup.owner) return;
  // A signal may come while the main thread ends, too; whoever is second waits.
  std::call_once(cleanup.once, clean_up_once);
}

std::string make_scratch_dir() {
  std::string path = (std::filesystem::temp_directory_path() / "maru-load-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) die_of_errno("mkdtemp");
  return path;
}

[[noreturn]] void run_binary(const std::string& binary, const std::string& data_dir, int log,
                             const std::vector<std::string>& extra, Cores cores) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (cores == Cores::kOne) {
    pin_to_core(kServerCore);
  } else {
    unpin();  // this program may be pinned by now
  }
  dup2(log, STDERR_FILENO);
  std::vector<std::string> arguments = {binary,      "--port",        "0",      "--host",
                                        "127.0.0.1", "--data-dir",    data_dir, "--log-format",
                                        "json",      "--rate-limits", "off"};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv(binary.c_str(), pointers.data());
  std::perror(binary.c_str());
  _exit(127);
}

std::uint16_t wait_for_port(int log) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(log, buffer, sizeof buffer);
    if (got <= 0) die("the server did not start:\n{}", text);
    text.append(buffer, static_cast<std::size_t>(got));
    const std::size_t ready = text.find("\"event\":\"ready\"");
    const std::size_t port = ready == std::string::npos ? ready : text.find("\"port\":", ready);
    if (port != std::string::npos && text.find('\n', port) != std::string::npos) {
      return static_cast<std::uint16_t>(std::stoi(text.substr(port + 7)));
    }
  }
}

}  // namespace

void clean_up_on_exit() {
  std::atexit(clean_up);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    fmt::print(stderr, "maru_load: ended by signal {}\n", signal);
    clean_up();
    _exit(128 + signal);
  }).detach();
}

ServerProcess start_server(const std::string& binary, const std::vector<std::string>& extra,
                           Cores cores, const std::string& store) {
  ServerProcess server;
  if (store.empty()) server.scratch_dir = make_scratch_dir();
  const std::string data_dir = store.empty() ? server.scratch_dir + "/data" : store;
  cleanup.servers.push_back(server);
  int log[2];
  if (pipe(log) != 0) die_of_errno("pipe");
  const double begun = now_s();
  server.pid = fork();
  if (server.pid < 0) die_of_errno("fork");
  if (server.pid == 0) run_binary(binary, data_dir, log[1], extra, cores);
  cleanup.servers.back().pid = server.pid;
  close(log[1]);
  server.port = wait_for_port(log[0]);
  server.ready_after_s = now_s() - begun;
  // Later lines go nowhere, but the pipe must not fill up.
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char buffer[4096];
    while (read(log[0], buffer, sizeof buffer) > 0) {
    }
    _exit(0);
  }
  close(log[0]);
  return server;
}

void stop_server(const ServerProcess& server) {
  int status = 0;
  if (kill(server.pid, SIGTERM) != 0 || waitpid(server.pid, &status, 0) != server.pid) {
    die_of_errno("stopping the server");
  }
  std::erase_if(cleanup.servers, [&](const ServerProcess& it) { return it.pid == server.pid; });
  if (!server.scratch_dir.empty()) std::filesystem::remove_all(server.scratch_dir);
  if (status != 0) die("the server ended badly (status {})", status);
}

pid_t fork_pinned(const std::function<void()>& body) {
  const pid_t pid = fork();
  if (pid < 0) die_of_errno("fork");
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin_to_core(kServerCore);
  body();
  _exit(0);
}

void kill_and_wait(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace loadgen
