#include "net/header_scan.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.hpp"
#include "base/limits.hpp"

namespace maru::net {
namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

bool is_field_value(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

// Bytes past 0x7F are let through: people type Hangul into curl.
bool is_target(std::string_view target) {
  if (target.empty()) return false;
  return std::ranges::all_of(target, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F && byte != '#';
  });
}

bool is_host(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7F && c != ',' && c != '/' && c != '@' && c != '\\' &&
           c != '?' && c != '#';
  });
}

// "http://host/path": RFC 9112, section 3.2.2.
bool is_absolute(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    const std::string_view host = rest.substr(0, rest.find_first_of("/?"));
    return !host.empty() && is_host(host);
  }
  return false;
}

// What is counted over all fields.
struct Framing {
  bool http_1_1 = false;
  int hosts = 0;
  int lengths = 0;
  int encodings = 0;
};

HeadFault scan_request_line(std::string_view line, Framing& framing) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return {400, "bad request line"};
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32) return {400, "bad method"};
  if (!is_target(target)) return {400, "bad request target"};
  if (target[0] != '/' && target != "*" && !is_absolute(target)) {
    return {400, "bad request target"};
  }
  if (version.size() != 8 || !version.starts_with("HTTP/")) return {400, "bad HTTP version"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return {505, "HTTP/1.1 is spoken here"};
  framing.http_1_1 = version == "HTTP/1.1";
  return {};
}

HeadFault scan_framing(std::string_view name, std::string_view value, Framing& framing) {
  if (equals_ignoring_case(name, "host")) {
    if (++framing.hosts > 1) return {400, "more than one Host"};
    if (!is_host(value)) return {400, "bad Host"};
  } else if (equals_ignoring_case(name, "content-length")) {
    if (++framing.lengths > 1) return {400, "more than one Content-Length"};
    const bool digits = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || value.empty() || value.size() > 18) return {400, "bad Content-Length"};
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    if (++framing.encodings > 1) return {400, "more than one Transfer-Encoding"};
    if (!equals_ignoring_case(value, "chunked")) return {501, "unknown Transfer-Encoding"};
  }
  return {};
}

HeadFault scan_field(std::string_view line, Framing& framing) {
  if (line[0] == ' ' || line[0] == '\t') return {400, "folded field line"};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "field line without a colon"};
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return {400, "bad field name"};
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) return {400, "bad field value"};
  return scan_framing(name, value, framing);
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool list_contains(std::string_view list, std::string_view item) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), item)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

HeadFinder::Progress HeadFinder::refuse(int status, const char* detail) {
  fault_ = {status, detail};
  return Progress::kFaulty;
}

HeadFinder::Progress HeadFinder::look(std::string_view bytes) {
  while (true) {
    const std::size_t line_feed = bytes.find('\n', looked_);
    if (line_feed == std::string_view::npos) break;
    looked_ = line_feed + 1;
    if (line_feed == line_begin_ || bytes[line_feed - 1] != '\r') {
      return refuse(400, "line without CR");
    }
    const bool empty = line_feed == line_begin_ + 1;
    line_begin_ = looked_;
    if (empty && lines_ == 0) {
      if (++empty_lines_ > kEmptyLinesMax) return refuse(400, "empty lines before the request");
      begin_ = looked_;
      continue;
    }
    if (looked_ - begin_ > limits::kHttpHeadBytesMax) return refuse(431, "header too large");
    if (empty) {
      end_ = looked_;
      return Progress::kComplete;
    }
    if (++lines_ > limits::kHttpFieldsMax + 1) return refuse(431, "too many header fields");
  }
  looked_ = bytes.size();
  if (looked_ - begin_ > limits::kHttpHeadBytesMax) return refuse(431, "header too large");
  return Progress::kIncomplete;
}

HeadFault scan_head(std::string_view head) {
  Framing framing;
  bool first = true;
  std::size_t fields = 0;
  if (head.size() > limits::kHttpHeadBytesMax) return {431, "header too large"};
  while (true) {
    const std::size_t end = head.find('\n');
    if (end == std::string_view::npos) return {400, "header without an end"};
    if (end == 0 || head[end - 1] != '\r') return {400, "line without CR"};
    const std::string_view line = head.substr(0, end - 1);
    head.remove_prefix(end + 1);
    if (line.empty()) break;
    if (!first && ++fields > limits::kHttpFieldsMax) return {431, "too many header fields"};
    const HeadFault fault = first ? scan_request_line(line, framing) : scan_field(line, framing);
    if (fault.status != 0) return fault;
    first = false;
  }
  if (first || !head.empty()) return {400, "bad request line"};
  if (framing.http_1_1 && framing.hosts != 1) return {400, "no Host"};
  if (framing.encodings > 0 && framing.lengths > 0) {
    return {400, "Transfer-Encoding with Content-Length"};
  }
  if (framing.encodings > 0 && !framing.http_1_1) return {400, "Transfer-Encoding in HTTP/1.0"};
  return {};
}

}  // namespace maru::net
