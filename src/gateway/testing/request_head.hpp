// Request heads for tests.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "net/http.hpp"

namespace maru::gateway::testing {

inline net::RequestHead make_head(net::Method method, std::string target,
                                  std::vector<std::pair<std::string, std::string>> fields = {}) {
  static constexpr const char* kNames[] = {"GET",   "HEAD",   "POST",    "PUT",
                                           "PATCH", "DELETE", "OPTIONS", "BREW"};
  net::RequestHead head;
  head.method = method;
  head.method_name = kNames[static_cast<int>(method)];
  head.target = std::move(target);
  head.path_size = std::min(head.target.find('?'), head.target.size());
  head.fields = std::move(fields);
  head.peer_address = "192.0.2.1";
  return head;
}

}  // namespace maru::gateway::testing
