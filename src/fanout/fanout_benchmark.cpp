// What a delivery costs before the kernel: encoding, and handing one event to a room of 100. The
// listeners do what a connection does first: keep a reference to the frame and mark themselves.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <memory>
#include <random>

#include "fanout/interest_table.hpp"
#include "fanout/room_index.hpp"
#include "fanout/testing/fakes.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using testing::session_id;
using testing::user_id;

chat::Event message(std::size_t bytes) {
  auto record = std::make_shared<chat::Record>();
  record->chat = chat_id(1);
  record->sequence = {123456};
  record->actor = user_id(1);
  record->actor_name = "김현";
  record->body = chat::Text{std::string(bytes, 'x'), "0190f5c2-7d6e-7b7e-8a3c-5b2f0c9d1e4f"};
  record->created_at = {1'700'000'000'000};
  return chat::RecordCommitted{std::move(record)};
}

class Sink final : public Listener {
 public:
  void deliver(const wire::WireEvent& event) override {
    pending_ = event.plain.bytes();
    ++delivered_;
  }
  void on_session_revoked(const wire::WireEvent&) override {}
  void on_detached(ChatId) override {}
  void on_held_overflow(ChatId) override {}
  void on_event_lost() override {}

 private:
  SharedBytes pending_;
  std::uint64_t delivered_ = 0;
};

void encode(benchmark::State& state, wire::Offsets offsets) {
  const wire::EventEncoder encoder;
  const chat::Event event = message(200);
  wire::Position position = wire::Position{1} << 60;
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(event, ++position, offsets));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(encode, plain, wire::Offsets::kNone);
BENCHMARK_CAPTURE(encode, with_offset, wire::Offsets::kEncode);

// state.range(0) rooms of 100, spoken in one after the other: with many, listeners are cold.
void deliver_to_rooms_of_100(benchmark::State& state) {
  constexpr std::size_t kRoom = 100;
  const auto rooms = static_cast<std::uint64_t>(state.range(0));
  InterestTable interest(1);
  RoomIndex index(0, interest);
  std::vector<std::unique_ptr<Sink>> sinks;
  std::vector<wire::WireEvent> events;
  const wire::EventEncoder encoder;
  for (std::uint64_t i = 0; i < rooms * kRoom; ++i) {
    sinks.push_back(std::make_unique<Sink>());
  }
  std::shuffle(sinks.begin(), sinks.end(), std::mt19937(1));
  for (std::uint64_t i = 0; i < rooms * kRoom; ++i) {
    index.add(*sinks[i], user_id(i + 1), session_id(i + 1));
    index.attach_pending(chat_id(i / kRoom), *sinks[i]);
    index.release(chat_id(i / kRoom), *sinks[i], {0});
  }
  for (std::uint64_t room = 0; room < rooms; ++room) {
    events.push_back(encoder.encode(message(200), room + 1, wire::Offsets::kNone));
    events.back().chat = chat_id(room);
  }
  std::size_t next = 0;
  for (auto _ : state) {
    index.deliver(std::span(&events[next], 1));
    if (++next == events.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations() * kRoom);
  for (auto& sink : sinks) index.remove(*sink);
}
BENCHMARK(deliver_to_rooms_of_100)->Arg(1)->Arg(100)->Arg(1000);

// Heap bytes that the index takes for a listener with one chat, the listener itself not counted.
void idle_listener_bytes(benchmark::State& state) {
  constexpr std::uint64_t kListeners = 100'000;
  const auto room_size = static_cast<std::uint64_t>(state.range(0));
  std::vector<std::unique_ptr<Sink>> sinks;
  for (std::uint64_t i = 0; i < kListeners; ++i) sinks.push_back(std::make_unique<Sink>());
  for (auto _ : state) {
    InterestTable interest(1);
    RoomIndex index(0, interest);
    const std::size_t before = mallinfo2().uordblks;
    for (std::uint64_t i = 0; i < kListeners; ++i) {
      const ChatId chat = chat_id(i / room_size);
      index.add(*sinks[i], user_id(i + 1), session_id(i + 1));
      index.attach_pending(chat, *sinks[i]);
      index.release(chat, *sinks[i], {5});
    }
    const std::size_t after = mallinfo2().uordblks;
    state.counters["bytes"] = static_cast<double>(after - before) / static_cast<double>(kListeners);
    for (auto& sink : sinks) index.remove(*sink);
  }
}
BENCHMARK(idle_listener_bytes)->Arg(1)->Arg(2)->Arg(100)->Iterations(1);

}  // namespace
}  // namespace maru::fanout
