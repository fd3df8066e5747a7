# Precompiled headers.
# kolosal_pch: for the modules; kolosal_small_pch: for those that are compiled for size; kolosal_test_pch: the same and
# GoogleTest. Only headers that never change.
# A file must still include what it uses: -DKOLOSAL_PCH=OFF checks it. A precompiled header fits only files that
# are compiled with the same macros and options.
if(KOLOSAL_SANITIZE OR KOLOSAL_COVERAGE)
  set(KOLOSAL_SMALL_OPTIONS "")
else()
  set(KOLOSAL_SMALL_OPTIONS -Os)
endif()
if(KOLOSAL_PCH)
  target_compile_options(kolosal_options INTERFACE -fpch-preprocess -Winvalid-pch)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/pch.cpp" CONTENT "// Holds the precompiled headers.\n")
  set(KOLOSAL_PCH_HEADERS
    <algorithm> <array> <atomic> <bit> <chrono> <cmath> <cstddef> <cstdint> <cstring> <expected> <functional>
    <limits> <map> <memory> <mutex> <numeric> <optional> <span> <string> <string_view> <tuple> <type_traits>
    <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
  add_library(kolosal_pch OBJECT "${CMAKE_BINARY_DIR}/generated/pch.cpp")
  target_link_libraries(kolosal_pch PRIVATE kolosal_options)
  target_precompile_headers(kolosal_pch PRIVATE ${KOLOSAL_PCH_HEADERS})
  add_library(kolosal_small_pch OBJECT "${CMAKE_BINARY_DIR}/generated/pch.cpp")
  target_link_libraries(kolosal_small_pch PRIVATE kolosal_options)
  target_compile_options(kolosal_small_pch PRIVATE ${KOLOSAL_SMALL_OPTIONS})
  target_precompile_headers(kolosal_small_pch PRIVATE ${KOLOSAL_PCH_HEADERS})
  if(KOLOSAL_TESTS)
    add_library(kolosal_test_pch OBJECT "${CMAKE_BINARY_DIR}/generated/pch.cpp")
    target_link_libraries(kolosal_test_pch PRIVATE kolosal_options kolosal_test_libraries)
    target_precompile_headers(kolosal_test_pch PRIVATE ${KOLOSAL_PCH_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endif()

function(kolosal_use_pch target from)
  if(KOLOSAL_PCH)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()
