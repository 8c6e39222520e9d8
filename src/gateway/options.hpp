// What the gateway can be told by the configuration. One struct, immutable after start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace maru::gateway {

enum class AuthMode : std::uint8_t {
  kAccounts,  // identity only from the session
  kOpen,      // the original's semantics: the nickname is the identity (product.md, "Identity")
};

struct GatewayOptions {
  AuthMode auth = AuthMode::kAccounts;
  std::vector<std::string> allowed_origins;  // CLIENT_URL, normalised "scheme://host[:port]"
  bool recovery_default = false;             // --recovery; a socket may choose for itself
  bool rate_limits = true;                   // quality.md 1, rows 7, 8, 22, 23
  bool own_tls = false;
  std::string version;      // of the program
  std::string store_epoch;  // changes only when a store is restored
  std::int64_t session_idle_ms = 30LL * 24 * 3600 * 1000;
  std::int64_t leave_grace_ms = 2'000;
  std::size_t leaves_waiting_max = 65'536;  // for that, of one I/O thread; past it they do not wait
  std::size_t connections_per_user = 100;   // 0: no cap; lifted with the rate limits
  std::size_t commands_in_flight_max = 32;  // per socket; past it its input waits
  // Rates (quality.md 1, row 23), per second and burst.
  double messages_per_user = 10, messages_per_user_burst = 20;
  double messages_per_room = 50, messages_per_room_burst = 100;
  double events_per_connection = 30, events_per_connection_burst = 60;
  double joins_per_user = 5, joins_per_user_burst = 20;
  double history_per_user = 10, history_per_user_burst = 50;
  // What lists, search, history and watches of presence read, in hundreds of rows of the store; ten
  // thousand rows take a reader some ten milliseconds. Of a network: a school behind one address.
  double reads_per_user = 100, reads_per_user_burst = 1'000;
  double reads_per_ip = 1'000, reads_per_ip_burst = 10'000;
  // Of one reader waiting while another of theirs is answered; past it 429. Lifted with the rates.
  std::size_t reads_waiting_per_user = 16, reads_waiting_per_ip = 64;
  double logins_per_ip_minute = 10;
  double registers_per_ip_minute = 10;
  double open_guests_per_ip_minute = 300;  // a school behind one address
  double password_changes_per_user_minute = 5;
  // Of all strangers together; the hasher does some sixty a second on a core of its own. Past it
  // they wait, up to rate_delay_max_ms.
  double password_hashes = 20, password_hashes_burst = 100;
  // The share of those who come from where they have logged in before: the same, and what one
  // account may take of it.
  double known_password_hashes = 10, known_password_hashes_burst = 60;
  double known_hashes_per_account_minute = 10;
  std::int64_t rate_delay_max_ms = 5'000;  // honest bursts wait up to this, then rate_limited
};

}  // namespace maru::gateway
