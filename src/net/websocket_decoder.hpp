// The receiving half of a server WebSocket (RFC 6455) without I/O: bytes in, events out.
//
// A message that arrives whole is unmasked where it lies and handed out as a view. Only a message
// that arrives in pieces is kept, and then only the bytes that are really there, so that a header
// which announces a gigabyte costs nothing. One thread at a time.
//
// Refused, with the status that the answer has to carry: unmasked frames, RSV bits, unknown
// opcodes, bad continuation, large or split control frames (1002), text that is not UTF-8 (1007),
// more than 16 fragments, more control frames than 10 at once and 10 a second (1008; quality.md 1,
// row 19), messages longer than the bound (1009, known from the header alone).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>

#include "net/frame_header.hpp"

namespace maru::net {

inline constexpr std::uint16_t kCloseProtocolError = 1002;
inline constexpr std::uint16_t kCloseNoStatus = 1005;  // never on the wire: an empty close frame
inline constexpr std::uint16_t kCloseNotUtf8 = 1007;
inline constexpr std::uint16_t kClosePolicy = 1008;
inline constexpr std::uint16_t kCloseTooBig = 1009;

class WebSocketDecoder {
 public:
  enum class Kind : std::uint8_t {
    kNeedMore,  // the input is used up
    kText,
    kBinary,
    kPing,
    kPong,
    kClose,  // status: the peer's, or kCloseNoStatus; the last event
    kError,  // status: what to close with; the last event
  };
  struct Event {
    Kind kind = Kind::kNeedMore;
    std::uint16_t status = 0;
    std::string_view payload;  // until the next call; points into the input or the decoder
  };

  static constexpr std::int64_t kControlFramesPerSecondMax = 10;

  explicit WebSocketDecoder(std::size_t message_bytes_max);
  // Holds from the next frame on.
  void set_message_bytes_max(std::size_t bytes_max);
  WebSocketDecoder(WebSocketDecoder&&) noexcept;
  WebSocketDecoder& operator=(WebSocketDecoder&&) noexcept;
  ~WebSocketDecoder();

  // Takes from the front of `input` what the next event needs; the bytes taken may be changed
  // (unmasked). Call until kNeedMore. After kClose and kError everything is swallowed.
  Event next(std::span<char>& input, std::int64_t now_ms);

 private:
  struct Header;
  struct Partial;

  Event fail(std::uint16_t status);
  // False: more bytes are needed (what there was is kept).
  bool take_header(std::span<char>& input, Header& header);
  void forget_delivered();
  [[nodiscard]] bool is_start_valid(std::span<const char> input) const;
  std::uint16_t admit(const Header& header, std::int64_t now_ms);
  Event take_payload(std::span<char>& input);
  Event finish_frame(const Header& header, std::string_view whole_payload);
  Event finish_control(Opcode opcode, std::string_view payload);
  Partial& partial();

  std::unique_ptr<Partial> partial_;
  // When the control frames that have come are all paid for, at ten a second: a bucket of tokens.
  std::int64_t control_paid_ms_ = std::numeric_limits<std::int64_t>::min();
  std::uint32_t message_bytes_max_ = 0;
  std::uint8_t fragments_ = 0;
  Opcode message_opcode_ = Opcode::kContinuation;  // kContinuation: no message is open
  bool finished_ = false;
  bool delivered_ = false;  // the last call handed out what lies in partial_
};

}  // namespace maru::net
