#include "bus/local/local_bus.hpp"

#include <cassert>

namespace maru::local {

void LocalBus::publish(std::vector<chat::Event>&& events) {
  assert(sink_ != nullptr);
  sink_->on_events(events);
}

void LocalBus::when_live(std::vector<ChatId> chats, Live answer) {
  answer(Floors(chats.size()));
}

}  // namespace maru::local
