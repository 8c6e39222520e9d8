// Socket.IO packets on any bytes. The first byte of a message, separated by 0x1e, says whether it
// is text or binary. What is accepted keeps the rules of protocol.md 1.10, no more than two bytes
// are visited for each byte of input, and an accepted event can be written and read again.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "check.hpp"
#include "socketio/connection.hpp"
#include "socketio/encoder.hpp"

namespace {

using namespace maru::socketio;

constexpr std::size_t kBytesMax = 1000;

struct Member : Membership {
  explicit Member(std::string_view text) : text_(text) { name = &text_; }
  std::string text_;
};

void check_event(const Received& received) {
  const PacketHeader& header = received.header;
  MARU_FUZZ_CHECK(received.membership && received.membership->state == Membership::State::kJoined);
  MARU_FUZZ_CHECK(*received.membership->name == header.namespace_name);
  if (received.payload.refused) {
    MARU_FUZZ_CHECK(!received.payload.value.present() && !header.is_binary());
    return;
  }
  MARU_FUZZ_CHECK(received.payload.value.is_array());
  MARU_FUZZ_CHECK(received.payload.value.size() >= 1);
  MARU_FUZZ_CHECK(received.attachments.empty() ||
                  received.attachments.size() == header.attachments);
  MARU_FUZZ_CHECK(header.attachments <= maru::limits::kBinaryAttachmentsMax);
  std::size_t bytes = 0;
  for (const std::string& attachment : received.attachments) bytes += attachment.size();
  MARU_FUZZ_CHECK(bytes <= kBytesMax);
  if (received.payload.value.at(0).as_string()) {
    MARU_FUZZ_CHECK(!is_reserved_event(received.payload.event_name));
  } else {
    MARU_FUZZ_CHECK(!received.payload.event_name.empty());
  }
  const std::string again =
      header.is_binary()
          ? encode_binary_event(header.namespace_name, header.attachments, header.payload)
          : event_prefix(header.namespace_name).append(header.payload);
  const auto read = decode_header(std::string_view(again).substr(1));
  MARU_FUZZ_CHECK(read && read->payload == header.payload && read->type == header.type);
  MARU_FUZZ_CHECK(read->namespace_name == header.namespace_name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Decoder decoder;
  std::vector<std::unique_ptr<Member>> members;
  Connection connection;
  bool open = true;
  while (open && !rest.empty()) {
    const std::size_t end = rest.find('\x1e');
    const std::string message(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const bool binary = message.starts_with('b');
    using Attachments = Connection::Attachments;
    const auto kept = size % 2 == 0 ? Attachments::kKept : Attachments::kCounted;
    const Received received =
        binary ? connection.on_binary(decoder, std::string_view(message).substr(1), kBytesMax, kept)
               : connection.on_text(decoder, message);
    switch (received.kind) {
      case Received::Kind::kNothing:
      case Received::Kind::kAck:
        break;
      case Received::Kind::kConnect:
        MARU_FUZZ_CHECK(!connection.find(received.header.namespace_name));
        if (connection.is_full()) break;
        members.push_back(std::make_unique<Member>(received.header.namespace_name));
        members.back()->state =
            message.size() % 7 == 0 ? Membership::State::kPending : Membership::State::kJoined;
        connection.add(*members.back());
        break;
      case Received::Kind::kEvent:
        check_event(received);
        break;
      case Received::Kind::kDisconnect:
        MARU_FUZZ_CHECK(received.membership);
        connection.remove(*received.membership);
        break;
      case Received::Kind::kFaulty:
        open = false;
        break;
    }
    connection.forget_delivered();
  }
  MARU_FUZZ_CHECK(decoder.bytes_visited() <= 2 * size);
  return 0;
}
