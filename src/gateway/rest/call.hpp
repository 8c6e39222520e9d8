// One REST request on its way from the router to its answer. It lives in the task that serves it
// (router.cpp), on its I/O thread; a query of that task may use it on a reader meanwhile. It is
// answered exactly once: if its task ends without (a queue that closes, a stop), it is answered
// 503 by that.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/job.hpp"
#include "gateway/context.hpp"
#include "gateway/counters.hpp"
#include "gateway/gateway.hpp"
#include "gateway/identity/auth.hpp"
#include "gateway/limits/read_turns.hpp"
#include "gateway/request.hpp"
#include "gateway/rest/answer.hpp"
#include "gateway/tasks/task_runner.hpp"
#include "net/http.hpp"

namespace maru::gateway::rest {

// What all calls of one I/O thread share.
struct Services {
  Services(Context c, Probes p)
      : context(std::move(c)),
        probes(std::move(p)),
        post([&thread = context.thread](Job job) { thread.post(std::move(job)); }),
        is_here([&thread = context.thread] { return thread.on_this_thread(); }),
        tasks({[this](Job job) { post(std::move(job)); }, [this] { return is_here(); }}) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  Context context;
  Probes probes;
  Counters counters;
  std::atomic<std::size_t> calls_without_room{0};  // that wait for some: answer_room.cpp
  std::function<void(Job)> post;                   // to the I/O thread; any thread
  std::function<bool()> is_here;                   // any thread
  // As post(), but later; I/O thread. What is waiting when the thread ends is dropped.
  std::function<void(std::int64_t delay_ms, Job)> post_after;
  TaskRunner tasks;  // last: what they hold uses the rest
};

class Call final : public Request {
 public:
  using Respond = std::move_only_function<void(net::HttpResponse)>;  // any thread
  // Whether the client has gone; set by its I/O thread, read by any. Null: it never goes.
  using Gone = std::shared_ptr<const std::atomic<bool>>;
  static constexpr std::size_t kParametersMax = 2;

  Call(Services& services, net::RequestHead&& head, std::string request_id, std::size_t operation,
       Respond respond, Gone gone = {});
  ~Call() override;

  [[nodiscard]] Services& services() const { return services_; }
  [[nodiscard]] const net::RequestHead& head() const { return head_; }
  [[nodiscard]] const std::string& request_id() const { return request_id_; }
  [[nodiscard]] const Credentials& credentials() const { return credentials_; }
  // The id in the path, "/chats/:chat/join", from 0.
  [[nodiscard]] std::string_view parameter(std::size_t index) const { return parameters_[index]; }
  void set_parameter(std::size_t index, std::string value) {
    parameters_[index] = std::move(value);
  }
  [[nodiscard]] net::QueryValue query(std::string_view name) const {
    return net::query_value(head_.query(), name);
  }

  // ---- Request ----
  [[nodiscard]] Result<Caller> identify(chat::Snapshot& snapshot, const Asks& asks) override;
  [[nodiscard]] std::optional<Caller> known(const Asks& asks) const override;
  [[nodiscard]] Toll read_share(const Caller& caller) const override;
  [[nodiscard]] Result<std::int64_t> pay(const Tolls& tolls, const UserId& actor) override;
  Task<void> delay(std::int64_t delay_ms) override;
  [[nodiscard]] std::unexpected<Error> refuse_read() override;
  void after(std::int64_t delay_ms, Job job) override {
    services_.post_after(delay_ms, std::move(job));
  }
  [[nodiscard]] const std::atomic<bool>* gone() const override { return gone_.get(); }
  void audit(std::string_view event, const UserId& user, const ChatId& chat) const override;

  // identify() has found out who asks, so far as it matters: what a call checks before it asks the
  // store (ids, bodies) tells a dead session nothing (router.cpp).
  void identity_is_known() { is_identified_ = true; }
  [[nodiscard]] bool is_identified() const { return is_identified_; }

  // The session of the request's token is over: a browser is told to drop its cookie with the 401.
  void session_is_over() { drops_cookie_ = credentials_.source == TokenSource::kCookie; }

  // Reserved for the answer, which takes it along.
  void hold(SharedBudget::Lease lease) { lease_ = std::move(lease); }
  // It will need so much of that at most, as is known by now.
  void shrink_room(std::size_t bytes) { lease_.resize(bytes); }
  // Nobody waits for the answer any more. Any thread.
  [[nodiscard]] bool is_aborted() const { return gone_ && gone_->load(std::memory_order_relaxed); }
  // The turn ends with the answer.
  void hold(ReadTurns::Turn turn) { turn_ = std::move(turn); }

  void answer(Answer answer);
  // `error` is logged or answered by its code, with the fields that add_to_problem() gave.
  void problem(const Error& error);
  void add_to_problem(Fields fields) { problem_fields_ = std::move(fields); }

  // ---- refusals: the error to end with; its fields are added ----
  // Takes one from the bucket. The 429 has Retry-After and RateLimit.
  [[nodiscard]] Result<void> take(Rate rate, std::uint64_t key);
  // The same from those of the client's networks (tolls_of_network).
  [[nodiscard]] Result<void> take_of_network(Rate rate);
  // Of a bucket that had too little. `actor`: whose bucket it was, if anybody's.
  [[nodiscard]] std::unexpected<Error> refuse_rate(const Toll& toll, const UserId& actor = {});
  // Failed logins of that account must wait.
  [[nodiscard]] std::unexpected<Error> login_delayed(std::int64_t delay_ms);

 private:
  Services& services_;
  net::RequestHead head_;
  std::string request_id_;
  const std::size_t operation_;
  Respond respond_;
  SharedBudget::Lease lease_;
  Gone gone_;
  ReadTurns::Turn turn_;
  Credentials credentials_;
  bool drops_cookie_ = false;
  bool is_identified_ = false;
  Fields problem_fields_;
  std::array<std::string, kParametersMax> parameters_;
  std::chrono::steady_clock::time_point started_;
};
using CallPtr = std::unique_ptr<Call>;

// The fields that every REST answer carries (quality.md 1, rows 2, 15 and 27). Those that are the
// same for all answers of the server are in gateway/security_fields.hpp.
void add_common_fields(net::HttpResponse& response, const Context& context,
                       const net::RequestHead& head, std::string_view request_id);

}  // namespace maru::gateway::rest
