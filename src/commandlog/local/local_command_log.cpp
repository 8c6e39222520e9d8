#include "commandlog/local/local_command_log.hpp"

#include <utility>

namespace maru::local {

bool LocalCommandLog::submit(chat::Command&& command) {
  chat::give_ids(command, ids_);
  return sequencer_.try_submit(std::move(command));
}

}  // namespace maru::local
