// Engine.IO payloads on any bytes: what the reader gives out is within bounds, packets survive a
// round trip, and reading in several steps is reading in one. A session fed with the packets keeps
// its invariants.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "engineio/base64.hpp"
#include "engineio/packet.hpp"
#include "engineio/polling_buffer.hpp"
#include "engineio/session.hpp"

namespace {

using namespace maru::engineio;

struct Copy {
  PacketType type;
  bool binary;
  std::string data;
  bool operator==(const Copy&) const = default;
};

std::vector<Copy> read_all(std::string_view payload, bool in_steps, bool& faulty) {
  std::vector<Copy> packets;
  std::string scratch;
  std::optional<PayloadReader> reader(std::in_place, payload, scratch);
  Packet packet;
  while (true) {
    const auto step = reader->next(packet);
    faulty = step == PayloadReader::Step::kFaulty;
    if (step != PayloadReader::Step::kPacket) return packets;
    packets.push_back({packet.type, packet.binary, std::string(packet.data)});
    if (in_steps) reader.emplace(payload, scratch, std::size_t{reader->offset()});
  }
}

void check_round_trip(const std::vector<Copy>& packets) {
  PollingBuffer buffer;
  for (const Copy& packet : packets) {
    const std::string text = std::to_string(static_cast<int>(packet.type)) + packet.data;
    MARU_FUZZ_CHECK(packet.binary ? buffer.push_binary(packet.data, SIZE_MAX)
                                  : buffer.push_text(text, SIZE_MAX));
  }
  std::vector<Copy> read;
  while (!buffer.empty()) {
    const std::size_t before = buffer.size_bytes();
    const std::string payload = buffer.take_payload();
    MARU_FUZZ_CHECK(payload.size() + buffer.size_bytes() + (buffer.empty() ? 0 : 1) == before);
    bool faulty = false;
    const auto part = read_all(payload, false, faulty);
    MARU_FUZZ_CHECK(!faulty && part.size() <= kPacketsPerPayloadMax);
    read.insert(read.end(), part.begin(), part.end());
  }
  MARU_FUZZ_CHECK(read == packets && buffer.size_bytes() == 0);
}

void drive_session(const std::vector<Copy>& packets) {
  constexpr Timing kTiming{300, 200, 1000};
  std::int64_t now = 1000;
  Session session(Transport::kPolling, {now}, kTiming, 0);
  for (const Copy& packet : packets) {
    now += static_cast<std::int64_t>(packet.data.size() * 37 % 400);
    const Packet view{packet.type, packet.binary, packet.data};
    switch (packet.data.size() % 5) {
      case 0:
        static_cast<void>(session.begin_upgrade({now}, kTiming));
        break;
      case 1:
        if (session.is_upgrading()) static_cast<void>(session.on_probe_packet(view, {now}));
        break;
      case 2:
        session.pause();
        break;
      case 3:
        session.resume({now}, kTiming);
        break;
      default:
        static_cast<void>(session.on_packet(view, {now}, kTiming, 0));
    }
    const auto due = session.on_time({now}, kTiming);
    MARU_FUZZ_CHECK(!(due.ping && due.ping_timeout));
    if (due.upgrade_timeout) session.abandon_upgrade();
    MARU_FUZZ_CHECK(due.ping_timeout || session.next_deadline().ms > now);
    MARU_FUZZ_CHECK(!(session.is_upgrading() && session.transport() == Transport::kWebSocket));
    if (due.ping_timeout) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  bool faulty = false;
  bool faulty_in_steps = false;
  const std::vector<Copy> packets = read_all(payload, false, faulty);
  MARU_FUZZ_CHECK(read_all(payload, true, faulty_in_steps) == packets);
  MARU_FUZZ_CHECK(faulty == faulty_in_steps);
  MARU_FUZZ_CHECK(faulty || !packets.empty());
  check_round_trip(packets);
  drive_session(packets);

  std::string decoded;
  if (append_decoded_base64(decoded, payload)) {
    std::string encoded;
    append_base64(encoded, decoded);
    std::string digits(payload.substr(0, payload.find('=')));
    std::erase_if(digits, [](char c) { return c == '\r' || c == '\n'; });
    MARU_FUZZ_CHECK(encoded.starts_with(digits));
  }
  return 0;
}
