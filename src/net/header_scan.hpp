// A look at the raw bytes of a request head before the parser sees them. It refuses what parsers
// forgive and request smuggling lives on (quality.md 1, row 26): obs-fold, bare LF, space before
// the colon, Transfer-Encoding with Content-Length, repeated Content-Length, none or several Hosts.
// RFC 9112 sections 2, 3, 5 and 6. Linear in the input. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace maru::net {

struct HeadFault {
  int status = 0;  // 0: no fault; 400, 431, 501 or 505
  const char* detail = "";
};

// Finds the end of a head that arrives in pieces. Each byte is looked at once.
class HeadFinder {
 public:
  enum class Progress { kIncomplete, kComplete, kFaulty };

  // `bytes`: everything since the start of the head; longer with each call. Empty lines before the
  // request line are skipped (RFC 9112, section 2.2), at most kEmptyLinesMax.
  Progress look(std::string_view bytes);

  [[nodiscard]] std::size_t head_begin() const { return begin_; }
  [[nodiscard]] std::size_t head_end() const { return end_; }  // after the empty line
  [[nodiscard]] const HeadFault& fault() const { return fault_; }

  static constexpr int kEmptyLinesMax = 4;

 private:
  Progress refuse(int status, const char* detail);

  std::size_t looked_ = 0;
  std::size_t line_begin_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t lines_ = 0;
  int empty_lines_ = 0;
  HeadFault fault_;
};

// `head`: from the request line to the empty line, both with their CRLF.
[[nodiscard]] HeadFault scan_head(std::string_view head);

[[nodiscard]] bool is_token(std::string_view text);
// True if the comma-separated list has `item`, whatever the case.
[[nodiscard]] bool list_contains(std::string_view list, std::string_view item);
[[nodiscard]] std::string_view trim(std::string_view text);  // spaces and tabs

}  // namespace maru::net
