# How our own code is compiled: the target kolosal_options.
# Nothing here is global except what must be the same in every target.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# ---- ccache ---------------------------------------------------------------------------------------------
# Precompiled headers need the sloppiness (and -fpch-preprocess below). The base folder lets all build folders
# of one checkout share their results.
find_program(KOLOSAL_CCACHE ccache)
mark_as_advanced(KOLOSAL_CCACHE)
if(KOLOSAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      "${KOLOSAL_CCACHE}")
endif()

# ---- kolosal_options ------------------------------------------------------------------------------------
find_package(Threads REQUIRED)
add_library(kolosal_options INTERFACE)
target_include_directories(kolosal_options INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_BINARY_DIR}/generated")
target_link_libraries(kolosal_options INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

target_compile_options(kolosal_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow
  # g++ 12 reports these falsely inside its own <vector>, <string> and <regex> once it inlines them.
  -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
  -Wno-dangling-pointer -Wno-use-after-free -Wno-free-nonheap-object -Wno-nonnull
  # Designated initializers leave the other fields at their defaults on purpose.
  -Wno-missing-field-initializers
  # sqrt() and friends become one instruction; we never read errno after them. Not -ffast-math: NaN is our
  # missing value and infinity is a legal number.
  -fno-math-errno
  # One function is compiled for several CPUs and the best is taken when the program runs. Were a*b+c fused
  # where the CPU can, the same seed would give other digits on other machines. Kernels that want a fused
  # multiply-add write std::fma.
  -ffp-contract=off
  # The library for C (c_api) is made of the same objects as the program. Hidden symbols cost nothing in it.
  -fPIC -fvisibility=hidden -fvisibility-inlines-hidden
  # Every function in a section of its own, so that the linker can leave out what nobody calls.
  -ffunction-sections -fdata-sections
  # Paths in messages and debug information are relative to the repository.
  "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
target_link_options(kolosal_options INTERFACE -Wl,--gc-sections)

if(KOLOSAL_WERROR)
  target_compile_options(kolosal_options INTERFACE -Werror)
endif()

# fmt is compiled once, in core/fmt_library.cpp (Debian has no libfmt.a); spdlog uses that fmt.
target_compile_definitions(kolosal_options INTERFACE SPDLOG_FMT_EXTERNAL)

if(KOLOSAL_ASSERTIONS)
  target_compile_definitions(kolosal_options INTERFACE KOLOSAL_ENABLE_ASSERTIONS=1 _GLIBCXX_ASSERTIONS)
endif()

if(KOLOSAL_SANITIZE)
  target_compile_options(kolosal_options INTERFACE "-fsanitize=${KOLOSAL_SANITIZE}" -fno-sanitize-recover=all)
  target_link_options(kolosal_options INTERFACE "-fsanitize=${KOLOSAL_SANITIZE}")
else()
  # The program runs where only glibc is installed. Symbols of the static libstdc++ stay inside, since the
  # learners' libraries, opened while running, bring the shared one.
  target_link_options(kolosal_options INTERFACE -static-libgcc -static-libstdc++ -Wl,--exclude-libs,ALL)
endif()

if(KOLOSAL_FUZZ)
  target_compile_options(kolosal_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(KOLOSAL_COVERAGE)
  target_compile_options(kolosal_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(kolosal_options INTERFACE --coverage)
endif()

# ---- what tests find in their environment -----------------------------------------------------------------
set(KOLOSAL_TEST_ENVIRONMENT "OMP_WAIT_POLICY=passive;KOLOSAL_TEST_FILES=${CMAKE_SOURCE_DIR}/tests/data")
if(KOLOSAL_SANITIZE)
  list(APPEND KOLOSAL_TEST_ENVIRONMENT "KOLOSAL_SANITIZED=1")
endif()
if(KOLOSAL_SANITIZE MATCHES thread)
  list(APPEND KOLOSAL_TEST_ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/tsan.supp")
endif()
