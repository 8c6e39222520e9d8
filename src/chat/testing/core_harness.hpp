// GroupCommit on a FakeStore, without threads: commands in, replies and events out. Tests only.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "chat/group_commit.hpp"
#include "chat/testing/fake_store.hpp"
#include "chat/testing/quiet_bus.hpp"
#include "chat/testing/seeded_ids.hpp"

namespace maru::chat::testing {

// Keeps what was published, and notes every record that was told before it was durable.
class RecordingBus final : public QuietBus {
 public:
  explicit RecordingBus(const FakeStore& store) : store_(store) {}

  void publish(std::vector<Event>&& published, std::vector<Answer>&& homed) override {
    publishes.push_back({published.size(), homed.size()});
    for (Event& event : published) {
      if (const auto* told = std::get_if<RecordCommitted>(&event)) {
        if (!store_.has_record(*told->record)) ++phantoms;
      }
      events.push_back(std::move(event));
    }
    for (Answer& answer : homed) answer.handler(std::move(answer.reply));
  }

  template <class One>
  [[nodiscard]] std::vector<One> all() const {
    std::vector<One> found;
    for (const Event& event : events) {
      if (const auto* one = std::get_if<One>(&event)) found.push_back(*one);
    }
    return found;
  }

  std::vector<Event> events;
  std::vector<std::pair<std::size_t, std::size_t>> publishes;  // events and answers of each
  std::size_t phantoms = 0;

 private:
  const FakeStore& store_;
};

class CoreHarness {
 public:
  explicit CoreHarness(std::uint64_t seed = 1, CacheLimits limits = {}, Quotas quotas = {})
      : bus(store), ids(seed), commit(store, bus, clock, ids, counters, limits, quotas) {}

  // One batch. Replies in the order of the commands.
  std::vector<Reply> run_batch(std::vector<CommandBody> bodies);
  Reply run(CommandBody body);

  // Whoever has ended leaves its groups.
  void settle_endings();

  // Steps that must succeed; a failed one throws.
  UserId add_guest(const std::string& name);
  UserId add_account(const std::string& name, const std::string& password_hash = "hash");
  LoggedIn log_in_guest(const std::string& name, GuestRule rule = GuestRule::kNameMustBeFree);
  ChatId add_group(UserId owner, std::vector<UserId> users = {});
  ChatId add_personal(UserId a, UserId b);
  RecordPtr send(ChatId chat, UserId from, const std::string& text,
                 std::optional<std::string> client_msg_id = std::nullopt);

  FakeStore store;
  RecordingBus bus;
  ManualClock clock;
  SeededIds ids;
  LaneCounters counters;
  GroupCommit commit;
};

NewSession new_session(std::string user_agent = "test");

// What the store holds, checked as a whole: dense sequences, running text counts, members as the
// records tell, unique numbers, pairs and names, the caps. One sentence per finding.
std::vector<std::string> check_store(const FakeStore& store);

}  // namespace maru::chat::testing
