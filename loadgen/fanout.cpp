// W3: rooms whose first member keeps `window` messages in flight; everybody hears each one.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

struct Room {
  std::string chat;
  std::string message;  // the sender's ready frame without its clientMsgId
  int next_id = 0;
};

constexpr std::size_t kTextBytes = 200;  // quality.md 3: 200-byte text

// Unmasked, RFC 6455 section 5.2.
std::size_t server_frame_bytes(std::string_view text) {
  return text.size() + (text.size() < 126 ? 2 : 4);
}

std::string message_frame(Room& room) {
  return client_frame(
      fmt::format(R"(42["sendMessage",{{"chatId":"{}","content":"{}","clientMsgId":"m{}"}}])",
                  room.chat, room.message, ++room.next_id));
}

}  // namespace

FanoutFigures run_fanout(const std::string& binary, const FanoutShape& shape) {
  const ServerProcess server = start_server(binary, {"--io-threads", "1"});
  pin_to_core(kLoadCore);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Room> rooms;
  {
    Rest rest(server.port);
    for (int r = 0; r < shape.rooms; ++r) {
      Room room;
      room.message.assign(kTextBytes, 'x');
      std::string owner_token;
      for (int m = 0; m < shape.members; ++m) {
        const std::string user =
            rest.post("/api/users/login", fmt::format(R"({{"userName":"load {} {}"}})", r, m));
        const std::string token = string_field(user, "token");
        if (m == 0) {
          room.chat =
              string_field(rest.post("/api/chats",
                                     R"({"chatName":"load","isPersonal":false,"users":[]})", token),
                           "_id");
        }
        clients.push_back(connect_client(server.port, token, room.chat));
      }
      rooms.push_back(std::move(room));
    }
  }
  ClientLoop loop(clients);
  std::size_t deliveries = 0;
  std::size_t frame_bytes = 0;
  const auto ready = [&](Client& client, std::size_t index) {
    int arrived = 0;
    const bool open = client.read_frames([&](std::string_view text) {
      if (text.starts_with("42[\"message\"") && text.find("\"type\":\"text\"") != text.npos) {
        ++arrived;
        if (frame_bytes == 0) frame_bytes = server_frame_bytes(text);
      } else if (text == "2") {
        client.send_text("3");
      } else if (text.starts_with("42[\"problem\"")) {
        die("{}", text);
      }
    });
    if (!open) die("the server closed a connection");
    deliveries += static_cast<std::size_t>(arrived);
    if (index % static_cast<std::size_t>(shape.members) != 0) return;
    Room& room = rooms[index / static_cast<std::size_t>(shape.members)];
    std::string next;
    for (int i = 0; i < arrived; ++i) next += message_frame(room);
    if (!next.empty()) client.send_raw(next);
  };
  // What joining left behind.
  while (loop.turn(ready, 200)) {
  }
  for (int r = 0; r < shape.rooms; ++r) {
    std::string first;
    for (int i = 0; i < shape.window; ++i)
      first += message_frame(rooms[static_cast<std::size_t>(r)]);
    clients[static_cast<std::size_t>(r * shape.members)]->send_raw(first);
  }
  const double warm_until = now_s() + 0.5;
  while (now_s() < warm_until) loop.turn(ready, 100);
  deliveries = 0;
  const double cpu = cpu_seconds(server.pid);
  const double begun = now_s();
  while (now_s() < begun + shape.seconds) loop.turn(ready, 100);
  const double took = now_s() - begun;
  const double used = cpu_seconds(server.pid) - cpu;
  clients.clear();
  stop_server(server);
  const auto count = static_cast<double>(deliveries);
  return {count / took, used / count * 1e6, used / took, frame_bytes};
}

}  // namespace loadgen
