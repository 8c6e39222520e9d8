// Child processes of a benchmark: started on a core of their own, measured by /proc, stopped by
// pid.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace loadgen {

inline constexpr int kServerCore = 0;
inline constexpr int kLoadCore = 1;

// Say so on stderr where they cannot.
void pin_to_core(int core);
void unpin();
// The soft limit of open files becomes the hard one. Ends the program if that is below `needed`.
void raise_descriptor_limit(std::size_t needed);
// Once, first: whatever ends this program also ends its servers and removes their directories.
void clean_up_on_exit();

// CPU time of a process, user and system, of all its threads.
double cpu_seconds(pid_t pid);
// Resident bytes (VmRSS).
std::size_t resident_bytes(pid_t pid);

struct ServerProcess {
  pid_t pid = 0;
  std::uint16_t port = 0;
  double ready_after_s = 0;
  std::string scratch_dir;  // goes with it; empty: it has a store of the caller's
};
// kOne: kServerCore.
enum class Cores : std::uint8_t { kOne, kAll };
// Starts the binary and waits for its `ready` line. Ends the program with a message if it does not
// come. `store`: its data directory, which stays; empty: a fresh one.
ServerProcess start_server(const std::string& binary, const std::vector<std::string>& extra,
                           Cores cores = Cores::kOne, const std::string& store = {});
// SIGTERM, waits, removes a fresh data directory. Ends the program unless the server ended well.
void stop_server(const ServerProcess& server);

// Runs `body` in a child pinned to kServerCore.
pid_t fork_pinned(const std::function<void()>& body);
void kill_and_wait(pid_t pid);

double now_s();

}  // namespace loadgen
