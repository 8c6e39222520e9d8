#include "app/metrics.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "gateway/operations.hpp"
#include "gateway/rest/routes.hpp"

namespace maru::app {
namespace {

using gateway::Counters;

class MetricsTest : public ::testing::Test {
 protected:
  std::string text() {
    MetricsSources sources;
    sources.sequencer = &lane_;
    sources.disk = &disk_;
    sources.fanout = &fanout_;
    sources.budgets = &budgets_;
    sources.hasher = &hasher_;
    sources.gateway = {&first_, &second_};
    return metrics_text(sources);
  }
  // "name{labels}" → its value, as they stand. A sample is named by its labels: a scraper refuses
  // the whole answer when one comes twice.
  std::set<std::string> samples() {
    std::set<std::string> names;
    std::istringstream lines(text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      EXPECT_TRUE(names.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
    return names;
  }
  static std::size_t rest_login() {
    return gateway::rest::match_route(net::Method::kPost, "/users/login").index;
  }
  std::string value_of(const std::string& sample) {
    std::istringstream lines(text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(sample + ' ')) return line.substr(sample.size() + 1);
    }
    return {};
  }

  chat::LaneCounters lane_;
  sqlite::DiskSpace disk_{".", {}};
  fanout::Counters fanout_;
  Budgets budgets_;
  gateway::Hasher::Counters hasher_;
  Counters first_;
  Counters second_;
};

TEST_F(MetricsTest, NoSampleIsToldTwice) {
  for (std::size_t i = 0; i < gateway::operations().size(); ++i) {
    if (gateway::operations()[i].is_call()) {
      for (const int status : Counters::kStatuses) first_.call_answered(i, status, 1'000);
    }
    if (!gateway::operations()[i].is_event()) continue;
    first_.event_answered(i, std::nullopt);
    for (int code = 0; code < kErrorCodeCount; ++code) {
      first_.event_answered(i, static_cast<ErrorCode>(code));
    }
  }
  first_.call_answered(rest_login(), 418, 1);
  first_.call_answered(1'000, 404, 1);
  first_.event_answered(Counters::kNoOperation, ErrorCode::kNotFound);
  const std::set<std::string> names = samples();
  for (const char* sample :
       {R"(maru_http_requests_total{method="PATCH",route="/users/me",status="200"})",
        R"(maru_http_requests_total{method="POST",route="/users/login",status="other"})",
        R"(maru_http_requests_total{method="none",route="none",status="404"})",
        R"(maru_events_total{event="sendMessage",outcome="ok"})",
        R"(maru_events_total{event="joinRoom",outcome="rate_limited"})",
        R"(maru_events_total{event="none",outcome="not_found"})"}) {
    EXPECT_TRUE(names.contains(sample)) << sample;
  }
}

TEST_F(MetricsTest, ThreadsAreSummedAndWhatNeverHappenedIsNotTold) {
  const std::size_t join = gateway::find_event("joinRoom");
  first_.event_answered(join, std::nullopt);
  second_.event_answered(join, std::nullopt);
  second_.call_answered(join, 201, 300);
  second_.call_answered(join, 201, 7'000'000);
  EXPECT_EQ(value_of(R"(maru_events_total{event="joinRoom",outcome="ok"})"), "2");
  EXPECT_EQ(value_of(R"(maru_events_total{event="joinRoom",outcome="forbidden"})"), "");
  EXPECT_EQ(
      value_of(R"(maru_http_requests_total{method="POST",route="/chats/:chat/join",status="201"})"),
      "2");
  EXPECT_EQ(value_of(R"(maru_http_request_seconds_bucket{le="0.00025"})"), "0");
  EXPECT_EQ(value_of(R"(maru_http_request_seconds_bucket{le="0.0005"})"), "1");
  EXPECT_EQ(value_of(R"(maru_http_request_seconds_bucket{le="+Inf"})"), "2");
  EXPECT_EQ(value_of("maru_http_request_seconds_count"), "2");
}

}  // namespace
}  // namespace maru::app
