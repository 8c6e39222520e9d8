#include "fanout/presence/presence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "fanout/testing/fakes.hpp"
#include "fanout/testing/touches.hpp"

namespace maru::fanout {
namespace {

using ::testing::ElementsAre;
using testing::make_id;
using ::testing::Pair;
using testing::user_id;
using namespace std::chrono_literals;
using Change = chat::PresenceRegistry::Change;

// Writes down what this node says, and lets the test speak for the others. Any thread.
class FakeRegistry final : public chat::PresenceRegistry {
 public:
  void announce(std::span<const Change> changes) override {
    const std::lock_guard lock(mutex_);
    announced_.insert(announced_.end(), changes.begin(), changes.end());
  }
  void logged_out(UserId user) override {
    const std::lock_guard lock(mutex_);
    logged_out_.push_back(user);
  }
  void start(Heard heard) override { say = std::move(heard); }
  void stop() override { stopped = true; }

  std::vector<Change> announced() const {
    const std::lock_guard lock(mutex_);
    return announced_;
  }
  std::vector<UserId> all_logged_out() const {
    const std::lock_guard lock(mutex_);
    return logged_out_;
  }
  Heard say;
  bool stopped = false;

 private:
  mutable std::mutex mutex_;
  std::vector<Change> announced_;
  std::vector<UserId> logged_out_;
};

class PresenceTest : public ::testing::Test {
 protected:
  void start() {
    presence.start(
        [this](std::vector<wire::WireEvent>&& events) {
          const std::lock_guard lock(mutex);
          if (refusals > 0) {
            --refusals;
            return false;
          }
          for (const auto& event : events) pushed.emplace_back(event.plain.payload());
          return true;
        },
        commands);
  }
  template <class Done>
  bool eventually(Done done) {
    for (int i = 0; i < 2'000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  std::size_t push_count() {
    const std::lock_guard lock(mutex);
    return pushed.size();
  }
  std::vector<bool> online(std::vector<UserId> users) {
    std::promise<std::vector<bool>> answer;
    presence.ask_online(std::move(users), [&](const std::vector<PresenceInfo>& infos) {
      std::vector<bool> out;
      for (const PresenceInfo& info : infos) out.push_back(info.online);
      answer.set_value(std::move(out));
    });
    return answer.get_future().get();
  }

  SystemClock clock;
  FakeRegistry registry;
  Presence presence{{.offline_grace_ms = 20,
                     .push_interval_ms = 10,
                     .named_online_ms = 20,
                     .last_seen_flush_ms = 10},
                    clock,
                    registry};
  testing::Touches commands;
  std::mutex mutex;
  std::vector<std::string> pushed;
  int refusals = 0;
};

TEST_F(PresenceTest, PushesPresenceAndWritesLastSeen) {
  refusals = 1;
  start();
  presence.connection_opened(user_id(1));
  EXPECT_TRUE(eventually([&] { return push_count() == 1; }));  // though refused once
  presence.connection_closed(user_id(1));
  EXPECT_TRUE(eventually([&] { return push_count() == 2; }));
  EXPECT_NE(pushed[0].find("\"active\":true"), std::string::npos);
  EXPECT_NE(pushed[1].find("\"active\":false"), std::string::npos);
  EXPECT_TRUE(eventually([&] {
    const auto touched = commands.touched();
    return !touched.empty() && touched.back().first == user_id(1);
  }));
  presence.stop();
}

TEST_F(PresenceTest, LastSeenIsFlushedAtAStopInSmallCommands) {
  start();
  commands.accepts = false;
  for (std::uint64_t n = 1; n <= 250; ++n) presence.connection_opened(user_id(n));
  EXPECT_TRUE(eventually([&] { return push_count() == 250; }));
  EXPECT_TRUE(eventually([&] { return commands.refused >= 2; }));  // and put back
  commands.accepts = true;
  presence.stop();
  std::set<UserId> users;
  for (const auto& [user, at] : commands.touched()) users.insert(user);
  EXPECT_EQ(users.size(), 250u);
  EXPECT_LE(commands.largest(), 100u);
}

TEST_F(PresenceTest, AnswersAsks) {
  start();
  presence.connection_opened(user_id(1));
  EXPECT_THAT(online({user_id(1), user_id(2)}), ElementsAre(true, false));
  std::promise<std::vector<UserId>> users;
  presence.ask_online_users(10, [&](auto answer) { users.set_value(answer); });
  EXPECT_THAT(users.get_future().get(), ElementsAre(user_id(1)));
  presence.stop();
}

TEST_F(PresenceTest, AsksAfterTheStopGetNothingAtOnce) {
  start();
  presence.stop();
  EXPECT_TRUE(registry.stopped);
  EXPECT_THAT(online({user_id(1)}), ElementsAre());
  presence.connection_opened(user_id(1));
  presence.stop();
}

// Who comes and goes here is said once each, whatever the number of connections.
TEST_F(PresenceTest, TellsTheOtherNodesWhoIsHere) {
  start();
  presence.connection_opened(user_id(1));
  presence.connection_opened(user_id(1));
  EXPECT_TRUE(eventually([&] { return registry.announced().size() == 1; }));
  presence.connection_closed(user_id(1));
  presence.connection_closed(user_id(1));
  EXPECT_TRUE(eventually([&] { return registry.announced().size() == 2; }));
  EXPECT_THAT(registry.announced(), ElementsAre(Pair(user_id(1), true), Pair(user_id(1), false)));
  presence.user_logged_out(user_id(1));
  presence.user_logged_out(UserId());
  EXPECT_THAT(registry.all_logged_out(), ElementsAre(user_id(1)));
  presence.stop();
}

// What they say is pushed here like one's own, and not told back to them.
TEST_F(PresenceTest, HearsWhoIsThere) {
  start();
  const NodeId node = make_id<NodeId>(9);
  registry.say(node, {{user_id(1), true}}, false);
  EXPECT_TRUE(eventually([&] { return push_count() == 1; }));
  EXPECT_THAT(online({user_id(1)}), ElementsAre(true));
  registry.say(node, {}, true);  // the node has gone
  EXPECT_TRUE(eventually([&] { return push_count() == 2; }));
  EXPECT_THAT(online({user_id(1)}), ElementsAre(false));
  presence.stop();
  EXPECT_THAT(registry.announced(), ElementsAre());
  EXPECT_THAT(commands.touched(), ElementsAre());  // where they are connected, they are written
}

}  // namespace
}  // namespace maru::fanout
