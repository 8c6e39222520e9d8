# Flags, sanitizers and the three verbs that every folder of src/ uses:
#   maru_library(name SOURCES … DEPS …)    a static library maru_<name>
#   maru_test(name SOURCES … DEPS …)       a GoogleTest program run by ctest as <name>
#   maru_benchmark(name SOURCES … DEPS …)  a Google Benchmark program, built by `make bench`

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(MARU_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(MARU_TESTS "Build the tests and benchmarks" ON)
set(MARU_SANITIZE "" CACHE STRING "Sanitizers for the whole build, e.g. address,undefined")

find_program(MARU_CCACHE ccache)
if(MARU_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${MARU_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MARU_CCACHE})
endif()

# Dev: optimised, assertions on. Release: link-time optimisation and hardening.
set(CMAKE_CXX_FLAGS_DEV "-O2 -g1")
set(CMAKE_C_FLAGS_DEV "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG -g1")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  # Undefined first: some distributions' compilers define a level of their own.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i[3-6]86)$")
    add_compile_options(-fcf-protection)  # other processors' compilers refuse it
  endif()
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wno-missing-field-initializers)
if(MARU_TESTS AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  # Not where people only build or run: another compiler's new warning must not stop them.
  add_compile_options(-Werror)
endif()
if(MARU_SANITIZE)
  add_compile_options(-fsanitize=${MARU_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MARU_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's sanitizer instrumentation raises false maybe-uninitialized warnings and the like.
    add_compile_options(-Wno-maybe-uninitialized -Wno-tsan -Wno-stringop-overflow)
  endif()
endif()

if(MARU_FUZZ)
  # Coverage for libFuzzer in every library; fuzz/ links its main.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
if(MARU_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()

function(maru_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(maru_${name} STATIC ${ARG_SOURCES})
  target_include_directories(maru_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(maru_${name} PUBLIC ${ARG_DEPS} Threads::Threads)
endfunction()

function(maru_test name)
  if(NOT MARU_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  # Ends a test that hangs; says nothing about speed. Sanitized programs are several times slower.
  if(MARU_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

add_custom_target(benchmarks COMMENT "All benchmark programs")

function(maru_benchmark name)
  if(NOT MARU_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark benchmark::benchmark_main)
  add_dependencies(benchmarks ${name})
endfunction()
