// A condition that a fuzz target holds for every input, with or without NDEBUG.
#pragma once

#include <cstdio>
#include <cstdlib>

#define MARU_FUZZ_CHECK(condition)                                                 \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
