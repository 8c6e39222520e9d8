// What becomes of a connected socket's login session, by what the store holds of it.
#include "gateway/events/session_check.hpp"

#include <gtest/gtest.h>

#include "chat/testing/core_harness.hpp"
#include "gateway/testing/fake_snapshot.hpp"

namespace maru::gateway {
namespace {

class SessionCheckTest : public ::testing::Test {
 protected:
  [[nodiscard]] CheckedSessions look() {
    testing::FakeSnapshot snapshot(core.store);
    auto found = look_at_sessions(snapshot, {socket}, core.clock.wall());
    return found ? *found : CheckedSessions{{socket.key}, {}};
  }

  chat::testing::CoreHarness core;
  const chat::LoggedIn kim = core.log_in_guest("kim");
  const CheckedSocket socket{{}, kim.user.id, kim.session.id};
};

TEST_F(SessionCheckTest, ALiveSocketIsNeverIdle) {
  for (const std::int64_t passed :
       {0LL, 9 * 60 * 1000LL, 10 * 60 * 1000LL, 400LL * 24 * 3600 * 1000}) {
    core.clock.advance_ms(passed);
    const CheckedSessions found = look();
    EXPECT_TRUE(found.ended.empty()) << passed;
    EXPECT_EQ(found.used.size(), passed < 10 * 60 * 1000 ? 0U : 1U) << passed;
  }
  core.clock.set_wall({0});
  EXPECT_TRUE(look().ended.empty());
}

TEST_F(SessionCheckTest, ASessionThatIsNoMoreEndsItsSocket) {
  ASSERT_TRUE(core.run(chat::RevokeSession{.user = kim.user.id, .session = kim.session.id}));
  EXPECT_EQ(look().ended.size(), 1U);
}

}  // namespace
}  // namespace maru::gateway
