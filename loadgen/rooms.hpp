// Rooms of people who hear all that is said in them: the load of fan-out, pairs and deliveries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/messages.hpp"

namespace loadgen {

struct Room {
  std::string chat;
  std::vector<std::string> tokens;  // of those who connect; the first one writes
};

// New people in new rooms, members from the start. `personal`: 1:1s, of two members.
std::vector<Room> make_rooms(std::uint16_t port, int rooms, int members, bool personal);
// The active rooms of a store that grown_benchmark has made: their writers alone. The server is in
// open mode.
std::vector<Room> find_rooms(std::uint16_t port, const std::string& store);

// What came in one read of a client.
struct Arrival {
  std::size_t room = 0;
  std::size_t member = 0;          // 0: who writes
  std::uint64_t texts_before = 0;  // that it had heard of this room
  std::uint64_t acks_before = 0;
  std::size_t texts = 0;
  std::size_t acks = 0;
};

// Everybody is connected and attached, in as many rooms of as many people each. One thread.
class Rooms {
 public:
  enum class Acks : std::uint8_t { kNone, kAsked };
  Rooms(std::uint16_t port, const std::vector<Room>& rooms, ClientIds ids, Acks acks);

  // The next `count` messages of a room.
  void send(std::size_t room, std::size_t count);
  using Arrived = std::function<void(const Arrival&)>;
  // Reads what is there, waiting at most so long. False: nothing came.
  bool turn(int timeout_ms, const Arrived& arrived);
  // Until everybody has heard every message that was sent, and its ack. Ends the program unless
  // they do.
  void settle(const Arrived& arrived);

  [[nodiscard]] std::size_t size() const { return senders_.size(); }
  // Of the first text that came, with its WebSocket header.
  [[nodiscard]] std::size_t frame_bytes() const { return frame_bytes_; }

 private:
  struct Ear {
    Stream stream;
    std::uint64_t texts = 0;
    std::uint64_t acks = 0;
  };
  void read(Client& client, std::size_t index, const Arrived& arrived);
  void hear(Ear& ear, std::string_view packet);
  [[nodiscard]] bool is_settled() const;

  const std::size_t members_;
  const Acks acks_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Ear> ears_;
  std::vector<Sender> senders_;
  std::vector<std::uint64_t> sent_;  // of each room
  std::unique_ptr<ClientLoop> loop_;
  std::size_t frame_bytes_ = 0;
};

}  // namespace loadgen
