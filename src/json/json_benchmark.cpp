#include <benchmark/benchmark.h>

#include <string>

#include "json/reader.hpp"
#include "json/writer.hpp"

namespace maru::json {
namespace {

std::string send_message(std::size_t content_bytes) {
  return R"(["sendMessage",{"chatId":"65a1b2c3d4e5f60718293a4b","chatNumber":"17","content":")" +
         std::string(content_bytes, 'x') +
         R"(","clientMsgId":"0190a5b2-7c4e-7d3f-8a1b-2c3d4e5f6071",)"
         R"("from":"65a1b2c3d4e5f60718293a4c","fromUserName":"someone"}])";
}

void ParseSendMessage(benchmark::State& state) {
  const std::string text = send_message(static_cast<std::size_t>(state.range(0)));
  Parser parser;
  for (auto _ : state) {
    const Value value = *parser.parse(text);
    benchmark::DoNotOptimize(value.at(1)["content"].as_string());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(ParseSendMessage)->Arg(200)->Arg(3000)->Arg(16'000);

void WriteMessage(benchmark::State& state, std::string_view content) {
  std::string text;
  while (text.size() < 200) text += content;
  const RecordId id;
  std::string out;
  for (auto _ : state) {
    out.clear();
    Writer writer(out);
    writer.begin_object().key("_id").id(id).key("chatId").id(id).key("content").string(text);
    writer.key("sequence").integer(std::uint64_t{123456}).key("createdAt").time(WallTime{1});
    writer.key("editedAt").null().end_object();
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK_CAPTURE(WriteMessage, ascii, "hello, world ");
BENCHMARK_CAPTURE(WriteMessage, hangul, "안녕 세계 ");
BENCHMARK_CAPTURE(WriteMessage, quotes, "\"line\"\n");

}  // namespace
}  // namespace maru::json
