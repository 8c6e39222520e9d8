#include "endpoint/sid_table.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <memory>
#include <random>

namespace maru::endpoint {
namespace {

class Named {
 public:
  explicit Named(const SessionSecret& secret) : secret_(secret) {}
  [[nodiscard]] const SessionSecret& secret() const { return secret_; }

 private:
  SessionSecret secret_;
};

// Against std::map, with secrets that have few homes in the table.
TEST(SidTable, FindsWhatIsInItThroughRandomHistories) {
  std::minstd_rand random(3);
  SidTable<Named> table;
  std::map<SessionSecret, std::unique_ptr<Named>> model;
  for (int step = 0; step < 5000; ++step) {
    if (random() % 5 < 3) {
      SessionSecret secret{};
      secret[0] = static_cast<std::uint8_t>(random() % 16);
      secret[8] = static_cast<std::uint8_t>(random());
      secret[9] = static_cast<std::uint8_t>(random());
      if (model.contains(secret)) continue;
      EXPECT_EQ(table.find(secret), nullptr);
      auto session = std::make_unique<Named>(secret);
      table.insert(*session);
      model.emplace(secret, std::move(session));
    } else if (!model.empty()) {
      const auto victim = std::next(model.begin(), static_cast<long>(random() % model.size()));
      table.erase(*victim->second);
      EXPECT_EQ(table.find(victim->first), nullptr);
      model.erase(victim);
    }
    ASSERT_EQ(table.size(), model.size());
    if (step % 100 != 0) continue;
    for (const auto& [secret, session] : model) ASSERT_EQ(table.find(secret), session.get());
  }
  EXPECT_EQ(table.all().size(), model.size());
}

TEST(SidTable, IsEmptyAtFirst) {
  SidTable<Named> table;
  EXPECT_EQ(table.find({}), nullptr);
  EXPECT_TRUE(table.all().empty());
}

}  // namespace
}  // namespace maru::endpoint
