# Libraries we did not write. System packages come from tools/bootstrap.sh as well as the prefix.
# Targets: kolosal::sqlite3, kolosal::zlib, kolosal::zstd (static), kolosal::arrow (for the plug-in library).

# kolosal_static_library(<name> HEADER <file> [LINK <libraries>...]): the target kolosal::<name> from lib<name>.a.
function(kolosal_static_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "HEADER" "LINK")
  find_library(KOLOSAL_${name}_LIBRARY NAMES lib${name}.a)
  find_path(KOLOSAL_${name}_INCLUDE NAMES ${ARG_HEADER})
  mark_as_advanced(KOLOSAL_${name}_LIBRARY KOLOSAL_${name}_INCLUDE)
  if(NOT KOLOSAL_${name}_LIBRARY OR NOT KOLOSAL_${name}_INCLUDE)
    message(FATAL_ERROR "lib${name}.a or ${ARG_HEADER} was not found. Run tools/bootstrap.sh.")
  endif()
  add_library(kolosal_${name} INTERFACE)
  add_library(kolosal::${name} ALIAS kolosal_${name})
  target_include_directories(kolosal_${name} SYSTEM INTERFACE "${KOLOSAL_${name}_INCLUDE}")
  target_link_libraries(kolosal_${name} INTERFACE "${KOLOSAL_${name}_LIBRARY}" ${ARG_LINK})
endfunction()

kolosal_static_library(sqlite3 HEADER sqlite3.h LINK m)
kolosal_static_library(z HEADER zlib.h)
kolosal_static_library(zstd HEADER zstd.h)
add_library(kolosal::zlib ALIAS kolosal_z)

# Header-only libraries: fmt (used as headers, see core/fmt_library.cpp), spdlog, nlohmann-json, CLI11, toml++, Eigen,
# Boost.Beast (HTTP), Highway (only its headers; kernel/cpu.hpp chooses the CPU).
foreach(header fmt/format.h spdlog/spdlog.h nlohmann/json.hpp CLI/CLI.hpp toml++/toml.h hwy/highway.h boost/beast.hpp)
  string(MAKE_C_IDENTIFIER "KOLOSAL_HEADER_${header}" found)
  find_path(${found} NAMES ${header})
  mark_as_advanced(${found})
  if(NOT ${found})
    message(FATAL_ERROR "<${header}> was not found. Run tools/bootstrap.sh.")
  endif()
  target_include_directories(kolosal_options SYSTEM INTERFACE "${${found}}")
endforeach()
find_path(KOLOSAL_EIGEN_INCLUDE NAMES Eigen/Core PATH_SUFFIXES eigen3)
mark_as_advanced(KOLOSAL_EIGEN_INCLUDE)
if(NOT KOLOSAL_EIGEN_INCLUDE)
  message(FATAL_ERROR "<Eigen/Core> was not found. Run tools/bootstrap.sh.")
endif()
target_include_directories(kolosal_options SYSTEM INTERFACE "${KOLOSAL_EIGEN_INCLUDE}")
# Eigen must not start OpenMP threads: work is cut by the caller's pool.
target_compile_definitions(kolosal_options INTERFACE EIGEN_DONT_PARALLELIZE EIGEN_MPL2_ONLY)

# ---- The prefix: learners and Arrow, opened while the program runs ---------------------------------------
# The program looks for them in <its folder>/../lib, so the build folder gets links. When the set-up fills the
# prefix later, the glob changes and CMake runs again.
file(GLOB prefix_libraries CONFIGURE_DEPENDS "${KOLOSAL_PREFIX}/lib/*.so*")
file(MAKE_DIRECTORY "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
foreach(library IN LISTS prefix_libraries)
  get_filename_component(name "${library}" NAME)
  file(RELATIVE_PATH target "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}" "${library}")
  file(CREATE_LINK "${target}" "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${name}" SYMBOLIC)
endforeach()

if(EXISTS "${KOLOSAL_PREFIX}/lib/libparquet.so.2600" AND EXISTS "${KOLOSAL_PREFIX}/include/arrow/api.h")
  add_library(kolosal_arrow_sdk INTERFACE)
  add_library(kolosal::arrow ALIAS kolosal_arrow_sdk)
  target_include_directories(kolosal_arrow_sdk SYSTEM INTERFACE "${KOLOSAL_PREFIX}/include")
  target_link_libraries(kolosal_arrow_sdk INTERFACE
    "${KOLOSAL_PREFIX}/lib/libparquet.so.2600" "${KOLOSAL_PREFIX}/lib/libarrow.so.2600")
  # libarrow's own needs are found beside it.
  target_link_options(kolosal_arrow_sdk INTERFACE "-Wl,-rpath-link,${KOLOSAL_PREFIX}/lib")
endif()

if(KOLOSAL_TESTS)
  find_package(GTest REQUIRED)
  find_library(KOLOSAL_RAPIDCHECK_LIBRARY NAMES librapidcheck.a)
  mark_as_advanced(KOLOSAL_RAPIDCHECK_LIBRARY)
  if(NOT KOLOSAL_RAPIDCHECK_LIBRARY)
    message(FATAL_ERROR "librapidcheck.a was not found. Run tools/bootstrap.sh.")
  endif()
  add_library(kolosal_test_libraries INTERFACE)
  target_link_libraries(kolosal_test_libraries INTERFACE
    GTest::gmock GTest::gtest GTest::gtest_main "${KOLOSAL_RAPIDCHECK_LIBRARY}")
  # The test files themselves, full of expanded macros, compile a fifth faster; what they test keeps its -O2.
  target_compile_options(kolosal_test_libraries INTERFACE $<$<CONFIG:RelWithDebInfo>:-O1>)
endif()

if(KOLOSAL_BENCHMARKS)
  find_package(benchmark QUIET)
  if(NOT benchmark_FOUND)
    message(STATUS "Google Benchmark was not found: no micro benchmarks (Debian: libbenchmark-dev).")
  endif()
endif()
