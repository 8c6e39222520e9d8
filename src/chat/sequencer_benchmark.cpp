// What deciding costs: messages a second through the sequencer into a store that keeps nothing but
// users.
#include <benchmark/benchmark.h>

#include <unordered_map>

#include "chat/testing/sequencer_load.hpp"

namespace maru::chat {
namespace {

class NullStore final : public Store {
 public:
  Appended append(std::span<const Change> batch) override {
    for (const Change& change : batch) {
      if (const auto* inserted = std::get_if<UserInserted>(&change)) {
        users_.insert_or_assign(inserted->user.id, inserted->user);
      }
    }
    return Appended::kCommitted;
  }
  Result<std::optional<ChatState>> load_chat(ChatId) override { return std::nullopt; }
  Result<std::optional<ChatId>> load_personal_chat(UserId, UserId) override { return std::nullopt; }
  Result<std::optional<User>> load_user(UserId id) override {
    const auto found = users_.find(id);
    return found == users_.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::optional<User>> load_user_by_name(std::string_view) override { return std::nullopt; }
  Result<std::vector<LoginSession>> load_sessions(UserId) override { return {}; }
  Result<std::vector<LoginSession>> load_idle_sessions(WallTime, std::size_t) override {
    return {};
  }
  Result<std::size_t> load_chat_count_of(UserId, Entry) override { return 0; }
  Result<std::vector<Sharing>> load_sharing(UserId, std::span<const UserId> others) override {
    return std::vector<Sharing>(others.size());
  }
  Result<std::optional<QuotaCount>> load_quota(UserId, QuotaKind) override { return std::nullopt; }
  Result<RecordPtr> load_by_client_msg_id(ChatId, UserId, std::string_view) override {
    return nullptr;
  }
  Result<std::vector<std::optional<StoredOutcome>>> find_outcomes(
      std::span<const CommandKey> keys) override {
    return std::vector<std::optional<StoredOutcome>>(keys.size());
  }
  Result<std::optional<CreatedUnderKey>> load_created_under_key(UserId, std::string_view,
                                                                WallTime) override {
    return std::nullopt;
  }
  Result<ChatNumber> load_last_number() override { return ChatNumber{0}; }

 private:
  std::unordered_map<UserId, User> users_;  // who writes must be there
};

void BM_Decide(benchmark::State& state) {
  NullStore store;
  testing::measure_sends(state, store);
}
BENCHMARK(BM_Decide)->Apply(testing::send_arguments);

}  // namespace
}  // namespace maru::chat
