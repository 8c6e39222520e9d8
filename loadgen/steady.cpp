// Open loops: messages leave when they are due, whatever became of those before them. How long each
// took is counted from when it was due.
#include <utility>
#include <vector>

#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rooms.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

// Message n goes into room n mod rooms: the k-th of a room is message k * rooms + room.
class OpenLoop {
 public:
  OpenLoop(Rooms& rooms, const SteadyShape& shape)
      : rooms_(rooms), measured_(shape.measured), pace_(now_s(), shape.per_second) {}

  void run_for(double seconds) {
    const double end = now_s() + seconds;
    while (now_s() < end) {
      for (const std::size_t due = pace_.due_by(now_s()); sent_ < due; ++sent_) {
        rooms_.send(sent_ % rooms_.size(), 1);
      }
      rooms_.turn(0, [this](const Arrival& arrival) { note(arrival); });
    }
  }
  void settle() {
    rooms_.settle([this](const Arrival& arrival) { note(arrival); });
  }
  std::vector<double> take_ms() { return std::exchange(took_ms_, {}); }

 private:
  void note(const Arrival& arrival) {
    const bool acks = measured_ == Measured::kAcks;
    const std::uint64_t before = acks ? arrival.acks_before : arrival.texts_before;
    const double now = now_s();
    for (std::size_t i = 0; i < (acks ? arrival.acks : arrival.texts); ++i) {
      const double due = pace_.due_s((before + i) * rooms_.size() + arrival.room);
      took_ms_.push_back((now - due) * 1e3);
    }
  }

  Rooms& rooms_;
  const Measured measured_;
  const Pace pace_;
  std::size_t sent_ = 0;
  std::vector<double> took_ms_;
};

}  // namespace

SteadyFigures run_steady(const std::string& binary, const SteadyShape& shape) {
  std::vector<std::string> options;
  if (!shape.store.empty()) options = {"--auth", "open"};
  const ServerProcess server = start_server(binary, options, shape.cores, shape.store);
  pin_to_core(kLoadCore);
  SteadyFigures figures;
  {
    const bool acks = shape.measured == Measured::kAcks;
    Rooms rooms(server.port,
                shape.store.empty() ? make_rooms(server.port, shape.rooms, shape.members, false)
                                    : find_rooms(server.port, shape.store),
                shape.ids, acks ? Rooms::Acks::kAsked : Rooms::Acks::kNone);
    OpenLoop load(rooms, shape);
    load.run_for(shape.warm_up_s);
    (void)load.take_ms();
    const double cpu = cpu_seconds(server.pid);
    load.run_for(shape.seconds);
    figures.server_busy = (cpu_seconds(server.pid) - cpu) / shape.seconds;
    load.settle();
    figures.took = latencies_of(load.take_ms());
  }
  stop_server(server);
  return figures;
}

}  // namespace loadgen
