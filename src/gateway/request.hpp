// What a client asked for, whichever way: a REST call (rest/call.hpp) or a socket's event
// (events/event_call.hpp). What an operation needs to know of the one who asks is behind this, so
// that it reads the same for both (flow.hpp). It lives in the task that serves it, on its I/O
// thread, but for what is said to be for a reader.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/job.hpp"
#include "gateway/context.hpp"
#include "gateway/identity/who.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/tasks/task.hpp"

namespace maru::gateway {

// From one bucket, or from two: from both or from none.
struct Tolls {
  Tolls(Toll toll) : items{toll}, count(1) {}  // NOLINT(google-explicit-constructor)
  Tolls(Toll first, Toll second) : items{first, second}, count(2) {}
  [[nodiscard]] std::span<const Toll> span() const { return std::span(items).first(count); }
  std::array<Toll, 2> items{};
  std::size_t count = 0;
};

class Request {
 public:
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;

  [[nodiscard]] Context& context() const { return context_; }
  [[nodiscard]] bool is_open() const { return context_.options.auth == AuthMode::kOpen; }

  // ---- who asks ----
  // In that snapshot; on a reader. Errors: kUnauthenticated, kValidationFailed (open: nobody named;
  // the field), kNotFound (no such user; the field).
  [[nodiscard]] virtual Result<Caller> identify(chat::Snapshot& snapshot, const Asks& asks) = 0;
  // The same where it takes no look into the store.
  [[nodiscard]] virtual std::optional<Caller> known(const Asks& asks) const = 0;
  // Whose share of the reading it is. A user whom nothing but the request names is nobody here: one
  // address would be as many readers as it knows names.
  [[nodiscard]] virtual Toll read_share(const Caller& caller) const = 0;

  // ---- rates ----
  // Takes from the buckets: how long to wait before going on, or the refusal. `actor`: whose
  // buckets they are, if anybody's.
  [[nodiscard]] virtual Result<std::int64_t> pay(const Tolls& tolls, const UserId& actor) = 0;
  // That wait; what else the client asks on the same connection waits, too.
  virtual Task<void> delay(std::int64_t delay_ms) = 0;
  // As many bulk reads of that reader wait as may.
  [[nodiscard]] virtual std::unexpected<Error> refuse_read() = 0;

  // ---- waiting ----
  // Dropped unrun at a stop.
  virtual void after(std::int64_t delay_ms, Job job) = 0;
  // Set once nobody waits for the answer any more; read by any thread. Null: not to be known.
  [[nodiscard]] virtual const std::atomic<bool>* gone() const { return nullptr; }

  // ---- the audit trail ----
  // What that user did to the chat, and from where (quality.md 1, row 30).
  virtual void audit(std::string_view event, const UserId& user, const ChatId& chat) const = 0;

 protected:
  explicit Request(Context& context) : context_(context) {}

 private:
  Context& context_;
};

}  // namespace maru::gateway
