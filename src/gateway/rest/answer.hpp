// What a REST call answers with, before the fields that every answer has are added.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace maru::gateway::rest {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline constexpr const char* kJsonType = "application/json; charset=utf-8";
// What a browser may do with an answer that it shows as a page: nothing (quality.md 1, row 15).
inline constexpr const char* kNothingAllowed =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

struct Answer {
  int status = 200;
  std::string body;
  std::string content_type = kJsonType;  // empty: no body
  Fields fields;
  std::string content_security_policy = kNothingAllowed;
};

inline Answer json_answer(std::string json, int status = 200) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(json);
  return answer;
}

inline Answer no_content() {
  return {.status = 204, .content_type = {}};
}

}  // namespace maru::gateway::rest
