// Which Maru this is. Apart, so that a new commit compiles one small file again.
#pragma once

#include <string_view>

namespace maru::app {

std::string_view version();              // "0.1.0"
std::string_view version_with_commit();  // "0.1.0 (1234567)"; as version() where built without git

}  // namespace maru::app
