// The composition root: makes every part, wires them, starts and stops them in order. Only here are
// concrete adapters named. Owner: main's thread.
//
// Start: TLS files and address → store → sequencer → bus → hub → I/O threads. Stop in reverse,
// draining.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "app/config.hpp"
#include "app/path_claim.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/id.hpp"
#include "net/io_thread.hpp"

namespace maru::app {

class Server {
 public:
  explicit Server(const Config& config);
  ~Server();  // drain() or a failed start() before
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Blocks until the server accepts. The error is one sentence for the operator.
  Result<void> start();
  [[nodiscard]] std::uint16_t port() const;

  // Every second or so while it runs. Ends the process with 70 when the data directory is no longer
  // at its path; now and then ends idle login sessions and forgets old failures to
  // log in, and saves what is known of networks.
  void tick();
  // New TLS connections use the files as they are now; on an error the old ones stay.
  void reload_tls();

  // Tells clients, stops accepting, gives them two seconds to go, closes them without `41`, waits
  // for what is being written, and closes the store. Bounded by about four seconds.
  void drain();

 private:
  struct Parts;

  // Nothing without --tls-cert.
  [[nodiscard]] Result<std::shared_ptr<net::Tls>> load_tls() const;
  Result<void> make_parts(const std::optional<TokenHash>& metrics_token);
  void log_start(std::int64_t after_ms) const;
  void recover_memory();

  const Config& config_;
  std::optional<PathClaim> claim_;
  MonotonicTime next_upkeep_;
  std::uint64_t shortage_logged_ = 0;  // of memory
  std::unique_ptr<Parts> parts_;
};

}  // namespace maru::app
