// What the events of one I/O thread share: its sockets, the line in which their events wait, and
// the tasks that serve them. Owner thread only. It outlives the queries and commands that it has
// sent: app/ stops the readers and the sequencer before it goes, and a task posted to an ended I/O
// thread is dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/job.hpp"
#include "base/memory.hpp"
#include "gateway/context.hpp"
#include "gateway/counters.hpp"
#include "gateway/events/client_session.hpp"
#include "gateway/events/event_call.hpp"
#include "gateway/events/presence_check.hpp"
#include "gateway/events/session_check.hpp"
#include "gateway/events/session_table.hpp"
#include "gateway/limits/rate_limiter.hpp"
#include "gateway/tasks/asking.hpp"
#include "gateway/tasks/await.hpp"
#include "gateway/tasks/delayed_tasks.hpp"
#include "gateway/tasks/task_runner.hpp"
#include "json/reader.hpp"
#include "wire/encoded_chat.hpp"

namespace maru::gateway {

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
  SessionCheckState checks;
  PresenceCheckState presence_checks;
  wire::EncodedChats encoded_chats;
  std::size_t leaves_waiting = 0;  // for their grace
  Counters counters;

  // ---- events in ----
  void receive(ClientSession& session, const IncomingEvent& event);
  // Handles what waits in line as long as nothing blocks. The session may be gone after it.
  void drain(SessionKey key);
  void drain_later(SessionKey key) {
    post_self([this, key] { drain(key); });
  }
  // Takes one of the connection's rate. False: the event was put in line for later, or refused.
  [[nodiscard]] bool admit(ClientSession& session, const IncomingEvent& event);
  // Starts a task of the socket: it ends where it waits once that has gone.
  void start(SessionKey session, Task<void> task);
  // Hands over a command of the socket and awaits the outcome without a task: then(ClientSession&,
  // const chat::Reply&), if the socket is still there. For what waits for nothing else.
  template <class Then>
  void submit(ClientSession& session, chat::CommandBody&& body, Then then);
  // Starts one that is no socket's, or none's yet.
  void start(Task<void> task, TaskRunner::Wanted wanted = {}) {
    tasks_.start(std::move(task), std::move(wanted));
  }

  // Ends all of them where they wait: nothing but the delays may hold the right to go on with one.
  void drop_tasks();

  // ---- refusals ----
  // `{ok:false,error:{problem}}`, or the event `problem` without an ack. `operation` as it counts:
  // in operations().
  void refuse(ClientSession& session, std::optional<endpoint::AckId> ack, const Error& error,
              std::size_t operation = Counters::kNoOperation);
  // The same of a bucket that has too little; too many in a row end the socket at once. What it was
  // refused with. `event` as the client called it.
  Error refuse_rate(ClientSession& session, std::optional<endpoint::AckId> ack,
                    std::string_view event, const Toll& toll,
                    std::size_t operation = Counters::kNoOperation);
  std::string next_request_id();

  // ---- other threads, later ----
  void post_self(Job task) { context.thread.post(std::move(task)); }
  // Runs visit(RealtimeCore&) there, on that thread; dropped if it has ended.
  template <class Visit>
  void post_to(unsigned thread, Visit visit) {
    context.all_threads.at(thread)->post(
        [&cores = context.realtime_cores, thread, visit = std::move(visit)]() mutable {
          if (RealtimeCore* there = cores[thread]) visit(*there);
        });
  }
  [[nodiscard]] auto later(std::int64_t delay_ms) {
    return called_back<bool>([this, delay_ms](Giver<bool> give) -> std::optional<bool> {
      delays.after(delay_ms, [give = std::move(give)]() mutable { give(true); });
      return std::nullopt;
    });
  }

  // The socket's client has to come back: there was no memory for what it should have heard.
  void lose(SessionKey session) {
    if (ClientSession* const loser = sessions.find(session)) loser->on_event_lost();
  }

 private:
  template <class Then>
  void go_on(SessionKey key, const chat::Reply& reply, const Then& then);
  // Awaits the reply; dropped without, on any thread, it is kUnavailable.
  template <class Then>
  class Awaiting {
   public:
    Awaiting(RealtimeCore& core, SessionKey key, Then then)
        : core_(&core), key_(key), then_(std::move(then)) {}
    Awaiting(Awaiting&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)),
          key_(other.key_),
          then_(std::move(other.then_)) {}
    Awaiting& operator=(Awaiting&&) = delete;
    Awaiting(const Awaiting&) = delete;
    Awaiting& operator=(const Awaiting&) = delete;
    ~Awaiting() {
      if (core_ == nullptr) return;
      const memory::Patience patience;  // there is no dropping half of it
      core_->post_self([core = core_, key = key_, then = std::move(then_)] {
        core->go_on(key, std::unexpected(stopping()), then);
      });
    }
    void operator()(const chat::Reply& reply) {
      std::exchange(core_, nullptr)->go_on(key_, reply, then_);
    }

   private:
    RealtimeCore* core_;
    SessionKey key_;
    Then then_;
  };

  json::Parser parser_;
  SessionKey draining_ = 0;
  std::uint64_t requests_ = 0;
  TaskRunner tasks_;  // last: what they hold uses the rest
};

template <class Then>
void RealtimeCore::submit(ClientSession& session, chat::CommandBody&& body, Then then) {
  session.begin_operation(context.options.commands_in_flight_max);
  const SessionKey key = session.key;
  chat::Command command{
      std::move(body),
      chat::ReplyHandler(context.thread.index(), Awaiting<Then>(*this, key, std::move(then))),
      {}};
  if (context.commands.submit(std::move(command))) return;
  // A refused command is left as it was. NOLINTNEXTLINE(bugprone-use-after-move)
  command.reply(std::unexpected(overloaded()));
}

template <class Then>
void RealtimeCore::go_on(SessionKey key, const chat::Reply& reply, const Then& then) {
  ClientSession* const session = sessions.find(key);
  if (session == nullptr) return;
  const bool done = memory::survive([&] {
    then(*session, reply);
    session->end_operation(context.options.commands_in_flight_max);
    drain(key);
  });
  if (!done) lose(key);
}

}  // namespace maru::gateway
