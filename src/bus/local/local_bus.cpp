#include "bus/local/local_bus.hpp"

#include <cassert>
#include <utility>

namespace maru::local {

void LocalBus::publish(std::vector<chat::Event>&& events, std::vector<chat::Answer>&& answers) {
  assert(sink_ != nullptr);
  sink_->on_batch(events, std::move(answers));
}

void LocalBus::when_live(std::vector<ChatId> chats, Live answer) {
  answer(Floors(chats.size()));
}

}  // namespace maru::local
