#include "loadgen/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace loadgen {

void pin_to_core(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
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

std::string make_data_dir() {
  std::string path = (std::filesystem::temp_directory_path() / "maru-load-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    std::perror("mkdtemp");
    std::exit(1);
  }
  return path;
}

[[noreturn]] void run_binary(const std::string& binary, const std::string& data_dir, int log,
                             const std::vector<std::string>& extra) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin_to_core(kServerCore);
  dup2(log, STDERR_FILENO);
  std::vector<std::string> arguments = {binary,
                                        "--port",
                                        "0",
                                        "--host",
                                        "127.0.0.1",
                                        "--data-dir",
                                        data_dir + "/data",
                                        "--log-format",
                                        "json",
                                        "--rate-limits",
                                        "off"};
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
    if (got <= 0) {
      std::fprintf(stderr, "the server did not start:\n%s\n", text.c_str());
      std::exit(1);
    }
    text.append(buffer, static_cast<std::size_t>(got));
    const std::size_t ready = text.find("\"event\":\"ready\"");
    const std::size_t port = ready == std::string::npos ? ready : text.find("\"port\":", ready);
    if (port != std::string::npos && text.find('\n', port) != std::string::npos) {
      return static_cast<std::uint16_t>(std::stoi(text.substr(port + 7)));
    }
  }
}

}  // namespace

ServerProcess start_server(const std::string& binary, const std::vector<std::string>& extra) {
  ServerProcess server;
  server.data_dir = make_data_dir();
  int log[2];
  if (pipe(log) != 0) std::exit(1);
  const double begun = now_s();
  server.pid = fork();
  if (server.pid == 0) run_binary(binary, server.data_dir, log[1], extra);
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
  kill(server.pid, SIGTERM);
  waitpid(server.pid, nullptr, 0);
  std::filesystem::remove_all(server.data_dir);
}

pid_t fork_pinned(const std::function<void()>& body) {
  const pid_t pid = fork();
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
