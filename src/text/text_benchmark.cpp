#include <benchmark/benchmark.h>

#include <string>

#include "text/text.hpp"

namespace maru::text {
namespace {

void CleanMessage(benchmark::State& state, std::string_view part) {
  std::string raw;
  while (raw.size() + part.size() <= 200) raw += part;
  for (auto _ : state) benchmark::DoNotOptimize(clean_message(raw));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(raw.size()));
}
BENCHMARK_CAPTURE(CleanMessage, ascii, "hello, world ");
BENCHMARK_CAPTURE(CleanMessage, hangul, "안녕하세요 세계 ");
BENCHMARK_CAPTURE(CleanMessage, emoji, "👍🏽 ok ");
BENCHMARK_CAPTURE(CleanMessage, thai, "สวัสดี");
BENCHMARK_CAPTURE(CleanMessage, nfd_hangul, "\u1112\u1161\u11ab\u1100\u1173\u11af");

void SearchTerms(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(name_search_terms("Kim 현수"));
}
BENCHMARK(SearchTerms);

void SearchQuery(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(name_search_query("현수"));
}
BENCHMARK(SearchQuery);

}  // namespace
}  // namespace maru::text
