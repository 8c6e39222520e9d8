#include "gateway/identity/session_audit.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "chat/testing/quiet_bus.hpp"

namespace maru::gateway {
namespace {

// A bus of two nodes: what one publishes, both hear.
class SharedBus final : public chat::testing::QuietBus {
 public:
  std::array<std::size_t, 2> heard_by_node{};

 private:
  void on_published(std::vector<chat::Event>&& events) override {
    for (std::size_t& heard : heard_by_node) heard += events.size();
  }
};

std::size_t lines_of(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST(SessionAudit, AnEndedSessionIsOneLineHoweverManyNodesHearOfIt) {
  SharedBus bus;
  SessionAudit here(bus);
  SessionAudit there(bus);
  const SessionId session = *SessionId::parse("00000000000000000000000a");
  log::configure(log::Format::kJson, log::Level::kInfo);
  ::testing::internal::CaptureStderr();
  std::vector<chat::Event> events;
  events.emplace_back(chat::SessionRevoked{UserId(), session});
  here.publish(std::move(events), {});
  there.publish({}, {});
  const std::string written = ::testing::internal::GetCapturedStderr();
  log::configure(log::Format::kText, log::Level::kInfo);
  EXPECT_EQ(lines_of(written, "audit_session_ended"), 1u);
  EXPECT_EQ(lines_of(written, session.hex()), 1u);
  EXPECT_EQ(bus.heard_by_node, (std::array<std::size_t, 2>{1, 1}));
}

TEST(SessionAudit, OtherEventsPassUnnoted) {
  SharedBus bus;
  SessionAudit audit(bus);
  ::testing::internal::CaptureStderr();
  std::vector<chat::Event> events;
  events.emplace_back(chat::ChatRemoved{{UserId()}, ChatId(), {1}});
  events.emplace_back(chat::RecordCommitted{std::make_shared<const chat::Record>()});
  int answered = 0;
  std::vector<chat::Answer> answers;
  answers.push_back({chat::ReplyHandler(0, [&](const chat::Reply&) { ++answered; }), {}});
  audit.publish(std::move(events), std::move(answers));
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(bus.heard_by_node[0], 2u);
}

}  // namespace
}  // namespace maru::gateway
