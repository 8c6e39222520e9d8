// Random histories with a failing store: whatever happens, the log, the replies and the events must
// tell one story. MARU_TEST_SEEDS sets the number of histories, MARU_TEST_SEED runs one alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "base/log.hpp"
#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::AppendFault;
using testing::check_store;
using testing::CoreHarness;
using testing::new_session;
using testing::outcome_of;

// What the clients and the listeners have been told, kept apart from the store.
class Told {
 public:
  void on_event(const Event& event) {
    if (const auto* record = std::get_if<RecordCommitted>(&event)) {
      auto& records = events_[record->record->chat];
      if (record->record->sequence.value != records.size() + 1) findings.push_back("event order");
      records.push_back(record->record->id);
    } else if (const auto* added = std::get_if<ChatAdded>(&event)) {
      for (const UserId& user : added->users) {
        if (!members_[added->document.chat.id].insert(user).second) {
          findings.push_back("added twice");
        }
      }
      if (added->document.head.value != events_[added->document.chat.id].size()) {
        findings.push_back("the added document is of another place in the stream");
      }
    } else if (const auto* removed = std::get_if<ChatRemoved>(&event)) {
      for (const UserId& user : removed->users) {
        if (members_[removed->chat].erase(user) != 1) findings.push_back("removed a stranger");
      }
    } else if (const auto* revoked = std::get_if<SessionRevoked>(&event)) {
      revoked_.insert(revoked->session);
    }
  }

  void on_reply(const CommandBody& command, const Reply& reply) {
    if (!reply) return;
    if (const auto* sent = std::get_if<Sent>(&*reply)) {
      on_sent(std::get<SendMessage>(command), *sent);
    } else if (const auto* logged_in = std::get_if<LoggedIn>(&*reply)) {
      opened_.insert(logged_in->session.id);
    } else if (const auto* created = std::get_if<ChatCreated>(&*reply)) {
      if (!created->existed && !created_.insert(created->document.chat.id).second) {
        findings.push_back("a chat created twice");
      }
    }
  }

  void compare(const testing::FakeStore& store) {
    std::size_t texts = 0;
    for (const auto& [id, state] : store.chats()) {
      const auto& records = store.records(id);
      if (events_[id].size() != records.size()) findings.push_back("an event is missing");
      for (const RecordPtr& record : records) texts += text_of(*record) != nullptr;
      std::set<UserId> members;
      for (const Member& member : state.members) members.insert(member.user);
      if (members != members_[id]) findings.push_back("members and events differ");
    }
    if (texts != acknowledged_) findings.push_back("not every stored text was acknowledged once");
    if (created_.size() != store.chats().size()) findings.push_back("an unknown chat");
    std::set<SessionId> open = opened_;
    for (const SessionId& id : revoked_) open.erase(id);
    std::set<SessionId> stored;
    for (const auto& [id, session] : store.sessions()) stored.insert(id);
    if (open != stored) findings.push_back("sessions and events differ");
  }

  std::vector<std::string> findings;

 private:
  void on_sent(const SendMessage& command, const Sent& sent) {
    if (!sent.duplicate) ++acknowledged_;
    if (content_of(*sent.record) != command.content) findings.push_back("another text");
    // A listener has heard of it by the time of the reply.
    if (events_[command.chat].size() < sent.record->sequence.value) {
      findings.push_back("acknowledged before it was told");
    }
    if (!command.client_msg_id) return;
    const auto key = std::tuple(command.chat, command.from, *command.client_msg_id);
    const auto [first, is_new] = sent_.emplace(key, sent.record->id);
    if (is_new == sent.duplicate) findings.push_back("wrong about being a duplicate");
    if (first->second != sent.record->id) findings.push_back("two records of one id");
  }

  std::map<ChatId, std::vector<RecordId>> events_;
  std::map<ChatId, std::set<UserId>> members_;
  std::set<SessionId> opened_;
  std::set<SessionId> revoked_;
  std::set<ChatId> created_;
  std::map<std::tuple<ChatId, UserId, std::string>, RecordId> sent_;
  std::size_t acknowledged_ = 0;
};

class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed),
        limits_{1 + pick(20), 1 + pick(200), 1 + pick(50), pick(20)},
        at_(seed, limits_),
        crowd_(pick(40) == 0) {
    fault_percent_ = pick(3) == 0 ? 0 : pick(40);
    conflicts_ = pick(2) == 0;
    at_.store.set_faults([this](std::size_t, std::span<const Change>) { return fault(); });
  }

  std::vector<std::string> run() {
    const std::size_t batches = 5 + pick(40);
    for (std::size_t i = 0; i < batches; ++i) run_batch(1 + pick(crowd_ ? 150 : 12));
    at_.store.fail_loads(0);
    told_.compare(at_.store);
    auto findings = check_store(at_.store);
    findings.insert(findings.end(), told_.findings.begin(), told_.findings.end());
    if (!conflicts_ && at_.counters.internal.load() > 0) findings.push_back("gave up a command");
    if (at_.bus.phantoms > 0) findings.push_back("told before it was durable");
    return findings;
  }

  std::size_t commands = 0;
  std::size_t failed_appends = 0;

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }

  AppendFault fault() {
    if (pick(100) >= fault_percent_) return AppendFault::kNone;
    ++failed_appends;
    return conflicts_ && pick(3) == 0 ? AppendFault::kConflict : AppendFault::kUnavailable;
  }

  void run_batch(std::size_t size) {
    at_.clock.advance_ms(static_cast<std::int64_t>(pick(2000)));
    if (pick(10) == 0) at_.store.fail_loads(1 + pick(3), pick(8));
    if (pick(30) == 0) restart();
    std::vector<CommandBody> bodies;
    for (std::size_t i = 0; i < size; ++i) bodies.push_back(next_command());
    commands += size;
    std::vector<Command> batch;
    std::vector<int> answers(size);
    for (std::size_t i = 0; i < size; ++i) {
      batch.push_back({bodies[i], [&, i](const Reply& reply) {
                         if (++answers[i] > 1) told_.findings.push_back("answered twice");
                         hear();
                         told_.on_reply(bodies[i], reply);
                         learn(reply);
                       }});
      give_ids(batch.back(), at_.ids);
    }
    (restarted_ ? *restarted_ : at_.commit).run(batch);
    hear();
    for (const int count : answers) {
      if (count != 1) told_.findings.push_back("not answered");
    }
  }

  void hear() {
    for (; heard_ < at_.bus.events.size(); ++heard_) told_.on_event(at_.bus.events[heard_]);
  }

  void restart() {
    restarted_.emplace(at_.store, at_.bus, at_.clock, at_.ids, at_.counters, limits_);
  }

  void learn(const Reply& reply) {
    if (!reply) return;
    if (const auto* logged_in = std::get_if<LoggedIn>(&*reply)) {
      users_.push_back(logged_in->user.id);
      sessions_.push_back(logged_in->session);
    } else if (const auto* created = std::get_if<ChatCreated>(&*reply)) {
      chats_.push_back(created->document.chat.id);
    }
  }

  template <class T>
  T any(const std::vector<T>& of) {
    if (of.empty() || pick(100) == 0) return T{};  // one that nobody knows, too
    return of[pick(of.size())];
  }
  std::string name() { return "name" + std::to_string(pick(crowd_ ? 400 : 12)); }

  CommandBody next_command() {
    if (crowd_) return next_of_crowd();
    const std::size_t dice = pick(100);
    if (dice < 45) return send();
    if (dice < 57) return JoinChat{any(chats_), any(users_)};
    if (dice < 68) return LeaveChat{any(chats_), any(users_)};
    if (dice < 78) return create();
    if (dice < 90) return next_of_users(dice);
    const auto session = any(sessions_);
    if (dice < 95) return RevokeSession{session.user, session.id, pick(2) == 0};
    if (dice < 97) return TouchActivity{{{session.id, at_.clock.wall()}}, {}};
    return ExpireSessions{WallTime{at_.clock.wall().ms - static_cast<std::int64_t>(pick(20'000))},
                          pick(2) == 0};
  }

  CommandBody next_of_users(std::size_t dice) {
    const std::string chosen = name();
    if (dice < 82) return RegisterUser{chosen, chosen, "h", new_session()};
    const auto session = any(sessions_);
    if (dice < 84) return SetPassword{session.user, session.id, pick(2) ? "h" : "", "h"};
    if (dice < 86) return OpenSession{any(users_), "h", pick(4) ? "" : "h", new_session()};
    const auto rule = pick(2) ? GuestRule::kNameMustBeFree : GuestRule::kSameNameSameUser;
    return OpenGuest{chosen, chosen, rule, new_session()};
  }

  // Many users and few groups: the hundred-member cap under failures.
  CommandBody next_of_crowd() {
    const std::size_t dice = pick(100);
    if (chats_.empty() || dice < 30) {
      if (!users_.empty() && chats_.size() < 2) return CreateChat{any(users_), "g", false, {}, {}};
      const std::string chosen = name();
      return OpenGuest{chosen, chosen, GuestRule::kNameMustBeFree, new_session()};
    }
    if (dice < 85) return JoinChat{any(chats_), any(users_)};
    if (dice < 90) return LeaveChat{any(chats_), any(users_)};
    return send();
  }

  CommandBody send() {
    SendMessage message{any(chats_), any(users_), "text" + std::to_string(pick(3)), std::nullopt};
    if (pick(3) != 0) message.client_msg_id = "id" + std::to_string(pick(30));
    return message;
  }

  CommandBody create() {
    CreateChat chat{any(users_), "chat", pick(2) == 0, {}, std::nullopt};
    const std::size_t others = chat.is_personal ? 1 : pick(4);
    for (std::size_t i = 0; i < others; ++i) chat.users.push_back(any(users_));
    if (pick(3) == 0) chat.idempotency_key = "key" + std::to_string(pick(5));
    return chat;
  }

  std::mt19937_64 random_;
  CacheLimits limits_;
  CoreHarness at_;
  std::optional<GroupCommit> restarted_;
  Told told_;
  bool crowd_;
  std::size_t fault_percent_ = 0;
  bool conflicts_ = false;
  std::size_t heard_ = 0;
  std::vector<UserId> users_;
  std::vector<LoginSession> sessions_;
  std::vector<ChatId> chats_;
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 1'000;
#else
constexpr std::uint64_t kSeeds = 10'000;
#endif

TEST(History, TellsOneStoryWhateverFails) {
  log::configure(log::Format::kText, log::Level::kError);
  const std::uint64_t only = from_environment("MARU_TEST_SEED", 0);
  const std::uint64_t first = only ? only : 1;
  const std::uint64_t last = only ? only : from_environment("MARU_TEST_SEEDS", kSeeds);
  std::size_t commands = 0;
  std::size_t failed = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    History history(seed);
    const auto findings = history.run();
    ASSERT_THAT(findings, ::testing::IsEmpty()) << "MARU_TEST_SEED=" << seed;
    commands += history.commands;
    failed += history.failed_appends;
  }
  std::printf("histories %llu, commands %zu, failed appends %zu, findings 0\n",
              static_cast<unsigned long long>(last - first + 1), commands, failed);
}

}  // namespace
}  // namespace maru::chat
