// The measurements. Each prints nothing and returns its figures; main.cpp prints and compares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "loadgen/latency.hpp"
#include "loadgen/messages.hpp"
#include "loadgen/process.hpp"

namespace loadgen {

struct FanoutFigures {
  double deliveries_per_s = 0;
  double cpu_us_per_delivery = 0;  // of the server's process
  double server_busy = 0;          // share of one core; a maximum is valid only near 1
  std::size_t frame_bytes = 0;     // of the first event delivered, with its WebSocket header
};

struct FanoutShape {
  int rooms = 5;
  int members = 100;
  int window = 1;  // messages in flight per room
  // 1:1s: the next message goes when one is acked, and what the other one hears is a delivery.
  bool pairs = false;
  double warm_up_s = 3;
  double seconds = 10;
};

// W2, W3: members of rooms, the first of each sends; each message is delivered to all, log on. Ends
// the program unless everybody hears everything, in order.
FanoutFigures run_fanout(const std::string& binary, const FanoutShape& shape);

// The floor: the same closed loop with one `send` of frame_bytes a recipient and nothing else.
FanoutFigures run_bare(const FanoutShape& shape, std::size_t frame_bytes);

enum class Measured : std::uint8_t { kAcks, kDeliveries };
struct SteadyShape {
  Measured measured = Measured::kAcks;
  double per_second = 20'000;  // messages, over all rooms
  ClientIds ids = ClientIds::kTimeOrdered;
  Cores cores = Cores::kOne;
  // One that grown_benchmark has made; its active chats are the rooms. Empty: a fresh one.
  std::string store;
  int rooms = 100;
  int members = 1;
  double warm_up_s = 3;
  double seconds = 10;
};
struct SteadyFigures {
  Latencies took;
  double server_busy = 0;  // share of one core
};
// Open loop. Ends the program unless everybody hears everything, in order.
SteadyFigures run_steady(const std::string& binary, const SteadyShape& shape);

enum class Pages : std::uint8_t { kNewest, kAnywhere };
struct HistoryFigures {
  double pages_per_s = 0;
  double server_busy = 0;
  Latencies took;
};
// W5: pages of 50 messages of the active chats of such a store through REST, `askers` at a time.
// Ends the program unless each answer is the page that was asked for.
HistoryFigures run_history(const std::string& binary, const std::string& store, Pages pages,
                           int askers, double warm_up_s, double seconds);

struct IdleFigures {
  double ready_after_s = 0;
  std::size_t resident_empty = 0;
  double bytes_per_connection = 0;  // authenticated, attached to one chat
  double cpu_us_per_connect = 0;
};
// W1. `settle_s`: how long everybody rests, answering pings, before memory is read; past a ping
// interval (25 s) the figure holds what heartbeats leave behind. Ends the program unless all
// connections live to the end.
IdleFigures run_idle(const std::string& binary, int connections, double settle_s);

struct LoginFigures {
  double p99_ms = 0;  // from a send to its ack
  double logins_per_s = 0;
};
// 300 messages a second in a chat of ten while `flooders` connections log in with a password, each
// as soon as the last was answered.
LoginFigures run_logins(const std::string& binary, int flooders, double seconds);

}  // namespace loadgen
