#include "net/http_date.hpp"

#include <gtest/gtest.h>

#include <string>

namespace maru::net {
namespace {

TEST(HttpDate, WritesTheFormOfRfc9110) {
  HttpDate date;
  const auto at = [&](std::int64_t ms) { return std::string(date.at(WallTime{ms})); };
  EXPECT_EQ(at(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(at(784'111'777'999), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(at(784'111'778'000), "Sun, 06 Nov 1994 08:49:38 GMT");
  EXPECT_EQ(at(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT") << "a clock that was put back";
  EXPECT_EQ(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(at(1'709'251'199'999), "Thu, 29 Feb 2024 23:59:59 GMT");
  EXPECT_EQ(at(253'402'300'799'000), "Fri, 31 Dec 9999 23:59:59 GMT");
}

}  // namespace
}  // namespace maru::net
