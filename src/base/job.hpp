// A piece of work handed to another thread. Move-only, so that it can own what it carries.
#pragma once

#include <functional>

namespace maru {
using Job = std::move_only_function<void()>;
}  // namespace maru
