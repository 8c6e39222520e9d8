#include "commandlog/local/local_command_log.hpp"

#include <gtest/gtest.h>

#include <future>

#include "chat/testing/core_harness.hpp"

namespace maru::local {
namespace {

TEST(LocalCommandLog, CarriesACommandToTheSequencerAndItsReplyBack) {
  chat::testing::CoreHarness at;
  SystemClock clock;
  chat::Sequencer sequencer(at.store, at.bus, clock, at.ids);
  LocalCommandLog log(sequencer, at.ids);
  std::promise<chat::Reply> promise;
  ASSERT_TRUE(log.submit({chat::OpenGuest{"a", "a", chat::GuestRule::kNameMustBeFree, {}},
                          [&](chat::Reply reply) { promise.set_value(std::move(reply)); }}));
  const chat::Reply reply = promise.get_future().get();
  ASSERT_TRUE(reply);
  EXPECT_EQ(std::get<chat::LoggedIn>(*reply).user.name, "a");
}

TEST(LocalCommandLog, RefusesAfterTheSequencerHasStopped) {
  chat::testing::CoreHarness at;
  SystemClock clock;
  chat::Sequencer sequencer(at.store, at.bus, clock, at.ids);
  LocalCommandLog log(sequencer, at.ids);
  sequencer.stop();
  chat::Command command{chat::TouchActivity{}, [](chat::Reply) { FAIL() << "never accepted"; }};
  EXPECT_FALSE(log.submit(std::move(command)));
  EXPECT_TRUE(command.reply);
}

}  // namespace
}  // namespace maru::local
