#include "net/websocket_decoder.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <string>

#include "base/limits.hpp"
#include "net/utf8.hpp"

namespace maru::net {
namespace {

constexpr std::size_t kControlPayloadMax = 125;
constexpr std::size_t kHeaderMax = 14;

bool is_control(Opcode opcode) {
  return (static_cast<unsigned>(opcode) & 0x8) != 0;
}

bool is_known(unsigned opcode) {
  return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xA);
}

// `phase`: how many bytes of this frame's payload were unmasked before.
void unmask(char* bytes, std::size_t size, std::uint32_t mask, std::size_t phase) {
  mask = std::rotr(mask, static_cast<int>(8 * (phase & 3)));
  const std::uint64_t wide = mask | static_cast<std::uint64_t>(mask) << 32;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes + i, 8);
    word ^= wide;
    std::memcpy(bytes + i, &word, 8);
  }
  for (; i < size; ++i)
    bytes[i] = static_cast<char>(bytes[i] ^ static_cast<char>(wide >> 8 * (i & 3)));
}
static_assert(std::endian::native == std::endian::little);

// RFC 6455, section 7.4: what may stand in a close frame.
bool is_close_status(unsigned status) {
  if (status >= 3000) return status < 5000;
  return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014);
}

// The size of a whole header whose second byte is `second`.
std::size_t header_size(std::uint8_t second) {
  const unsigned length = second & 0x7F;
  return 6 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

}  // namespace

struct WebSocketDecoder::Header {
  Opcode opcode = Opcode::kContinuation;
  bool final = false;
  std::uint32_t mask = 0;
  std::uint64_t payload_size = 0;

  void read(const char* bytes) {
    const auto* p = reinterpret_cast<const std::uint8_t*>(bytes);
    opcode = static_cast<Opcode>(p[0] & 0x0F);
    final = (p[0] & 0x80) != 0;
    const unsigned length = p[1] & 0x7F;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    payload_size = extra == 0 ? length : 0;
    for (std::size_t i = 0; i < extra; ++i) payload_size = payload_size << 8 | p[2 + i];
    std::memcpy(&mask, p + 2 + extra, 4);
  }
};

// What is kept of a frame or message that is not whole yet.
struct WebSocketDecoder::Partial {
  std::array<char, kHeaderMax> head{};
  std::uint8_t head_size = 0;
  bool in_payload = false;
  Header header;            // of the frame whose payload is being read
  std::uint64_t taken = 0;  // bytes of that payload
  std::string control;      // payload of a control frame
  std::string message;      // payload of the open message so far
};

WebSocketDecoder::WebSocketDecoder(std::size_t message_bytes_max) {
  set_message_bytes_max(message_bytes_max);
}
WebSocketDecoder::WebSocketDecoder(WebSocketDecoder&&) noexcept = default;
WebSocketDecoder& WebSocketDecoder::operator=(WebSocketDecoder&&) noexcept = default;
WebSocketDecoder::~WebSocketDecoder() = default;

void WebSocketDecoder::set_message_bytes_max(std::size_t bytes_max) {
  message_bytes_max_ = static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes_max, std::numeric_limits<std::uint32_t>::max()));
}

WebSocketDecoder::Partial& WebSocketDecoder::partial() {
  if (!partial_) partial_ = std::make_unique<Partial>();
  return *partial_;
}

WebSocketDecoder::Event WebSocketDecoder::fail(std::uint16_t status) {
  finished_ = true;
  partial_.reset();
  return {Kind::kError, status, {}};
}

WebSocketDecoder::Event WebSocketDecoder::next(std::span<char>& input, std::int64_t now_ms) {
  if (delivered_) forget_delivered();
  while (!finished_) {
    if (!partial_ || !partial_->in_payload) {
      if (input.empty()) return {};
      if (!is_start_valid(input)) return fail(kCloseProtocolError);
      Header header;
      if (!take_header(input, header)) return {};
      if (const auto status = admit(header, now_ms)) return fail(status);
      const bool alone = is_control(header.opcode) || (header.final && fragments_ == 1);
      if (alone && header.payload_size <= input.size()) {
        const auto size = static_cast<std::size_t>(header.payload_size);
        unmask(input.data(), size, header.mask, 0);
        const std::string_view payload(input.data(), size);
        input = input.subspan(size);
        return finish_frame(header, payload);
      }
      Partial& kept = partial();
      kept.in_payload = true;
      kept.header = header;
      kept.taken = 0;
    }
    const bool whole = input.size() >= partial_->header.payload_size - partial_->taken;
    const Event event = take_payload(input);
    if (event.kind != Kind::kNeedMore || !whole) return event;
  }
  input = {};
  return {};
}

void WebSocketDecoder::forget_delivered() {
  delivered_ = false;
  if (message_opcode_ == Opcode::kContinuation) {
    partial_.reset();
  } else if (partial_) {
    std::string().swap(partial_->control);
  }
}

// Looks at the first two bytes of a frame, or at the first if the second is not there: a faulty one
// is refused whether or not the rest ever comes.
bool WebSocketDecoder::is_start_valid(std::span<const char> input) const {
  const std::size_t kept = partial_ ? partial_->head_size : 0;
  const auto byte_at = [&](std::size_t i) {
    return static_cast<std::uint8_t>(i < kept ? partial_->head[i] : input[i - kept]);
  };
  const std::uint8_t first = byte_at(0);
  if ((first & 0x70) != 0 || !is_known(first & 0x0F)) return false;
  const auto opcode = static_cast<Opcode>(first & 0x0F);
  const bool message_open = message_opcode_ != Opcode::kContinuation;
  if (is_control(opcode)) {
    if ((first & 0x80) == 0) return false;
  } else if ((opcode == Opcode::kContinuation) != message_open) {
    return false;
  }
  if (kept + input.size() < 2) return true;
  const std::uint8_t second = byte_at(1);
  if ((second & 0x80) == 0) return false;
  return !is_control(opcode) || (second & 0x7F) <= kControlPayloadMax;
}

bool WebSocketDecoder::take_header(std::span<char>& input, Header& header) {
  if (!partial_ || partial_->head_size == 0) {
    if (input.size() >= 2 && input.size() >= header_size(static_cast<std::uint8_t>(input[1]))) {
      header.read(input.data());
      input = input.subspan(header_size(static_cast<std::uint8_t>(input[1])));
      return true;
    }
  }
  Partial& kept = partial();
  while (!input.empty()) {
    kept.head[kept.head_size++] = input[0];
    input = input.subspan(1);
    if (kept.head_size >= 2 &&
        kept.head_size == header_size(static_cast<std::uint8_t>(kept.head[1]))) {
      header.read(kept.head.data());
      kept.head_size = 0;
      // Keep the block only where a message is open.
      if (message_opcode_ == Opcode::kContinuation) partial_.reset();
      return true;
    }
  }
  return false;
}

// Counts the frame against the bounds; 0 or the status to close with.
std::uint16_t WebSocketDecoder::admit(const Header& header, std::int64_t now_ms) {
  if (is_control(header.opcode)) {
    if (header.opcode == Opcode::kClose) return 0;
    control_paid_ms_ = std::max(control_paid_ms_, now_ms) + 1000 / kControlFramesPerSecondMax;
    return control_paid_ms_ - now_ms > 1000 ? kClosePolicy : 0;
  }
  if (header.payload_size >> 63 != 0) return kCloseProtocolError;
  const std::uint64_t so_far = partial_ ? partial_->message.size() : 0;
  if (header.payload_size > message_bytes_max_ ||
      so_far + header.payload_size > message_bytes_max_) {
    return kCloseTooBig;
  }
  if (header.opcode != Opcode::kContinuation) {
    message_opcode_ = header.opcode;
    fragments_ = 0;
  }
  return ++fragments_ > limits::kWebSocketFragmentsMax ? kClosePolicy : 0;
}

WebSocketDecoder::Event WebSocketDecoder::take_payload(std::span<char>& input) {
  Partial& kept = *partial_;
  const auto size = static_cast<std::size_t>(
      std::min<std::uint64_t>(input.size(), kept.header.payload_size - kept.taken));
  unmask(input.data(), size, kept.header.mask, static_cast<std::size_t>(kept.taken));
  std::string& into = is_control(kept.header.opcode) ? kept.control : kept.message;
  into.append(input.data(), size);
  input = input.subspan(size);
  kept.taken += size;
  if (kept.taken < kept.header.payload_size) return {};
  kept.in_payload = false;
  return finish_frame(kept.header, into);
}

WebSocketDecoder::Event WebSocketDecoder::finish_frame(const Header& header,
                                                       std::string_view whole_payload) {
  if (is_control(header.opcode)) return finish_control(header.opcode, whole_payload);
  if (!header.final) return {};
  const Opcode opcode = message_opcode_;
  message_opcode_ = Opcode::kContinuation;
  fragments_ = 0;
  if (opcode == Opcode::kText && !is_valid_utf8(whole_payload)) return fail(kCloseNotUtf8);
  delivered_ = partial_ != nullptr;
  return {opcode == Opcode::kText ? Kind::kText : Kind::kBinary, 0, whole_payload};
}

WebSocketDecoder::Event WebSocketDecoder::finish_control(Opcode opcode, std::string_view payload) {
  if (opcode == Opcode::kClose) {
    finished_ = true;
    if (payload.empty()) return {Kind::kClose, kCloseNoStatus, {}};
    if (payload.size() == 1) return fail(kCloseProtocolError);
    const auto high = static_cast<std::uint8_t>(payload[0]);
    const auto low = static_cast<std::uint8_t>(payload[1]);
    const auto status = static_cast<std::uint16_t>(high << 8 | low);
    if (!is_close_status(status)) return fail(kCloseProtocolError);
    if (!is_valid_utf8(payload.substr(2))) return fail(kCloseNotUtf8);
    return {Kind::kClose, status, payload.substr(2)};
  }
  delivered_ = partial_ != nullptr;
  return {opcode == Opcode::kPing ? Kind::kPing : Kind::kPong, 0, payload};
}

}  // namespace maru::net
