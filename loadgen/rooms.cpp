#include "loadgen/rooms.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <utility>

#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"

namespace loadgen {
namespace {

// Unmasked, RFC 6455 section 5.2.
std::size_t server_frame_bytes(std::string_view text) {
  return text.size() + (text.size() < 126 ? 2 : 4);
}

constexpr std::uint64_t kFirstAck = 1'000;  // connect_client() uses smaller ones

// Acks come in the order of the messages.
void take_ack(std::string_view packet, std::uint64_t expected) {
  std::uint64_t id = 0;
  const char* const end = packet.data() + packet.size();
  const char* const after = std::from_chars(packet.data() + 2, end, id).ptr;
  if (!std::string_view(after, end).starts_with(R"([{"ok":true)")) {
    if (packet.find(R"("code":"overloaded")") != packet.npos) end_overloaded();
    die("{}", packet);
  }
  if (id != expected) die("ack {} came where {} was due", id, expected);
}

Room make_room(Rest& rest, int number, int members, bool personal) {
  Room room;
  std::string others;
  for (int member = 0; member < members; ++member) {
    const std::string user = rest.post(
        "/api/users/login", fmt::format(R"({{"userName":"load {} {}"}})", number, member));
    room.tokens.push_back(string_field(user, "token"));
    if (member == 0) continue;
    others += fmt::format(R"({}"{}")", others.empty() ? "" : ",", string_field(user, "_id"));
  }
  const std::string body =
      fmt::format(R"({{"chatName":"load","isPersonal":{},"users":[{}]}})", personal, others);
  room.chat = string_field(rest.post("/api/chats", body, room.tokens.front()), "_id");
  return room;
}

}  // namespace

std::vector<Room> make_rooms(std::uint16_t port, int rooms, int members, bool personal) {
  Rest rest(port);
  std::vector<Room> made;
  for (int number = 0; number < rooms; ++number) {
    made.push_back(make_room(rest, number, members, personal));
  }
  return made;
}

std::vector<Room> find_rooms(std::uint16_t port, const std::string& store) {
  const std::string path = store + "/active_chats.txt";
  std::ifstream list(path);
  if (!list) die("there is no {}: grown_benchmark makes a store with it", path);
  Rest rest(port);
  std::vector<Room> found;
  for (std::string chat, writer; list >> chat >> writer;) {
    const std::string user =
        rest.post("/api/users/login", fmt::format(R"({{"userName":"{}"}})", writer));
    found.push_back({chat, {string_field(user, "token")}});
  }
  return found;
}

Rooms::Rooms(std::uint16_t port, const std::vector<Room>& rooms, ClientIds ids, Acks acks)
    : members_(rooms.at(0).tokens.size()), acks_(acks) {
  for (const Room& room : rooms) {
    for (const std::string& token : room.tokens) {
      clients_.push_back(connect_client(port, token, room.chat));
    }
    senders_.emplace_back(room.chat, ids);
  }
  ears_.resize(clients_.size());
  sent_.resize(senders_.size());
  loop_ = std::make_unique<ClientLoop>(clients_);
}

void Rooms::send(std::size_t room, std::size_t count) {
  std::string frames;
  for (std::size_t i = 0; i < count; ++i) {
    const auto ack = static_cast<std::int64_t>(kFirstAck + sent_[room]++);
    frames += senders_[room].next_frame(acks_ == Acks::kAsked ? ack : -1);
  }
  clients_[room * members_]->send_raw(frames);
}

bool Rooms::turn(int timeout_ms, const Arrived& arrived) {
  return loop_->turn([&](Client& client, std::size_t index) { read(client, index, arrived); },
                     timeout_ms);
}

void Rooms::read(Client& client, std::size_t index, const Arrived& arrived) {
  Ear& ear = ears_[index];
  Arrival arrival{index / members_, index % members_, ear.texts, ear.acks};
  const bool open = client.read_frames([&](std::string_view packet) {
    if (packet == "2") return client.send_text("3");
    hear(ear, packet);
  });
  if (!open) die("the server closed a connection");
  arrival.texts = ear.texts - arrival.texts_before;
  arrival.acks = ear.acks - arrival.acks_before;
  if (arrival.texts + arrival.acks > 0) arrived(arrival);
}

void Rooms::hear(Ear& ear, std::string_view packet) {
  if (packet.starts_with("43")) return take_ack(packet, kFirstAck + ear.acks++);
  const auto heard = parse_message(packet);
  if (!heard) return;
  ear.stream.take(*heard);
  if (!heard->is_text) return;
  ++ear.texts;
  if (frame_bytes_ == 0) frame_bytes_ = server_frame_bytes(packet);
}

bool Rooms::is_settled() const {
  for (std::size_t index = 0; index < ears_.size(); ++index) {
    const std::uint64_t sent = sent_[index / members_];
    if (ears_[index].texts != sent) return false;
    const bool is_writer = index % members_ == 0;
    if (acks_ == Acks::kAsked && is_writer && ears_[index].acks != sent) return false;
  }
  return true;
}

void Rooms::settle(const Arrived& arrived) {
  constexpr double kPatienceS = 10;
  const double until = now_s() + kPatienceS;
  while (!is_settled()) {
    if (now_s() > until) die("not all members heard all that was sent");
    turn(10, arrived);
  }
}

}  // namespace loadgen
