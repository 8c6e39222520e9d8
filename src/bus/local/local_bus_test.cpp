#include "bus/local/local_bus.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace maru::local {
namespace {

class Sink final : public chat::EventSink {
 public:
  void on_batch(std::span<const chat::Event> events, std::vector<chat::Answer>&& answers) override {
    answered += answers.size();
    thread = std::this_thread::get_id();
    received.assign(events.begin(), events.end());
  }
  std::vector<chat::Event> received;
  std::size_t answered = 0;
  std::thread::id thread;
};

TEST(LocalBus, HandsABatchToTheSinkInOrderOnTheSameThread) {
  Sink sink;
  LocalBus bus;
  bus.start(sink);
  auto record = std::make_shared<const chat::Record>();
  std::vector<chat::Event> events;
  events.emplace_back(chat::RecordCommitted{record});
  events.emplace_back(chat::SessionRevoked{});
  std::vector<chat::Answer> answers(1);
  bus.publish(std::move(events), std::move(answers));
  EXPECT_EQ(sink.answered, 1u);
  ASSERT_EQ(sink.received.size(), 2u);
  EXPECT_EQ(std::get<chat::RecordCommitted>(sink.received[0]).record, record);
  EXPECT_TRUE(std::holds_alternative<chat::SessionRevoked>(sink.received[1]));
  EXPECT_EQ(sink.thread, std::this_thread::get_id());
}

TEST(LocalBus, EveryChatIsLiveAtOnceFromTheBeginning) {
  LocalBus bus;
  const auto chats = std::vector<ChatId>(3);
  int answers = 0;
  bus.when_live(chats, [&](Result<chat::EventBus::Floors> floors) {
    ++answers;
    ASSERT_TRUE(floors);
    EXPECT_EQ(*floors, std::vector<Sequence>(3));
  });
  EXPECT_EQ(answers, 1);
}

// Following changes nothing: one node hears itself.
TEST(LocalBus, TellsWhatNobodyFollowsToo) {
  Sink sink;
  LocalBus bus;
  bus.start(sink);
  bus.follow(ChatId());
  bus.unfollow(ChatId());
  std::vector<chat::Event> events;
  events.emplace_back(chat::ChatRemoved{});
  bus.publish(std::move(events), {});
  EXPECT_EQ(sink.received.size(), 1u);
}

}  // namespace
}  // namespace maru::local
