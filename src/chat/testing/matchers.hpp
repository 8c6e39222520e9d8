// Short words for what a reply came to. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "chat/command.hpp"

namespace maru::chat::testing {

// The error's code as clients see it; "ok" for an answer.
inline std::string outcome_of(const Reply& reply) {
  return reply ? "ok" : std::string(to_string(reply.error().code));
}

// The answer of a command that must have succeeded.
template <class One>
One answer_of(const Reply& reply) {
  EXPECT_EQ(outcome_of(reply), "ok");
  if (!reply || !std::holds_alternative<One>(*reply)) {
    ADD_FAILURE() << "not the expected answer";
    return One{};
  }
  return std::get<One>(*reply);
}

}  // namespace maru::chat::testing
