// What it costs to read one event and to write one.
#include <benchmark/benchmark.h>

#include <string>

#include "socketio/connection.hpp"
#include "socketio/encoder.hpp"

namespace maru::socketio {
namespace {

void read_event(benchmark::State& state) {
  const std::string name = "/";
  const std::string message =
      R"(2123["sendMessage",{"chatId":"65f1c0ffee65f1c0ffee65f1","content":")" +
      std::string(static_cast<std::size_t>(state.range(0)), 'x') +
      R"(","clientMsgId":"0123456789abcdef"}])";
  Decoder decoder;
  Membership main;
  main.name = &name;
  main.state = Membership::State::kJoined;
  Connection connection;
  connection.add(main);
  for (auto _ : state) {
    benchmark::DoNotOptimize(connection.on_text(decoder, message).kind);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(message.size()) * state.iterations());
}
BENCHMARK(read_event)->Arg(40)->Arg(1000);

void write_ack(benchmark::State& state) {
  const std::string arguments = R"([{"ok":true,"sequence":123456,"chatId":"65f1c0ffee65f1c0"}])";
  for (auto _ : state) benchmark::DoNotOptimize(ack_prefix("/", 123) + arguments);
}
BENCHMARK(write_ack);

}  // namespace
}  // namespace maru::socketio
