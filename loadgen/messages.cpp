#include "loadgen/messages.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <utility>

#include "loadgen/client.hpp"
#include "loadgen/die.hpp"

namespace loadgen {
namespace {

// A UUID: of version 7, in which the time comes first, or of version 4.
std::string make_uuid(ClientIds ids, std::uint64_t count, std::mt19937_64& random) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  const bool ordered = ids == ClientIds::kTimeOrdered;
  const std::uint64_t high = ordered ? ms << 16 | (count & 0xFFF) : random();
  const std::uint64_t low = random();
  return fmt::format("{:08x}-{:04x}-{}{:03x}-8{:03x}-{:012x}", high >> 32, high >> 16 & 0xFFFF,
                     ordered ? 7 : 4, high & 0xFFF, low >> 52, low & 0xFFFF'FFFF'FFFF);
}

}  // namespace

Sender::Sender(std::string chat, ClientIds ids)
    : chat_(std::move(chat)), ids_(ids), random_(std::random_device{}()) {}

std::string Sender::next_frame(std::int64_t ack) {
  ++count_;
  std::string packet = ack < 0 ? "42" : fmt::format("42{}", ack);
  packet += fmt::format(R"(["sendMessage",{{"chatId":"{}","content":")", chat_);
  packet.append(kTextBytes, 'x');
  packet += '"';
  if (ids_ != ClientIds::kNone) {
    packet += fmt::format(R"(,"clientMsgId":"{}")", make_uuid(ids_, count_, random_));
  }
  packet += "}]";
  return client_frame(packet);
}

std::optional<Heard> parse_message(std::string_view packet) {
  if (packet.starts_with("42[\"problem\"")) die("{}", packet);
  if (!packet.starts_with("42[\"message\"")) return std::nullopt;
  constexpr std::string_view kKey = "\"sequence\":";
  constexpr std::size_t kIdsBytes = 120;  // of fields before it whose length is known
  const std::size_t at = packet.find(kKey, kIdsBytes);
  if (at == std::string_view::npos) die("a message without its sequence: {}", packet);
  Heard heard;
  const char* const begin = packet.data() + at + kKey.size();
  const char* const end = packet.data() + packet.size();
  const char* const after = std::from_chars(begin, end, heard.sequence).ptr;
  heard.is_text = std::string_view(after, end).starts_with(R"(,"type":"text")");
  return heard;
}

void Stream::take(const Heard& heard) {
  if (last_ != 0 && heard.sequence != last_ + 1) {
    die("a member heard {} after {}", heard.sequence, last_);
  }
  last_ = heard.sequence;
}

}  // namespace loadgen
