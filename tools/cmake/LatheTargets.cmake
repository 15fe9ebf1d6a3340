# One folder = one target: lathe_library(NAME SOURCES... DEPENDS targets...) and lathe_test(NAME SOURCES... DEPENDS ...). What is
# made of data: lathe_proto and lathe_embed.
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_link_options(-fuse-ld=lld)
endif()
add_library(lathe_options INTERFACE)
target_include_directories(lathe_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_options(lathe_options INTERFACE -Wall -Wextra -Wno-unused-parameter)
if(LATHE_WERROR)
  target_compile_options(lathe_options INTERFACE -Werror)
endif()
if(LATHE_SANITIZE STREQUAL "address")
  # vptr needs RTTI, which LLVM is built without.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g)
  add_link_options(-fsanitize=address,undefined)
elseif(LATHE_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -O1 -g)
  add_link_options(-fsanitize=thread)
elseif(LATHE_SANITIZE)
  message(FATAL_ERROR "LATHE_SANITIZE is ${LATHE_SANITIZE}; address, thread and nothing are known")
endif()

function(lathe_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC lathe_options ${arg_DEPENDS})
endfunction()

# lathe_proto(NAME FOLDER/FILE.proto): the library NAME, and the header "FOLDER/FILE.pb.h".
function(lathe_proto name file)
  string(REGEX REPLACE "\\.proto$" ".pb" base ${CMAKE_BINARY_DIR}/${file})
  add_custom_command(OUTPUT ${base}.cc ${base}.h
    COMMAND protobuf::protoc --cpp_out=${CMAKE_BINARY_DIR} -I${CMAKE_SOURCE_DIR} ${file}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} DEPENDS ${CMAKE_SOURCE_DIR}/${file} VERBATIM)
  add_library(${name} STATIC ${base}.cc ${base}.h)
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${CMAKE_BINARY_DIR})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
endfunction()

# lathe_embed(NAME HEADER FUNCTION PATTERN...): the library NAME, which defines HEADER's FUNCTION: the files of this folder that
# match the patterns, at any depth.
function(lathe_embed name header function)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE patterns)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${patterns})
  list(SORT files)
  list(TRANSFORM files PREPEND ${CMAKE_SOURCE_DIR}/ OUTPUT_VARIABLE paths)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/Embed.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DHEADER=${header} -DFUNCTION=${function} -DOUTPUT=${output} -P ${script}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} DEPENDS ${paths} ${script} VERBATIM)
  lathe_library(${name} SOURCES ${output})
endfunction()

# lathe_stamp(VARIABLE HEADER MACRO VERSIONS SOURCES...): sets VARIABLE to the path of HEADER in this folder's build, which
# defines MACRO as a text of the sources' hash and the versions.
function(lathe_stamp variable header macro versions)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${header})
  list(JOIN ARGN "|" sources)
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/Stamp.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DMACRO=${macro} -DVERSIONS=${versions} -DSOURCES=${sources} -P ${script}
    DEPENDS ${ARGN} ${script} VERBATIM)
  set(${variable} ${output} PARENT_SCOPE)
endfunction()

# A GoogleTest program, registered with ctest as NAME; it runs in the repository's root, so test data is test/data/....
# SHARDS n registers NAME.1 … NAME.n instead, each a process with its share of the cases, so that `ctest -j` runs them side
# by side. LABELS and TIMEOUT (seconds) are those of each. Two labels choose: `slow` is what the target `check` leaves out,
# `threads` what the tsan preset runs.
function(lathe_test name)
  cmake_parse_arguments(arg "" "SHARDS;TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE lathe_options ${arg_DEPENDS} GTest::gmock GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(entries ${name})
  if(arg_SHARDS)
    set(entries "")
    foreach(shard RANGE 1 ${arg_SHARDS})
      list(APPEND entries ${name}.${shard})
    endforeach()
  endif()
  foreach(entry IN LISTS entries)
    add_test(NAME ${entry} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${entry} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "unit;${arg_LABELS}")
    if(arg_SHARDS)
      list(FIND entries ${entry} index)
      set_tests_properties(${entry} PROPERTIES
        ENVIRONMENT "GTEST_TOTAL_SHARDS=${arg_SHARDS};GTEST_SHARD_INDEX=${index}")
    endif()
  endforeach()
  set_target_properties(${name} PROPERTIES LATHE_TEST_ENTRIES "${entries}" LATHE_TEST_LABELS "${arg_LABELS}")
  set_property(GLOBAL APPEND PROPERTY LATHE_TESTS ${name})
endfunction()
