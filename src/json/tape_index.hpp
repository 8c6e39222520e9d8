// Turns simdjson's tape into nodes and refuses what the grammar allows but the server does not.
// Part of json/ alone; the caller's thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "json/node.hpp"

namespace maru::json {

// Whether the input has a backslash at all. Without one no string can hold a NUL or a lone
// surrogate, which simdjson refuses when they stand in the input as they are.
enum class Escapes : std::uint8_t { kNone, kSome };

class TapeIndex {
 public:
  // Fills `nodes` from a complete, well-formed tape (simdjson's doc/tape.md) and its strings, which
  // the nodes point into. Stops with kInvalidJson at the first value beyond a bound; one pass, the
  // open containers on a stack of kJsonDepthMax.
  [[nodiscard]] Result<void> build(const std::uint64_t* tape, const std::uint8_t* strings,
                                   Escapes escapes, Nodes& nodes);

 private:
  [[nodiscard]] bool has_duplicate_key(const Nodes& nodes, std::uint32_t object);

  std::vector<std::string_view> keys_;  // scratch, ≤ kJsonNodesMax
};

}  // namespace maru::json
