# kolosal_module(NAME <name> [DEPS <module>...] [PLUGINS <folder>...] [LIBS <target>...] [EXCLUDE <folder>...] [SMALL])
#
# The whole build file of the module in the current folder:
#   kolosal_<name>          OBJECT library of every .cpp, sub-folders included
#   kolosal_<name>_test     from *_test.cpp, linked with the module and all modules below; ctest label <name>
#   kolosal_<name>_bench    from *_bench.cpp, when KOLOSAL_BENCHMARKS is on
#   testing/*.cpp           helpers for tests, linked into the tests of this module and of those above
#   main.cpp                left to the caller
#   kolosal/<name>/<folder>_catalog.inc   a line KOLOSAL_PLUGIN(<file name>) per source of each PLUGINS folder
#
# UNITY: sources whose path matches are compiled six at a time, for modules of many small files whose time goes
# into what they include. Their unnamed namespaces must get along: a name that two of them need has one home.
#
# SMALL: compiled for size, which halves the code: for modules that call others and compute little. What they share
# with a faster module is taken from that one, since its objects come first when a program is linked.
#
# A new file is seen at the next build. DEPS are the modules this one may include, directly; what is below
# them comes along. tools/check_includes.py reads these lines and compares them with the #includes.
# A module without sources yet is an empty name that others may already depend on.

# kolosal_closure(<variable> <module>...): the modules and all below them, each once.
function(kolosal_closure variable)
  set(result "")
  foreach(module IN LISTS ARGN)
    get_property(known GLOBAL PROPERTY KOLOSAL_MODULE_${module}_CLOSURE SET)
    if(NOT known)
      message(FATAL_ERROR "Module '${module}' is not declared (yet): declare it before the modules that use it.")
    endif()
    get_property(closure GLOBAL PROPERTY KOLOSAL_MODULE_${module}_CLOSURE)
    list(APPEND result ${closure} ${module})
  endforeach()
  list(REMOVE_DUPLICATES result)
  set(${variable} "${result}" PARENT_SCOPE)
endfunction()

# kolosal_link_modules(<target> <module>...): links the objects of these modules and of all below.
function(kolosal_link_modules target)
  kolosal_closure(modules ${ARGN})
  foreach(module IN LISTS modules)
    if(TARGET kolosal_${module})
      target_link_libraries(${target} PRIVATE kolosal_${module})
    endif()
  endforeach()
endfunction()

# kolosal_catalog(<module> <folder> <sources>): writes the catalogue of a plug-in folder, only if it changed.
function(kolosal_catalog module folder)
  set(names "")
  foreach(source IN LISTS ARGN)
    get_filename_component(name "${source}" NAME_WE)
    if(NOT name MATCHES "_internal$")
      list(APPEND names ${name})
    endif()
  endforeach()
  list(SORT names)
  set(lines "// Written by the build from the files of src/kolosal/${module}/${folder}/.\n")
  foreach(name IN LISTS names)
    string(APPEND lines "KOLOSAL_PLUGIN(${name})\n")
  endforeach()
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/generated/kolosal/${module}/${folder}_catalog.inc"
       CONTENT "${lines}" @ONLY)
endfunction()

function(kolosal_module)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "SMALL" "NAME" "DEPS;PLUGINS;LIBS;EXCLUDE;UNITY")
  if(NOT ARG_NAME OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kolosal_module(NAME <name> ...): wrong arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  set(name ${ARG_NAME})
  kolosal_closure(below ${ARG_DEPS})
  set_property(GLOBAL PROPERTY KOLOSAL_MODULE_${name}_CLOSURE "${below}")

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "*.cpp")
  foreach(folder IN LISTS ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "^${folder}/")
  endforeach()
  list(REMOVE_ITEM sources main.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  set(benches ${sources})
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cpp$")
  set(testing ${sources})
  list(FILTER testing INCLUDE REGEX "^testing/")
  list(FILTER sources EXCLUDE REGEX "^testing/")

  foreach(folder IN LISTS ARG_PLUGINS)
    set(plugins ${sources})
    list(FILTER plugins INCLUDE REGEX "^${folder}/[^/]+\\.cpp$")
    kolosal_catalog(${name} ${folder} ${plugins})
  endforeach()

  if(sources)
    add_library(kolosal_${name} OBJECT ${sources})
    target_link_libraries(kolosal_${name} PUBLIC kolosal_options ${ARG_LIBS})
    if(ARG_SMALL)
      target_compile_options(kolosal_${name} PRIVATE ${KOLOSAL_SMALL_OPTIONS})
      kolosal_use_pch(kolosal_${name} kolosal_small_pch)
    else()
      kolosal_use_pch(kolosal_${name} kolosal_pch)
    endif()
    if(ARG_UNITY)
      string(JOIN "|" united ${ARG_UNITY})
      set(alone ${sources})
      list(FILTER alone EXCLUDE REGEX "^(${united})")
      set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      set_target_properties(kolosal_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    endif()
  endif()

  if(KOLOSAL_TESTS AND testing)
    add_library(kolosal_${name}_testing OBJECT ${testing})
    target_link_libraries(kolosal_${name}_testing PUBLIC kolosal_options kolosal_test_libraries)
    kolosal_use_pch(kolosal_${name}_testing kolosal_test_pch)
  endif()

  if(KOLOSAL_TESTS AND tests)
    set(test kolosal_${name}_test)
    add_executable(${test} ${tests})
    target_link_libraries(${test} PRIVATE kolosal_options kolosal_test_libraries ${ARG_LIBS})
    kolosal_link_modules(${test} ${name})
    foreach(module IN LISTS below ITEMS ${name})
      if(TARGET kolosal_${module}_testing)
        target_link_libraries(${test} PRIVATE kolosal_${module}_testing)
      endif()
    endforeach()
    kolosal_use_pch(${test} kolosal_test_pch)
    add_test(NAME ${test} COMMAND ${test} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties(${test} PROPERTIES LABELS "${name}"
      ENVIRONMENT "${KOLOSAL_TEST_ENVIRONMENT}")
  endif()

  if(KOLOSAL_BENCHMARKS AND benchmark_FOUND AND benches)
    add_executable(kolosal_${name}_bench ${benches})
    target_link_libraries(kolosal_${name}_bench PRIVATE kolosal_options benchmark::benchmark benchmark::benchmark_main)
    kolosal_link_modules(kolosal_${name}_bench ${name})
    kolosal_use_pch(kolosal_${name}_bench kolosal_pch)
  endif()
endfunction()
