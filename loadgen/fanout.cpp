// W2 and W3: rooms whose first member keeps `window` messages in flight; everybody hears each one.
#include "loadgen/process.hpp"
#include "loadgen/rooms.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

// In rooms the next message goes when its sender hears the last one; in pairs, when it is acked.
class ClosedLoop {
 public:
  ClosedLoop(Rooms& rooms, const FanoutShape& shape) : rooms_(rooms), pairs_(shape.pairs) {
    for (std::size_t room = 0; room < rooms_.size(); ++room) {
      rooms_.send(room, static_cast<std::size_t>(shape.window));
    }
  }
  void run_for(double seconds) {
    const double end = now_s() + seconds;
    while (now_s() < end) {
      rooms_.turn(100, [this](const Arrival& arrival) {
        count(arrival);
        const std::size_t done = pairs_ ? arrival.acks : arrival.texts;
        if (arrival.member == 0 && done > 0) rooms_.send(arrival.room, done);
      });
    }
  }
  void settle() {
    rooms_.settle([this](const Arrival& arrival) { count(arrival); });
  }
  [[nodiscard]] std::size_t deliveries() const { return deliveries_; }

 private:
  // In pairs, what the other one hears.
  void count(const Arrival& arrival) {
    if (!pairs_ || arrival.member != 0) deliveries_ += arrival.texts;
  }

  Rooms& rooms_;
  const bool pairs_;
  std::size_t deliveries_ = 0;
};

}  // namespace

FanoutFigures run_fanout(const std::string& binary, const FanoutShape& shape) {
  const ServerProcess server = start_server(binary, {"--io-threads", "1"});
  pin_to_core(kLoadCore);
  FanoutFigures figures;
  {
    Rooms rooms(server.port, make_rooms(server.port, shape.rooms, shape.members, shape.pairs),
                ClientIds::kTimeOrdered, shape.pairs ? Rooms::Acks::kAsked : Rooms::Acks::kNone);
    ClosedLoop load(rooms, shape);
    load.run_for(shape.warm_up_s);
    const std::size_t before = load.deliveries();
    const double cpu = cpu_seconds(server.pid);
    const double begun = now_s();
    load.run_for(shape.seconds);
    const double took = now_s() - begun;
    const double used = cpu_seconds(server.pid) - cpu;
    const auto count = static_cast<double>(load.deliveries() - before);
    load.settle();
    figures = {count / took, used / count * 1e6, used / took, rooms.frame_bytes()};
  }
  stop_server(server);
  return figures;
}

}  // namespace loadgen
