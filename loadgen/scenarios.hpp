// The measurements. Each prints nothing and returns its figures; main.cpp prints and compares.
#pragma once

#include <cstddef>
#include <string>

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
  double seconds = 3;
};

// W3: members of rooms, the first of each sends; each message is delivered to all, log on.
FanoutFigures run_fanout(const std::string& binary, const FanoutShape& shape);

// The floor: the same closed loop with one `send` of frame_bytes a recipient and nothing else.
FanoutFigures run_bare(const FanoutShape& shape, std::size_t frame_bytes);

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
