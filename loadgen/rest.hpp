// Just enough blocking HTTP to set a benchmark up. Ends the program when an answer is not a
// success.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace loadgen {

class Rest {
 public:
  explicit Rest(std::uint16_t port);
  ~Rest();
  Rest(const Rest&) = delete;
  Rest& operator=(const Rest&) = delete;

  std::string post(std::string_view path, std::string_view json, std::string_view token = {});
  std::string get(std::string_view path);
  // Valid until the next call.
  struct Answer {
    std::string_view head;
    std::string_view body;
  };
  Answer get_with_head(std::string_view path, std::string_view token);

 private:
  Answer ask(std::string_view path, const std::string& request);

  int socket_;
  std::string answer_;
};

// The value of the first string field of that name; empty if there is none.
std::string string_field(std::string_view json, std::string_view name);

int connect_to(std::uint16_t port);

}  // namespace loadgen
