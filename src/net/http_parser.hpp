// One HTTP/1.1 request out of bytes: the raw scan, then Beast's parser. Without I/O.
//
// feed_head() until it is complete, then feed_body() until that is. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/header_scan.hpp"
#include "net/http.hpp"

namespace maru::net {

class HttpParser {
 public:
  enum class Progress { kNeedMore, kComplete, kFaulty, kTooLarge };

  HttpParser();
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  // `bytes`: everything unread since the end of the request before, longer with each call. When
  // complete, `consumed` of them are the head.
  Progress feed_head(std::string_view bytes, std::size_t& consumed);

  // After the head. Takes body bytes from the front of `bytes`, framing included; what is left must
  // be offered again with what follows it. Past `body_bytes_max`: kTooLarge, at once where
  // Content-Length tells.
  Progress feed_body(std::string_view bytes, std::size_t body_bytes_max, std::size_t& consumed);

  [[nodiscard]] const HeadFault& fault() const { return fault_; }
  [[nodiscard]] RequestHead& head() { return head_; }
  [[nodiscard]] std::string& body() { return body_; }
  [[nodiscard]] bool has_body() const { return chunked_ || content_length_.value_or(0) > 0; }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const { return content_length_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool head_only() const { return head_only_; }  // the method is HEAD
  [[nodiscard]] bool http_1_1() const { return http_1_1_; }
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }

 private:
  class Beast;

  bool accept_head();
  void take_absolute_target();
  void join_cookies();
  Progress refuse(int status, const char* detail);

  HeadFinder finder_;
  HeadFault fault_;
  RequestHead head_;
  std::string body_;
  std::optional<std::uint64_t> content_length_;
  std::unique_ptr<Beast> beast_;  // while there is a body to read
  std::uint64_t framing_bytes_ = 0;
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool http_1_1_ = true;
  bool expects_continue_ = false;
  bool head_only_ = false;
};

}  // namespace maru::net
