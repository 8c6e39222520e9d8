#include "bus/local/local_bus.hpp"

namespace maru::local {

void LocalBus::publish(std::vector<chat::Event>&& events) {
  sink_.on_events(events);
}

}  // namespace maru::local
