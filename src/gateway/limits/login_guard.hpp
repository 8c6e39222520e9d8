// Holds back the guessing of passwords (quality.md 1, row 7). Logins that fail in a row are counted
//
//   of an account from one network   the next one waits 1 s, doubling to 15 min
//   of an account from anywhere      each network counts up to 4 times; past 20 failures networks
//                                    that never logged in to the account wait, 1 s doubling to
//                                    15 min
//
// so that a stranger can lock out neither others nor, from a few networks, newcomers, and many
// networks together do not get many guesses. Names without an account are counted too. A counter is
// forgotten 24 h after its last delay, or by a success; it is stored with each failure, so that a
// restart forgets nothing. A network is known for 30 days after a login, or a later attempt, until
// a restart; after one, KnownNetworks says whether it is.
//
// An attempt is counted before the password is looked at: of many at the same time at most four of
// an account and network are let through. Any thread; never blocks. Memory is fixed (512 KiB): when
// it is full the oldest counters go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "chat/ports/command_log.hpp"
#include "gateway/options.hpp"

namespace maru::gateway {

class LoginGuard {
 public:
  // So many counters are kept in memory and in the store.
  static constexpr std::size_t kCountersMax = 65'536;

  // `clock` is that of lifetimes (SettledClock). `commands` takes what is to be stored. When it is
  // full a failure is not: the counter in memory holds. All three outlive the guard.
  LoginGuard(const GatewayOptions& options, const Clock& clock, chat::CommandLog& commands);
  ~LoginGuard();
  LoginGuard(const LoginGuard&) = delete;
  LoginGuard& operator=(const LoginGuard&) = delete;

  // One of the two counters, as begin() left it.
  struct Counted {
    chat::LoginKey key{};
    bool counted = false;
    std::int64_t until_before = 0;
    std::int64_t until_ahead = 0;
  };
  struct Attempt {
    std::int64_t delay_ms = 0;  // > 0: too early; nothing was counted, and nothing more is to call
    Counted network;
    Counted account;
  };
  // Where an attempt comes from: KnownNetworks says so where it lasts over a restart.
  enum class From : std::uint8_t { kAnywhere, kKnownNetwork };
  // `peer_address` is net::RequestHead's. Exactly one of the three below ends an admitted attempt.
  [[nodiscard]] Attempt begin(std::string_view folded_name, std::string_view peer_address,
                              From from = From::kAnywhere);
  // `stored` is called once the failure is durable, on the sequencer's thread, or at once where it
  // cannot be stored: whoever answers then gives out no guess that a restart would give again.
  void failed(const Attempt& attempt, std::move_only_function<void()> stored);
  void succeeded(const Attempt& attempt);
  void not_tried(const Attempt& attempt);  // the password was never looked at

  // What was stored, at start. Before any attempt.
  void restore(std::span<const chat::LoginFailures> counters);
  // Lets the store forget what has been forgotten here. Now and then.
  void expire();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
