// Who must be known for a call (product.md, "Identity").
#pragma once

#include <cstdint>

namespace maru::gateway::rest {

enum class Access : std::uint8_t {
  kPublic,  // nobody, in either mode
  kReader,  // accounts: a session; open: nobody
  kActor,   // accounts: a session; open: a session, or the user whom the call names
  kSelf,    // a session, in either mode
};

}  // namespace maru::gateway::rest
