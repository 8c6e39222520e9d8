// What the event handlers of one I/O thread share: its sockets, answers, and the three ways to ask
// others (readers, sequencer, later) whose answers come back to this thread by key. Owner thread
// only. It outlives the queries and commands that it has sent: app/ stops the readers and the
// sequencer before it goes, and a task posted to an ended I/O thread is dropped.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/task.hpp"
#include "gateway/context.hpp"
#include "gateway/delayed_tasks.hpp"
#include "gateway/events/client_session.hpp"
#include "gateway/events/leave_grace.hpp"
#include "gateway/events/presence_check.hpp"
#include "gateway/events/session_check.hpp"
#include "gateway/events/session_table.hpp"
#include "gateway/rate_limiter.hpp"
#include "json/reader.hpp"

namespace maru::gateway {

// An event on its way to its handler. Views end with the call.
struct EventCall {
  std::string_view name;
  json::Value payload;    // arguments[1]
  std::string_view text;  // the whole array
  Caller caller;
  bool binary = false;
  const Error* refused =
      nullptr;  // well-formed, but past a bound of the parser: no name, no payload
  Admission admission = Admission::kNone;
  std::int64_t waited_ms = 0;
};
// The same, to be taken up once more later.
[[nodiscard]] HeldEvent hold_on_to(const EventCall& call);
// Without its payload: for RealtimeCore::admit() after a look.
[[nodiscard]] EventCall later_call(const HeldEvent& held, SessionKey session,
                                   std::string_view name);

// Whether the socket's next events wait until this one has its answer. They must where a later one
// could overtake it on its way to the sequencer, and where it attaches or detaches: one such event
// at a time.
enum class Input : std::uint8_t { kFlows, kWaits };

class RealtimeCore {
 public:
  explicit RealtimeCore(Context& context_in);
  ~RealtimeCore();
  RealtimeCore(const RealtimeCore&) = delete;
  RealtimeCore& operator=(const RealtimeCore&) = delete;

  Context& context;
  fanout::RoomIndex& rooms;
  SessionTable sessions;
  DelayedTasks delays;
  LeaveGrace leaves;
  SessionCheckState checks;
  PresenceCheckState presence_checks;

  // ---- events in ----
  void receive(ClientSession& session, const EventCall& call);
  // Handles what waits in line as long as nothing blocks. The session may be gone after it.
  void drain(SessionKey key);
  // Takes one from each bucket, or from none. False: the event was put in line for later, or
  // refused; the handler returns. Called once per handler, before anything has an effect. All that
  // an event waits for its rates is bounded by rate_delay_max_ms.
  [[nodiscard]] bool admit(ClientSession& session, const EventCall& call,
                           std::initializer_list<Toll> tolls, Admission reached = Admission::kAll);

  // ---- answers ----
  // `arguments_json` is a whole JSON array. Nothing happens without an ack.
  void acknowledge(ClientSession& session, const Caller& caller, std::string_view arguments_json);
  // `{ok:false,error:{problem}}`, or the event `problem` without an ack.
  void refuse(ClientSession& session, const Caller& caller, const Error& error);
  std::string next_request_id();

  // ---- asking others ----
  // `work` (Result<R>(chat::Snapshot&)) runs on a reader; `then` (void(ClientSession&, Result<R>))
  // here, unless the socket is gone by then. kOverloaded comes at once when the readers are full.
  template <class R, class Work, class Then>
  void query(ClientSession& session, Input input, Work work, Then then);
  // `then` is void(ClientSession&, chat::Reply).
  template <class Then>
  void submit(ClientSession& session, Input input, chat::CommandBody body, Then then);
  // `then` is void(ClientSession&, T); gives the callback that SoftState asks for.
  template <class T, class Then>
  std::move_only_function<void(T)> answer_here(ClientSession& session, Then then);

  void post_self(Task task) { context.thread.post(std::move(task)); }
  // Runs visit(RealtimeCore&) there, on that thread; dropped if it has ended.
  template <class Visit>
  void post_to(unsigned thread, Visit visit) {
    context.all_threads.at(thread)->post(
        [&cores = context.realtime_cores, thread, visit = std::move(visit)]() mutable {
          if (RealtimeCore* there = cores[thread]) visit(*there);
        });
  }

 private:
  void refuse_for_rate(ClientSession& session, const EventCall& call, const Toll& toll);
  void begin(ClientSession& session, Input input);
  void finish(SessionKey key, Input input);

  json::Parser parser_;
  bool draining_ = false;
  std::uint64_t requests_ = 0;
};

template <class R, class Work, class Then>
void RealtimeCore::query(ClientSession& session, Input input, Work work, Then then) {
  const SessionKey key = session.key;
  // Shared, for a refused query may have been moved from.
  auto answer = std::make_shared<Then>(std::move(then));
  begin(session, input);
  const bool posted = context.queries.post(
      [this, key, input, answer, work = std::move(work)](chat::Snapshot& snapshot) mutable {
        context.thread.post([this, key, input, answer = std::move(answer),
                             result = Result<R>(work(snapshot))]() mutable {
          if (ClientSession* asker = sessions.find(key)) (*answer)(*asker, std::move(result));
          finish(key, input);
        });
      });
  if (posted) return;
  (*answer)(session, fail(ErrorCode::kOverloaded, "Too much to read at the moment."));
  finish(key, input);
}

template <class Then>
void RealtimeCore::submit(ClientSession& session, Input input, chat::CommandBody body, Then then) {
  const SessionKey key = session.key;
  auto answer = std::make_shared<Then>(std::move(then));
  begin(session, input);
  chat::Command command{
      std::move(body), [this, key, input, answer](chat::Reply reply) {
        context.thread.post([this, key, input, answer, reply = std::move(reply)]() mutable {
          if (ClientSession* asker = sessions.find(key)) (*answer)(*asker, std::move(reply));
          finish(key, input);
        });
      }};
  if (context.commands.submit(std::move(command))) return;
  (*answer)(session, fail(ErrorCode::kOverloaded, "Too much to do at the moment."));
  finish(key, input);
}

template <class T, class Then>
std::move_only_function<void(T)> RealtimeCore::answer_here(ClientSession& session, Then then) {
  const SessionKey key = session.key;
  begin(session, Input::kFlows);
  return [this, key, then = std::move(then)](T value) mutable {
    context.thread.post([this, key, then = std::move(then), value = std::move(value)]() mutable {
      if (ClientSession* asker = sessions.find(key)) then(*asker, std::move(value));
      finish(key, Input::kFlows);
    });
  };
}

}  // namespace maru::gateway
