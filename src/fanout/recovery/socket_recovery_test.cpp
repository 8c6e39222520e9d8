#include "fanout/recovery/socket_recovery.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <random>

#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using testing::session_id;
using testing::user_id;

class SocketRecoveryTest : public ::testing::Test {
 protected:
  void deliver(const wire::WireEvent& event) { recovery.delivered(std::span(&event, 1)); }
  bool knows(const std::string& pid) {
    std::promise<bool> known;
    recovery.ask_pid(pid, [&](const PidState& state) { known.set_value(state.left.has_value()); });
    return known.get_future().get();
  }
  // How many chats missed something; 99: not to be recovered.
  std::size_t missed(const std::string& pid, wire::Position offset) {
    std::promise<std::size_t> count;
    recovery.ask_recovery(pid, offset, [&](const std::optional<Recovery>& answer) {
      count.set_value(answer ? answer->missed.size() : 99);
    });
    return count.get_future().get();
  }

  SystemClock clock;
  SocketRecovery recovery{{}, clock};
};

TEST_F(SocketRecoveryTest, AnswersAsks) {
  recovery.start();
  RecoverableSocket socket;
  socket.pid = "p";
  socket.session = session_id(5);
  socket.chats = {chat_id(1)};
  socket.left_at = recovery.position();
  recovery.socket_left(socket, {});
  EXPECT_TRUE(knows("p"));
  const wire::Position position = recovery.position();
  deliver(testing::text_event(chat_id(1), 1, position + 1));
  EXPECT_EQ(missed("p", position), 1u);

  // A revocation that passes by forgets the session's sockets.
  recovery.socket_left(socket, {});
  auto revoked = testing::routed_event(wire::WireEvent::Route::kSession, user_id(1));
  revoked.session = session_id(5);
  deliver(revoked);
  EXPECT_FALSE(knows("p"));
  recovery.stop();
}

TEST_F(SocketRecoveryTest, AsksAfterTheStopGetNothingAtOnce) {
  recovery.start();
  recovery.stop();
  EXPECT_EQ(missed("p", 1), 99u);
  recovery.socket_left({}, {});
  EXPECT_FALSE(recovery.keeps_sockets());
  recovery.stop();
}

TEST_F(SocketRecoveryTest, PositionsGoOnAcrossAGracefulRestart) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("maru_recovery_" + std::to_string(std::random_device()()));
  recovery.start();
  deliver(testing::text_event(chat_id(1), 1, recovery.position() + 1));
  RecoverableSocket socket;
  socket.pid = "p";
  recovery.socket_left(socket, {});
  recovery.stop();
  ASSERT_TRUE(recovery.save_to(path, "epoch"));

  SocketRecovery next({}, clock);
  ASSERT_TRUE(next.load_from(path, "epoch"));
  EXPECT_EQ(next.position(), recovery.position());
  EXPECT_TRUE(next.keeps_sockets());
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace maru::fanout
