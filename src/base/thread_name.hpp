// The name by which ps, top and debuggers show a thread (docs/ARCHITECTURE.md, "Threads").
#pragma once

#include <pthread.h>

namespace maru {

// The calling thread's; at most 15 characters.
inline void name_this_thread(const char* name) {
  ::pthread_setname_np(::pthread_self(), name);
}

}  // namespace maru
